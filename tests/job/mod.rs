//! Jobs: how they end, and what happens to their records.

mod contradictions;
mod endings;
mod retries;
mod sections;
mod unusable;
