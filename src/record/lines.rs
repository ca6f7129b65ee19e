//! Splits a stream of bytes into lines, and knows nothing about JSON. Pure; holds at most one line in memory.

/// One line without its `\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Where in the file the line starts, in bytes from 0.
    pub byte: u64,
    /// The bytes of the line, or `None` if it is too long.
    pub bytes: Option<&'a [u8]>,
}

/// One or more whole lines, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// Where in the file the first line starts, in bytes from 0.
    pub byte: u64,
    /// The lines, each with its `\n`, which only the last line of the file may lack; `None` for a single line
    /// that is too long.
    pub bytes: Option<&'a [u8]>,
}

/// Splits a stream of chunks into runs of lines, as long as the chunks allow. Holds at most one line.
///
/// Only `\n` ends a line. Unicode line separators and quotes are ordinary bytes here: a single stray quote
/// must not swallow the rest of a file.
#[derive(Debug)]
pub struct RunSplitter {
    max_line_bytes: usize,
    /// The start of a line that has not ended yet.
    carry: Vec<u8>,
    /// Whether that line is too long, so that its bytes are dropped up to the next `\n`.
    too_long: bool,
    /// Where in the file that line starts.
    line_start: u64,
    /// How many bytes of the file have been fed.
    fed: u64,
}

impl RunSplitter {
    /// Makes a splitter for a file. A line over `max_line_bytes` that is cut by the chunks is reported
    /// without its bytes; one within a single chunk is part of a run.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, carry: Vec::new(), too_long: false, line_start: 0, fed: 0 }
    }

    /// Takes the next chunk and calls `each` for the lines that end in it.
    ///
    /// # Errors
    /// The first error of `each`; the splitter must not be used after it.
    pub fn feed<E>(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(Run<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if (self.too_long || !self.carry.is_empty())
            && let Some(at) = memchr::memchr(b'\n', chunk)
        {
            let (end, rest) = chunk.split_at(at + 1);
            self.append(end);
            each(self.carried())?;
            self.carry.clear();
            self.too_long = false;
            self.fed += end.len() as u64;
            self.line_start = self.fed;
            chunk = rest;
        }
        if let Some(at) = memchr::memrchr(b'\n', chunk)
            && self.line_start == self.fed
        {
            let (run, rest) = chunk.split_at(at + 1);
            each(Run { byte: self.line_start, bytes: Some(run) })?;
            self.fed += run.len() as u64;
            self.line_start = self.fed;
            chunk = rest;
        }
        self.append(chunk);
        self.fed += chunk.len() as u64;
        Ok(())
    }

    /// Ends the file and calls `each` for a last line without `\n`, if there is one.
    ///
    /// # Errors
    /// The error of `each`.
    pub fn finish<E>(self, mut each: impl FnMut(Run<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.line_start == self.fed { Ok(()) } else { each(self.carried()) }
    }

    fn append(&mut self, bytes: &[u8]) {
        let newline = usize::from(bytes.ends_with(b"\n"));
        if self.too_long || self.carry.len() + bytes.len() - newline > self.max_line_bytes {
            self.too_long = true;
            self.carry = Vec::new();
        } else {
            self.make_room(bytes.len());
            self.carry.extend_from_slice(bytes);
        }
    }

    /// Makes room for `more` bytes, but never for more than the longest line. The vector alone would double
    /// its memory as it grows, up to twice the longest line.
    fn make_room(&mut self, more: usize) {
        let (length, capacity) = (self.carry.len(), self.carry.capacity());
        if length + more > capacity {
            let most = self.max_line_bytes.saturating_add(1);
            self.carry.reserve_exact((2 * capacity).min(most).saturating_sub(length).max(more));
        }
    }

    fn carried(&self) -> Run<'_> {
        Run { byte: self.line_start, bytes: (!self.too_long).then_some(&self.carry) }
    }
}

/// Splits a stream of chunks into single lines, by the rules of [`RunSplitter`]. The last line may lack its
/// `\n`. A file that ends with `\n` does not have an empty line after it.
#[derive(Debug)]
pub struct LineSplitter {
    runs: RunSplitter,
    number: u64,
}

impl LineSplitter {
    /// Makes a splitter for a file. Lines over `max_line_bytes` are reported without their bytes.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { runs: RunSplitter::new(max_line_bytes), number: 1 }
    }

    /// Takes the next chunk and calls `each` for every line that ends in it.
    ///
    /// # Errors
    /// The first error of `each`; the splitter must not be used after it.
    pub fn feed<E>(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { runs, number } = self;
        let max_line_bytes = runs.max_line_bytes;
        runs.feed(chunk, |run| split(run, max_line_bytes, number, &mut each))
    }

    /// Ends the file and calls `each` for a last line without `\n`, if there is one.
    ///
    /// # Errors
    /// The error of `each`.
    pub fn finish<E>(self, mut each: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let Self { runs, mut number } = self;
        let max_line_bytes = runs.max_line_bytes;
        runs.finish(|run| split(run, max_line_bytes, &mut number, &mut each))
    }
}

