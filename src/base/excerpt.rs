//! Shows a piece of a line that may be of any length and hold any bytes. Pure.

use crate::base::text;

/// The largest number of characters shown before the one that matters.
const MAX_BEFORE: usize = 28;

/// The largest number of characters shown from the one that matters on.
const MAX_AFTER: usize = 48;

/// The most bytes that a character takes in UTF-8.
const CHAR_BYTES: usize = 4;

/// The bytes of the longest escape.
const SURROGATE_PAIR_BYTES: usize = r"\ud83d\ude00".len();

/// The most characters that are taken together with the one before them: a text can have any number of marks in a row.
const MAX_JOINED: usize = 15;

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// A piece of a line, fit for a person: like other [text], but bytes that are not UTF-8 are written as `\xff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// At most 80 characters, with `…` where something was left out.
    pub text: String,
    /// The character of `text` that matters, counted from 0. It may be the one past the end.
    pub caret: usize,
}

impl Excerpt {
    /// Shows the part of a line around the byte at `offset`. Only as much of the line is read as is shown.
    ///
    /// ```
    /// # use bedrock_vpc_batch::base::excerpt::Excerpt;
    /// let excerpt = Excerpt::new(b"{\"a\":\tNaN}", 6);
    /// assert_eq!((excerpt.text.as_str(), excerpt.caret), (r#"{"a":\tNaN}"#, 7));
    /// ```
    #[must_use]
    pub fn new(line: &[u8], offset: usize) -> Self {
        let offset = offset.min(line.len());
        let start = start_before(line, offset);
        let end = line.len().min(offset + (MAX_AFTER + 1) * CHAR_BYTES);
        let shown = shown_pieces(line.get(start..end).unwrap_or_default());
        // The piece that the offset is in matters as a whole.
        let matters = if offset == line.len() {
            shown.len()
        } else {
            shown.partition_point(|piece| start + piece.at <= offset).saturating_sub(1)
        };
        let (before, after) = shown.split_at(matters);
        let (mut text, mut caret) = (String::new(), 0);
        let mut room = MAX_BEFORE;
        let kept = before.iter().rev().take_while(|piece| {
            let fits = piece.chars <= room;
            room = if fits { room - piece.chars } else { 0 };
            fits
        });
        let left_out = before.len() - kept.count();
        if start > 0 || left_out > 0 {
            text.push('…');
            caret += 1;
        }
        for piece in before.get(left_out..).unwrap_or_default() {
            caret += piece.chars;
            text.push_str(&piece.text);
        }
        let mut room = MAX_AFTER;
        for piece in after {
            if piece.chars > room {
                text.push('…');
                return Self { text, caret };
            }
            room -= piece.chars;
            text.push_str(&piece.text);
        }
        if end < line.len() {
            text.push('…');
        }
        Self { text, caret }
    }
}

/// Returns where to start reading, so that what is shown before the offset is read from the start of an escape or a
/// character.
fn start_before(line: &[u8], offset: usize) -> usize {
    let most = (MAX_BEFORE + 1) * CHAR_BYTES + SURROGATE_PAIR_BYTES;
    let Some(start) = offset.checked_sub(most).filter(|start| *start > 0) else { return 0 };
    // Of several backslashes in a row, every second one starts an escape.
    let backslashes = line.get(..start).unwrap_or_default().iter().rev();
    let start = start - backslashes.take_while(|byte| **byte == b'\\').count();
    let is_inside = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    start + line.iter().skip(start).take(CHAR_BYTES - 1).take_while(is_inside).count()
}

/// A piece of a line as it is shown.
struct Piece {
    /// Where it starts, in bytes.
    at: usize,
    text: String,
    /// How many characters the text has.
    chars: usize,
}

fn shown_pieces(bytes: &[u8]) -> Vec<Piece> {
    let mut shown: Vec<Piece> = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for piece in pieces(chunk.valid()) {
            let mut text = String::new();
            for c in piece.chars() {
                // A combining mark needs a character before it.
                let is_first = shown.is_empty() && text.is_empty();
                if text::is_visible(c, is_first) {
                    text.push(c);
                } else {
                    text.extend(c.escape_default());
                }
            }
            shown.push(Piece { at, chars: text.chars().count(), text });
            at += piece.len();
        }
        for byte in chunk.invalid() {
            let text = format!("\\x{byte:02x}");
            shown.push(Piece { at, chars: text.len(), text });
            at += 1;
        }
    }
    shown
}

