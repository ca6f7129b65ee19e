//! What a line has in common with the one before, so that it need not be read anew.
//!
//! The records of a drop are mostly made by one program and differ only in the values of some members. A JSON
//! text in which scalars (strings, numbers, `true`, `false`, `null`) are replaced by others is JSON again, with
//! the same members at the same depth. So where a line was proven, another one is too if it has the same bytes
//! between its scalars.

use std::ops::Range;

use wide::u8x64;

use crate::record::scan::{Json, filled_up};

/// The most scalars of a line that are remembered, and the most bytes between them. A line with more is read anew
/// each time, and takes no more memory for it.
const MOST_SCALARS: usize = 64;
const MOST_BYTES: usize = 4 << 10;

/// Where in a line its scalars are: of too many, only so many that it shows.
#[derive(Debug, Default)]
pub(crate) struct Scalars(Vec<Range<usize>>);

impl Scalars {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, scalar: Range<usize>) {
        if self.0.len() <= MOST_SCALARS {
            self.0.push(scalar);
        }
    }

    /// Takes the last one back, which then counts as part of what all lines share.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

/// A line without its scalars.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// What is between them; nothing before a line was learned.
    pieces: Vec<Piece>,
}

/// Up to 64 bytes of a line.
#[derive(Debug)]
struct Piece {
    bytes: u8x64,
    length: usize,
    /// A bit for each byte behind the length.
    behind: u64,
    next: Next,
}

/// What follows on a piece.
#[derive(Debug, Clone, Copy)]
enum Next {
    Piece,
    RecordId,
    Scalar,
}

impl Shape {
    /// Remembers a proven line. Scalars that are not given count as part of what all lines share. `record_id` is
    /// that of the scalars which is the record's id.
    pub(crate) fn learn(&mut self, line: &[u8], scalars: &Scalars, record_id: &Range<usize>) {
        self.pieces.clear();
        let Scalars(scalars) = scalars;
        let scalar_bytes: usize = scalars.iter().map(Range::len).sum();
        if scalars.len() > MOST_SCALARS || line.len() - scalar_bytes > MOST_BYTES {
            return;
        }
        let mut begin = 0;
        for scalar in scalars {
            let next = if scalar == record_id { Next::RecordId } else { Next::Scalar };
            self.push(line.get(begin..scalar.start).unwrap_or_default(), next);
            begin = scalar.end;
        }
        self.push(line.get(begin..).unwrap_or_default(), Next::Piece);
    }

    fn push(&mut self, bytes: &[u8], next: Next) {
        let mut chunks = bytes.chunks(64).peekable();
        while let Some(chunk) = chunks.next() {
            let next = if chunks.peek().is_some() { Next::Piece } else { next };
            let behind = if chunk.len() < 64 { u64::MAX << chunk.len() } else { 0 };
            self.pieces.push(Piece {
                bytes: u8x64::new(filled_up(chunk)),
                length: chunk.len(),
                behind,
                next,
            });
        }
    }

    /// Where the id of the line that begins at `at` is, without its quotes, and where the line ends, if the line
    /// is like the learned one.
    #[inline]
    pub(crate) fn matches(&self, json: Json<'_>, mut at: usize) -> Option<(Range<usize>, usize)> {
        let mut id = 0..0;
        for piece in &self.pieces {
            let is_same = json.block(at)?.simd_eq(piece.bytes).to_bitmask();
            if is_same | piece.behind != u64::MAX {
                return None;
            }
            at += piece.length;
            at = match piece.next {
                Next::Piece => at,
                Next::RecordId => {
                    let end = json.plain_string(at)?;
                    id = at + 1..end - 1;
                    end
                }
                Next::Scalar => json.scalar(at)?,
            };
        }
        (!id.is_empty() && json.is_line_end(at)).then_some((id, at))
    }
}
