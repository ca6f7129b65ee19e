//! Where the scalars of a line are: its strings, numbers, `true`, `false`, and `null`. Pure.

use std::ops::Range;

/// The largest number of scalars in a template. A line with more is never a template.
pub(super) const MAX_SCALARS: usize = 64;

/// The offsets of a line's scalars, in order. Keeps one more than [`MAX_SCALARS`], which shows that there are too many.
#[derive(Debug, Default)]
pub(crate) struct Scalars(Vec<Range<usize>>);

impl Scalars {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, scalar: Range<usize>) {
        if self.0.len() <= MAX_SCALARS {
            self.0.push(scalar);
        }
    }

    pub(super) fn as_slice(&self) -> &[Range<usize>] {
        &self.0
    }
}
