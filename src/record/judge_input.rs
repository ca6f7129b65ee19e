//! Decides whether a line of a drop is a record, and says what is wrong with it and where. Pure.
//!
//! This is the last of the three readers of input (see the [module](crate::record)), and the only one that
//! refuses a line.

use std::borrow::Cow;
use std::fmt;
use std::mem::discriminant;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::json::offset_in;
use crate::base::text;
use crate::record::escape::{UNIT_BYTES, end_of_string, unescape};
use crate::record::json_fault::{JsonFault, first_fault};
use crate::record::parsed::InputRecord;
use crate::record::problem::{Encoding, Instead, MAX_DEPTH, RecordError, RecordProblem};
use crate::record::repair::Repair;
use crate::record::scan::Scanner;

/// Judges any line, given without its `\n`. Allocates memory only for an id with escapes, for messages, and for a repair.
/// `is_repairing` says whether an integer id and other members are accepted.
///
/// The error has everything that is certain to be wrong with the line, in the order of the line.
#[cold]
pub(super) fn judge_input(line: &[u8], is_repairing: bool) -> Result<InputRecord<'_>, RecordError> {
    let mut faults = Faults::default();
    match read_line(line, is_repairing, &mut faults) {
        Some(record) if faults.0.is_empty() => Ok(record),
        _ => Err(faults.into_error()),
    }
}

/// Returns where a line has the id of its record: the string as it is written, with its quotes. `None` if it has none.
#[cold]
pub(crate) fn place_of_id(line: &[u8]) -> Option<Range<usize>> {
    let text = simdutf8::compat::from_utf8(line).ok()?;
    let (mut members, mut faults) = (Members::default(), Faults::default());
    let reader = MemberReader { text, members: &mut members, faults: &mut faults };
    serde_json::Deserializer::from_str(text).deserialize_map(reader).ok()?;
    members.record_id.map(|(_, id)| range_in(text, id.get()))
}

/// What is wrong with a line: each kind of problem once, at its first place.
#[derive(Default)]
struct Faults(Vec<RecordError>);

impl Faults {
    fn add(&mut self, offset: usize, what: RecordProblem) {
        let kind = discriminant(&what);
        if self.0.iter().all(|known| discriminant(&known.what) != kind) {
            self.0.push(RecordError::new(offset, what));
        }
    }

    /// Makes one error of all faults, in the order of the line.
    fn into_error(mut self) -> RecordError {
        self.0.sort_by_key(|fault| fault.offset);
        let mut faults = self.0.into_iter();
        let first = faults.next().unwrap_or_else(|| RecordError::new(0, RecordProblem::Blank));
        RecordError { others: faults.collect(), ..first }
    }
}

/// Reads a line as far as it can be read. `None` if it is not an object that has `modelInput`.
fn read_line<'a>(line: &'a [u8], is_repairing: bool, faults: &mut Faults) -> Option<InputRecord<'a>> {
    let text = match simdutf8::compat::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            faults.add(error.valid_up_to(), RecordProblem::NotUtf8(Encoding::of(line)));
            return None;
        }
    };
    let marks_bytes = text.len() - text.trim_start_matches('\u{feff}').len();
    if marks_bytes > 0 {
        faults.add(0, RecordProblem::ByteOrderMark);
    }
    let object_start = Scanner::new(text).skip_space(marks_bytes);
    let Some(value) = text.get(object_start..).filter(|value| !value.is_empty()) else {
        if marks_bytes == 0 {
            faults.add(0, RecordProblem::Blank);
        }
        return None;
    };
    let broken = BrokenRules::in_json(text, object_start);
    if !value.starts_with('{') {
        // A line such as `12 apples` is better called "not JSON" than "a number".
        let end = broken.first().unwrap_or(text.len());
        let json = text.get(object_start..end).unwrap_or_default();
        match serde_json::from_str::<&RawValue>(json) {
            Err(error) if end == text.len() || !error.is_eof() => {
                let (offset, fault) = mistake(json, &error);
                faults.add(object_start + offset, RecordProblem::NotJson(fault));
            }
            _ => faults.add(object_start, RecordProblem::NotAnObject(kind_of(value))),
        }
        return None;
    }
    // What is nested too deeply is not read further.
    let end = broken.too_deep.unwrap_or(text.len());
    let json = text.get(object_start..end).unwrap_or_default();
    let mut members = Members::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(MemberReader { text, members: &mut members, faults });
    let (mut is_whole, mut read_to) = (true, text.len());
    if let Err(error) = read.and_then(|()| deserializer.end()) {
        is_whole = false;
        if end == text.len() || !error.is_eof() {
            let (offset, fault) = mistake(json, &error);
            read_to = object_start + offset;
            faults.add(read_to, RecordProblem::NotJson(fault));
        } else {
            read_to = end;
            faults.add(end, RecordProblem::TooDeep);
        }
    }
    // After a mistake, what looks like a string may be something else.
    if let Some(half) = broken.lone_surrogate.filter(|half| *half < read_to) {
        faults.add(half, RecordProblem::LoneSurrogate);
    }
    members.add_faults(text, object_start, is_whole, is_repairing, faults);
    members.into_record(text, object_start, is_repairing, faults)
}

