//! The ledger: the form of its entries, and who may write them.

mod golden;
mod leases;
mod turns;
