//! Makes text fit to be shown to a person. Pure.
//!
//! Text that others wrote, such as record ids, names of members, keys, file names, and messages of services,
//! may be of any length and hold any character. Some characters clear a terminal or set its title, some
//! reverse the direction of what follows, and some cannot be seen. All such text passes through here before
//! it is shown. It is truncated, and a character without a visible form is written as its escape, such as
//! `\u{1b}`.

use std::fmt::{self, Display, Write};

/// The largest number of characters shown of a name within a sentence, such as a record id.
pub const NAME_CHARS: usize = 64;

/// The largest number of characters shown of a path, a key, or a message. The longest path on Linux fits, and
/// so does every key of S3.
pub const LINE_CHARS: usize = 4_096;

/// Text whose [`Display`] is fit for a person. Only as much of the text is read as is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<T> {
    text: T,
    max_chars: usize,
    kept: Kept,
}

/// Which characters without a visible form are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    None,
    Newlines,
    All,
}

/// Shows a name within a sentence: at most [`NAME_CHARS`] characters, and `…` if there are more.
///
/// ```
/// # use bedrock_vpc_batch::base::text;
/// assert_eq!(text::name("Größe \u{1b}[2J").to_string(), r"Größe \u{1b}[2J");
/// ```
pub const fn name<T: Display>(text: T) -> Shown<T> {
    Shown { text, max_chars: NAME_CHARS, kept: Kept::None }
}

/// Shows a path, a key or a message on one line: at most [`LINE_CHARS`] characters, and `…` if there are
/// more.
pub const fn line<T: Display>(text: T) -> Shown<T> {
    Shown { text, max_chars: LINE_CHARS, kept: Kept::None }
}

/// Shows all of a text that may have several lines. Its parts should have been truncated before.
pub const fn lines<T: Display>(text: T) -> Shown<T> {
    Shown { text, max_chars: usize::MAX, kept: Kept::Newlines }
}

/// Truncates a path, a key or a message for a string of JSON, where [`escape_json`] will escape it: at most
/// [`LINE_CHARS`] characters, and `…` if there are more.
pub const fn truncated<T: Display>(text: T) -> Shown<T> {
    Shown { text, max_chars: LINE_CHARS, kept: Kept::All }
}

/// Ends what someone else says as a sentence, so that another one can follow.
///
/// ```
/// # use bedrock_vpc_batch::base::text::sentence;
/// assert_eq!(sentence("no access"), "no access.");
/// assert_eq!(sentence("Try again later."), "Try again later.");
/// ```
#[must_use]
pub fn sentence(said: &str) -> String {
    let said = said.trim_end();
    let stop = if said.ends_with(['.', '!', '?', '…', ':']) { "" } else { "." };
    format!("{said}{stop}")
}

/// Escapes the characters in a JSON text that have no visible form. The result is JSON that means the same.
#[must_use]
pub fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_visible(c, false) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaping = Escaping {
            out: f,
            chars_left: self.max_chars,
            kept: self.kept,
            is_first: true,
            is_truncated: false,
        };
        let written = write!(escaping, "{}", self.text);
        if escaping.is_truncated { f.write_char('…') } else { written }
    }
}

struct Escaping<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    chars_left: usize,
    kept: Kept,
    is_first: bool,
    is_truncated: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.chars_left == 0 {
                self.is_truncated = true;
                // An error ends the writing: there may be gigabytes left.
                return Err(fmt::Error);
            }
            self.chars_left -= 1;
            let is_kept = match self.kept {
                Kept::None => false,
                Kept::Newlines => c == '\n',
                Kept::All => true,
            };
            if is_kept || is_visible(c, self.is_first) {
                self.out.write_char(c)?;
            } else {
                write!(self.out, "{}", c.escape_default())?;
            }
            self.is_first = false;
        }
        Ok(())
    }
}

/// Whether a character can be seen and changes nothing around it. A combining mark, which many scripts have,
/// needs a character before it.
pub(super) fn is_visible(c: char, is_first: bool) -> bool {
    match c {
        ' '..='~' => true,
        _ if c.is_control() || is_blank(c) => false,
        _ if is_first => c.escape_debug().eq([c]),
        // Within a string, the standard library leaves combining marks as they are.
        _ => String::from_iter(['a', c]).escape_debug().eq(['a', c]),
    }
}