/// Calls `each` for every line of a run. `number` is the number of the first line, and afterwards of the next
/// one.
fn split<E>(
    run: Run<'_>,
    max_line_bytes: usize,
    number: &mut u64,
    each: &mut impl FnMut(Line<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Run { mut byte, bytes } = run;
    let Some(mut rest) = bytes else {
        each(Line { number: *number, byte, bytes: None })?;
        *number += 1;
        return Ok(());
    };
    while !rest.is_empty() {
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        let bytes = (length <= max_line_bytes).then_some(line);
        each(Line { number: *number, byte, bytes })?;
        *number += 1;
        byte += length as u64 + 1;
        rest = after.get(1..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use proptest::prelude::*;

    type Owned = (u64, u64, Option<Vec<u8>>);

    fn split(input: &[u8], chunk_bytes: usize, max_line_bytes: usize) -> Vec<Owned> {
        let mut lines = Vec::new();
        let mut keep = |line: Line<'_>| {
            lines.push((line.number, line.byte, line.bytes.map(<[u8]>::to_vec)));
            Ok::<(), Infallible>(())
        };
        let mut splitter = LineSplitter::new(max_line_bytes);
        for chunk in input.chunks(chunk_bytes) {
            splitter.feed(chunk, &mut keep).unwrap();
        }
        splitter.finish(&mut keep).unwrap();
        lines
    }

    #[test]
    fn splits_at_newlines_only() {
        let line = |number, byte, text: &str| (number, byte, Some(text.as_bytes().to_vec()));
        assert_eq!(split(b"", 9, 9), vec![]);
        assert_eq!(split(b"a", 9, 9), vec![line(1, 0, "a")]);
        assert_eq!(split(b"a\n", 9, 9), vec![line(1, 0, "a")]);
        assert_eq!(split(b"a\n\nb\r\n", 9, 9), vec![line(1, 0, "a"), line(2, 2, ""), line(3, 3, "b\r")]);
        let separators = "a\u{2028}\u{85}\"\nb";
        assert_eq!(
            split(separators.as_bytes(), 3, 99),
            vec![line(1, 0, "a\u{2028}\u{85}\""), line(2, 8, "b")]
        );
    }

    #[test]
    fn overlong_line_has_a_position_but_no_bytes() {
        let expected =
            vec![(1, 0, Some(b"ab".to_vec())), (2, 3, None), (3, 8, Some(b"cd".to_vec())), (4, 11, None)];
        for chunk_bytes in 1..20 {
            assert_eq!(split(b"ab\n1234\ncd\n123", chunk_bytes, 2), expected, "chunks of {chunk_bytes}");
        }
    }

    #[test]
    fn carried_line_takes_no_more_memory_than_the_longest_line_may() {
        for cap in [1, 10, 1_000, 1_000_000] {
            let mut runs = RunSplitter::new(cap);
            let nothing = |_: Run<'_>| Ok::<(), Infallible>(());
            for _ in 0..3 {
                for chunk in vec![b'x'; cap - 1].chunks(cap.div_ceil(7)) {
                    runs.feed(chunk, nothing).unwrap();
                    assert!(runs.carry.capacity() <= cap + 1, "{cap}: {}", runs.carry.capacity());
                }
                runs.feed(b"x", nothing).unwrap();
                runs.feed(b"\n", nothing).unwrap();
                assert!(
                    !runs.too_long && runs.carry.capacity() == cap + 1,
                    "{cap}: {}",
                    runs.carry.capacity()
                );
            }
        }
    }

    #[test]
    fn overlong_line_is_not_kept_in_memory() {
        let mut runs = RunSplitter::new(3);
        let mut found = Vec::new();
        let mut keep = |run: Run<'_>| {
            found.push((run.byte, run.bytes.map(<[u8]>::to_vec)));
            Ok::<(), Infallible>(())
        };
        for (chunk, capacity) in [("abc", 3), ("d", 0), ("efgh", 0), ("ij\nk", 1), ("\n", 4)] {
            runs.feed(chunk.as_bytes(), &mut keep).unwrap();
            assert!(runs.carry.capacity() <= capacity, "{chunk}: {}", runs.carry.capacity());
        }
        runs.finish(&mut keep).unwrap();
        assert_eq!(found, [(0, None), (11, Some(b"k\n".to_vec()))]);
    }

    #[test]
    fn memory_for_a_long_line_doubles() {
        let mut runs = RunSplitter::new(1_000_000);
        let mut capacities = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            runs.feed(&[b'x'; 100], |_| Ok::<(), Infallible>(())).unwrap();
            capacities.insert(runs.carry.capacity());
        }
        assert!(capacities.len() <= 15, "{capacities:?}");
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(input in "[ab\n]{0,60}", chunk_bytes in 1usize..9, cap in 1usize..9) {
            let bytes = input.as_bytes();
            prop_assert_eq!(split(bytes, chunk_bytes, cap), split(bytes, 1000, cap));
        }

        #[test]
        fn lines_joined_are_the_input(input in "[ab\n]{0,60}") {
            let lines = split(input.as_bytes(), 4, 1000);
            let mut joined = Vec::new();
            for (_, byte, line) in lines {
                prop_assert_eq!(byte, joined.len() as u64);
                joined.extend(line.unwrap());
                joined.push(b'\n');
            }
            if !input.ends_with('\n') && !input.is_empty() {
                joined.pop();
            }
            prop_assert_eq!(joined, input.into_bytes());
        }
    }
}
