//! Proves in one fast pass that UTF-8 text is JSON as RFC 8259 has it, without lone surrogates and without
//! more nesting than allowed. <https://www.rfc-editor.org/rfc/rfc8259>
//!
//! Every function takes where a part begins and returns where it ends. `None` means *not proven*: the caller
//! asks a slower reader, which also knows what to say about bad text. So a mistake here may let a bad line
//! pass, which `tests/strictness.rs` looks for, but never refuses a good one.
//!
//! Most bytes are those of strings. They are compared many at a time; each comparison gives a mask with one bit
//! a byte, the first byte lowest, and a few operations on masks find the escapes and the closing quote.

use std::ops::Range;

use wide::{u8x16, u8x64};

/// A line, without its `\n`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'a>(&'a [u8]);

impl<'a> Json<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// The byte at a place; 0, which is no JSON, behind the end.
    pub(crate) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or_default()
    }

    /// Whether the rest is blank.
    pub(crate) fn ends(self, at: usize) -> bool {
        self.skip_space(at) == self.0.len()
    }

    /// Skips what may stand between any two tokens. Usually nothing does, which one comparison shows.
    pub(crate) fn skip_space(self, mut at: usize) -> usize {
        while self.byte(at) <= b' ' && matches!(self.byte(at), b' ' | b'\t' | b'\r') {
            at += 1;
        }
        at
    }

    fn token(self, at: usize, token: u8) -> Option<usize> {
        (self.byte(at) == token).then_some(at + 1)
    }

    /// Any value that nests at most `depth` levels of objects and arrays.
    #[inline]
    pub(crate) fn value(self, at: usize, depth: usize) -> Option<usize> {
        match self.byte(at) {
            b'"' => self.string(at),
            b'{' => self.nested_object(at, depth.checked_sub(1)?),
            b'[' => self.array(at, depth.checked_sub(1)?),
            _ => self.scalar(at),
        }
    }

    /// An object whose values nest at most `depth` levels.
    #[inline(never)]
    fn nested_object(self, at: usize, depth: usize) -> Option<usize> {
        self.object(at, |_, value| self.value(value, depth))
    }

    /// An object. `member` is given where a key is, with its quotes, and where its value begins; it returns
    /// where that ends.
    pub(crate) fn object(
        self,
        at: usize,
        mut member: impl FnMut(Range<usize>, usize) -> Option<usize>,
    ) -> Option<usize> {
        let mut at = self.skip_space(self.token(at, b'{')?);
        if let Some(end) = self.token(at, b'}') {
            return Some(end);
        }
        loop {
            let key = at..self.string(at)?;
            let colon = self.skip_space(key.end);
            let value = self.skip_space(self.token(colon, b':')?);
            at = self.skip_space(member(key, value)?);
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// An array whose values nest at most `depth` levels.
    #[inline(never)]
    fn array(self, at: usize, depth: usize) -> Option<usize> {
        let mut at = self.skip_space(self.token(at, b'[')?);
        if let Some(end) = self.token(at, b']') {
            return Some(end);
        }
        loop {
            at = self.skip_space(self.value(at, depth)?);
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// `true`, `false`, `null` or a number of any size.
    fn scalar(self, at: usize) -> Option<usize> {
        let rest = match self.0.get(at..)? {
            [b't', b'r', b'u', b'e', rest @ ..] => rest,
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => rest,
            [b'n', b'u', b'l', b'l', rest @ ..] => rest,
            number => skip_number(number)?,
        };
        Some(self.0.len() - rest.len())
    }

    /// A string.
    #[inline]
    pub(crate) fn string(self, at: usize) -> Option<usize> {
        let begin = self.token(at, b'"')?;
        self.short_string(begin).or_else(|| self.long_string(begin))
    }

    /// The usual key or name, from behind its opening quote: short and without escapes.
    #[inline]
    fn short_string(self, begin: usize) -> Option<usize> {
        for at in [begin, begin + 16] {
            let block = u8x16::new(*self.0.get(at..)?.first_chunk()?);
            let quotes = block.simd_eq(u8x16::splat(b'"')).to_bitmask();
            let controls = block.simd_lt(u8x16::splat(0x20));
            let unusual = (controls | block.simd_eq(u8x16::splat(b'\\'))).to_bitmask();
            let up_to_quote = quotes ^ quotes.wrapping_sub(1);
            if unusual & up_to_quote != 0 {
                return None;
            }
            if quotes != 0 {
                return Some(at + quotes.trailing_zeros() as usize + 1);
            }
        }
        None
    }

    /// Any string, from behind its opening quote.
    #[inline(never)]
    fn long_string(self, begin: usize) -> Option<usize> {
        let mut at = begin;
        let mut ends_in_backslash = 0;
        let mut low_half_at = None;
        loop {
            let (block, surplus) = self.block(at)?;
            let mask = |of: u8x64| of.to_bitmask() >> surplus;
            let is = |byte: u8| block.simd_eq(u8x64::splat(byte));

            let (quotes, backslashes) = (mask(is(b'"')), mask(is(b'\\')));
            let escaped = escaped(backslashes, &mut ends_in_backslash);
            let closing = quotes & !escaped;
            // All, if there is no closing quote.
            let up_to_closing = closing ^ closing.wrapping_sub(1);

            let plain_escapes = quotes | backslashes | mask(is(b'n') | is(b't'));
            let mut other_escapes = escaped & !plain_escapes & up_to_closing;
            while other_escapes != 0 {
                let escape = at + other_escapes.trailing_zeros() as usize;
                self.check_escape(escape, &mut low_half_at)?;
                other_escapes &= other_escapes - 1;
            }
            let controls = block.simd_lt(u8x64::splat(0x20));
            if controls.any() && mask(controls) & up_to_closing != 0 {
                return None;
            }
            if closing != 0 {
                return Some(at + closing.trailing_zeros() as usize + 1);
            }
            at += 64;
        }
    }

    /// 64 bytes, and by how many places their masks are to be moved for the byte at `at` to come first. It is
    /// not the first at the end of a line, where a block takes in bytes that came before. A line shorter than
    /// a block is filled up with control characters.
    fn block(self, at: usize) -> Option<(u8x64, usize)> {
        let rest = self.0.get(at..).filter(|rest| !rest.is_empty())?;
        if let Some(block) = rest.first_chunk() {
            return Some((u8x64::new(*block), 0));
        }
        if let Some(block) = self.0.last_chunk() {
            return Some((u8x64::new(*block), block.len() - rest.len()));
        }
        let mut block = [0; 64];
        block.get_mut(..rest.len())?.copy_from_slice(rest);
        Some((u8x64::new(block), 0))
    }

    /// The escape whose letter is at `at`. The low half of a surrogate pair is allowed only where the high
    /// half has announced it.
    fn check_escape(self, at: usize, low_half_at: &mut Option<usize>) -> Option<()> {
        match self.byte(at) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.code_unit(at + 1)? {
                0xD800..=0xDBFF => {
                    *low_half_at = Some(at + 6);
                    let follows = self.0.get(at + 5..at + 7)? == b"\\u";
                    (follows && matches!(self.code_unit(at + 7)?, 0xDC00..=0xDFFF)).then_some(())
                }
                0xDC00..=0xDFFF => (*low_half_at == Some(at)).then_some(()),
                _ => Some(()),
            },
            _ => None,
        }
    }

    /// Four hexadecimal digits.
    fn code_unit(self, at: usize) -> Option<u32> {
        self.0
            .get(at..at + 4)?
            .iter()
            .try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }
}

/// Which bytes of a block are escaped: those behind an odd number of backslashes. `carry` is 1 if the first
/// byte is escaped by the last of the block before.
///
/// Subtracting each backslash that may begin a run from the bits behind it, of which only every second is
/// set, flips the bits of the run in one carry; simdjson came up with it.
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    let begins = backslashes & !*carry;
    let alternating = ((begins << 1) | ODD).wrapping_sub(begins) ^ ODD;
    let escaped = alternating ^ (backslashes | *carry);
    *carry = (alternating & backslashes) >> 63;
    escaped
}

fn skip_number(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let mut rest = match rest.strip_prefix(b"0") {
        Some(rest) => rest,
        None => skip_digits(rest)?,
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = skip_digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = match exponent {
            [b'+' | b'-', digits @ ..] => skip_digits(digits)?,
            digits => skip_digits(digits)?,
        };
    }
    Some(rest)
}

/// At least one digit.
fn skip_digits(digits: &[u8]) -> Option<&[u8]> {
    let mut rest = digits;
    while let [b'0'..=b'9', after @ ..] = rest {
        rest = after;
    }
    (rest.len() < digits.len()).then_some(rest)
}
