//! Cuts a text into records: lines, or the objects of JSON that was written in another way. Pure, in memory of at most
//! one record.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use serde::de::IgnoredAny;

use crate::record::problem::MAX_DEPTH;

const MARK: &[u8] = "\u{feff}".as_bytes();

/// How many carriage returns may be white space in the first line, before it is taken for sure that they do not end lines.
const MAX_RETURNS: usize = 100;

/// A piece of the text that should be a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The line where it starts, counted from 1.
    pub(super) line: u64,
    /// Its bytes; `None` if there are more than a record may have.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Why the rest of a text cannot be cut into records.
#[derive(Debug, thiserror::Error)]
pub(super) enum FramingError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("line {line}: {what}")]
    Json { line: u64, what: &'static str },
}

/// Cuts a text at its line breaks. Blank lines are skipped, and byte order marks at the start of a line.
///
/// A carriage return alone is a line break if what precedes it is JSON: within JSON, it is white space.
#[derive(Debug)]
pub(super) struct Lines<R> {
    text: R,
    max_bytes: usize,
    /// The number of the last line.
    line: u64,
    /// Whether carriage returns end lines; `None` before the first line that is not blank.
    has_returns: Option<bool>,
    /// The rest of a line that has several records with carriage returns between them.
    pending: VecDeque<Piece>,
}

/// What ended a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    Newline,
    Return,
    End,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(text: R, max_bytes: usize) -> Self {
        Self { text, max_bytes, line: 0, has_returns: None, pending: VecDeque::new() }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        if let Some(piece) = self.pending.pop_front() {
            return Ok(Some(piece));
        }
        loop {
            let (bytes, end) = self.line()?;
            self.line += 1;
            let Some(bytes) = bytes else { return Ok(Some(Piece { line: self.line, bytes: None })) };
            let trimmed = trim(&bytes);
            if trimmed.is_empty() {
                if end == Break::End {
                    return Ok(None);
                }
                continue;
            }
            self.has_returns.get_or_insert(end == Break::Return);
            if let Some(first) = self.split_at_returns(trimmed) {
                return Ok(Some(first));
            }
            let bytes = if trimmed.len() < bytes.len() { trimmed.to_vec() } else { bytes };
            return Ok(Some(Piece { line: self.line, bytes: Some(bytes) }));
        }
    }

    /// Reads a line. `None` means that it is too long.
    fn line(&mut self) -> io::Result<(Option<Vec<u8>>, Break)> {
        let mut bytes = Vec::new();
        let mut length = 0;
        let mut returns = 0;
        loop {
            let chunk = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok(((length <= self.max_bytes).then_some(bytes), Break::End));
            }
            let found = match self.has_returns {
                Some(false) => memchr::memchr(b'\n', chunk),
                None | Some(true) => memchr::memchr2(b'\n', b'\r', chunk),
            };
            let part = chunk.get(..found.unwrap_or(chunk.len())).unwrap_or_default();
            length += part.len();
            if length <= self.max_bytes {
                bytes.extend_from_slice(part);
            }
            let end = found.and_then(|at| chunk.get(at)).copied();
            let consumed = part.len() + usize::from(found.is_some());
            self.text.consume(consumed);
            let is_fit = length <= self.max_bytes;
            match end {
                None => {}
                Some(b'\n') => return Ok((is_fit.then_some(bytes), Break::Newline)),
                Some(_) if self.has_returns == Some(true) => {
                    self.skip_newline()?;
                    return Ok((is_fit.then_some(bytes), Break::Return));
                }
                Some(_) if self.skip_newline()? => return Ok((is_fit.then_some(bytes), Break::Newline)),
                Some(_) if trim(&bytes).is_empty() || is_json(&bytes) => {
                    return Ok((Some(bytes), Break::Return));
                }
                // It is white space.
                Some(other) => {
                    length += 1;
                    bytes.push(other);
                    returns += 1;
                    if returns == MAX_RETURNS {
                        self.has_returns = Some(false);
                    }
                }
            }
        }
    }

    /// Skips a newline, if that is next.
    fn skip_newline(&mut self) -> io::Result<bool> {
        let is_newline = peek(&mut self.text)? == Some(b'\n');
        self.text.consume(usize::from(is_newline));
        Ok(is_newline)
    }

    /// Cuts a line at the carriage returns in it, if what precedes the first one is JSON. Returns the first piece.
    fn split_at_returns(&mut self, line: &[u8]) -> Option<Piece> {
        let first = memchr::memchr(b'\r', line)?;
        line.get(..first).filter(|first| is_json(first))?;
        for piece in line.split(|byte| *byte == b'\r') {
            let trimmed = trim(piece);
            if !trimmed.is_empty() {
                self.pending.push_back(Piece { line: self.line, bytes: Some(trimmed.to_vec()) });
            }
            self.line += 1;
        }
        // The newline counts already.
        self.line -= 1;
        self.pending.pop_front()
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(trim(bytes)).is_ok()
}

