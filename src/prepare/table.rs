//! Cuts a table into rows: RFC 4180, with any delimiter. Pure, in memory of at most one row.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// The delimiters that are recognized, in the order of preference.
pub(crate) const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];

/// Returns the delimiter of a table, given its first line: the one that is there most often, outside quotes.
pub(crate) fn delimiter(first_line: &[u8]) -> u8 {
    let count = |delimiter: u8| {
        let mut is_quoted = false;
        let is_one = |byte: &&u8| {
            is_quoted ^= **byte == b'"';
            !is_quoted && **byte == delimiter
        };
        first_line.iter().filter(is_one).count()
    };
    // Of equals, the last one is found, so the order is turned around.
    let counts = DELIMITERS.into_iter().rev().map(|delimiter| (delimiter, count(delimiter)));
    let found = counts.filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count);
    found.map_or(b',', |(delimiter, _)| delimiter)
}

/// A row, or what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The cells.
    Cells(Vec<String>),
    /// The row is longer than a record may be.
    TooLong,
    /// The row has bytes that are not UTF-8: the first such byte, and what is before it in its cell.
    NotUtf8 {
        /// The byte.
        byte: u8,
        /// The text before it, as far as it is UTF-8.
        before: String,
    },
    /// Text follows the quote that closes a cell.
    AfterQuote {
        /// How many lines follow the one where the row starts, and belong to the row.
        lines: u64,
    },
    /// A quote was opened and not closed before the end of the file.
    NoEnd {
        /// How many lines follow the one where the row starts. All of them are in the quotes.
        lines: u64,
    },
}

/// Where in a cell the next byte is. The parser takes text after a closing quote for a part of the cell, and what was
/// escaped in another way is garbled then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// After a quote that closes the cell, or is the first of two.
    Quote,
    /// After the spaces behind a closing quote.
    Space,
    /// After text behind a closing quote.
    Fault,
}

impl Place {
    /// Moves on over bytes of one row.
    fn after(self, bytes: &[u8], delimiter: u8) -> Self {
        // This is quick, and true of most rows.
        if matches!(self, Self::Start | Self::Plain) && memchr::memchr(b'"', bytes).is_none() {
            return bytes.last().map_or(self, |last| Self::Plain.next(*last, delimiter));
        }
        bytes.iter().fold(self, |place, byte| place.next(*byte, delimiter))
    }

    fn next(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Fault, _) => Self::Fault,
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) => Self::Quoted,
            (_, b'\n' | b'\r') => Self::Start,
            (_, byte) if byte == delimiter => Self::Start,
            (Self::Start | Self::Quote, b'"') => Self::Quoted,
            (Self::Start | Self::Plain, _) => Self::Plain,
            (Self::Quote | Self::Space, b' ' | b'\t') => Self::Space,
            (Self::Quote | Self::Space, _) => Self::Fault,
        }
    }
}

/// Reads a table row by row.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    text: R,
    parser: Reader,
    delimiter: u8,
    max_bytes: usize,
    /// The line where the next row starts, counted from 1.
    line: u64,
    /// Whether the last byte that was counted was a carriage return: a newline after it does not start another line.
    is_after_return: bool,
    /// The last byte of the text so far.
    last: Option<u8>,
    /// The cells of a row, one after the other, and where each one ends.
    cells: Vec<u8>,
    ends: Vec<usize>,
    is_at_end: bool,
}

fn not_utf8(cell: &[u8]) -> Row {
    let valid = std::str::from_utf8(cell).map_or_else(|error| error.valid_up_to(), |_| cell.len());
    let (before, rest) = cell.split_at_checked(valid).unwrap_or_default();
    let before = String::from_utf8_lossy(before).into_owned();
    Row::NotUtf8 { byte: rest.first().copied().unwrap_or_default(), before }
}

/// Counts the line breaks in some bytes, which may be newlines, carriage returns, or both together. Also returns whether the
/// last byte is a carriage return.
fn count_lines(bytes: &[u8], is_after_return: bool) -> (u64, bool) {
    let mut lines = 0;
    // Where a newline would be the second half of a line break.
    let mut second_half = if is_after_return { 0 } else { usize::MAX };
    for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        let is_return = bytes.get(at) == Some(&b'\r');
        lines += u64::from(is_return || at != second_half);
        second_half = if is_return { at + 1 } else { usize::MAX };
    }
    (lines, bytes.last().map_or(is_after_return, |last| *last == b'\r'))
}

/// Skips blank lines and byte order marks at the start of a table. Returns how many lines were skipped, and the rest.
pub(crate) fn skip_blank_lines(start: &[u8]) -> (u64, &[u8]) {
    let mut rest = start;
    while let Some(after) = rest
        .strip_prefix(b"\r")
        .or_else(|| rest.strip_prefix(b"\n"))
        .or_else(|| rest.strip_prefix("\u{feff}".as_bytes()))
    {
        rest = after;
    }
    let skipped = start.get(..start.len() - rest.len()).unwrap_or_default();
    (count_lines(skipped, false).0, rest)
}

