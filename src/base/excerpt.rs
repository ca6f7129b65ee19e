//! Shows a piece of a line that may be of any length and hold any bytes. Pure.

use crate::base::text;

/// The largest number of characters shown before the one that matters.
const MAX_BEFORE: usize = 28;

/// The largest number of characters shown from the one that matters on.
const MAX_AFTER: usize = 48;

/// The most bytes that a character takes in UTF-8.
const CHAR_BYTES: usize = 4;

/// A piece of a line, fit for a person: like other [text], but bytes that are not UTF-8 are written as `\xff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// At most 80 characters, with `…` where something was left out.
    pub text: String,
    /// The character of `text` that matters, counted from 0. It may be the one past the end.
    pub caret: usize,
}

impl Excerpt {
    /// Shows the piece of a line around the byte at `offset`. Only as much of the line is read as is shown.
    ///
    /// ```
    /// # use bedrock_vpc_batch::base::excerpt::Excerpt;
    /// let excerpt = Excerpt::new(b"{\"a\":\tNaN}", 6);
    /// assert_eq!((excerpt.text.as_str(), excerpt.caret), (r#"{"a":\tNaN}"#, 7));
    /// ```
    #[must_use]
    pub fn new(line: &[u8], offset: usize) -> Self {
        let (before, after) = line.split_at(offset.min(line.len()));
        let (mut text, mut caret) = (String::new(), 0);
        let start = start_of_char(before, before.len().saturating_sub((MAX_BEFORE + 1) * CHAR_BYTES));
        let mut shown = shown_chars(before.get(start..).unwrap_or_default());
        let mut left_out = start > 0;
        let mut room = MAX_BEFORE;
        let kept = shown.iter().rev().take_while(|shown| {
            let length = shown.chars().count();
            let fits = length <= room;
            room = if fits { room - length } else { 0 };
            fits
        });
        let kept = kept.count();
        left_out |= kept < shown.len();
        if left_out {
            text.push('…');
            caret += 1;
        }
        for piece in shown.drain(shown.len() - kept..) {
            caret += piece.chars().count();
            text.push_str(&piece);
        }
        let end = after.len().min((MAX_AFTER + 1) * CHAR_BYTES);
        let mut room = MAX_AFTER;
        for piece in shown_chars(after.get(..end).unwrap_or_default()) {
            let length = piece.chars().count();
            if length > room {
                text.push('…');
                return Self { text, caret };
            }
            room -= length;
            text.push_str(&piece);
        }
        if end < after.len() {
            text.push('…');
        }
        Self { text, caret }
    }
}

/// Returns where the first whole character starts at or after `at`.
fn start_of_char(bytes: &[u8], at: usize) -> usize {
    if at == 0 {
        return 0;
    }
    let is_inside = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    at + bytes.iter().skip(at).take(CHAR_BYTES - 1).take_while(is_inside).count()
}

/// Returns each character as it is shown.
fn shown_chars(bytes: &[u8]) -> Vec<String> {
    let mut shown = Vec::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // A combining mark needs a character before it.
            let is_first = shown.is_empty();
            shown.push(if text::is_visible(c, is_first) {
                c.to_string()
            } else {
                c.escape_default().to_string()
            });
        }
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    shown
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
    fn mark_at_the_caret_does_not_move_onto_another_character() {
        assert_eq!(shown("a\u{301}b", 1), "a|\\u{301}b");
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
