//! Says in plain words why a line is not JSON, and where. Pure. <https://www.rfc-editor.org/rfc/rfc8259>
//!
//! Other readers decide whether a line is JSON. This one looks at lines that are not, for the mistakes that people and
//! their programs make, and points to the piece that has to change.

use std::fmt;

/// A mistake for which a line is not JSON. Shown as a clause that says what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFault {
    /// `NaN`, `Infinity`, or `-Infinity`: the word.
    NoNumber(&'static str),
    /// A literal of Python: the word, and that of JSON.
    PythonWord(&'static str, &'static str),
    /// Text without quotes where a value should be.
    UnquotedValue,
    /// Text without quotes where a name should be.
    UnquotedName,
    /// A text in single quotes.
    SingleQuotes,
    /// A text in typographic quotes.
    CurlyQuotes,
    /// A comma before a closing bracket.
    TrailingComma,
    /// A comma after the object.
    CommaAfterRecord,
    /// A second object after the first one.
    SecondRecord,
    /// Anything else after the object.
    AfterRecord,
    /// A comment.
    Comment,
    /// The line ends before the object does.
    CutOff,
    /// The line ends within a text.
    CutOffInText,
    /// A control character that is not escaped: the byte.
    ControlCharacter(u8),
    /// A number with a leading zero.
    LeadingZero,
    /// A number that only other languages have.
    OddNumber,
    /// A backslash before a character that needs none.
    UnknownEscape,
    /// No colon after a name.
    NoColon,
    /// Neither a comma nor a closing bracket after a value.
    NoComma,
    /// A bracket that does not match the one that is open.
    WrongBracket,
    /// No value where there should be one.
    NoValue,
    /// The line does not start like an object or a list.
    Text,
    /// None of these.
    Other,
}

impl JsonFault {
    /// One of each kind, in the order of the documentation.
    pub const ALL: [Self; 23] = [
        Self::CutOff,
        Self::CutOffInText,
        Self::SecondRecord,
        Self::CommaAfterRecord,
        Self::AfterRecord,
        Self::Text,
        Self::Comment,
        Self::TrailingComma,
        Self::NoComma,
        Self::NoColon,
        Self::NoValue,
        Self::WrongBracket,
        Self::SingleQuotes,
        Self::CurlyQuotes,
        Self::UnquotedName,
        Self::UnquotedValue,
        Self::NoNumber("NaN"),
        Self::PythonWord("True", "true"),
        Self::LeadingZero,
        Self::OddNumber,
        Self::UnknownEscape,
        Self::ControlCharacter(b'\t'),
        Self::Other,
    ];
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNumber(word) => return write!(f, "JSON has no {word}"),
            Self::PythonWord(word, right) => return write!(f, "{word} is Python; JSON has {right}"),
            Self::UnquotedValue => "a text without quotes",
            Self::UnquotedName => "a name without quotes",
            Self::SingleQuotes => "JSON has no single quotes",
            Self::CurlyQuotes => "a typographic quote; JSON has only straight ones",
            Self::TrailingComma => "a comma with nothing after it",
            Self::CommaAfterRecord => "a comma after the object",
            Self::SecondRecord => "a second object on the same line",
            Self::AfterRecord => "something after the object",
            Self::Comment => "JSON has no comments",
            Self::CutOff => "the line ends before the object does",
            Self::CutOffInText => "the line ends within a text",
            Self::ControlCharacter(b'\t') => "a tab that is not escaped",
            Self::ControlCharacter(b'\r') => "a carriage return that is not escaped",
            Self::ControlCharacter(_) => "a control character that is not escaped",
            Self::LeadingZero => "a number with a leading zero",
            Self::OddNumber => "JSON does not write numbers like this",
            Self::UnknownEscape => "JSON has no such escape",
            Self::NoColon => "a colon is missing before this",
            Self::NoComma => "a comma or a closing bracket is missing before this",
            Self::WrongBracket => "this bracket does not match the one that is open",
            Self::NoValue => "a value is missing before this",
            Self::Text => "this is not a JSON object",
            Self::Other => "something here is not JSON",
        })
    }
}

/// Finds the first mistake in a line that is not JSON, and the offset of the piece that is wrong. `None` if the line is JSON.
/// It takes memory for each level that is open.
pub(crate) fn first_fault(line: &str) -> Option<(usize, JsonFault)> {
    let mut walk = Walk { bytes: line.as_bytes(), text: line, at: 0, open: Vec::new(), comma: 0 };
    walk.skip_space();
    let start = walk.at;
    let fault = walk.document().err()?;
    let is_list_or_object = matches!(walk.bytes.get(start), Some(b'{' | b'['));
    let is_about_a_part = is_list_or_object || fault.1 == JsonFault::Comment;
    Some(if is_about_a_part { fault } else { (start, JsonFault::Text) })
}

