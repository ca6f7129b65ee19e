//! Decodes the escapes in JSON strings, and finds halves of surrogate pairs. Pure.
//! <https://www.rfc-editor.org/rfc/rfc8259#section-7>
//!
//! A character beyond U+FFFF is escaped as a surrogate pair: `\ud83d\ude00` is U+1F600. Half of a pair is not
//! a character, though the grammar of JSON allows it.

use std::borrow::Cow;

/// The bytes of an escape such as `\u00e9`.
pub(super) const UNIT_BYTES: usize = r"\u0000".len();

/// A `\uXXXX` escape that is half of a surrogate pair, without its other half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoneSurrogate {
    /// Where its backslash is.
    pub(super) offset: usize,
}

/// Returns the UTF-16 code unit of the `\uXXXX` escape at `at`; `None` if there is anything else.
pub(super) fn code_unit(bytes: &[u8], at: usize) -> Option<u32> {
    if bytes.get(at..at + 2)? == br"\u" { four_hex_digits(bytes, at + 2) } else { None }
}

/// Returns the number that four hexadecimal digits at `at` are; `None` if there is anything else.
pub(super) fn four_hex_digits(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// Whether a code unit is the first half of a surrogate pair.
pub(super) fn is_high_half(unit: u32) -> bool {
    matches!(unit, 0xD800..=0xDBFF)
}

/// Whether a code unit is the second half of a surrogate pair.
pub(super) fn is_low_half(unit: u32) -> bool {
    matches!(unit, 0xDC00..=0xDFFF)
}

/// Returns where the closing quote of a string is, given an offset after its opening quote. For a string that
/// is not closed, that is the end of the text.
pub(super) fn end_of_string(bytes: &[u8], mut at: usize) -> Result<usize, LoneSurrogate> {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return Ok(at);
        }
        at += match code_unit(bytes, at) {
            Some(unit)
                if is_high_half(unit) && code_unit(bytes, at + UNIT_BYTES).is_some_and(is_low_half) =>
            {
                2 * UNIT_BYTES
            }
            Some(unit) if is_high_half(unit) || is_low_half(unit) => {
                return Err(LoneSurrogate { offset: at });
            }
            // Past the backslash and the character that it escapes, which may be a quote.
            _ => 2,
        };
    }
    Ok(bytes.len())
}

/// Decodes a JSON string, given with its quotes and without halves of surrogate pairs; `None` if it is not a
/// string. Takes no more memory than the string itself.
pub(super) fn unescape(json: &str) -> Option<Cow<'_, str>> {
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.contains('\\') {
        return Some(rest.into());
    }
    let mut text = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (c, length) = match escape.as_bytes().first()? {
            b'u' => {
                let from_backslash = rest.as_bytes().get(plain.len()..)?;
                let first = code_unit(from_backslash, 0)?;
                let second = code_unit(from_backslash, UNIT_BYTES).unwrap_or_default();
                let units = [first, second].into_iter().map_while(|unit| u16::try_from(unit).ok());
                let c = char::decode_utf16(units).next()?.ok()?;
                (c, UNIT_BYTES * c.len_utf16() - 1)
            }
            b'b' => ('\u{8}', 1),
            b'f' => ('\u{c}', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b't' => ('\t', 1),
            other => (char::from(*other), 1),
        };
        text.push(c);
        rest = escape.get(length..)?;
    }
    text.push_str(rest);
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_mean_what_serde_json_says() {
        for json in [
            r#""""#,
            r#""plain é""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""a\u00e9b\u0000\uFFFF""#,
            r#""\ud83d\ude00\uD83D\uDE00x""#,
            r#""\\ud83d""#,
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            assert_eq!(unescape(json).as_deref(), Some(expected.as_str()), "{json}");
            assert_eq!(end_of_string(json.as_bytes(), 1), Ok(json.len() - 1), "{json}");
        }
        for json in ["", "\"", "17", r#""\u12"#, r#""\u12G4""#, r#""\u+123""#] {
            assert_eq!(unescape(json), None, "{json}");
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_found_where_it_is() {
        let table = [
            (r#""\ud800""#, 1),
            (r#""ab\uDC00""#, 3),
            (r#""\ud800\ud800""#, 1),
            (r#""\ud83d\ude00\ude00""#, 13),
            (r#""\ud800x\udc00""#, 1),
            (r#""\ud83d\u0041""#, 1),
            (r#""\\\ud83d""#, 3),
        ];
        for (json, offset) in table {
            assert_eq!(end_of_string(json.as_bytes(), 1), Err(LoneSurrogate { offset }), "{json}");
        }
        assert_eq!(end_of_string(br#""not closed"#, 1), Ok(11));
    }
}