fn peek(text: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        match text.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            chunk => return Ok(chunk?.first().copied()),
        }
    }
}

/// Takes byte order marks and white space off both ends.
fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes.trim_ascii();
    while let Some(rest) = bytes.strip_prefix(MARK) {
        bytes = rest.trim_ascii();
    }
    bytes
}

/// Cuts a text into the objects of arrays, or into objects that follow each other, wherever the line breaks are. The
/// white space between tokens is left out.
#[derive(Debug)]
pub(super) struct Values<R> {
    text: R,
    max_bytes: usize,
    line: u64,
    /// Whether there is an object around the array, which is open.
    is_wrapped: bool,
    is_in_array: bool,
    /// Whether a comma or the end of the array comes next.
    is_after_element: bool,
}

const AFTER_REQUESTS: &str = "something follows the list of requests";

/// Where in a value the next byte is.
#[derive(Debug, Default)]
struct Inside {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Inside {
    /// Takes the next byte. Returns whether it is white space between tokens.
    fn push(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b' ' | b'\t' | b'\r' | b'\n' => return true,
            _ => {}
        }
        false
    }
}

impl<R: BufRead> Values<R> {
    pub(super) fn new(text: R, max_bytes: usize) -> Self {
        Self { text, max_bytes, line: 1, is_wrapped: false, is_in_array: false, is_after_element: false }
    }

    /// Starts at the array that an object has at its `start`-th byte.
    pub(super) fn wrapped(mut text: R, max_bytes: usize, start: usize) -> io::Result<Self> {
        let mut before = Vec::new();
        text.by_ref().take(start as u64).read_to_end(&mut before)?;
        let lines = memchr::memchr_iter(b'\n', &before).count() as u64;
        let values = Self::new(text, max_bytes);
        Ok(Self { line: 1 + lines, is_wrapped: true, ..values })
    }

    pub(super) fn next(&mut self) -> Result<Option<Piece>, FramingError> {
        if !self.find_start()? {
            return Ok(None);
        }
        let line = self.line;
        let bytes = self.value(line)?;
        self.is_after_element = true;
        Ok(Some(Piece { line, bytes }))
    }