/// Where a fault is, and what it is.
type Fault = (usize, JsonFault);

struct Walk<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    /// The brackets that are open.
    open: Vec<u8>,
    /// Where the last comma is.
    comma: usize,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of a list that has none.
    FirstValue,
    Name,
    /// A name, or the end of an object that has none.
    FirstName,
    Colon,
    CommaOrEnd,
    Nothing,
}

impl<'a> Walk<'a> {
    fn document(&mut self) -> Result<(), Fault> {
        let mut next = Next::Value;
        loop {
            self.skip_space();
            let at = self.at;
            let Some(byte) = self.byte() else {
                return if next == Next::Nothing { Ok(()) } else { Err(self.cut_off(JsonFault::CutOff)) };
            };
            if self.is_comment() {
                return Err((at, JsonFault::Comment));
            }
            next = match (next, byte) {
                (Next::Colon, b':') => {
                    self.at += 1;
                    Next::Value
                }
                (Next::Colon, _) => return Err((at, JsonFault::NoColon)),
                (Next::Name | Next::FirstName, b'"') => {
                    self.string()?;
                    Next::Colon
                }
                (Next::Value | Next::FirstValue, _) if !b",:]}".contains(&byte) => self.value(byte)?,
                (Next::CommaOrEnd, b',') => {
                    self.comma = at;
                    self.at += 1;
                    if self.open.last() == Some(&b'{') { Next::Name } else { Next::Value }
                }
                (Next::CommaOrEnd | Next::FirstName | Next::FirstValue, b'}' | b']') => self.close(byte)?,
                (Next::CommaOrEnd, _) => return Err((at, JsonFault::NoComma)),
                (Next::Name | Next::Value, b'}' | b']') if self.follows_comma() => {
                    return Err((self.comma, JsonFault::TrailingComma));
                }
                (Next::Value | Next::FirstValue, _) => return Err((at, JsonFault::NoValue)),
                (Next::Name | Next::FirstName, _) => return Err((at, self.no_name(byte))),
                (Next::Nothing, _) => return Err((at, self.after_the_end(byte))),
            };
        }
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.byte().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    /// The fault of a line that ends too early: it is after what the line has.
    fn cut_off(&self, fault: JsonFault) -> Fault {
        (self.text.trim_end_matches([' ', '\t', '\r', '\n']).len(), fault)
    }

    /// Whether only white space is between the last comma and here.
    fn follows_comma(&self) -> bool {
        let between = self.bytes.get(self.comma..self.at).and_then(|bytes| bytes.strip_prefix(b","));
        between.is_some_and(|bytes| bytes.trim_ascii().is_empty())
    }

    fn is_comment(&self) -> bool {
        [b"//".as_slice(), b"/*", b"#"].into_iter().any(|start| self.rest().starts_with(start))
    }

    /// Opens an object or a list, or reads a value that has no parts.
    fn value(&mut self, byte: u8) -> Result<Next, Fault> {
        match byte {
            b'{' | b'[' => {
                self.open.push(byte);
                self.at += 1;
                return Ok(if byte == b'{' { Next::FirstName } else { Next::FirstValue });
            }
            b'"' => self.string()?,
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        }
        Ok(if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd })
    }

