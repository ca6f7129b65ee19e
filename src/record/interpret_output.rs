//! Finds out what a line of Bedrock's output says. Pure.
//!
//! This is the reader for lines that the faster ones could not prove; see the [module](crate::record). The
//! table of what counts as an answer is at
//! [`parse_output_record`](crate::record::output::parse_output_record).

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::parsed::{Answer, OutputRecord};
use crate::record::retryable::is_retryable;

/// Interprets a line that is not UTF-8. Its bad bytes do not matter unless the id has one: an id has to be
/// exact.
#[cold]
pub(super) fn interpret_lossy(line: &[u8]) -> Option<OutputRecord<'static>> {
    let text = String::from_utf8_lossy(line);
    let OutputRecord { record_id, answer } = interpret_output(&text)?;
    let is_exact = !record_id.contains(char::REPLACEMENT_CHARACTER);
    is_exact.then(|| OutputRecord { record_id: record_id.into_owned().into(), answer })
}

/// Interprets any line; `None` if it is not an answer.
pub(super) fn interpret_output(text: &str) -> Option<OutputRecord<'_>> {
    let mut ids = Ids::None;
    let (mut has_output, mut has_error, mut is_temporary) = (false, false, true);
    each_member(text.strip_prefix('\u{feff}').unwrap_or(text), |key, value| match key {
        "recordId" => ids.add(value),
        "modelOutput" => has_output = true,
        "error" => {
            has_error = true;
            is_temporary &= is_temporary_error(value);
        }
        _ => {}
    })?;
    let Ids::One(record_id) = ids else { return None };
    let answer = match (has_output, has_error) {
        (true, false) => Answer::Succeeded,
        (false, true) if is_temporary => Answer::Retryable,
        (_, true) => Answer::Failed,
        (false, false) => return None,
    };
    Some(OutputRecord { record_id, answer })
}

/// A string that is borrowed where it has no escapes: `Cow<str>` by itself is never deserialized as borrowed.
#[derive(Deserialize)]
struct CowStr<'a>(#[serde(borrow)] Cow<'a, str>);

/// What the `recordId` members of a line say.
enum Ids<'a> {
    None,
    One(Cow<'a, str>),
    /// One of them is not an id, or two of them differ.
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

/// Whether an `error` has nothing to do with its record. One that cannot be understood counts as final, so
/// that nothing is paid for twice.
fn is_temporary_error(error: &str) -> bool {
    let (mut is_expired, mut has_retryable_code) = (None, None);
    let all_say = |said: &mut Option<bool>, this| *said = Some(said.unwrap_or(true) && this);
    let is_object = each_member(error, |key, value| match key {
        "expired" => all_say(&mut is_expired, value == "true"),
        "errorCode" => all_say(&mut has_retryable_code, is_retryable(error_code(value))),
        _ => {}
    });
    is_object.is_some() && (is_expired == Some(true) || has_retryable_code == Some(true))
}

/// Returns the number that a code is; its digits may be in quotes.
fn error_code(code: &str) -> Option<u64> {
    let digits = match serde_json::from_str(code) {
        Ok(CowStr(text)) => text,
        Err(_) => Cow::Borrowed(code),
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Calls `each` for every member of a JSON object that is not `null`, with its key, and its value as it is
/// written. Returns `None` if the JSON is not an object.
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
