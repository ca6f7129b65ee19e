//! Proves in one fast pass that UTF-8 text is JSON as RFC 8259 has it, without lone surrogates and without
//! more nesting than allowed. <https://www.rfc-editor.org/rfc/rfc8259>
//!
//! Every function takes where a part begins and returns where it ends. `None` means *not proven*: the caller
//! asks a slower reader, which also knows what to say about bad text. So a mistake here may let a bad line
//! pass, which `tests/proofs/strictness/` looks for, but never refuses a good one.
//!
//! Most bytes are those of strings. They are compared many at a time; each comparison gives a mask with one bit
//! a byte, the first byte lowest, and a few operations on masks find the escapes and the closing quote.

use std::ops::Range;

use wide::u8x64;

use crate::record::template::Scalars;

/// Lines. A `\n` ends whatever begins before it, as a control character.
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

    /// Skips what may stand between any two tokens. Usually nothing does, which one comparison shows.
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

    /// Any value that nests at most `depth` levels of objects and arrays. Where its strings, numbers and
    /// literals are is added to `scalars`.
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

    /// An object whose values nest at most `depth` levels.
    #[inline(never)]
    fn nested_object(self, at: usize, depth: usize, scalars: &mut Scalars) -> Option<usize> {
        self.object(at, |_, value| self.value(value, depth, scalars))
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

    /// An array whose values nest at most `depth` levels.
    #[inline(never)]
    fn array(self, at: usize, depth: usize, scalars: &mut Scalars) -> Option<usize> {
        let mut at = self.skip_space(self.token(at, b'[')?);
        if let Some(end) = self.token(at, b']') {
            return Some(end);
        }
        loop {
            at = self.skip_space(self.value(at, depth, scalars)?);
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// A string, a number of any size, `true`, `false` or `null`.
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

    /// A string without escapes, such as most keys and ids.
    #[inline]
    pub(crate) fn plain_string(self, at: usize) -> Option<usize> {
        let begin = self.token(at, b'"')?;
        let block = self.block(begin)?;
        let is = |byte: u8| block.simd_eq(u8x64::splat(byte));
        let special = (is(b'"') | is(b'\\') | is_control(block)).to_bitmask();
        if special == 0 {
            return self.long_plain_string(at);
        }
        let end = begin + special.trailing_zeros() as usize;
        (self.byte(end) == b'"').then_some(end + 1)
    }

    #[cold]
    fn long_plain_string(self, at: usize) -> Option<usize> {
        let end = self.string(at)?;
        (!self.0.get(at..end)?.contains(&b'\\')).then_some(end)
    }

    /// A string.
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
                // Halves of surrogate pairs begin with a D.
                let mut halves = units & ((is(b'd') | is(b'D')).to_bitmask() >> 1 | 1 << 63);
                while halves != 0 {
                    self.check_half(at + halves.trailing_zeros() as usize, &mut carry.low_half_at)?;
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

    /// 64 bytes; those behind the end of the text are control characters.
    #[inline(always)]
    pub(crate) fn block(self, at: usize) -> Option<u8x64> {
        let rest = self.0.get(at..)?;
        Some(u8x64::new(match rest.first_chunk() {
            Some(block) => *block,
            None => filled_up(rest),
        }))
    }

    /// The escape whose `u` is at `at`, and which has its four digits. The low half of a surrogate pair is
    /// allowed only where the high half has announced it.
    fn check_half(self, at: usize, low_half_at: &mut Option<usize>) -> Option<()> {
        match self.code_unit(at + 1)? {
            0xD800..=0xDBFF => {
                *low_half_at = Some(at + 6);
                let follows = self.0.get(at + 5..at + 7)? == b"\\u";
                (follows && matches!(self.code_unit(at + 7)?, 0xDC00..=0xDFFF)).then_some(())
            }
            0xDC00..=0xDFFF => (*low_half_at == Some(at)).then_some(()),
            _ => Some(()),
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

/// What a block of a string leaves to the next one.
#[derive(Debug, Default)]
struct Carry {
    /// 1 if its first byte is escaped.
    escaped: u64,
    /// Which of its first bytes are digits of an escape.
    digits: u64,
    /// Where the low half of a surrogate pair has been announced.
    low_half_at: Option<usize>,
}

#[cold]
pub(crate) fn filled_up(rest: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    if let Some(begin) = block.get_mut(..rest.len()) {
        begin.copy_from_slice(rest);
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

/// The lowest bit that is set and all below it; all bits if none is set.
fn up_to_first(mask: u64) -> u64 {
    mask ^ mask.wrapping_sub(1)
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