    fn close(&mut self, byte: u8) -> Result<Next, Fault> {
        let opening = if byte == b'}' { b'{' } else { b'[' };
        if self.open.last() != Some(&opening) {
            return Err((self.at, JsonFault::WrongBracket));
        }
        self.open.pop();
        self.at += 1;
        Ok(if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd })
    }

    /// Skips a string.
    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            let at = self.at;
            match self.rest() {
                [] | [b'\\'] => return Err(self.cut_off(JsonFault::CutOffInText)),
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [b'\\', b'u', digits @ ..] => {
                    let digits = digits.get(..4).unwrap_or(digits);
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err((at, JsonFault::UnknownEscape));
                    }
                    self.at += 2 + digits.len();
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [b'\\', ..] => return Err((at, JsonFault::UnknownEscape)),
                [byte @ 0..=0x1f, ..] => return Err((at, JsonFault::ControlCharacter(*byte))),
                _ => self.at += 1,
            }
        }
    }

    /// Skips a number.
    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let number = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        let is_at_end = self.byte().is_none();
        let unsigned = number.strip_prefix(b"-").unwrap_or(number);
        if let Some(word) = no_number(unsigned) {
            return Err((start, JsonFault::NoNumber(word)));
        }
        let (whole, rest) = split_digits(unsigned);
        if whole.len() > 1 && whole.starts_with(b"0") {
            return Err((start, JsonFault::LeadingZero));
        }
        let (has_fraction, fraction, rest) = match rest {
            [b'.', rest @ ..] => {
                let (digits, rest) = split_digits(rest);
                (true, digits, rest)
            }
            _ => (false, rest.get(..0).unwrap_or_default(), rest),
        };
        let (has_exponent, exponent, rest) = match rest {
            [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => {
                let (digits, rest) = split_digits(rest);
                (true, digits, rest)
            }
            _ => (false, rest.get(..0).unwrap_or_default(), rest),
        };
        let is_complete =
            !whole.is_empty() && has_fraction != fraction.is_empty() && has_exponent != exponent.is_empty();
        match rest.is_empty() {
            true if is_complete => Ok(()),
            true if is_at_end && !matches!(number, [b'+' | b'.', ..]) => Err(self.cut_off(JsonFault::CutOff)),
            _ => Err((start, JsonFault::OddNumber)),
        }
    }

    /// Skips `true`, `false`, or `null`, and says what anything else is.
    fn word(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let word = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        let is_at_end = self.byte().is_none();
        let literals: [&[u8]; 3] = [b"true", b"false", b"null"];
        if literals.contains(&word) {
            return Ok(());
        }
        if is_at_end && !word.is_empty() && literals.into_iter().any(|literal| literal.starts_with(word)) {
            return Err(self.cut_off(JsonFault::CutOff));
        }
        let fault = match word {
            b"True" => JsonFault::PythonWord("True", "true"),
            b"False" => JsonFault::PythonWord("False", "false"),
            b"None" => JsonFault::PythonWord("None", "null"),
            _ => no_number(word).map_or_else(
                || quote(self.text, start).unwrap_or(JsonFault::UnquotedValue),
                JsonFault::NoNumber,
            ),
        };
        Err((start, fault))
    }

    /// What is there in place of a name.
    fn no_name(&self, byte: u8) -> JsonFault {
        match (quote(self.text, self.at), byte) {
            (Some(quote), _) => quote,
            (None, b']') => JsonFault::WrongBracket,
            (None, b',' | b':' | b'}') => JsonFault::NoValue,
            (None, _) => JsonFault::UnquotedName,
        }
    }

    /// What there is after the end of the object.
    fn after_the_end(&self, byte: u8) -> JsonFault {
        let after_comma = self.rest().strip_prefix(b",").map(<[u8]>::trim_ascii);
        match (byte, after_comma) {
            (b',', Some(b"")) => JsonFault::CommaAfterRecord,
            (b',', Some([b'{', ..])) | (b'{', _) => JsonFault::SecondRecord,
            _ => JsonFault::AfterRecord,
        }
    }
}

/// Returns the word that stands for something that is not a number, whatever its letter case is.
fn no_number(word: &[u8]) -> Option<&'static str> {
    let words = [("NaN", "NaN"), ("Infinity", "Infinity"), ("inf", "Infinity")];
    words.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes())).map(|(_, word)| word)
}

