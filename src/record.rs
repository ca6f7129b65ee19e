//! One line to one record: of the input as users write it, and of the output as Bedrock writes it.
//!
//! Input is judged strictly, because a job with one bad line fails as a whole, minutes or hours later.
//! Output is read tolerantly, because it has been paid for.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html>

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use twox_hash::XxHash3_128;

use crate::json::Json;
use crate::shape::{Scalars, Shape};
use crate::text;

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

/// Why a line is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Where in the line, counted in bytes from 0.
    pub offset: usize,
    /// What is wrong there.
    pub what: RecordProblem,
}

/// What can be wrong with a line. Text of the line is in it as [`text::name`] shows it: truncated and escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum RecordProblem {
    #[error("the line begins with a byte order mark")]
    ByteOrderMark,
    #[error("the line is blank")]
    Blank,
    #[error("the bytes are not UTF-8")]
    NotUtf8,
    #[error("the line is longer than {0} bytes")]
    TooLong(usize),
    #[error("the line is not a JSON object but {0}")]
    NotAnObject(&'static str),
    #[error("the line is not valid JSON: {0}")]
    NotJson(String),
    #[error("a \\u escape is half of a surrogate pair")]
    LoneSurrogate,
    #[error("the JSON nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("a record has recordId and modelInput only: unknown field `{0}`")]
    UnknownMember(String),
    #[error("a record has recordId and modelInput only: duplicate field `{0}`")]
    RepeatedMember(&'static str),
    #[error("modelInput is missing")]
    NoModelInput,
    #[error("modelInput is not an object but {0}")]
    ModelInputNotObject(&'static str),
    #[error("recordId is not a string but {0}")]
    RecordIdNotString(&'static str),
    #[error("recordId is empty")]
    RecordIdEmpty,
    #[error("recordId \"{record_id}\" is already used on line {line}")]
    RecordIdRepeated { record_id: String, line: u64 },
}

impl RecordProblem {
    /// What the user can do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::ByteOrderMark => "save the file as UTF-8 without a byte order mark",
            Self::Blank => "remove the blank line; the file ends with at most one newline",
            Self::NotUtf8 => "save the file as UTF-8",
            Self::TooLong(_) => "shorten the record, or split it into several",
            Self::NotAnObject(_) | Self::NotJson(_) => {
                "write one JSON object a line, such as {\"recordId\": \"1\", \"modelInput\": {…}}"
            }
            Self::LoneSurrogate => "write the character as UTF-8, or both halves of the pair",
            Self::TooDeep => "flatten modelInput",
            Self::UnknownMember(_) => {
                "keep other data out of the file, and join it to the results by recordId"
            }
            Self::RepeatedMember(_) => "write each member once",
            Self::NoModelInput | Self::ModelInputNotObject(_) => {
                "put the request body of the model into modelInput, as a JSON object"
            }
            Self::RecordIdNotString(_) => "put the recordId in quotes, or leave it out",
            Self::RecordIdEmpty => "give the record an id, or leave recordId out",
            Self::RecordIdRepeated { .. } => "give every record an id of its own",
        }
    }
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
fn unquoted(string: &Range<usize>) -> Option<Range<usize>> {
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

/// A valid line of an `….jsonl.out` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord<'a> {
    /// The id that the input had.
    pub record_id: Cow<'a, str>,
    /// What Bedrock said to it.
    pub answer: Answer,
}

/// What Bedrock said to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has the model's output.
    Succeeded,
    /// It was refused for good: the same record again would be refused again, or has an answer besides.
    Failed,
    /// It met an error that has nothing to do with it: the same record again may succeed.
    Retryable,
}

/// Reads one line of Bedrock's output. Any JSON object with an id and an output or an error is an answer: it was
/// paid for, and a record without an answer may be submitted, and paid for, once more. `None` for any other
/// line, such as the truncated last line of a job that was stopped.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
///
/// AWS documents a string `recordId` and either `modelOutput` or an `error` with a numeric `errorCode` and an
/// `errorMessage`; a boolean `expired` in the error has been seen. What else may come is read like this:
///
/// | in the line | reading |
/// |---|---|
/// | any member that is `null` | as if it were not there |
/// | other members | ignored |
/// | `recordId` that is an integer | the id is its digits |
/// | `recordId` that is empty | an id, though no input has it |
/// | `recordId` of another type, or twice with two values | no id, so no answer |
/// | `modelOutput` of any type, or twice | an output |
/// | `error` that is not an object, has no code, or has one that is neither a number nor digits | final: [`Answer::Failed`] |
/// | `error`, or a member of it, twice | final unless each says that the error may pass |
/// | an error and an output | final: there is an answer, whatever is wrong with it |
/// | a byte order mark before the object | ignored |
/// | bytes that are not UTF-8, half of a surrogate pair, any depth, any number | accepted, but not in the id |
#[must_use]
pub fn parse_output_record(line: &[u8]) -> Option<OutputRecord<'_>> {
    OutputReader::default().read(line)
}

