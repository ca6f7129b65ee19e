//! Cuts a table into rows: RFC 4180, with any delimiter. Pure, in memory of at most one row.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// The delimiters that are recognized, in the order of preference.
const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];

/// Returns the delimiter of a table, given its first line: the one that is there most often, outside quotes.
pub(super) fn delimiter(first_line: &[u8]) -> u8 {
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
pub(super) enum Row {
    /// The cells.
    Cells(Vec<String>),
    /// The row is longer than a record may be.
    TooLong,
    /// The row has bytes that are not UTF-8.
    NotUtf8,
    /// A quote was opened and not closed before the end of the file.
    NoEnd,
}

/// Reads a table row by row.
#[derive(Debug)]
pub(super) struct Rows<R> {
    text: R,
    parser: Reader,
    max_bytes: usize,
    /// The line where the next row starts, counted from 1.
    line: u64,
    /// The cells of a row, one after the other, and where each one ends.
    cells: Vec<u8>,
    ends: Vec<usize>,
    is_at_end: bool,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(text: R, delimiter: u8, max_bytes: usize) -> Self {
        Self {
            text,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            max_bytes,
            line: 1,
            cells: vec![0; 4 << 10],
            ends: vec![0; 64],
            is_at_end: false,
        }
    }

    /// Returns the next row and the line where it starts, and `None` at the end. Blank lines are skipped.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Row)>> {
        self.skip_blank_lines()?;
        let line = self.line;
        let (mut length, mut count) = (0, 0);
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
            let lines = input.get(..read).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
            if !is_end {
                self.line += lines as u64;
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
                    return Ok((length > 0 || count > 0 || is_too_long).then_some((line, Row::NoEnd)));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    self.is_at_end = is_end;
                    let row = if is_too_long { Row::TooLong } else { self.row(length, count) };
                    return Ok(Some((line, row)));
                }
            }
        }
    }

    fn row(&self, length: usize, count: usize) -> Row {
        let Ok(cells) = std::str::from_utf8(self.cells.get(..length).unwrap_or_default()) else {
            return Row::NotUtf8;
        };
        let mut start = 0;
        let cell = |end: &usize| {
            // Bytes that are UTF-8 together may be cut within a character.
            let cell = cells.get(start..*end);
            start = *end;
            cell.map(str::to_owned)
        };
        self.ends.iter().take(count).map(cell).collect::<Option<_>>().map_or(Row::NotUtf8, Row::Cells)
    }

    fn skip_blank_lines(&mut self) -> io::Result<()> {
        loop {
            let chunk = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            match chunk.first() {
                Some(b'\n') => self.line += 1,
                Some(b'\r') => {}
                _ => return Ok(()),
            }
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
            let mut rows = Rows::new(text, b',', MAX);
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
            ("a\n\"b", vec![(1, cells(&["a"])), (2, Row::NoEnd)]),
            ("é😀,ß", vec![(1, cells(&["é😀", "ß"]))]),
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
        assert_eq!(rows(format!("\"{long}").as_bytes()), [(1, Row::NoEnd)]);
        assert_eq!(rows(b"caf\xe9\na"), [(1, Row::NotUtf8), (2, cells(&["a"]))]);
        assert_eq!(rows(b"\xc3,\xa9\na"), [(1, Row::NotUtf8), (2, cells(&["a"]))]);
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

    proptest! {
        #[test]
        fn what_a_writer_quotes_is_read_back(table in prop::collection::vec(prop::collection::vec("[a-z,\"\n\r é]{0,4}", 2), 0..9)) {
            let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",") + "\r\n";
            let text: String = table.iter().map(line).collect();
            let mut rows = Rows::new(Cursor::new(text), b',', 1_000);
            for row in table {
                prop_assert_eq!(rows.next().unwrap().unwrap().1, Row::Cells(row));
            }
            prop_assert_eq!(rows.next().unwrap(), None);
        }
    }
}