/// Finds the first mistake in a text that is not JSON, and where it is.
fn mistake(json: &str, error: &serde_json::Error) -> (usize, JsonFault) {
    first_fault(json).unwrap_or_else(|| (error.column().saturating_sub(1), JsonFault::Other))
}

/// Whether a JSON number is an integer without a fraction and an exponent.
pub(crate) fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The members of a record, as they are written in the line.
#[derive(Default)]
struct Members<'a> {
    /// The key and the value.
    record_id: Option<(&'a str, &'a RawValue)>,
    model_input: Option<(&'a str, &'a RawValue)>,
    /// The keys of the first members that have these names in another spelling.
    like_record_id: Option<&'a str>,
    like_model_input: Option<&'a str>,
    /// The key of the first other member.
    first_other: Option<&'a str>,
    /// Whether one of them is a member of requests to models.
    has_part_of_request: bool,
}

impl<'a> Members<'a> {
    /// Adds what is wrong with the members. `is_whole` says whether there are no more than these.
    fn add_faults(
        &self,
        text: &str,
        object_start: usize,
        is_whole: bool,
        is_repairing: bool,
        faults: &mut Faults,
    ) {
        let misspelled_id = self.like_record_id.filter(|_| self.record_id.is_none());
        let misspelled_input = self.like_model_input.filter(|_| self.model_input.is_none());
        let misspelled = [(misspelled_id, RECORD_ID), (misspelled_input, MODEL_INPUT)];
        for (key, right) in misspelled {
            if let Some(key) = key.filter(|_| is_whole) {
                let what = RecordProblem::MisspelledMember { name: shown_name(key), right };
                faults.add(offset_in(text, key), what);
            }
        }
        let like = [(self.like_record_id, misspelled_id), (self.like_model_input, misspelled_input)];
        let like = like.into_iter().filter(|(_, misspelled)| misspelled.is_none()).filter_map(|(key, _)| key);
        let other = self.first_other.into_iter().chain(like).min_by_key(|key| offset_in(text, key));
        // If there is an id, others are left out. If there is not, one of them may be the id.
        let has_id = self.record_id.is_some() || misspelled_id.is_some();
        if let Some(key) = other.filter(|_| !is_repairing || (is_whole && !has_id)) {
            faults.add(offset_in(text, key), RecordProblem::UnknownMember(shown_name(key)));
        }
        match self.model_input {
            None if is_whole && misspelled_input.is_none() => {
                let instead = match (self.has_part_of_request, self.first_other) {
                    (true, _) if has_id => Instead::RequestWithId,
                    (true, _) => Instead::Request,
                    (false, Some(_)) => Instead::Others,
                    (false, None) => Instead::Nothing,
                };
                faults.add(object_start, RecordProblem::NoModelInput(instead));
            }
            Some((_, input)) if !input.get().starts_with('{') => {
                let kind = kind_of(input.get());
                faults.add(offset_in(text, input.get()), RecordProblem::ModelInputNotObject(kind));
            }
            _ => {}
        }
    }

