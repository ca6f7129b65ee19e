//! Facts that may be unknown.

/// Why a fact is not known, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) why: String,
    pub(super) fix: String,
}

/// A fact, or why it is not known.
pub(super) type Known<T> = Result<T, Unknown>;
