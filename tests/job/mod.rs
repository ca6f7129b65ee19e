//! Jobs: how they end, and what becomes of their records.

mod contradictions;
mod endings;
mod retries;
mod sections;