/// Reads line after line of Bedrock's output, and remembers the shape of the last one with a model's answer, as
/// [`InputReader`] does.
#[derive(Debug, Default)]
pub struct OutputReader {
    shape: Shape,
    /// Where in a line its strings, numbers and literals are.
    scalars: Scalars,
}

impl OutputReader {
    /// Reads a line of Bedrock's output, as [`parse_output_record`] does.
    #[must_use]
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Option<OutputRecord<'a>> {
        let Ok(text) = simdutf8::basic::from_utf8(line) else { return read_broken(line) };
        let id = match self.shape.matches(Json::new(text), 0) {
            Some((id, end)) if end == text.len() => Some(id),
            _ => self.prove_success(text),
        };
        match id {
            Some(id) => Some(OutputRecord { record_id: text.get(id)?.into(), answer: Answer::Succeeded }),
            None => read_output(text),
        }
    }

    /// The id of the usual line with a model's answer. `None` says nothing about a line.
    fn prove_success(&mut self, text: &str) -> Option<Range<usize>> {
        let json = Json::new(text);
        let mut record_id = None;
        let mut has_output = false;
        let mut has_error = false;
        self.scalars.clear();
        let end = json.object(json.skip_space(0), |key, value| {
            let end = json.value(value, MAX_DEPTH, &mut self.scalars)?;
            let is_scalar = !matches!(json.byte(value), b'{' | b'[');
            let mut is_id = false;
            match text.get(key)? {
                r#""recordId""# if record_id.is_none() && json.plain_string(value).is_some() => {
                    record_id = Some(value..end);
                    is_id = true;
                }
                r#""modelOutput""# if !has_output && json.byte(value) != b'n' => has_output = true,
                r#""error""# if !has_error && json.byte(value) == b'n' => has_error = true,
                r#""recordId""# | r#""modelOutput""# | r#""error""# => return None,
                key if key.contains('\\') => return None,
                _ => {}
            }
            // Whether such a member is there or null makes a difference.
            if is_scalar && !is_id {
                self.scalars.pop();
            }
            Some(end)
        })?;
        let record_id = record_id.filter(|_| has_output && json.skip_space(end) == text.len())?;
        self.shape.learn(text.as_bytes(), &self.scalars, &record_id);
        unquoted(&record_id)
    }
}

/// A line that is not UTF-8. Its bad characters do not matter, unless the id has one: an id has to be exact.
#[cold]
fn read_broken(line: &[u8]) -> Option<OutputRecord<'static>> {
    let text = String::from_utf8_lossy(line);
    let OutputRecord { record_id, answer } = read_output(&text)?;
    let is_exact = !record_id.contains(char::REPLACEMENT_CHARACTER);
    is_exact.then(|| OutputRecord { record_id: record_id.into_owned().into(), answer })
}

/// Any line, slowly.
fn read_output(text: &str) -> Option<OutputRecord<'_>> {
    let mut ids = Ids::None;
    let (mut has_output, mut has_error, mut may_pass) = (false, false, true);
    each_member(text.strip_prefix('\u{feff}').unwrap_or(text), |key, value| match key {
        "recordId" => ids.add(value),
        "modelOutput" => has_output = true,
        "error" => {
            has_error = true;
            may_pass &= error_may_pass(value);
        }
        _ => {}
    })?;
    let Ids::One(record_id) = ids else { return None };
    let answer = match (has_output, has_error) {
        (true, false) => Answer::Succeeded,
        (false, true) if may_pass => Answer::Retryable,
        (_, true) => Answer::Failed,
        (false, false) => return None,
    };
    Some(OutputRecord { record_id, answer })
}

/// `Cow<str>` by itself never borrows.
#[derive(Deserialize)]
struct CowStr<'a>(#[serde(borrow)] Cow<'a, str>);

/// The id in the `recordId` members of a line.
enum Ids<'a> {
    None,
    One(Cow<'a, str>),
    /// A member that is not an id, or two that differ.
    Unclear,
}

