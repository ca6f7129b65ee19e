//! Decides whether a line of a drop is a record, and says what is wrong with it and where. Pure.
//!
//! This is the last of the three readers of input (see the [module](crate::record)), and the only one that
//! refuses a line.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::text;
use crate::record::escape::{UNIT_BYTES, end_of_string, unescape};
use crate::record::parsed::InputRecord;
use crate::record::problem::{MAX_DEPTH, RecordError, RecordProblem};
use crate::record::repair::Repair;
use crate::record::scan::Scanner;

/// Judges any line, given without its `\n`. Allocates memory only for an id with escapes, for a message, and for a repair.
/// `is_repairing` says whether an integer id and other members are accepted.
#[cold]
pub(super) fn judge_input(line: &[u8], is_repairing: bool) -> Result<InputRecord<'_>, RecordError> {
    let fail = |offset, what| Err(RecordError { offset, what });
    let text = match simdutf8::compat::from_utf8(line) {
        Ok(text) => text,
        Err(error) => return fail(error.valid_up_to(), RecordProblem::NotUtf8),
    };
    if text.starts_with('\u{feff}') {
        return fail(0, RecordProblem::ByteOrderMark);
    }
    let object_start = Scanner::new(text).skip_space(0);
    let Some(value) = text.get(object_start..).filter(|value| !value.is_empty()) else {
        return fail(0, RecordProblem::Blank);
    };
    // `serde_json` gets the text only up to where the line breaks a rule that it does not check. If it finds
    // a mistake before that, the mistake is the problem; if it reaches the end, the broken rule is.
    let broken_rule = first_unchecked(text);
    let json = broken_rule.as_ref().and_then(|error| text.get(..error.offset)).unwrap_or(text);
    let not_json = |error: &serde_json::Error| match &broken_rule {
        Some(broken_rule) if error.is_eof() => broken_rule.clone(),
        _ => RecordError { offset: offset_of(error), what: RecordProblem::NotJson(message_of(error)) },
    };
    if !value.starts_with('{') {
        // A line such as `12 apples` is better called "not JSON" than "a number".
        return match serde_json::from_str::<&RawValue>(json) {
            Err(error) if broken_rule.is_none() || !error.is_eof() => Err(not_json(&error)),
            _ => fail(object_start, RecordProblem::NotAnObject(kind_of(value))),
        };
    }
    let mut problem = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let reader = MemberReader { text, is_repairing, problem: &mut problem };
    let read = deserializer.deserialize_map(reader);
    let members = match read.and_then(|members| deserializer.end().map(|()| members)) {
        Ok(members) => members,
        Err(error) => return Err(problem.unwrap_or_else(|| not_json(&error))),
    };
    if let Some(broken_rule) = broken_rule {
        return Err(broken_rule);
    }
    let Some((input_key, model_input)) = members.model_input.map(|(key, value)| (key, value.get())) else {
        // It may be there with a misspelled name, unless nothing is there that a record has.
        let misspelled = members.first_unknown.filter(|_| members.record_id.is_some());
        let missing = RecordError { offset: object_start, what: RecordProblem::NoModelInput };
        return Err(misspelled.unwrap_or(missing));
    };
    if !model_input.starts_with('{') {
        let what = RecordProblem::ModelInputNotObject(kind_of(model_input));
        return fail(offset_in(text, model_input), what);
    }
    let Some((id_key, id)) = members.record_id.map(|(key, value)| (key, value.get())) else {
        return match members.first_unknown {
            // Its id may be in a member with a misspelled name.
            Some(unknown) => Err(unknown),
            None => Ok(InputRecord { record_id: None, object_start, repair: None }),
        };
    };
    let (record_id, is_quoted) = match unescape(id) {
        Some(decoded) if decoded.is_empty() => {
            return fail(offset_in(text, id), RecordProblem::RecordIdEmpty);
        }
        Some(decoded) => (decoded, true),
        None if is_repairing && is_integer(id) => (Cow::Borrowed(id), false),
        None => return fail(offset_in(text, id), RecordProblem::RecordIdNotString(kind_of(id))),
    };
    let integer_id = (!is_quoted).then(|| range_in(text, id));
    let repair = if members.first_unknown.is_some() {
        let mut kept = [(id_key, id), (input_key, model_input)]
            .map(|(key, value)| offset_in(text, key)..range_in(text, value).end);
        kept.sort_by_key(|member| member.start);
        Some(Repair::keeps(kept, integer_id.as_ref()))
    } else {
        integer_id.map(|id| Repair::quotes(id, line.len()))
    };
    Ok(InputRecord { record_id: Some(record_id), object_start, repair: repair.map(Box::new) })
}

