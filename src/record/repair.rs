//! How a record must be changed that is not quite one, where there is no doubt about what was meant. Pure.
//! The kinds of repairs are listed in [`repairing`](crate::record::repairing).

use std::ops::Range;

/// How a record must be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repair {
    /// Whether its id is an integer.
    pub integer_id: bool,
    /// Whether members are left out.
    pub extra_members: bool,
    /// What the repaired line consists of, in order.
    pieces: Vec<Piece>,
}

/// A piece of a repaired line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// These bytes of the line.
    Kept(Range<usize>),
    /// Something that was not there.
    New(&'static str),
}

impl Repair {
    /// The repair of a line in which these bytes are an integer id.
    pub(super) fn quotes(id: Range<usize>, line_bytes: usize) -> Self {
        let mut repair = Self { integer_id: true, ..Self::default() };
        repair.keep(0..line_bytes, Some(&id));
        repair
    }

    /// The repair of a line of which only these members are kept. If the id is an integer, `integer_id` says where it
    /// is.
    pub(super) fn keeps(members: [Range<usize>; 2], integer_id: Option<&Range<usize>>) -> Self {
        let [first, second] = members;
        let mut repair =
            Self { integer_id: integer_id.is_some(), extra_members: true, pieces: vec![Piece::New("{")] };
        repair.keep(first, integer_id);
        repair.pieces.push(Piece::New(","));
        repair.keep(second, integer_id);
        repair.pieces.push(Piece::New("}"));
        repair
    }

    /// Keeps some bytes. The integer id gets quotes if it is among them.
    fn keep(&mut self, bytes: Range<usize>, integer_id: Option<&Range<usize>>) {
        match integer_id.filter(|id| bytes.start <= id.start && id.end <= bytes.end) {
            Some(id) => self.pieces.extend([
                Piece::Kept(bytes.start..id.start),
                Piece::New("\""),
                Piece::Kept(id.clone()),
                Piece::New("\""),
                Piece::Kept(id.end..bytes.end),
            ]),
            None => self.pieces.push(Piece::Kept(bytes)),
        }
    }

    /// Returns how many bytes the repaired line has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let bytes = |piece: &Piece| match piece {
            Piece::Kept(range) => range.len(),
            Piece::New(text) => text.len(),
        };
        self.pieces.iter().map(bytes).sum()
    }

    /// Appends the repaired line to `out`.
    pub fn push_repaired(&self, line: &[u8], out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Kept(range) => out.extend_from_slice(line.get(range.clone()).unwrap_or_default()),
                Piece::New(text) => out.extend_from_slice(text.as_bytes()),
            }
        }
    }
}
