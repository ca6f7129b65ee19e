//! The repository itself: its documents and tools.

mod problems;
mod readme;
mod rooms;
