//! Proves in one fast pass that UTF-8 text is valid JSON, without halves of surrogate pairs and without more
//! nesting than allowed. Pure. <https://www.rfc-editor.org/rfc/rfc8259>
//!
//! Every function takes the offset where a part of the text starts, and returns the offset where it ends.
//! `None` means that the part is not proven, not that it is bad: the caller asks a slower reader (see the
//! [module](crate::record)).
//!
//! Most bytes of a line are in strings. They are compared 64 at a time. Each comparison gives a mask with one
//! bit for each byte, the first byte in the lowest bit, and a few operations on masks find the escapes and
//! the closing quote.

use std::ops::Range;

use wide::u8x64;

use crate::record::escape::{UNIT_BYTES, code_unit, four_hex_digits, is_high_half, is_low_half};
use crate::record::scalars::{ScalarKind, Scalars};
use crate::record::stop_reason::{Level, Member, Usability};

/// Scans a text of one or more lines of JSON. No part of the JSON extends past its line: `\n` is a control
/// character, which no string may contain, and it is not skipped as white space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanner<'a>(&'a [u8]);

/// Returns what is between the quotes of a string; `None` if that is empty.
pub(super) fn inside_quotes(string: &Range<usize>) -> Option<Range<usize>> {
    (string.len() > 2).then(|| string.start + 1..string.end - 1)
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Returns the byte at an offset, or 0, which is never valid JSON, past the end.
    pub(crate) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or_default()
    }

    /// Skips white space. Usually there is none, which one comparison shows.
    pub(crate) fn skip_space(self, mut at: usize) -> usize {
        while self.byte(at) <= b' ' && matches!(self.byte(at), b' ' | b'\t' | b'\r') {
            at += 1;
        }
        at
    }

    /// Whether a line ends here.
    pub(crate) fn is_line_end(self, at: usize) -> bool {
        matches!(self.0.get(at), None | Some(b'\n'))
    }

    fn token(self, at: usize, token: u8) -> Option<usize> {
        (self.byte(at) == token).then_some(at + 1)
    }

    /// Proves any value that nests at most `depth` levels of objects and arrays, and adds to `scalars` where
    /// its strings, numbers and literals are.
    #[inline]
    pub(crate) fn value(self, at: usize, depth: usize, scalars: &mut Scalars) -> Option<usize> {
        match self.byte(at) {
            b'{' => self.nested_object(at, depth.checked_sub(1)?, scalars),
            b'[' => self.array(at, depth.checked_sub(1)?, scalars),
            _ => {
                let end = self.scalar(at)?;
                scalars.push(at..end);
                Some(end)
            }
        }
    }

    /// Proves an object whose values nest at most `depth` levels.
    #[inline(never)]
    fn nested_object(self, at: usize, depth: usize, scalars: &mut Scalars) -> Option<usize> {
        self.object(at, |_, value| self.value(value, depth, scalars))
    }

    /// Proves an object. `member` gets where a key is, with its quotes, and where its value starts. It proves
    /// the value and returns where that ends.
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
            let key = at..self.plain_string(at).or_else(|| self.string(at))?;
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

    /// Proves an array whose values nest at most `depth` levels.
    #[inline(never)]
    fn array(self, at: usize, depth: usize, scalars: &mut Scalars) -> Option<usize> {
        self.elements(at, |value| self.value(value, depth, scalars))
    }

    /// Proves an array. `element` gets where a value starts. It proves the value and returns where that ends.
    #[inline]
    fn elements(self, at: usize, mut element: impl FnMut(usize) -> Option<usize>) -> Option<usize> {
        let mut at = self.skip_space(self.token(at, b'[')?);
        if let Some(end) = self.token(at, b']') {
            return Some(end);
        }
        loop {
            at = self.skip_space(element(at)?);
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// Proves an object of a model's output whose values nest at most `depth` levels, and finds out what it
    /// says about why the model stopped.
    pub(super) fn model_output(
        self,
        at: usize,
        depth: usize,
        level: Level,
        scalars: &mut Scalars,
        usability: &mut Usability,
    ) -> Option<usize> {
        self.object(at, |key, value| {
            let key = self.0.get(inside_quotes(&key).unwrap_or_default())?;
            if key.contains(&b'\\') {
                return None;
            }
            match (level.member(key), self.byte(value)) {
                (Member::Reason | Member::Refusal, b'{' | b'[') => self.value(value, depth, scalars),
                (Member::Reason, _) => {
                    let (end, said) = self.stop_reason(value)?;
                    scalars.push_as(ScalarKind::StopReason, value..end);
                    *usability = said.max(*usability);
                    Some(end)
                }
                (Member::Refusal, _) => {
                    let (end, said) = self.refusal(value)?;
                    scalars.push_as(ScalarKind::Refusal, value..end);
                    *usability = said.max(*usability);
                    Some(end)
                }
                (Member::Object(level), b'{') => {
                    self.model_output(value, depth.checked_sub(1)?, level, scalars, usability)
                }
                (Member::List(level), b'[') => {
                    let depth = depth.checked_sub(1)?;
                    self.elements(value, |element| match self.byte(element) {
                        b'{' => self.model_output(element, depth.checked_sub(1)?, level, scalars, usability),
                        _ => self.value(element, depth, scalars),
                    })
                }
                (Member::Object(_) | Member::List(_) | Member::Other, _) => self.value(value, depth, scalars),
            }
        })
    }

    /// Proves a scalar, and finds out which reason to stop it is. A string with escapes is not proven.
    #[inline]
    pub(super) fn stop_reason(self, at: usize) -> Option<(usize, Usability)> {
        if self.byte(at) != b'"' {
            return Some((self.scalar(at)?, Usability::Usable));
        }
        let end = self.plain_string(at)?;
        Some((end, Usability::of_reason(self.0.get(at + 1..end - 1)?)))
    }

    /// Proves a scalar, and finds out whether it is the text of a refusal.
    #[inline]
    pub(super) fn refusal(self, at: usize) -> Option<(usize, Usability)> {
        let end = self.scalar(at)?;
        let is_text = self.byte(at) == b'"' && inside_quotes(&(at..end)).is_some();
        Some((end, if is_text { Usability::Refused } else { Usability::Usable }))
    }

    /// Proves a string, a number of any size, `true`, `false` or `null`.
    #[inline]
    pub(crate) fn scalar(self, at: usize) -> Option<usize> {
        if self.byte(at) == b'"' {
            return self.string(at);
        }
        let rest = match self.0.get(at..)? {
            [b't', b'r', b'u', b'e', rest @ ..] => rest,
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => rest,
            [b'n', b'u', b'l', b'l', rest @ ..] => rest,
            number => skip_number(number)?,
        };
        Some(self.0.len() - rest.len())
    }

    /// Proves a string without escapes, such as most keys and ids.
    #[inline]
    pub(crate) fn plain_string(self, at: usize) -> Option<usize> {
        let start = self.token(at, b'"')?;
        let block = self.block(start)?;
        let is = |byte: u8| block.simd_eq(u8x64::splat(byte));
        let special = (is(b'"') | is(b'\\') | is_control(block)).to_bitmask();
        if special == 0 {
            return self.long_plain_string(at);
        }
        let end = start + special.trailing_zeros() as usize;
        (self.byte(end) == b'"').then_some(end + 1)
    }

    #[cold]
    fn long_plain_string(self, at: usize) -> Option<usize> {
        let end = self.string(at)?;
        (!self.0.get(at..end)?.contains(&b'\\')).then_some(end)
    }

    /// Proves a string.
    #[inline(never)]
    pub(crate) fn string(self, at: usize) -> Option<usize> {
        let mut at = self.token(at, b'"')?;
        let mut carry = Carry::default();
        loop {
            let block = self.block(at)?;
            let is = |byte: u8| block.simd_eq(u8x64::splat(byte));

            let (quotes, backslashes) = (is(b'"').to_bitmask(), is(b'\\').to_bitmask());
            let escaped = escaped(backslashes, &mut carry.escaped);
            let closing = quotes & !escaped;
            let up_to_closing = up_to_first(closing);
            let plain_escapes = quotes | backslashes | is(b'n').to_bitmask();
            let escapes = escaped & !plain_escapes & up_to_closing;
            if escapes | carry.digits != 0 {
                let units = escapes & is(b'u').to_bitmask();
                let mut others = escapes & !units;
                while others != 0 {
                    if !matches!(
                        self.byte(at + others.trailing_zeros() as usize),
                        b'/' | b'b' | b'f' | b'r' | b't'
                    ) {
                        return None;
                    }
                    others &= others - 1;
                }
                let digits = units << 1 | units << 2 | units << 3 | units << 4 | carry.digits;
                carry.digits = units >> 63 | units >> 62 | units >> 61 | units >> 60;
                if digits & !is_hex_digit(block).to_bitmask() != 0 {
                    return None;
                }
                // The digits of half of a surrogate pair start with a D. In the last byte of a block, the
                // first digit is not seen yet.
                let mut halves = units & ((is(b'd') | is(b'D')).to_bitmask() >> 1 | 1 << 63);
                while halves != 0 {
                    // The digits follow the `u`.
                    let digits = at + halves.trailing_zeros() as usize + 1;
                    self.check_half(digits, &mut carry.low_half_at)?;
                    halves &= halves - 1;
                }
            }
            let controls = is_control(block).to_bitmask();
            if controls & up_to_closing != 0 {
                return None;
            }
            if closing != 0 {
                return Some(at + closing.trailing_zeros() as usize + 1);
            }
            at += 64;
        }
    }

    /// Returns the 64 bytes at an offset; past the end of the text they are 0, a control character.
    #[inline(always)]
    pub(crate) fn block(self, at: usize) -> Option<u8x64> {
        let rest = self.0.get(at..)?;
        Some(u8x64::new(match rest.first_chunk() {
            Some(block) => *block,
            None => zero_padded(rest),
        }))
    }

    /// Checks the escape whose four digits are at `digits`. The low half of a surrogate pair is good only
    /// where a high half before it has announced it.
    fn check_half(self, digits: usize, low_half_at: &mut Option<usize>) -> Option<()> {
        let unit = four_hex_digits(self.0, digits)?;
        if is_high_half(unit) {
            *low_half_at = Some(digits + UNIT_BYTES);
            return code_unit(self.0, digits + 4).is_some_and(is_low_half).then_some(());
        }
        (!is_low_half(unit) || *low_half_at == Some(digits)).then_some(())
    }
}

/// What one block of a string tells the next one.
#[derive(Debug, Default)]
struct Carry {
    /// 1 if the first byte is escaped, otherwise 0.
    escaped: u64,
    /// Which of its first bytes must be digits of an escape.
    digits: u64,
    /// Where the low half of a surrogate pair must be: its digits.
    low_half_at: Option<usize>,
}

#[cold]
pub(crate) fn zero_padded(bytes: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    if let Some(start) = block.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    block
}

fn is_control(block: u8x64) -> u8x64 {
    block.simd_lt(u8x64::splat(0x20))
}

fn is_hex_digit(block: u8x64) -> u8x64 {
    let letters = block | u8x64::splat(0x20);
    let is_between =
        |bytes: u8x64, first: u8, count: u8| (bytes - u8x64::splat(first)).simd_lt(u8x64::splat(count));
    is_between(block, b'0', 10) | is_between(letters, b'a', 6)
}

/// Returns the lowest bit that is set and all bits below it; all bits if none is set.
fn up_to_first(mask: u64) -> u64 {
    mask ^ mask.wrapping_sub(1)
}

/// Returns which bytes of a block are escaped: those after an odd number of backslashes. `carry` is 1 if the
/// last byte of the block before escapes the first byte of this one, and is set for the next block.
///
/// A run of backslashes escapes every second byte, counted from its start. Every second bit is set in `ODD`;
/// subtracting the start of each run from the bits after it flips the bits of the run in a single carry. The
/// method is that of simdjson.
fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    let starts = backslashes & !*carry;
    let alternating = ((starts << 1) | ODD).wrapping_sub(starts) ^ ODD;
    let escaped = alternating ^ (backslashes | *carry);
    *carry = (alternating & backslashes) >> 63;
    escaped
}

/// Returns what follows a number.
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

/// Returns what follows one or more digits.
fn skip_digits(digits: &[u8]) -> Option<&[u8]> {
    let mut rest = digits;
    while let [b'0'..=b'9', after @ ..] = rest {
        rest = after;
    }
    (rest.len() < digits.len()).then_some(rest)
}
