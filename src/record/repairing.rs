//! Reads lines of a drop that may be almost records: some are repaired, where there is no doubt about what was meant.
//! Pure.
//!
//! | in the file | in the job's input |
//! |---|---|
//! | a blank line | left out |
//! | a byte order mark at the start of a line | left out |
//! | lines that end with a carriage return only | lines that end with a newline |
//! | a `recordId` that is an integer, such as `7` | the same digits in quotes |
//! | other members than `recordId` and `modelInput`, if there is a `recordId` | left out |
//!
//! Everything else stays as it is, byte for byte. A line that needs no repair is never looked at here: it is read as a
//! record first.

use crate::record::input::InputReader;
use crate::record::parsed::InputRecord;
use crate::record::problem::RecordError;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line of a drop, or one of those that it consists of if they end with carriage returns only.
#[derive(Debug, PartialEq, Eq)]
pub struct RepairedLine<'a> {
    /// Where it starts in the line, in bytes from 0.
    pub start: usize,
    /// How many bytes of byte order marks it starts with.
    pub mark_bytes: usize,
    /// What follows the marks.
    pub bytes: &'a [u8],
    /// Whether it ends with a carriage return only.
    pub has_carriage_return: bool,
    /// What it is: a record, or `None` if it is blank. The offset of an error counts from the marks' end.
    pub found: Result<Option<InputRecord<'a>>, RecordError>,
}

impl RepairedLine<'_> {
    /// Returns where `bytes` starts in the line.
    #[must_use]
    pub fn bytes_start(&self) -> usize {
        self.start + self.mark_bytes
    }
}

/// Calls `each` with what a line of a drop, given without its `\n`, turns out to be. That is one line, unless the line
/// is not a record but what precedes its first carriage return is.
///
/// # Errors
/// The first error of `each`.
pub fn repair_line<'a, E>(
    reader: &mut InputReader,
    line: &'a [u8],
    mut each: impl FnMut(RepairedLine<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let whole = repair_one(reader, line);
    if whole.found.is_ok() || !has_records_before_carriage_returns(reader, line) {
        return each(whole);
    }
    let mut start = 0;
    for end in ends_within(line).chain([line.len()]) {
        let bytes = line.get(start..end).unwrap_or_default();
        each(RepairedLine { start, has_carriage_return: end < line.len(), ..repair_one(reader, bytes) })?;
        start = end + 1;
    }
    Ok(())
}

/// Whether the first thing before a carriage return that is not blank is a record. Otherwise the line is just a bad one
/// that has carriage returns.
fn has_records_before_carriage_returns(reader: &mut InputReader, line: &[u8]) -> bool {
    let mut start = 0;
    for end in ends_within(line) {
        match repair_one(reader, line.get(start..end).unwrap_or_default()).found {
            Ok(None) => start = end + 1,
            Ok(Some(_)) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Returns where the carriage returns are, except those at the end, of which the last may be half of a Windows line
/// ending.
fn ends_within(line: &[u8]) -> impl Iterator<Item = usize> {
    let end = line.iter().rposition(|byte| *byte != b'\r').unwrap_or_default();
    memchr::memchr_iter(b'\r', line.get(..end).unwrap_or_default())
}

/// Judges a line as a whole.
fn repair_one<'a>(reader: &mut InputReader, line: &'a [u8]) -> RepairedLine<'a> {
    let mut bytes = line;
    while let Some(rest) = bytes.strip_prefix(BYTE_ORDER_MARK) {
        bytes = rest;
    }
    let mark_bytes = line.len() - bytes.len();
    let is_blank = bytes.iter().all(|byte| b" \t\r".contains(byte));
    let found = if is_blank { Ok(None) } else { reader.read(bytes).map(Some) };
    RepairedLine { start: 0, mark_bytes, bytes, has_carriage_return: false, found }
}