    /// Skips what lies between two values. Returns false at the end of the text.
    fn find_start(&mut self) -> Result<bool, FramingError> {
        loop {
            let Some(byte) = peek(&mut self.text)? else {
                return match (self.is_in_array, self.is_wrapped) {
                    (true, _) => Err(self.error("the array has no end: the file was cut off")),
                    (false, true) => Err(self.error("the list of requests has no closing brace after it")),
                    (false, false) => Ok(false),
                };
            };
            match (byte, self.is_in_array) {
                (b'\n', _) => self.line += 1,
                (b' ' | b'\t' | b'\r', _) => {}
                (b'{', false) if !self.is_wrapped => return Ok(true),
                (b'{', true) if !self.is_after_element => return Ok(true),
                // Only one list is in the object.
                (b'[', false) if self.is_wrapped && self.is_after_element => {
                    return Err(self.error(AFTER_REQUESTS));
                }
                (b'[', false) => (self.is_in_array, self.is_after_element) = (true, false),
                (b',', true) if self.is_after_element => self.is_after_element = false,
                // A comma may come before it: that changes nothing.
                (b']', true) => (self.is_in_array, self.is_after_element) = (false, true),
                (b'}', false) if self.is_wrapped => self.is_wrapped = false,
                (0xef | 0xbb | 0xbf, false) => {}
                (_, true) if self.is_after_element => {
                    return Err(self.error("the elements of the array are not separated by commas"));
                }
                (_, true) => return Err(self.error("an element of the array is not an object")),
                (_, false) if self.is_wrapped => return Err(self.error(AFTER_REQUESTS)),
                (_, false) => {
                    return Err(self.error("here, an object or an array of objects should start"));
                }
            }
            self.text.consume(1);
        }
    }

