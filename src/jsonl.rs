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

/// Splits a stream of chunks at `\n` only. A last line without `\n` is a line; an empty rest is none.
///
/// Unicode line separators and quotes are ordinary bytes here: one stray quote must not swallow the rest
/// of a file.
#[derive(Debug)]
pub struct LineSplitter {
    max_line_bytes: usize,
    carry: Vec<u8>,
    /// The line in `carry` has passed the cap: its bytes are dropped until the next `\n`.
    too_long: bool,
    number: u64,
    /// Where the line in `carry` begins.
    begin: u64,
    /// How many bytes have been fed.
    fed: u64,
}

impl LineSplitter {
    /// A splitter at the start of a file. Lines over `max_line_bytes` are reported without their bytes.
    #[must_use]
    pub fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, carry: Vec::new(), too_long: false, number: 1, begin: 0, fed: 0 }
    }

    /// Takes the next chunk and calls `each` for every line that ends in it.
    ///
    /// # Errors
    /// The first error of `each`; the splitter must not be used after it.
    pub fn feed<E>(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(at) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(at);
            if self.carry.is_empty() && !self.too_long {
                each(self.line(line))?;
            } else {
                self.append(line);
                let carry = std::mem::take(&mut self.carry);
                each(if self.too_long { self.overlong() } else { self.line(&carry) })?;
                self.carry = carry;
                self.carry.clear();
            }
            self.fed += line.len() as u64 + 1;
            self.begin = self.fed;
            self.number += 1;
            self.too_long = false;
            chunk = rest.get(1..).unwrap_or_default();
        }
        self.append(chunk);
        self.fed += chunk.len() as u64;
        Ok(())
    }

    /// Ends the file and calls `each` for a last line without `\n`, if there is one.
    ///
    /// # Errors
    /// That of `each`.
    pub fn finish<E>(self, mut each: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.too_long {
            each(self.overlong())
        } else if self.carry.is_empty() {
            Ok(())
        } else {
            each(self.line(&self.carry))
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.too_long || self.carry.len() + bytes.len() > self.max_line_bytes {
            self.too_long = true;
            self.carry = Vec::new();
        } else {
            self.carry.extend_from_slice(bytes);
        }
    }

    fn line<'a>(&self, bytes: &'a [u8]) -> Line<'a> {
        let fits = bytes.len() <= self.max_line_bytes;
        Line { number: self.number, byte: self.begin, bytes: fits.then_some(bytes) }
    }

    fn overlong(&self) -> Line<'static> {
        Line { number: self.number, byte: self.begin, bytes: None }
    }
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