/// Whether a JSON number is an integer without a fraction and an exponent.
pub(crate) fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The members of a record, as they are written in the line: each is its key and its value.
#[derive(Default)]
struct Members<'a> {
    record_id: Option<(&'a str, &'a RawValue)>,
    model_input: Option<(&'a str, &'a RawValue)>,
    /// The first other member, if such members are left out.
    first_unknown: Option<RecordError>,
}

/// Reads the members of a record. Derived code would copy the name of an unknown member, which may be as long
/// as the line, into an error.
struct MemberReader<'a, 'p> {
    text: &'a str,
    /// Whether other members are left out.
    is_repairing: bool,
    /// Receives what is wrong with a member.
    problem: &'p mut Option<RecordError>,
}

impl MemberReader<'_, '_> {
    /// Makes the error of a member, whose name is `key` as it is written in the line.
    fn error_at(&self, key: &str, what: RecordProblem) -> RecordError {
        RecordError { offset: offset_in(self.text, key) + key.len() - 1, what }
    }

    /// Stops at a member.
    fn refuse<E: serde::de::Error>(self, error: RecordError) -> E {
        *self.problem = Some(error);
        E::custom("a member")
    }
}

impl<'a> Visitor<'a> for MemberReader<'a, '_> {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
        let mut members = Members::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = key.get();
            let (member, name) = match member_name(key).as_deref() {
                Some("recordId") => (&mut members.record_id, "recordId"),
                Some("modelInput") => (&mut members.model_input, "modelInput"),
                _ => {
                    let written = key.get(1..key.len() - 1).unwrap_or_default();
                    let unknown = RecordProblem::UnknownMember(text::name(written).to_string());
                    let unknown = self.error_at(key, unknown);
                    if !self.is_repairing {
                        return Err(self.refuse(unknown));
                    }
                    members.first_unknown.get_or_insert(unknown);
                    map.next_value::<&RawValue>()?;
                    continue;
                }
            };
            if member.is_some() {
                let error = self.error_at(key, RecordProblem::RepeatedMember(name));
                return Err(self.refuse(error));
            }
            *member = Some((key, map.next_value()?));
        }
        Ok(members)
    }
}

/// Decodes a key; `None` if it is longer than any known name can be, even with every character escaped.
fn member_name(key: &str) -> Option<Cow<'_, str>> {
    const MAX_BYTES: usize = "\"\"".len() + "modelInput".len() * UNIT_BYTES;
    if key.len() > MAX_BYTES { None } else { unescape(key) }
}

/// Finds the first thing that is wrong with a line but that `serde_json` does not check in values that it
/// skips: half of a surrogate pair, or too many levels. The result is right as far as the text is JSON.
fn first_unchecked(text: &str) -> Option<RecordError> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match end_of_string(bytes, at + 1) {
                Ok(end) => at = end,
                Err(half) => {
                    return Some(RecordError { offset: half.offset, what: RecordProblem::LoneSurrogate });
                }
            },
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(RecordError { offset: at, what: RecordProblem::TooDeep });
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns where `part`, a slice of `text`, starts in it.
fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Returns where `part`, a slice of `text`, is in it.
fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = offset_in(text, part);
    start..start + part.len()
}

/// Returns where in the line an error is. `serde_json` counts columns from 1, and sees a single line. At a
/// control character it stops one byte earlier than at anything else.
fn offset_of(error: &serde_json::Error) -> usize {
    let is_control = error.to_string().starts_with("control character");
    if is_control { error.column() } else { error.column().saturating_sub(1) }
}

