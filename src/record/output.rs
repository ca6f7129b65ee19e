//! One line of Bedrock's output to a record. It is read tolerantly, because it has been paid for. Pure.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html>

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::input::{MAX_DEPTH, unquoted};
use crate::record::scan::Json;
use crate::record::template::{Scalars, Shape};

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
/// [`InputReader`](crate::record::input::InputReader) does.
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
    pub(super) fn prove_success(&mut self, text: &str) -> Option<Range<usize>> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