/// Returns which quote of another kind is at an offset.
fn quote(text: &str, at: usize) -> Option<JsonFault> {
    match text.get(at..)?.chars().next()? {
        '\'' | '`' => Some(JsonFault::SingleQuotes),
        '\u{2018}'..='\u{201f}' | '«' | '»' => Some(JsonFault::CurlyQuotes),
        _ => None,
    }
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_where_they_are() {
        // The `|` is before the piece that is wrong.
        let table = [
            (r#"{"a":|NaN}"#, JsonFault::NoNumber("NaN")),
            (r#"{"a":[1,|-Infinity]}"#, JsonFault::NoNumber("Infinity")),
            (r#"{"a":|nan}"#, JsonFault::NoNumber("NaN")),
            (r#"{"a":|True}"#, JsonFault::PythonWord("True", "true")),
            (r#"{"a":|None,"b":1}"#, JsonFault::PythonWord("None", "null")),
            (r#"{"a":|undefined}"#, JsonFault::UnquotedValue),
            (r#"{"a":|yes}"#, JsonFault::UnquotedValue),
            (r#"{|a:1}"#, JsonFault::UnquotedName),
            (r#"{"a":1, |b:1}"#, JsonFault::UnquotedName),
            (r#"{|1:2}"#, JsonFault::UnquotedName),
            ("{|'a':1}", JsonFault::SingleQuotes),
            (r#"{"a":|'b'}"#, JsonFault::SingleQuotes),
            ("{|“a”:1}", JsonFault::CurlyQuotes),
            (r#"{"a":|‘b’}"#, JsonFault::CurlyQuotes),
            (r#"{"a":1|,}"#, JsonFault::TrailingComma),
            (r#"{"a":[1|, ]}"#, JsonFault::TrailingComma),
            (r#"{"a":[1,|,2]}"#, JsonFault::NoValue),
            (r#"{"a":1,|,"b":2}"#, JsonFault::NoValue),
            (r#"{|,"a":1}"#, JsonFault::NoValue),
            (r#"{"a":|}"#, JsonFault::NoValue),
            (r#"{"a":[|,1]}"#, JsonFault::NoValue),
            (r#"{"a":|:1}"#, JsonFault::NoValue),
            ("{\"a\":1}|, \r", JsonFault::CommaAfterRecord),
            (r#"{"a":1}|{"a":2}"#, JsonFault::SecondRecord),
            (r#"{"a":1}|, {"a":2}"#, JsonFault::SecondRecord),
            (r#"{"a":1} |x"#, JsonFault::AfterRecord),
            (r#"{"a":1}|}"#, JsonFault::AfterRecord),
            (r#"{"a":1}|,2"#, JsonFault::AfterRecord),
            (r#"{"a":1} |// b"#, JsonFault::Comment),
            (r#"{"a":|/* b */ 1}"#, JsonFault::Comment),
            ("  |# b", JsonFault::Comment),
            ("|// b", JsonFault::Comment),
            (r#"{"a":1|"#, JsonFault::CutOff),
            ("{\"a\"| \r", JsonFault::CutOff),
            (r#"{"a":tr|"#, JsonFault::CutOff),
            (r#"{"a":-|"#, JsonFault::CutOff),
            (r#"{"a":1.|"#, JsonFault::CutOff),
            (r#"{"a":1e+|"#, JsonFault::CutOff),
            (r#"{"a":"b|"#, JsonFault::CutOffInText),
            (r#"{"a":"b\|"#, JsonFault::CutOffInText),
            (r#"{"a":"b\u00|"#, JsonFault::CutOffInText),
            (r#"{"a|"#, JsonFault::CutOffInText),
            ("{\"a\":\"|\t\"}", JsonFault::ControlCharacter(b'\t')),
            ("{\"a\":\"b|\0\0", JsonFault::ControlCharacter(0)),
            (r#"{"a":|007}"#, JsonFault::LeadingZero),
            (r#"{"a":|-01.5}"#, JsonFault::LeadingZero),
            (r#"{"a":|00"#, JsonFault::LeadingZero),
            (r#"{"a":|.5}"#, JsonFault::OddNumber),
            (r#"{"a":|+1}"#, JsonFault::OddNumber),
            (r#"{"a":|1.}"#, JsonFault::OddNumber),
            (r#"{"a":|1.e5}"#, JsonFault::OddNumber),
            (r#"{"a":|1e}"#, JsonFault::OddNumber),
            (r#"{"a":|1e5.5}"#, JsonFault::OddNumber),
            (r#"{"a":|0x10}"#, JsonFault::OddNumber),
            (r#"{"a":|1_000}"#, JsonFault::OddNumber),
            (r#"{"a":|--1}"#, JsonFault::OddNumber),
            (r#"{"a":|2026-11-27}"#, JsonFault::OddNumber),
            (r#"{"a":"C:|\x"}"#, JsonFault::UnknownEscape),
            (r#"{"a":"|\u12G4"}"#, JsonFault::UnknownEscape),
            (r#"{"a"|=1}"#, JsonFault::NoColon),
            (r#"{"a"|,"b":1}"#, JsonFault::NoColon),
            (r#"{"a":"he said "|hi" to me"}"#, JsonFault::NoComma),
            (r#"{"a":1 |"b":2}"#, JsonFault::NoComma),
            (r#"{"a":1|:2}"#, JsonFault::NoComma),
            (r#"{"a":[1|}"#, JsonFault::WrongBracket),
            (r#"{"a":1|]"#, JsonFault::WrongBracket),
            (r#"{|]}"#, JsonFault::WrongBracket),
            ("|hello, world", JsonFault::Text),
            (" |12 apples", JsonFault::Text),
            ("|2,hello", JsonFault::Text),
            (r#"|"a" b"#, JsonFault::Text),
            ("|'a'", JsonFault::Text),
            ("|}", JsonFault::Text),
            ("|\u{c}{}", JsonFault::Text),
            ("|NaN", JsonFault::Text),
        ];
        for (marked, fault) in table {
            let at = marked.find('|').unwrap();
            let line = marked.replacen('|', "", 1);
            assert_eq!(first_fault(&line), Some((at, fault)), "{marked}");
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(&line).is_err(), "{marked}");
        }
    }

    #[test]
    fn every_cause_says_something_else() {
        let said: std::collections::BTreeSet<String> =
            JsonFault::ALL.iter().map(JsonFault::to_string).collect();
        assert_eq!(said.len(), JsonFault::ALL.len());
        for text in said {
            assert!(!text.ends_with('.') && !text.contains("pars"), "{text}");
        }
    }
}
