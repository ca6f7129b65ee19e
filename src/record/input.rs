//! One line to one record: of the input as users write it, and of the output as Bedrock writes it.
//!
//! Input is judged strictly, because a job with one bad line fails as a whole, minutes or hours later.
//! Output is read tolerantly, because it has been paid for.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html>

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::text;
use crate::record::problem::{RecordError, RecordProblem};
use crate::record::scan::Json;
use crate::record::template::{Scalars, Shape};

/// How deep `modelInput` may nest. No model's request goes near it, and `serde_json` reads no deeper.
pub const MAX_DEPTH: usize = 128;

/// A valid line of a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRecord<'a> {
    /// The user's id of the record; none if Bedrock would have to make one up.
    pub record_id: Option<Cow<'a, str>>,
    /// Where in the line the object opens: a missing id is written right after its `{`.
    pub object_begin: usize,
}

/// The members of a record, each as the line has it.
#[derive(Default)]
struct RawInput<'a> {
    record_id: Option<&'a RawValue>,
    model_input: Option<&'a RawValue>,
}

/// Reads the members of a record. Derived code would copy the name of an unknown one, which may be as long as
/// the line, into an error.
struct Members<'a, 'p> {
    text: &'a str,
    /// Receives what is wrong with a member.
    problem: &'p mut Option<RecordError>,
}

impl Members<'_, '_> {
    /// Stops at a member; `key` is its name as the line has it.
    fn refuse<E: serde::de::Error>(self, key: &str, what: RecordProblem) -> E {
        let offset = offset_in(self.text, key) + key.len() - 1;
        *self.problem = Some(RecordError { offset, what });
        E::custom("a member")
    }
}

impl<'a> Visitor<'a> for Members<'a, '_> {
    type Value = RawInput<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<RawInput<'a>, A::Error> {
        let mut raw = RawInput::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = key.get();
            let (member, name) = match member_name(key).as_deref() {
                Some("recordId") => (&mut raw.record_id, "recordId"),
                Some("modelInput") => (&mut raw.model_input, "modelInput"),
                _ => {
                    let written = key.get(1..key.len() - 1).unwrap_or_default();
                    let name = text::name(written).to_string();
                    return Err(self.refuse(key, RecordProblem::UnknownMember(name)));
                }
            };
            if member.is_some() {
                return Err(self.refuse(key, RecordProblem::RepeatedMember(name)));
            }
            *member = Some(map.next_value()?);
        }
        Ok(raw)
    }
}

/// The name that a key means, unless it is longer than any name that is known, in whatever way that is written.
fn member_name(key: &str) -> Option<Cow<'_, str>> {
    const LONGEST: usize = "\"modelInput\"".len() * r"\u0000".len();
    if key.len() > LONGEST { None } else { unescape(key) }
}

/// Judges one line of a drop, given without its `\n`. A `\r` at its end is white space, as JSON has it.
///
/// Where RFC 8259 leaves the choice, and where Bedrock or a model might stumble:
///
/// | in the line | verdict |
/// |---|---|
/// | byte order mark | refused |
/// | member twice, or besides `recordId` and `modelInput` | refused |
/// | member twice within `modelInput` | accepted: the model's business |
/// | half of a surrogate pair, as `\ud83d` | refused: it is no character |
/// | more than [`MAX_DEPTH`] levels | refused |
/// | number of any size and precision, as `1e400` | accepted: it is passed on as it is |
/// | `\u0000`, U+2028 and other odd characters in a string | accepted |
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_input_record(line: &[u8]) -> Result<InputRecord<'_>, RecordError> {
    InputReader::default().read(line)
}

/// Judges line after line of a drop, and remembers the shape of the last good one: a line that differs from it
/// only in its values is known to be good at a glance.
#[derive(Debug, Default)]
pub struct InputReader {
    shape: Shape,
    /// Where in the remembered line its object begins.
    object_begin: usize,
    /// Where in a line its strings, numbers and literals are.
    scalars: Scalars,
}