/// Splits a text where it can be cut: not within an escape, be it one of JSON or one that [`text`] writes, and not within what
/// a person sees as one character.
///
/// ```
/// # use bedrock_vpc_batch::base::excerpt::pieces;
/// let text = "a\\n\\ud83d\\ude00\\u{1b}e\u{301}";
/// assert_eq!(pieces(text).collect::<Vec<_>>(), ["a", r"\n", r"\ud83d\ude00", r"\u{1b}", "e\u{301}"]);
/// ```
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut length = if rest.starts_with('\\') { escape_bytes(rest) } else { character_bytes(rest) };
        while !rest.is_char_boundary(length) {
            length += 1;
        }
        let (piece, after) = rest.split_at(length);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Returns how many bytes the escape has that a text starts with.
fn escape_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let are_digits =
        |digits: Option<&[u8]>| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    match bytes {
        [_, b'u', b'{', digits @ ..] => {
            let count = digits.iter().take(6).take_while(|digit| digit.is_ascii_hexdigit()).count();
            if digits.get(count) == Some(&b'}') { count + 4 } else { 2 }
        }
        [_, b'u', ..] if are_digits(bytes.get(2..6)) => {
            let half = |at: usize| bytes.get(at..at + 3).map(<[u8]>::to_ascii_lowercase);
            let is_high = matches!(half(1).as_deref(), Some([b'u', b'd', b'8'..=b'b']));
            let is_low = matches!(half(7).as_deref(), Some([b'u', b'd', b'c'..=b'f']));
            let is_pair = is_high && is_low && bytes.get(6) == Some(&b'\\') && are_digits(bytes.get(8..12));
            if is_pair { SURROGATE_PAIR_BYTES } else { 6 }
        }
        [_, b'x', ..] if are_digits(bytes.get(2..4)) => 4,
        _ => bytes.len().min(2),
    }
}

/// Returns how many bytes the character has that a text starts with, as a person sees it.
fn character_bytes(text: &str) -> usize {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return 0 };
    let (mut length, mut previous, mut is_half_flag) = (first.len_utf8(), first, is_flag_letter(first));
    for c in chars.take(MAX_JOINED) {
        let is_flag = is_half_flag && is_flag_letter(c);
        if !(is_flag || joins(c) || previous == ZERO_WIDTH_JOINER) {
            break;
        }
        length += c.len_utf8();
        (previous, is_half_flag) = (c, false);
    }
    length
}

/// Whether a character belongs to the one before it: combining marks, the joiner and the selectors of emoji, their colors of
/// skin, and the letters of the flags of regions.
fn joins(c: char) -> bool {
    let is_of_emoji = matches!(
        c,
        ZERO_WIDTH_JOINER | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}'
    );
    is_of_emoji || (text::is_visible(c, false) && !text::is_visible(c, true))
}