    /// Reads a value to its end. `None` means that it is too long.
    fn value(&mut self, start: u64) -> Result<Option<Vec<u8>>, FramingError> {
        let mut inside = Inside::default();
        let mut bytes = Vec::new();
        let mut length = 0_usize;
        loop {
            let chunk = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                let what = "the object that starts here has no end: the file was cut off, or a bracket or quote is missing";
                return Err(FramingError::Json { line: start, what });
            }
            let mut consumed = 0;
            let mut is_end = false;
            for byte in chunk {
                consumed += 1;
                self.line += u64::from(*byte == b'\n');
                if inside.push(*byte) {
                    continue;
                }
                length += 1;
                if length <= self.max_bytes {
                    bytes.push(*byte);
                }
                if inside.depth > MAX_DEPTH {
                    break;
                }
                if inside.depth == 0 {
                    is_end = true;
                    break;
                }
            }
            self.text.consume(consumed);
            if inside.depth > MAX_DEPTH {
                return Err(self.error("the JSON nests too deep"));
            }
            if is_end {
                return Ok((length <= self.max_bytes).then_some(bytes));
            }
        }
    }

    fn error(&self, what: &'static str) -> FramingError {
        FramingError::Json { line: self.line, what }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn chunks(text: &str, bytes: usize) -> BufReader<Cursor<Vec<u8>>> {
        BufReader::with_capacity(bytes, Cursor::new(text.as_bytes().to_vec()))
    }

    fn lines(text: &str) -> Vec<(u64, Option<String>)> {
        let read = |bytes| {
            let mut lines = Lines::new(chunks(text, bytes), 20);
            let mut all = Vec::new();
            while let Some(piece) = lines.next().unwrap() {
                all.push((piece.line, piece.bytes.map(|bytes| String::from_utf8(bytes).unwrap())));
            }
            all
        };
        assert_eq!(read(1), read(1_000));
        read(7)
    }

    fn values(text: &str) -> Result<Vec<(u64, Option<String>)>, String> {
        let read = |bytes| {
            let mut values = Values::new(chunks(text, bytes), 20);
            let mut all = Vec::new();
            while let Some(piece) = values.next().map_err(|error| error.to_string())? {
                all.push((piece.line, piece.bytes.map(|bytes| String::from_utf8(bytes).unwrap())));
            }
            Ok(all)
        };
        assert_eq!(read(1), read(1_000));
        read(7)
    }

    #[test]
    fn lines_keep_their_numbers() {
        let some = |line, text: &str| (line, Some(text.to_owned()));
        assert_eq!(lines(""), []);
        assert_eq!(lines("\n \r\n\u{feff}\n"), []);
        assert_eq!(lines("a\r\n\n  b \n\u{feff}c"), [some(1, "a"), some(3, "b"), some(4, "c")]);
        let (most, long) = ("x".repeat(20), "x".repeat(21));
        assert_eq!(lines(&format!("{most}\n{long}\nd")), [some(1, &most), (2, None), some(3, "d")]);
        assert_eq!(lines(&long), [(1, None)]);
    }

    #[test]
    fn carriage_returns_end_lines_where_they_are_not_white_space() {
        let some = |line, text: &str| (line, Some(text.to_owned()));
        let table = [
            ("{}\r[1]\r\r7\r", vec![some(1, "{}"), some(2, "[1]"), some(4, "7")]),
            ("\r\u{feff}\r{}\r{\r", vec![some(3, "{}"), some(4, "{")]),
            ("{}\r{}\r\n{}\n{}", vec![some(1, "{}"), some(2, "{}"), some(3, "{}"), some(4, "{}")]),
            // All in all, these are longer than a line may be.
            (
                "{\"a\":123456}\r{\"b\":123456}\r7",
                vec![some(1, "{\"a\":123456}"), some(2, "{\"b\":123456}"), some(3, "7")],
            ),
            ("{\"a\":\r1}\n{}", vec![some(1, "{\"a\":\r1}"), some(2, "{}")]),
            ("{}\n{}\r{}\r\n{}", vec![some(1, "{}"), some(2, "{}"), some(3, "{}"), some(4, "{}")]),
            ("{\r\n{}\r\n", vec![some(1, "{"), some(2, "{}")]),
            ("{\n\r\r{}\r", vec![some(1, "{"), some(2, "{}")]),
        ];
        for (text, expected) in table {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn values_are_found_wherever_the_lines_break() {
        let some = |line, text: &str| (line, Some(text.to_owned()));
        let table = [
            ("", vec![]),
            ("[]", vec![]),
            ("[\n]\n[ ]", vec![]),
            ("{\n  \"a\": 1\n}\n{\"b\": [\n] }", vec![some(1, r#"{"a":1}"#), some(4, r#"{"b":[]}"#)]),
            ("\u{feff}[{\"a\":\"} ] \\\" {\"},\n {}]", vec![some(1, r#"{"a":"} ] \" {"}"#), some(2, "{}")]),
            ("[{},{},]\u{feff}\n[{}]{}", vec![some(1, "{}"), some(1, "{}"), some(2, "{}"), some(2, "{}")]),
            ("[{\"a\": \"more than twenty\"},{}]", vec![(1, None), some(1, "{}")]),
        ];
        for (text, expected) in table {
            assert_eq!(values(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_made_of_objects_is_refused_with_its_line() {
        let deep = "[".repeat(1_000_000);
        for (text, expected) in [
            ("\n[{}", "line 2: the array has no end"),
            ("{}\n\n{\"a\":\n", "line 3: the object that starts here has no end"),
            ("{\"a\": \"}", "line 1: the object"),
            ("[{}\n{}]", "line 2: the elements"),
            ("[1]", "line 1: an element"),
            ("[,{}]", "line 1: an element"),
            ("{},{}", "line 1: here"),
            (&format!("{{\"a\":{deep}"), "line 1: the JSON nests too deep"),
        ] {
            let error = values(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:.20}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arrays_and_objects_in_any_form_are_the_same_records(
            texts in prop::collection::vec("[a-z{}\\[\\]\",\\\\ \n]{0,12}", 0..9), is_array in any::<bool>(), is_pretty in any::<bool>(),
        ) {
            let objects: Vec<Value> = texts.iter().map(|text| serde_json::json!({text: [text, {}]})).collect();
            let write = |value: &Value| if is_pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
            let text = if is_array {
                write(&Value::Array(objects.clone())).unwrap()
            } else {
                objects.iter().map(|object| write(object).unwrap()).collect::<Vec<_>>().join("\n")
            };
            let mut values = Values::new(chunks(&text, 5), 1_000);
            for object in objects {
                let piece = values.next().unwrap().unwrap();
                prop_assert_eq!(String::from_utf8(piece.bytes.unwrap()).unwrap(), object.to_string());
            }
            prop_assert_eq!(values.next().unwrap(), None);
        }
    }
}
