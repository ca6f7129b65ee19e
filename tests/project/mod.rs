//! The repository itself: its documents and tools.

mod readme;
mod rooms;
