//! Where the scalars of a line are: its strings, numbers, `true`, `false`, and `null`. Pure.

use std::ops::Range;

/// The largest number of scalars in a template. A line with more is never a template.
pub(super) const MAX_SCALARS: usize = 64;

/// A scalar of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    /// Where it is.
    pub(super) at: Range<usize>,
    pub(super) kind: ScalarKind,
}

/// What the reader of a line wants to know about a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarKind {
    /// Nothing.
    Any,
    /// Whether it is one of the words for why a model stopped.
    StopReason,
    /// Whether it is a text with which a model refused.
    Refusal,
}

/// A line's scalars, in order. Keeps one more than [`MAX_SCALARS`], which shows that there are too many.
#[derive(Debug, Default)]
pub(crate) struct Scalars(Vec<Scalar>);

impl Scalars {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, at: Range<usize>) {
        self.push_as(ScalarKind::Any, at);
    }

    pub(super) fn push_as(&mut self, kind: ScalarKind, at: Range<usize>) {
        if self.0.len() <= MAX_SCALARS {
            self.0.push(Scalar { at, kind });
        }
    }

    pub(super) fn as_slice(&self) -> &[Scalar] {
        &self.0
    }
}