/// Whether two of these are a flag.
fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The excerpt with `|` before the character that matters.
    fn shown(line: impl AsRef<[u8]>, offset: usize) -> String {
        let Excerpt { text, caret } = Excerpt::new(line.as_ref(), offset);
        let before: String = text.chars().take(caret).collect();
        let after: String = text.chars().skip(caret).collect();
        format!("{before}|{after}")
    }

    #[test]
    fn short_lines_are_shown_whole() {
        let table: [(&[u8], usize, &str); 8] = [
            (b"", 0, "|"),
            (b"abc", 0, "|abc"),
            (b"abc", 3, "abc|"),
            (b"abc", 9, "abc|"),
            ("größe".as_bytes(), 4, "grö|ße"),
            (b"a\xffb\xe9", 1, r"a|\xffb\xe9"),
            (b"a\0b\x1b[2J", 2, r"a\u{0}|b\u{1b}[2J"),
            ("e\u{301}\u{202e}".as_bytes(), 3, "e\u{301}|\\u{202e}"),
        ];
        for (line, offset, expected) in table {
            assert_eq!(shown(line, offset), expected);
        }
    }

    #[test]
    fn caret_is_at_the_start_of_the_piece_that_matters() {
        for (line, offset, expected) in [
            ("a\u{301}b", 1, "|a\u{301}b"),
            (r"ab\u001bc", 5, r"ab|\u001bc"),
            (r"\ud83d\ude00", 6, r"|\ud83d\ude00"),
            (r"\\n", 2, r"\\|n"),
            ("🔑", 2, "|🔑"),
        ] {
            assert_eq!(shown(line, offset), expected);
        }
    }

    #[test]
    fn no_piece_is_cut_wherever_the_line_is() {
        let units = [
            r"\u001b",
            r"\n",
            r"\\",
            r"\ud83d\ude00",
            "e\u{301}",
            "👩\u{200d}👧",
            "👍\u{1f3fd}",
            "🇩🇪",
            "字",
            r"\u{1b}",
        ];
        for unit in units {
            for prefix in 0..4 {
                let line = "x".repeat(prefix) + &unit.repeat(200);
                // As it is shown, with what cannot be seen as an escape.
                let shown_unit = Excerpt::new(unit.as_bytes(), 0).text;
                for number in [0, 1, 50, 100, 199] {
                    let offset = prefix + number * unit.len();
                    let Excerpt { text, caret } = Excerpt::new(line.as_bytes(), offset);
                    let before: String = text.chars().take(caret).collect();
                    let after: String = text.chars().skip(caret).collect();
                    let before = before.trim_start_matches('…').trim_start_matches('x');
                    let after = after.trim_end_matches('…');
                    assert_eq!(before, shown_unit.repeat(before.len() / shown_unit.len()), "{text}");
                    assert_eq!(after, shown_unit.repeat(after.len() / shown_unit.len()), "{text}");
                    assert!(!after.is_empty() && text.chars().count() <= 80, "{text}");
                }
            }
        }
    }

    #[test]
    fn marks_without_end_are_cut_all_the_same() {
        let line = "a".to_owned() + &"\u{301}".repeat(1_000);
        assert_eq!(pieces(&line).next().map(|piece| piece.chars().count()), Some(1 + MAX_JOINED));
        assert!(Excerpt::new(line.as_bytes(), 1_000).text.chars().count() <= 80);
        for text in [
            "",
            r"\",
            r"\u",
            r"\u12",
            r"\ud83d",
            r"\ud83d\u",
            r"\u{",
            r"\u{zz}",
            r"\x",
            r"\xf",
            r"\é",
            "\u{301}",
        ] {
            assert_eq!(pieces(text).collect::<String>(), text);
        }
    }

    #[test]
    fn long_lines_are_shown_around_the_offset() {
        for c in ["x", "é", "字", "🔑"] {
            let line = c.repeat(1_000);
            let expected = format!("…{}|{}…", c.repeat(MAX_BEFORE), c.repeat(MAX_AFTER));
            assert_eq!(shown(&line, 500 * c.len()), expected);
            assert_eq!(shown(&line, 0), format!("|{}…", c.repeat(MAX_AFTER)));
            assert_eq!(shown(&line, line.len()), format!("…{}|", c.repeat(MAX_BEFORE)));
            let edge = c.repeat(MAX_BEFORE + MAX_AFTER);
            assert_eq!(
                shown(&edge, MAX_BEFORE * c.len()),
                format!("{}|{}", c.repeat(MAX_BEFORE), c.repeat(MAX_AFTER))
            );
        }
    }

    #[test]
    fn escapes_are_left_out_as_a_whole() {
        let line = "\u{10ffff}".repeat(100);
        let excerpt = Excerpt::new(line.as_bytes(), 50 * CHAR_BYTES);
        assert_eq!(excerpt.text, format!("…{}…", r"\u{10ffff}".repeat(2 + 4)));
        assert_eq!(excerpt.caret, 1 + 2 * 10);
        assert!(Excerpt::new(&[0xff; 1_000], 500).text.chars().count() <= 80);
    }
}