/// Returns the message of an error without its position.
fn message_of(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Names the kind of a JSON value by its first character.
fn kind_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where in the line the problem is, and what it is.
    fn problem(line: impl AsRef<[u8]>) -> (usize, String) {
        let error = judge_input(line.as_ref(), false).unwrap_err();
        (error.offset, error.what.to_string())
    }

    #[test]
    fn bad_lines_get_the_first_problem_and_its_place() {
        let not_an_object = |kind: &str| format!("the line is not a JSON object but {kind}");
        let not_json = |what: &str| format!("the line is not valid JSON: {what}");
        let half = "a \\u escape is half of a surrogate pair";
        let table: [(&[u8], usize, &str); 24] = [
            (b"", 0, "the line is blank"),
            (b" \t\r", 0, "the line is blank"),
            (b"{\"modelInput\":{\"a\":\"\xff\"}}", 20, "the bytes are not UTF-8"),
            (b"\xef\xbb\xbf{}", 0, "the line begins with a byte order mark"),
            (b" []", 1, &not_an_object("an array")),
            (b"\"text\"", 0, &not_an_object("a string")),
            (b"true", 0, &not_an_object("a boolean")),
            (b"false", 0, &not_an_object("a boolean")),
            (b"null", 0, &not_an_object("null")),
            (b"-1.5", 0, &not_an_object("a number")),
            (b"12 apples", 3, &not_json("trailing characters")),
            (b"[1}", 2, &not_json("expected `,` or `]`")),
            // The array is judged up to the half of a pair, and that far there is no other mistake.
            (br#"["\ud83d"]"#, 0, &not_an_object("an array")),
            (br#"[1}"\ud83d"]"#, 2, &not_json("expected `,` or `]`")),
            (br#"{"recordId":"\ud83d","modelInput":{}}"#, 13, half),
            (br#"{"modelInput":{]},"\ud83d":1}"#, 15, &not_json("key must be a string")),
            (br#"{"modelInput":{}} {}"#, 18, &not_json("trailing characters")),
            (
                b"{\"modelInput\":{\"a\":\"\t\"}}",
                20,
                &not_json("control character (\\u0000-\\u001F) found while parsing a string"),
            ),
            (
                br#"{"modelInput":{},"a":1}"#,
                19,
                "a record has only recordId and modelInput: unknown member `a`",
            ),
            (
                br#"{"modelInput":{},"modelInput":{}}"#,
                28,
                "a record has recordId and modelInput once each: duplicate member `modelInput`",
            ),
            (br#" {"recordId":"1"}"#, 1, "modelInput is missing"),
            (br#"{"modelInput":[]}"#, 14, "modelInput is not an object but an array"),
            (br#"{"recordId":17,"modelInput":{}}"#, 12, "recordId is not a string but a number"),
            (br#"{"recordId":"","modelInput":{}}"#, 12, "recordId is empty"),
        ];
        for (line, offset, what) in table {
            assert_eq!(problem(line), (offset, what.to_owned()), "{}", String::from_utf8_lossy(line));
        }
        for (value, kind) in
            [("{}", "an object"), ("[]", "an array"), ("false", "a boolean"), ("null", "null")]
        {
            let line = format!(r#"{{"recordId":{value},"modelInput":{{}}}}"#);
            assert_eq!(problem(line), (12, format!("recordId is not a string but {kind}")));
        }
    }

    #[test]
    fn levels_count_only_while_they_are_open() {
        let line = |value: &str| format!(r#"{{"modelInput":{{"a":{value}}}}}"#);
        let nested = |depth: usize| line(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        let many = line(&format!("[{}{{}}]", "[],{},".repeat(MAX_DEPTH)));
        for good in [nested(MAX_DEPTH - 2), many, line(&format!("\"{}\"", "[".repeat(200)))] {
            assert!(judge_input(good.as_bytes(), false).is_ok(), "{good}");
        }
        let too_deep = (19 + MAX_DEPTH - 2, "the JSON nests deeper than 128 levels".to_owned());
        assert_eq!(problem(nested(MAX_DEPTH - 1)), too_deep);
    }

    #[test]
    fn members_may_be_written_in_escapes() {
        let escaped = |name: &str| name.bytes().map(|byte| format!("\\u{byte:04x}")).collect::<String>();
        let line = format!(r#"{{"{}":{{}},"{}":"\u0031"}}"#, escaped("modelInput"), escaped("recordId"));
        assert_eq!(judge_input(line.as_bytes(), false).unwrap().record_id.as_deref(), Some("1"));
        let longer = format!(r#"{{"{}":{{}}}}"#, escaped("modelInput1"));
        assert!(problem(longer).1.contains("unknown member"));
    }
}