    /// Makes the record, and adds what is wrong with its id. `None` if it does not have `modelInput`.
    fn into_record(
        self,
        text: &'a str,
        object_start: usize,
        is_repairing: bool,
        faults: &mut Faults,
    ) -> Option<InputRecord<'a>> {
        let mut id = None;
        if let Some((key, value)) = self.record_id.map(|(key, value)| (key, value.get())) {
            let offset = offset_in(text, value);
            match unescape(value) {
                Some(decoded) if decoded.is_empty() => faults.add(offset, RecordProblem::RecordIdEmpty),
                Some(decoded) => id = Some((key, value, decoded, true)),
                None if is_repairing && is_integer(value) => {
                    id = Some((key, value, Cow::Borrowed(value), false));
                }
                // It has half of a surrogate pair.
                None if value.starts_with('"') => {}
                None => faults.add(offset, RecordProblem::RecordIdNotString(kind_of(value))),
            }
        }
        let (input_key, model_input) = self.model_input?;
        let Some((id_key, id, record_id, is_quoted)) = id else {
            return Some(InputRecord { record_id: None, object_start, repair: None });
        };
        let integer_id = (!is_quoted).then(|| range_in(text, id));
        let has_others =
            self.first_other.is_some() || self.like_record_id.is_some() || self.like_model_input.is_some();
        let repair = if has_others {
            let mut kept = [(id_key, id), (input_key, model_input.get())]
                .map(|(key, value)| offset_in(text, key)..range_in(text, value).end);
            kept.sort_by_key(|member| member.start);
            Some(Repair::keeps(kept, integer_id.as_ref()))
        } else {
            integer_id.map(|id| Repair::quotes(id, text.len()))
        };
        Some(InputRecord { record_id: Some(record_id), object_start, repair: repair.map(Box::new) })
    }
}

const RECORD_ID: &str = "recordId";
const MODEL_INPUT: &str = "modelInput";

/// Members that only requests to models have, of every family.
const PARTS_OF_REQUESTS: [&str; 10] = [
    "anthropic_version",
    "inferenceConfig",
    "inputImage",
    "inputText",
    "max_gen_len",
    "max_tokens",
    "messages",
    "schemaVersion",
    "taskType",
    "texts",
];

/// Reads the members of a record. Derived code would copy the name of an unknown member, which may be as long
/// as the line, into an error.
struct MemberReader<'a, 'p> {
    text: &'a str,
    members: &'p mut Members<'a>,
    /// Receives members that are there twice.
    faults: &'p mut Faults,
}

impl<'a> Visitor<'a> for MemberReader<'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { text, members, faults } = self;
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = key.get();
            let name = member_name(key).unwrap_or_default();
            let (member, name) = match &*name {
                RECORD_ID => (&mut members.record_id, RECORD_ID),
                MODEL_INPUT => (&mut members.model_input, MODEL_INPUT),
                other => {
                    members.has_part_of_request |= PARTS_OF_REQUESTS.contains(&other);
                    let place = if is_spelled_like(other, "recordid") {
                        &mut members.like_record_id
                    } else if is_spelled_like(other, "modelinput") {
                        &mut members.like_model_input
                    } else {
                        &mut members.first_other
                    };
                    place.get_or_insert(key);
                    map.next_value::<&RawValue>()?;
                    continue;
                }
            };
            if member.is_some() {
                faults.add(offset_in(text, key), RecordProblem::RepeatedMember(name));
                map.next_value::<&RawValue>()?;
            } else {
                *member = Some((key, map.next_value()?));
            }
        }
        Ok(())
    }
}

/// Decodes a key; `None` if it is longer than any known name can be, even with every character escaped.
fn member_name(key: &str) -> Option<Cow<'_, str>> {
    const MAX_BYTES: usize = "\"\"".len() + "anthropic_version".len() * UNIT_BYTES;
    if key.len() > MAX_BYTES { None } else { unescape(key) }
}