impl<'a> Ids<'a> {
    fn add(&mut self, value: &'a str) {
        let id = match serde_json::from_str(value) {
            Ok(CowStr(id)) => Some(id),
            Err(_) => is_integer(value).then_some(Cow::Borrowed(value)),
        };
        *self = match (std::mem::replace(self, Self::Unclear), id) {
            (Self::None, Some(id)) => Self::One(id),
            (Self::One(known), Some(id)) if known == id => Self::One(known),
            _ => Self::Unclear,
        };
    }
}

/// Whether a JSON value is a number without a fraction or an exponent.
fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the `error` of an output line has nothing to do with its record. One of an unknown shape is taken to be
/// final, so that nothing is paid for twice.
fn error_may_pass(error: &str) -> bool {
    let (mut is_expired, mut may_pass) = (None, None);
    let all_say = |said: &mut Option<bool>, this| *said = Some(said.unwrap_or(true) && this);
    let is_object = each_member(error, |key, value| match key {
        "expired" => all_say(&mut is_expired, value == "true"),
        "errorCode" => all_say(&mut may_pass, is_retryable(error_code(value))),
        _ => {}
    });
    is_object.is_some() && (is_expired == Some(true) || may_pass == Some(true))
}

/// The digits of a code, which may be in quotes.
fn error_code(code: &str) -> Option<u64> {
    let digits = match serde_json::from_str(code) {
        Ok(CowStr(text)) => text,
        Err(_) => Cow::Borrowed(code),
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Gives every member of a JSON object that is not `null` to `each`: its key, and its value as it is written. `None`
/// if it is not an object.
fn each_member<'a>(json: &'a str, each: impl FnMut(&str, &'a str)) -> Option<()> {
    struct Members<F>(F);

    impl<'de, F: FnMut(&str, &'de str)> Visitor<'de> for Members<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
            // Raw, because a key or a value with half of a surrogate pair cannot be decoded.
            while let Some((key, value)) = members.next_entry::<&RawValue, &RawValue>()? {
                if value.get() != "null"
                    && let Ok(CowStr(key)) = serde_json::from_str(key.get())
                {
                    self.0(&key, value.get());
                }
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(Members(each)).ok()?;
    deserializer.end().ok()
}

/// Whether the same record may succeed next time: too many requests (429) and the service's own errors
/// (500 to 599), as HTTP has them. AWS documents no list of codes; one that is missing or no number is
/// taken to be final, so that nothing is tried again indefinitely.
#[must_use]
pub fn is_retryable(code: Option<u64>) -> bool {
    matches!(code, Some(429 | 500..=599))
}

/// A record's id as a number, its XXH3 of 128 bits. Sets of it have a known size, however long the ids are.
///
/// Two ids do not meet by chance. Somebody who searches for two that do, which a cryptographic hash would
/// prevent at ten times the cost, fools nobody but himself: they must stand in the same drop, which is then
/// refused because an id is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordKey(u128);

impl RecordKey {
    /// The key of an id.
    #[must_use]
    pub fn of(record_id: &str) -> Self {
        Self(XxHash3_128::oneshot(record_id.as_bytes()))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) fn lower_half(self) -> u64 {
        self.0 as u64
    }

    pub(crate) fn upper_half(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// A map by record key.
#[derive(Debug)]
pub struct RecordMap<V>(HashMap<[u8; 16], V, BuildHasherDefault<KeyHasher>>);

impl<V> Default for RecordMap<V> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<V> RecordMap<V> {
    /// A map with room for so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(records, BuildHasherDefault::default()))
    }

    /// Adds a record that is not there yet. False, and nothing changes, if it is.
    pub fn add(&mut self, key: RecordKey, value: V) -> bool {
        match self.0.entry(key.0.to_ne_bytes()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(value);
                true
            }
        }
    }

    /// Gives a record another value, whether it is there or not.
    pub fn replace(&mut self, key: RecordKey, value: V) {
        self.0.insert(key.0.to_ne_bytes(), value);
    }

    /// The value of a record.
    #[must_use]
    pub fn get(&self, key: RecordKey) -> Option<&V> {
        self.0.get(&key.0.to_ne_bytes())
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// All records, in any order.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKey, &V)> {
        self.0.iter().map(|(key, value)| (RecordKey(u128::from_ne_bytes(*key)), value))
    }
}

/// Takes the last 8 bytes of a key, which is a hash already, for its hash.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    }
}

/// The sum of the keys of a set of records, in any order. Two sets of distinct ids with the same sum are
/// the same set, so a job's output is held against its input without reading the input again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySum(u128);

impl KeySum {
    /// Adds one record.
    pub fn add(&mut self, key: RecordKey) {
        self.0 = self.0.wrapping_add(key.0);
    }

    /// The sum without the records of another one.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl serde::Serialize for KeySum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for KeySum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn reads_output_records_tolerantly() {
        use Answer::{Failed, Retryable, Succeeded};
        let answer = |line: &str| {
            parse_output_record(line.as_bytes()).map(|record| (record.record_id.into_owned(), record.answer))
        };
        let table = [
            (r#"{"recordId":"a","modelInput":{},"modelOutput":{"x":1},"new":2}"#, Some(Succeeded)),
            (r#"{"recordId":"a","modelOutput":{"x":1},"error":null}"#, Some(Succeeded)),
            (
                r#"{"recordId":"a","modelOutput":null,"error":{"errorCode":400,"errorMessage":"m"}}"#,
                Some(Failed),
            ),
            (r#"{"recordId":"a","error":{"errorCode":"424"}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":"ThrottlingException"}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":429}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":"500"}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":599}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":600}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":400,"expired":true}}"#, Some(Retryable)),
            (
                r#"{"recordId":"a","error":{"errorCode":500,"errorMessage":null,"expired":null}}"#,
                Some(Retryable),
            ),
            (
                r#"{"recordId":"a","error":{"errorCode":null,"expired":null},"modelOutput":null}"#,
                Some(Failed),
            ),
            (r#"{"recordId":"a","error":"text"}"#, Some(Failed)),
            (r#"{"recordId":"a","error":503}"#, Some(Failed)),
            (r#"{"recordId":"a","error":[{"errorCode":503}]}"#, Some(Failed)),
            (r#"{"recordId":"a","error":false}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":[503]}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":1e400,"expired":"true"}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":503,"errorCode":503}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":400,"errorCode":503}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":503},"error":{"errorCode":400}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":503},"modelOutput":{}}"#, Some(Failed)),
            (r#"{"recordId":"a","modelOutput":{},"modelOutput":null}"#, Some(Succeeded)),
            (r#"{"recordId":"a","recordId":"a","modelOutput":""}"#, Some(Succeeded)),
            (r#"{"recordId":null,"recordId":"a","modelOutput":false}"#, Some(Succeeded)),
            (
                r#"{"recordId":"a","modelInput":{"a":"\ud83d"},"error":{"errorMessage":"\ude00"},"\ud83d":1}"#,
                Some(Failed),
            ),
            ("\u{feff}{\"recordId\":\"a\",\"modelOutput\":{}}\r", Some(Succeeded)),
            (r#"{"recordId":"a","recordId":"b","modelOutput":{}}"#, None),
            (r#"{"recordId":"a","recordId":true,"modelOutput":{}}"#, None),
            (r#"{"recordId":["a"],"modelOutput":{}}"#, None),
            (r#"{"recordId":1.0,"modelOutput":{}}"#, None),
            (r#"{"recordId":null,"modelOutput":{}}"#, None),
            (r#"{"recordId":"a","error":null,"modelOutput":null}"#, None),
            (r#"["a",{},{"errorCode":429}]"#, None),
            (r#"{"recordId":"a","modelInput":{}}"#, None),
            (r#"{"modelOutput":{}}"#, None),
            (r#"{"recordId":"a","modelOut"#, None),
            ("", None),
        ];
        for (line, expected) in table {
            assert_eq!(answer(line), expected.map(|expected| ("a".to_owned(), expected)), "{line}");
        }
        let id = |line: &[u8]| parse_output_record(line).map(|record| record.record_id.into_owned());
        assert_eq!(id(br#"{"recordId":17,"modelOutput":{}}"#).as_deref(), Some("17"));
        assert_eq!(id(b"{\"recordId\":\"a\",\"modelOutput\":\"\xff\xed\xa0\xbd\"}").as_deref(), Some("a"));
        assert_eq!(id(b"{\"recordId\":\"\xff\",\"modelOutput\":{}}"), None);
        let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
        let deep = format!(r#"{{"recordId":"a","modelInput":{open}{close},"error":{open}{close}}}"#);
        assert_eq!(answer(&deep), Some(("a".to_owned(), Failed)));
    }

    #[test]
    fn key_sum_ignores_order_and_survives_the_ledger() {
        let sum = |ids: &[&str]| {
            let mut sum = KeySum::default();
            ids.iter().for_each(|id| sum.add(RecordKey::of(id)));
            sum
        };
        assert_eq!(sum(&["a", "b", "c"]), sum(&["c", "a", "b"]));
        assert_ne!(sum(&["a", "b"]), sum(&["a", "c"]));
        let json = serde_json::to_string(&sum(&["a"])).unwrap();
        assert_eq!(serde_json::from_str::<KeySum>(&json).unwrap(), sum(&["a"]));
    }
}
