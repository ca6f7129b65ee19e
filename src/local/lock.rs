//! Locks whose values are whole after every step.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a value that is whole after every step, so that one whose holder panicked can still be used.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
