//! The repository itself: what the documents say of it.

mod readme;
mod rooms;
