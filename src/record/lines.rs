//! Bytes to lines. Knows nothing of JSON, holds at most one line.

/// One line without its `\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Where the line begins in the file, counted from 0.
    pub byte: u64,
    /// Its bytes, or `None` if it is longer than the cap.
    pub bytes: Option<&'a [u8]>,
}

/// One or more whole lines, one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// Where the first line begins in the file, counted from 0.
    pub byte: u64,
    /// The lines, each with its `\n` but for a last one that has none; `None` for one line that is longer than
    /// the cap.
    pub bytes: Option<&'a [u8]>,
}

/// Splits a stream of chunks at `\n` only, into runs of lines as long as the chunks allow. Holds at most one
/// line.
///
/// Unicode line separators and quotes are ordinary bytes here: one stray quote must not swallow the rest
/// of a file.
#[derive(Debug)]
pub struct RunSplitter {
    max_line_bytes: usize,
    carry: Vec<u8>,
    /// The line in `carry` has passed the cap: its bytes are dropped until the next `\n`.
    too_long: bool,
    /// Where the line in `carry` begins.
    begin: u64,
    /// How many bytes have been fed.
    fed: u64,
}

impl RunSplitter {
    /// A splitter at the start of a file. A line over `max_line_bytes` that chunks have cut is reported without
    /// its bytes; one within a chunk is part of its run.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, carry: Vec::new(), too_long: false, begin: 0, fed: 0 }
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
            self.begin = self.fed;
            chunk = rest;
        }
        if let Some(at) = memchr::memrchr(b'\n', chunk)
            && self.begin == self.fed
        {
            let (run, rest) = chunk.split_at(at + 1);
            each(Run { byte: self.begin, bytes: Some(run) })?;
            self.fed += run.len() as u64;
            self.begin = self.fed;
            chunk = rest;
        }
        self.append(chunk);
        self.fed += chunk.len() as u64;
        Ok(())
    }

    /// Ends the file and calls `each` for a last line without `\n`, if there is one.
    ///
    /// # Errors
    /// That of `each`.
    pub fn finish<E>(self, mut each: impl FnMut(Run<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.begin == self.fed { Ok(()) } else { each(self.carried()) }
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

    /// Makes room for this many more bytes, but never for more than the longest line: growing by itself, the
    /// vector would take up to twice as much.
    fn make_room(&mut self, more: usize) {
        let (length, capacity) = (self.carry.len(), self.carry.capacity());
        if length + more > capacity {
            let most = self.max_line_bytes.saturating_add(1);
            self.carry.reserve_exact((2 * capacity).min(most).saturating_sub(length).max(more));
        }
    }

    fn carried(&self) -> Run<'_> {
        Run { byte: self.begin, bytes: (!self.too_long).then_some(&self.carry) }
    }
}

/// Splits a stream of chunks at `\n` only, as [`RunSplitter`] does, into lines. A last line without `\n` is a
/// line; an empty rest is none.
#[derive(Debug)]
pub struct LineSplitter {
    runs: RunSplitter,
    number: u64,
}

impl LineSplitter {
    /// A splitter at the start of a file. Lines over `max_line_bytes` are reported without their bytes.
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
    /// That of `each`.
    pub fn finish<E>(self, mut each: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let Self { runs, mut number } = self;
        let max_line_bytes = runs.max_line_bytes;
        runs.finish(|run| split(run, max_line_bytes, &mut number, &mut each))
    }
}

/// Calls `each` for every line of a run, whose first one has this number, and counts on.
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
    fn overlong_line_has_a_place_but_no_bytes() {
        let expected =
            vec![(1, 0, Some(b"ab".to_vec())), (2, 3, None), (3, 8, Some(b"cd".to_vec())), (4, 11, None)];
        for chunk_bytes in 1..20 {
            assert_eq!(split(b"ab\n1234\ncd\n123", chunk_bytes, 2), expected, "chunks of {chunk_bytes}");
        }
    }

    #[test]
    fn carried_line_takes_no_more_memory_than_the_longest_may() {
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