impl InputReader {
    /// Judges a line of a drop, as [`parse_input_record`] does.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Result<InputRecord<'a>, RecordError> {
        let text = simdutf8::basic::from_utf8(line).ok();
        match text.and_then(|text| self.prove(text, 0)) {
            Some((record, end)) if end == line.len() => Ok(record),
            _ => judge_input(line),
        }
    }

    /// The record of the line that begins at `at` of some whole lines, and where that line ends. `None` says
    /// nothing about a line.
    #[inline]
    pub(crate) fn prove<'a>(&mut self, text: &'a str, at: usize) -> Option<(InputRecord<'a>, usize)> {
        match self.shape.matches(Json::new(text), at) {
            Some((id, end)) => {
                let record_id = Some(Cow::Borrowed(text.get(id)?));
                Some((InputRecord { record_id, object_begin: self.object_begin }, end))
            }
            None => self.prove_other(text, at),
        }
    }

    fn prove_other<'a>(&mut self, text: &'a str, at: usize) -> Option<(InputRecord<'a>, usize)> {
        let text = text.get(at..)?;
        let json = Json::new(text);
        let object_begin = json.skip_space(0);
        let mut record_id = None;
        let mut has_input = false;
        self.scalars.clear();
        let end = json.object(object_begin, |key, value| match text.get(key)? {
            r#""recordId""# if record_id.is_none() => {
                let end = json.plain_string(value)?;
                self.scalars.push(value..end);
                record_id = Some(value..end);
                Some(end)
            }
            r#""modelInput""# if !has_input && json.byte(value) == b'{' => {
                has_input = true;
                json.value(value, MAX_DEPTH - 1, &mut self.scalars)
            }
            _ => None,
        })?;
        let end = json.skip_space(end);
        if !has_input || !json.is_line_end(end) {
            return None;
        }
        let record_id = match record_id {
            None => None,
            Some(record_id) => {
                let id = unquoted(&record_id)?;
                self.shape.learn(text.as_bytes().get(..end)?, &self.scalars, &record_id);
                self.object_begin = object_begin;
                Some(Cow::Borrowed(text.get(id)?))
            }
        };
        Some((InputRecord { record_id, object_begin }, at + end))
    }
}

/// What is between the quotes of a string, if it is not empty.
pub(super) fn unquoted(string: &Range<usize>) -> Option<Range<usize>> {
    (string.len() > 2).then(|| string.start + 1..string.end - 1)
}

/// Any line, slowly, with what is wrong and where. Takes no memory but for an id with escapes.
#[cold]
fn judge_input(line: &[u8]) -> Result<InputRecord<'_>, RecordError> {
    let fail = |offset, what| Err(RecordError { offset, what });
    let text = match simdutf8::compat::from_utf8(line) {
        Ok(text) => text,
        Err(error) => return fail(error.valid_up_to(), RecordProblem::NotUtf8),
    };
    if text.starts_with('\u{feff}') {
        return fail(0, RecordProblem::ByteOrderMark);
    }
    let object_begin = text.len() - text.trim_start_matches(JSON_SPACE).len();
    let Some(first) = text.as_bytes().get(object_begin) else {
        return fail(0, RecordProblem::Blank);
    };
    // The reader stops where it must not go on: it would remember each level.
    let stop = first_stop(text);
    let json = stop.as_ref().and_then(|stop| text.get(..stop.offset)).unwrap_or(text);
    let not_json = |error: &serde_json::Error| match &stop {
        Some(stop) if error.is_eof() => stop.clone(),
        _ => RecordError { offset: offset_of(error), what: RecordProblem::NotJson(message_of(error)) },
    };
    if *first != b'{' {
        // Rather "not JSON" than "a number" for a line such as `12 apples`.
        return match serde_json::from_str::<&RawValue>(json) {
            Err(error) if stop.is_none() || !error.is_eof() => Err(not_json(&error)),
            _ => fail(object_begin, RecordProblem::NotAnObject(kind_of(text))),
        };
    }
    let mut problem = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(Members { text, problem: &mut problem });
    let raw = match read.and_then(|raw| deserializer.end().map(|()| raw)) {
        Ok(raw) => raw,
        Err(error) => return Err(problem.unwrap_or_else(|| not_json(&error))),
    };
    if let Some(stop) = stop {
        return Err(stop);
    }
    let Some(model_input) = raw.model_input else {
        return fail(object_begin, RecordProblem::NoModelInput);
    };
    if !model_input.get().starts_with('{') {
        let what = RecordProblem::ModelInputNotObject(kind_of(model_input.get()));
        return fail(offset_in(text, model_input.get()), what);
    }
    let record_id = match raw.record_id.map(RawValue::get) {
        None => None,
        Some(id) => match unescape(id) {
            Some(decoded) if decoded.is_empty() => {
                return fail(offset_in(text, id), RecordProblem::RecordIdEmpty);
            }
            Some(decoded) => Some(decoded),
            None => return fail(offset_in(text, id), RecordProblem::RecordIdNotString(kind_of(id))),
        },
    };
    Ok(InputRecord { record_id, object_begin })
}

const JSON_SPACE: [char; 3] = [' ', '\t', '\r'];

/// The first of what `serde_json` lets pass in values that it skips: lone surrogates and any depth. Correct as
/// far as the text is JSON.
fn first_stop(text: &str) -> Option<RecordError> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match end_of_string(bytes, at + 1) {
                Ok(end) => at = end,
                Err(offset) => return Some(RecordError { offset, what: RecordProblem::LoneSurrogate }),
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

/// Where the quote is that ends a string of which `at` is a part; as `Err`, where a lone surrogate is.
fn end_of_string(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return Ok(at);
        }
        // The escaped character is never a quote that ends the string.
        at += match (code_unit(bytes, at), code_unit(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => return Err(at),
            _ => 2,
        };
    }
    Ok(bytes.len())
}