/// Returns the delimiter that a first line names for Excel, such as `sep=;`.
pub(crate) fn named_delimiter(first_line: &[u8]) -> Option<u8> {
    let line = first_line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(first_line);
    match line.split_at_checked(4)? {
        (sep, [delimiter]) if sep.eq_ignore_ascii_case(b"sep=") && delimiter.is_ascii() => Some(*delimiter),
        _ => None,
    }
}

impl<R: BufRead> Rows<R> {
    /// Reads a table from its first line on, whose number is given.
    pub(crate) fn new(text: R, delimiter: u8, max_bytes: usize, line: u64) -> Self {
        Self {
            text,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            max_bytes,
            line,
            is_after_return: false,
            last: None,
            cells: vec![0; 4 << 10],
            ends: vec![0; 64],
            is_at_end: false,
        }
    }

    /// Returns the next row and the line where it starts, and `None` at the end. Blank lines are skipped.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Row)>> {
        self.skip_blank_lines()?;
        let line = self.line;
        let (mut length, mut count) = (0, 0);
        let mut place = Place::Start;
        let mut is_too_long = false;
        loop {
            let chunk = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            let is_end = chunk.is_empty();
            if is_end && self.is_at_end {
                return Ok(None);
            }
            // A line break ends the last row, unless the row is in quotes.
            let input = if is_end { b"\n" } else { chunk };
            let (cells, ends) = (self.cells.get_mut(length..), self.ends.get_mut(count..));
            let (result, read, written, ended) =
                self.parser.read_record(input, cells.unwrap_or_default(), ends.unwrap_or_default());
            if !is_end {
                let taken = input.get(..read).unwrap_or_default();
                place = place.after(taken, self.delimiter);
                let (lines, is_after_return) = count_lines(taken, self.is_after_return);
                (self.line, self.is_after_return) = (self.line + lines, is_after_return);
                self.last = input.get(..read).and_then(<[u8]>::last).copied().or(self.last);
                self.text.consume(read);
            }
            (length, count) = (length + written, count + ended);
            match result {
                ReadRecordResult::OutputFull if length >= self.max_bytes => {
                    // What comes is not kept, but the end of the row is looked for.
                    (length, is_too_long) = (0, true);
                }
                ReadRecordResult::OutputFull => {
                    self.cells.resize((2 * self.cells.len()).min(self.max_bytes.max(length + 1)), 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() >= self.max_bytes => {
                    (count, is_too_long) = (0, true);
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::InputEmpty if is_end => {
                    self.is_at_end = true;
                    let ends_line = self.line > line && matches!(self.last, Some(b'\n' | b'\r'));
                    let row = Row::NoEnd { lines: self.line - line - u64::from(ends_line) };
                    return Ok((length > 0 || count > 0 || is_too_long).then_some((line, row)));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    self.is_at_end = is_end;
                    let ends_line = self.line > line && matches!(self.last, Some(b'\n' | b'\r'));
                    let row = match place {
                        _ if is_too_long => Row::TooLong,
                        Place::Fault => Row::AfterQuote { lines: self.line - line - u64::from(ends_line) },
                        _ => self.row(length, count),
                    };
                    return Ok(Some((line, row)));
                }
            }
        }
    }

    fn row(&self, length: usize, count: usize) -> Row {
        let cells = self.cells.get(..length).unwrap_or_default();
        let mut texts = Vec::with_capacity(count);
        let mut start = 0;
        // Bytes that are UTF-8 together may be cut within a character, so each cell is looked at.
        for end in self.ends.iter().take(count) {
            let cell = cells.get(start..*end).unwrap_or_default();
            let Ok(text) = simdutf8::basic::from_utf8(cell) else { return not_utf8(cell) };
            texts.push(text.to_owned());
            start = *end;
        }
        Row::Cells(texts)
    }

    fn skip_blank_lines(&mut self) -> io::Result<()> {
        loop {
            let chunk = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            let Some(byte @ (b'\n' | b'\r')) = chunk.first() else { return Ok(()) };
            let (lines, is_after_return) = count_lines(&[*byte], self.is_after_return);
            (self.line, self.is_after_return) = (self.line + lines, is_after_return);
            self.text.consume(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 20;

    fn rows(text: &[u8]) -> Vec<(u64, Row)> {
        let read = |bytes| {
            let text = BufReader::with_capacity(bytes, Cursor::new(text.to_vec()));
            let mut rows = Rows::new(text, b',', MAX, 1);
            let mut all = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                all.push(row);
            }
            assert_eq!(rows.next().unwrap(), None);
            all
        };
        assert_eq!(read(1), read(1_000));
        read(7)
    }

    fn cells(cells: &[&str]) -> Row {
        Row::Cells(cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn rows_are_those_of_the_rfc() {
        // https://www.rfc-editor.org/rfc/rfc4180
        let table: Vec<(&str, Vec<(u64, Row)>)> = vec![
            ("", vec![]),
            ("\r\n\n", vec![]),
            ("a,b\r\nc,d", vec![(1, cells(&["a", "b"])), (2, cells(&["c", "d"]))]),
            ("a,\"b\n\"\"c\"\"\"\n\nd,\n", vec![(1, cells(&["a", "b\n\"c\""])), (4, cells(&["d", ""]))]),
            (",\n", vec![(1, cells(&["", ""]))]),
            ("\"\"", vec![(1, cells(&[""]))]),
            ("a\n\"b", vec![(1, cells(&["a"])), (2, Row::NoEnd { lines: 0 })]),
            ("a\n\"b\nc\n", vec![(1, cells(&["a"])), (2, Row::NoEnd { lines: 1 })]),
            (
                "a\rb\r\r\"c\rd\"\re\r",
                vec![(1, cells(&["a"])), (2, cells(&["b"])), (4, cells(&["c\rd"])), (6, cells(&["e"]))],
            ),
            ("a\r\nb\r\n\r\nc", vec![(1, cells(&["a"])), (2, cells(&["b"])), (4, cells(&["c"]))]),
            ("é😀,ß", vec![(1, cells(&["é😀", "ß"]))]),
            ("\"a\" ,b\nc\"d\"e,f", vec![(1, cells(&["a ", "b"])), (2, cells(&["c\"d\"e", "f"]))]),
            ("\"a\"b,c\nd", vec![(1, Row::AfterQuote { lines: 0 }), (2, cells(&["d"]))]),
            ("a,\"\\\"b\\\" c\"\r\nd", vec![(1, Row::AfterQuote { lines: 0 }), (2, cells(&["d"]))]),
            ("\"a\\\"\"\nb,\"c\"\nd", vec![(1, Row::AfterQuote { lines: 1 }), (3, cells(&["d"]))]),
        ];
        for (text, expected) in table {
            assert_eq!(rows(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn hostile_rows_are_bounded_and_the_next_row_is_read() {
        let long = "x".repeat(10_000);
        let commas = ",".repeat(10_000);
        for bad in [long.clone(), format!("\"{long}\n{long}\""), commas] {
            let found = rows(format!("{bad}\na,b\n").as_bytes());
            let lines = bad.matches('\n').count() as u64;
            assert_eq!(found, [(1, Row::TooLong), (2 + lines, cells(&["a", "b"]))]);
        }
        assert_eq!(rows(format!("\"{long}").as_bytes()), [(1, Row::NoEnd { lines: 0 })]);
        assert_eq!(
            rows(b"caf\xe9\na"),
            [(1, Row::NotUtf8 { byte: 0xe9, before: "caf".into() }), (2, cells(&["a"]))]
        );
        let half = Row::NotUtf8 { byte: 0xc3, before: String::new() };
        assert_eq!(rows(b"\xc3,\xa9\na"), [(1, half), (2, cells(&["a"]))]);
    }

    #[test]
    fn delimiter_is_the_one_in_the_header() {
        for (line, expected) in [
            ("id,prompt", b','),
            ("id;prompt", b';'),
            ("id\tprompt, please", b'\t'),
            ("\"a,b,c\";d", b';'),
            ("a|b", b'|'),
            ("prompt", b','),
        ] {
            assert_eq!(delimiter(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn lines_before_the_header_are_skipped() {
        for (start, lines, rest) in
            [("a", 0, "a"), ("\r\n\u{feff}\n\ra", 3, "a"), ("\u{feff}\"a\"", 0, "\"a\""), ("\n", 1, "")]
        {
            assert_eq!(skip_blank_lines(start.as_bytes()), (lines, rest.as_bytes()), "{start:?}");
        }
        for (line, expected) in [
            ("sep=;", Some(b';')),
            ("SEP=\t", Some(b'\t')),
            ("\"sep=|\"", Some(b'|')),
            ("sep=", None),
            ("sep=;;", None),
            ("id;x", None),
        ] {
            assert_eq!(named_delimiter(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_a_writer_quotes_is_read_back(table in prop::collection::vec(prop::collection::vec("[a-z,\"\n\r é]{0,4}", 2), 0..9)) {
            let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",") + "\r\n";
            let text: String = table.iter().map(line).collect();
            let mut rows = Rows::new(Cursor::new(text), b',', 1_000, 1);
            for row in table {
                prop_assert_eq!(rows.next().unwrap().unwrap().1, Row::Cells(row));
            }
            prop_assert_eq!(rows.next().unwrap(), None);
        }
    }
}
