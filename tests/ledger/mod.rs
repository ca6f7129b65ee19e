//! The ledger: what an entry says, and who may write it.

mod golden;
mod leases;
