//! A fact, or why it is not known.

/// A fact that could not be had: why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) why: String,
    pub(super) fix: String,
}

/// A fact, or why there is none.
pub(super) type Known<T> = Result<T, Unknown>;