/// What a JSON string without lone surrogates means; `None` if it is not a string. Takes no more memory than the
/// string itself.
fn unescape(json: &str) -> Option<Cow<'_, str>> {
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.contains('\\') {
        return Some(rest.into());
    }
    let mut text = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let units = rest.as_bytes().get(plain.len()..)?;
        let (c, length) = match escape.as_bytes().first()? {
            b'u' => {
                let units = [code_unit(units, 0), code_unit(units, 6)].map(|unit| u16::try_from(unit?).ok());
                let c = char::decode_utf16(units.into_iter().map_while(|unit| unit)).next()?.ok()?;
                (c, 6 * c.len_utf16() - 1)
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

/// The UTF-16 code unit of a `\uXXXX` escape that begins at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where `part`, a slice of `text`, begins in it.
fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// `serde_json` counts columns from 1, and a line of ours is always its line 1. At a control character it
/// stops one byte earlier than at anything else.
fn offset_of(error: &serde_json::Error) -> usize {
    let is_control = error.to_string().starts_with("control character");
    if is_control { error.column() } else { error.column().saturating_sub(1) }
}

fn message_of(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

fn kind_of(json: &str) -> &'static str {
    match json.trim_start_matches(JSON_SPACE).as_bytes().first() {
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
    use crate::record::output::OutputReader;

    fn input(line: &str) -> Result<Option<String>, (usize, RecordProblem)> {
        parse_input_record(line.as_bytes())
            .map(|record| record.record_id.map(Cow::into_owned))
            .map_err(|error| (error.offset, error.what))
    }

    #[test]
    fn accepts_records() {
        let table = [
            (r#"{"recordId":"1","modelInput":{}}"#, Some("1")),
            (r#"{"modelInput":{"a":1}}"#, None),
            (r#"{"modelInput":{},"recordId":"1"}"#, Some("1")),
            ("\t { \"recordId\" : \"1\" , \"modelInput\" : { } } \r", Some("1")),
            (r#"{"recordId":"\u00e9\ud83d\ude00","modelInput":{}}"#, Some("é😀")),
            (
                r#"{"recordId":"1","modelInput":{"a":"\\ud800","n":1e400,"big":123456789012345678901234567890}}"#,
                Some("1"),
            ),
        ];
        for (line, id) in table {
            assert_eq!(input(line), Ok(id.map(Into::into)), "{line}");
        }
    }

    #[test]
    fn usual_lines_need_no_slow_reader() {
        let text = r#"Größe,\n\"商品\" \ud83d\ude00 \\ and more than sixty-four bytes of text with escapes \u00e9\/"#;
        for record_id in ["1", "REC00000001", "идентификатор-識別子-🔑, longer than any short string"]
        {
            let input =
                format!(r#"{{"a":"{text}","b":[1,-2.5e7,true,false,null,[],{{}},""],"c":{{"d":"é"}}}}"#);
            let line = format!(r#"{{"recordId":"{record_id}","modelInput":{input}}}"#);
            for line in [line.replace("\":", "\" : ").replace(",\"", ", \""), line] {
                let (record, end) = InputReader::default().prove(&line, 0).unwrap();
                assert_eq!((record.record_id.as_deref(), end), (Some(record_id), line.len()), "{line}");
                let line = line.replace("modelInput", "modelOutput");
                assert!(OutputReader::default().prove_success(&line).is_some(), "{line}");
            }
        }
        assert!(InputReader::default().prove(r#"{"modelInput":{}}"#, 0).is_some());
    }

    #[test]
    fn finds_lone_surrogates_wherever_they_are() {
        for bad in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud800x", r"\uD83D\u0041", r"\ude00\ud83d"] {
            let line = format!(r#"{{"recordId":"1","modelInput":{{"a":"{bad}"}}}}"#);
            assert!(matches!(input(&line), Err((35, RecordProblem::LoneSurrogate))), "{line}");
        }
        assert!(matches!(
            input(r#"{"recordId":"\ud800","modelInput":{}}"#),
            Err((13, RecordProblem::LoneSurrogate))
        ));
    }

    #[test]
    fn limits_depth_outside_strings() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
            format!(r#"{{"modelInput":{{"s":"{}","a":{open}{close}}}}}"#, "[".repeat(500))
        };
        assert_eq!(input(&nested(MAX_DEPTH)), Ok(None));
        assert!(matches!(input(&nested(MAX_DEPTH + 1)), Err((_, RecordProblem::TooDeep))));
        assert!(matches!(input(&nested(1_000_000)), Err((_, RecordProblem::TooDeep))));
    }
}