/// Whether a character counts as printable for the standard library although nothing is printed: the letters
/// and marks among Unicode's `Default_Ignorable_Code_Point`, and the blank Braille pattern.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn visible_text_is_left_as_it_is() {
        for text in [
            "",
            "in/a b+c.jsonl",
            r#"C:\drops "new" 'old' `x` {}"#,
            "Größe, café, cafe\u{301}",
            "идентификатор-識別子-🔑",
            "हिन्दी ภาษาไทย العربية עברית",
        ] {
            assert_eq!(name(text).to_string(), text);
            assert_eq!(line(text).to_string(), text);
            assert_eq!(lines(text).to_string(), text);
        }
    }

    #[test]
    fn everything_else_is_escaped() {
        let table = [
            ("\u{1b}[2J\u{1b}]0;title\u{7}", r"\u{1b}[2J\u{1b}]0;title\u{7}"),
            ("a\0b\tc\rd\u{8}", r"a\u{0}b\tc\rd\u{8}"),
            ("\u{7f}\u{80}\u{9b}2J", r"\u{7f}\u{80}\u{9b}2J"),
            ("gpj.\u{202e}lnosj", r"gpj.\u{202e}lnosj"),
            (
                "a\u{200b}\u{200f}\u{2060}\u{2066}\u{2069}\u{feff}b",
                r"a\u{200b}\u{200f}\u{2060}\u{2066}\u{2069}\u{feff}b",
            ),
            ("a\u{2028}\u{2029}\u{85}", r"a\u{2028}\u{2029}\u{85}"),
            ("a\u{a0}\u{ad}\u{3000}", r"a\u{a0}\u{ad}\u{3000}"),
            ("a\u{e0041}\u{e000}\u{fe0f}\u{3164}", r"a\u{e0041}\u{e000}\u{fe0f}\u{3164}"),
            ("\u{301}a", r"\u{301}a"),
        ];
        for (text, shown) in table {
            assert_eq!(name(text).to_string(), shown);
            assert_eq!(lines(text).to_string(), shown);
        }
        assert_eq!(name("a\nb").to_string(), r"a\nb");
        assert_eq!(lines("a\nb").to_string(), "a\nb");
    }

    #[test]
    fn no_character_passes_that_a_terminal_obeys() {
        for c in '\0'..=char::MAX {
            let shown = lines(format!("a{c}")).to_string();
            let is_escaped = shown != format!("a{c}");
            let must_be_escaped = (c.is_control() && c != '\n')
                || ('\u{200b}'..='\u{200f}').contains(&c)
                || ('\u{2028}'..='\u{202e}').contains(&c)
                || ('\u{2060}'..='\u{206f}').contains(&c)
                || ('\u{e0000}'..='\u{e0fff}').contains(&c)
                || c == '\u{feff}';
            assert!(is_escaped || !must_be_escaped, "{:?}", c.escape_unicode().to_string());
            assert_eq!(lines(&shown).to_string(), shown, "what is shown can be shown again");
        }
    }

    #[test]
    fn text_is_truncated_after_the_stated_number_of_characters() {
        for (most, show) in [
            (NAME_CHARS, (|text| name(text).to_string()) as fn(String) -> String),
            (LINE_CHARS, |text| line(text).to_string()),
        ] {
            assert_eq!(show("é".repeat(most)), "é".repeat(most));
            assert_eq!(show("é".repeat(most + 1)), "é".repeat(most) + "…");
            assert_eq!(show("\u{1b}".repeat(most + 1)), r"\u{1b}".repeat(most) + "…");
        }
    }

    #[test]
    fn json_with_escapes_means_the_same() {
        for text in
            ["", "plain é \u{301}", "\0\u{1b}[2J\n\"\\", "\u{7f}\u{9b}\u{202e}\u{feff}\u{e0041}\u{10ffff}"]
        {
            let json = serde_json::to_string(&[text]).unwrap();
            let escaped = escape_json(&json);
            assert_eq!(serde_json::from_str::<[String; 1]>(&escaped).unwrap(), [text]);
            assert_eq!(lines(&escaped).to_string(), escaped);
        }
        assert_eq!(escape_json("\"é\u{202e}\u{e0041}\""), r#""é\u202e\udb40\udc41""#);
    }

    /// Writes until it is stopped.
    struct Endless(Cell<usize>);

    impl Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                self.0.set(self.0.get() + 1);
                f.write_str("x")?;
            }
        }
    }

    #[test]
    fn no_more_is_read_than_is_shown() {
        let endless = Endless(Cell::new(0));
        assert_eq!(name(&endless).to_string(), "x".repeat(NAME_CHARS) + "…");
        assert_eq!(endless.0.get(), NAME_CHARS + 1);
    }
}
