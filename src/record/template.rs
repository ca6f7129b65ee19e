//! Recognizes a line that differs from an earlier one only in its values. Pure.
//!
//! Most records of a drop are made by one program, and differ only in the values of some members. If the
//! scalars of a JSON text (strings, numbers, `true`, `false`, `null`) are replaced by other scalars, the
//! result is JSON with the same members at the same depth. So once a line has been proven, another line is
//! proven too if it has the same bytes between its scalars.

use std::ops::Range;

use wide::u8x64;

use crate::record::scalars::{MAX_SCALARS, ScalarKind, Scalars};
use crate::record::scan::{Scanner, zero_padded};
use crate::record::stop_reason::Usability;

/// The largest number of bytes between the scalars of a template. A line with more is never a template: the lines after it
/// are scanned, and take no more memory for it.
const MAX_FIXED_BYTES: usize = 4 << 10;

/// A proven line without its scalars.
#[derive(Debug, Default)]
pub(crate) struct Template {
    /// The bytes between the scalars; empty if there is no template.
    pieces: Vec<Piece>,
}

/// Up to 64 bytes that are the same in every line.
#[derive(Debug)]
struct Piece {
    bytes: u8x64,
    length: usize,
    /// A bit for each byte past the length: these bytes may differ.
    unused: u64,
    next: Next,
}

/// What follows a piece.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The next piece, or the end of the line.
    Piece,
    RecordId,
    Scalar,
    StopReason,
    Refusal,
}

/// A line that the template matches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matching {
    /// Where its id is, without the quotes.
    pub(crate) record_id: Range<usize>,
    /// Where it ends.
    pub(crate) end: usize,
    /// What its stop reasons say. A line of input has none.
    pub(crate) usability: Usability,
}

impl Template {
    /// Makes a proven line the template. Other lines may differ from it in `scalars` only, of which
    /// `record_id` is one; a scalar that is not listed must be the same in every line.
    pub(crate) fn learn(&mut self, line: &[u8], scalars: &Scalars, record_id: &Range<usize>) {
        self.pieces.clear();
        let scalars = scalars.as_slice();
        let scalar_bytes: usize = scalars.iter().map(|scalar| scalar.at.len()).sum();
        if scalars.len() > MAX_SCALARS || line.len() - scalar_bytes > MAX_FIXED_BYTES {
            return;
        }
        let mut start = 0;
        for scalar in scalars {
            let next = match scalar.kind {
                _ if scalar.at == *record_id => Next::RecordId,
                ScalarKind::Any => Next::Scalar,
                ScalarKind::StopReason => Next::StopReason,
                ScalarKind::Refusal => Next::Refusal,
            };
            self.push(line.get(start..scalar.at.start).unwrap_or_default(), next);
            start = scalar.at.end;
        }
        self.push(line.get(start..).unwrap_or_default(), Next::Piece);
    }

    fn push(&mut self, bytes: &[u8], next: Next) {
        let mut chunks = bytes.chunks(64).peekable();
        while let Some(chunk) = chunks.next() {
            let next = if chunks.peek().is_some() { Next::Piece } else { next };
            let unused = if chunk.len() < 64 { u64::MAX << chunk.len() } else { 0 };
            self.pieces.push(Piece {
                bytes: u8x64::new(zero_padded(chunk)),
                length: chunk.len(),
                unused,
                next,
            });
        }
    }

    /// If the line that starts at `at` matches the template, returns what is known about it.
    #[inline]
    pub(crate) fn match_line(&self, scanner: Scanner<'_>, mut at: usize) -> Option<Matching> {
        let mut record_id = 0..0;
        let mut usability = Usability::Usable;
        for piece in &self.pieces {
            let is_same = scanner.block(at)?.simd_eq(piece.bytes).to_bitmask();
            if is_same | piece.unused != u64::MAX {
                return None;
            }
            at += piece.length;
            at = match piece.next {
                Next::Piece => at,
                Next::RecordId => {
                    let end = scanner.plain_string(at)?;
                    record_id = at + 1..end - 1;
                    end
                }
                Next::Scalar => scanner.scalar(at)?,
                Next::StopReason => {
                    let (end, said) = scanner.stop_reason(at)?;
                    usability = usability.max(said);
                    end
                }
                Next::Refusal => {
                    let (end, said) = scanner.refusal(at)?;
                    usability = usability.max(said);
                    end
                }
            };
        }
        let is_whole = !record_id.is_empty() && scanner.is_line_end(at);
        is_whole.then_some(Matching { record_id, end: at, usability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template of `line`, in which other lines may differ in these parts. The first part is the record
    /// id.
    fn template(line: &str, parts: &[&str]) -> Template {
        let mut scalars = Scalars::default();
        for part in parts {
            let start = line.find(part).unwrap();
            scalars.push(start..start + part.len());
        }
        let mut template = Template::default();
        template.learn(line.as_bytes(), &scalars, &scalars.as_slice()[0].at);
        template
    }

    fn id_in<'a>(template: &Template, line: &'a str) -> Option<&'a str> {
        template.match_line(Scanner::new(line), 0).map(|matching| &line[matching.record_id])
    }

    #[test]
    fn line_with_other_values_matches() {
        let template = template(r#"{"recordId":"1","a":[true,"x"],"b":null}"#, &[r#""1""#, "true", r#""x""#]);
        let table = [
            (r#"{"recordId":"another","a":["y",-1.5e9],"b":null}"#, Some("another")),
            (r#"{"recordId":"1","a":[true,"x"],"b":7}"#, None),
            (r#"{"recordId":"1","a":[true,{}],"b":null}"#, None),
            (r#"{"recordId":"1","a":[true, "x"],"b":null}"#, None),
            (r#"{"recordId":"","a":[true,"x"],"b":null}"#, None),
            (r#"{"recordId":1,"a":[true,"x"],"b":null}"#, None),
            (r#"{"recordId":"1","a":[true,"x"],"b":null} "#, None),
            (r#"{"recordId":"1","a":[true,"x"],"b":null"#, None),
        ];
        for (line, id) in table {
            assert_eq!(id_in(&template, line), id, "{line}");
        }
        assert_eq!(id_in(&Template::default(), ""), None);
    }

    #[test]
    fn only_lines_of_limited_size_become_templates() {
        let line = |scalars: usize, bytes: usize| {
            format!(r#"{{"recordId":"1","{}":[{}]}}"#, "a".repeat(bytes), vec!["0"; scalars].join(","))
        };
        for (scalars, bytes, is_learned) in [
            (MAX_SCALARS - 1, 1, true),
            (MAX_SCALARS, 1, false),
            (1, MAX_FIXED_BYTES - 30, true),
            (1, MAX_FIXED_BYTES, false),
        ] {
            let line = line(scalars, bytes);
            let mut found = Scalars::default();
            let mut record_id = 0..0;
            let scanner = Scanner::new(&line);
            scanner
                .object(0, |_, value| {
                    let end = scanner.value(value, 2, &mut found)?;
                    if record_id.is_empty() {
                        record_id = value..end;
                    }
                    Some(end)
                })
                .unwrap();
            let mut template = Template::default();
            template.learn(line.as_bytes(), &found, &record_id);
            assert_eq!(id_in(&template, &line).is_some(), is_learned, "{scalars} scalars, {bytes} bytes");
            assert!(found.as_slice().len() <= MAX_SCALARS + 1);
        }
    }
}