/// Whether a name has these letters, whatever their case and the characters between words are.
pub(crate) fn is_spelled_like(name: &str, letters: &str) -> bool {
    let of_name = name.chars().filter(|c| !"_- .".contains(*c)).map(|c| c.to_ascii_lowercase());
    of_name.eq(letters.chars())
}

/// Shows the name of a member, given as it is written in the line.
fn shown_name(key: &str) -> String {
    text::name(key.get(1..key.len() - 1).unwrap_or_default()).to_string()
}

/// What `serde_json` does not check in values that it skips. The result is right as far as the text is JSON.
#[derive(Default)]
struct BrokenRules {
    /// Where the first half of a surrogate pair is that has no other half.
    lone_surrogate: Option<usize>,
    /// Where the first bracket is that opens one level too many. What follows it was not looked at.
    too_deep: Option<usize>,
}

impl BrokenRules {
    /// Looks for broken rules in a text from an offset on.
    fn in_json(text: &str, start: usize) -> Self {
        let bytes = text.as_bytes();
        let mut found = Self::default();
        let mut depth = 0_usize;
        let mut at = start;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    at += 1;
                    at = loop {
                        match end_of_string(bytes, at) {
                            Ok(end) => break end,
                            Err(half) => {
                                found.lone_surrogate.get_or_insert(half.offset);
                                at = half.offset + UNIT_BYTES;
                            }
                        }
                    };
                }
                b'{' | b'[' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        found.too_deep = Some(at);
                        return found;
                    }
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        found
    }

    fn first(&self) -> Option<usize> {
        self.lone_surrogate.into_iter().chain(self.too_deep).min()
    }
}

/// Returns where `part`, a slice of `text`, is in it.
fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = offset_in(text, part);
    start..start + part.len()
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
            (b"12 apples", 0, &not_json("this is not a JSON object")),
            (b"[1}", 2, &not_json("this bracket does not match the one that is open")),
            // The array is judged up to the half of a pair, and that far there is no other mistake.
            (br#"["\ud83d"]"#, 0, &not_an_object("an array")),
            (br#"[1}"\ud83d"]"#, 2, &not_json("this bracket does not match the one that is open")),
            (br#"{"recordId":"\ud83d","modelInput":{}}"#, 13, half),
            (
                br#"{"modelInput":{]},"\ud83d":1}"#,
                15,
                &not_json("this bracket does not match the one that is open"),
            ),
            (br#"{"modelInput":{}} {}"#, 18, &not_json("a second object on the same line")),
            (b"{\"modelInput\":{\"a\":\"\t\"}}", 20, &not_json("a tab that is not escaped")),
            (
                br#"{"modelInput":{},"a":1}"#,
                17,
                "a record has only recordId and modelInput: unknown member `a`",
            ),
            (
                br#"{"modelInput":{},"modelInput":{}}"#,
                17,
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
    fn id_is_where_it_is_written() {
        for (line, id) in [
            (r#"{"recordId":"1","modelInput":{}}"#, r#""1""#),
            (r#" {"modelInput":{"recordId":"2"}, "record\u0049d" : "\u0031\n" }"#, r#""\u0031\n""#),
            (r#"{"recordId":7,"x":1,"modelInput":{}}"#, "7"),
        ] {
            assert_eq!(&line[place_of_id(line.as_bytes()).unwrap()], id);
        }
        assert_eq!(place_of_id(br#"{"modelInput":{}}"#), None);
    }

    #[test]
    fn members_may_be_written_in_escapes() {
        let escaped = |name: &str| name.bytes().map(|byte| format!("\\u{byte:04x}")).collect::<String>();
        let line = format!(r#"{{"{}":{{}},"{}":"\u0031"}}"#, escaped("modelInput"), escaped("recordId"));
        assert_eq!(judge_input(line.as_bytes(), false).unwrap().record_id.as_deref(), Some("1"));
        let longer = format!(r#"{{"{}":{{}}}}"#, escaped("modelInput1"));
        let error = judge_input(longer.as_bytes(), false).unwrap_err();
        let found: Vec<String> = error.all().map(|(_, what)| what.to_string()).collect();
        assert!(found.len() == 2 && found[1].contains("unknown member"), "{found:?}");
    }
}
