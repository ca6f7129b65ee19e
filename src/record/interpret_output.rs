//! Finds out what a line of Bedrock's output says. Pure.
//!
//! This is the reader for lines that the faster ones could not prove; see the [module](crate::record). The
//! table of what counts as an answer is at
//! [`parse_output_record`](crate::record::output::parse_output_record).

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::error_text::ErrorText;
use crate::record::parsed::{Answer, OutputRecord};
use crate::record::retryable::is_retryable;
use crate::record::stop_reason::{Level, Member, Usability};

/// Interprets a line that is not UTF-8. Its bad bytes do not matter unless the id has one: an id has to be
/// exact.
#[cold]
pub(super) fn interpret_lossy(line: &[u8]) -> Option<OutputRecord<'static>> {
    let text = String::from_utf8_lossy(line);
    let record = interpret_output(&text)?;
    let is_exact = !record.record_id.contains(char::REPLACEMENT_CHARACTER);
    is_exact.then(|| OutputRecord { record_id: record.record_id.into_owned().into(), ..record })
}

/// Interprets any line; `None` if it is not an answer.
pub(super) fn interpret_output(text: &str) -> Option<OutputRecord<'_>> {
    let mut ids = Ids::None;
    let (mut has_output, mut is_temporary) = (false, true);
    let mut usability = Usability::Usable;
    let mut error = None;
    each_member(text.strip_prefix('\u{feff}').unwrap_or(text), |key, value| match key {
        "recordId" => ids.add(value),
        "modelOutput" => {
            has_output = true;
            usability = usability_of(value, Level::Output).max(usability);
        }
        "error" => {
            is_temporary &= is_temporary_error(value);
            error.get_or_insert_with(|| error_text(value));
        }
        _ => {}
    })?;
    let Ids::One(record_id) = ids else { return None };
    let answer = match (has_output, error.is_some()) {
        (true, false) => Answer::Succeeded,
        (false, true) if is_temporary => Answer::Retryable,
        (_, true) => Answer::Failed,
        (false, false) => return None,
    };
    let usability = if error.is_some() { Usability::Usable } else { usability };
    Some(OutputRecord { record_id, answer, usability, error })
}

/// Returns what an object of a model's output says about why the model stopped.
fn usability_of(json: &str, level: Level) -> Usability {
    let mut found = Usability::Usable;
    each_member(json, |key, value| {
        let said = match level.member(key.as_bytes()) {
            Member::Reason => decoded(value).map(|reason| Usability::of_reason(reason.as_bytes())),
            Member::Refusal => decoded(value).map(|text| Usability::of_refusal(&text)),
            Member::Object(level) => Some(usability_of(value, level)),
            Member::List(level) => {
                let mut found = Usability::Usable;
                each_element(value, |element| found = usability_of(element, level).max(found));
                Some(found)
            }
            Member::Other => None,
        };
        found = said.unwrap_or_default().max(found);
    });
    found
}

/// Reads what the error of a record says, in whatever form.
fn error_text(json: &str) -> ErrorText {
    let (mut code, mut message) = (None, None);
    let is_object = each_member(json, |key, value| match key {
        "errorCode" if code.is_none() => code = Some(decoded(value).unwrap_or(Cow::Borrowed(value))),
        "errorMessage" if message.is_none() => message = Some(decoded(value).unwrap_or(Cow::Borrowed(value))),
        _ => {}
    });
    if is_object.is_none() {
        message = Some(decoded(json).unwrap_or(Cow::Borrowed(json)));
    }
    ErrorText::new(code.as_deref(), message.as_deref().unwrap_or_default())
}

/// Decodes a string of JSON; `None` for any other value, and for a string with half of a surrogate pair.
fn decoded(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str(json).ok().map(|CowStr(text)| text)
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
        let id = decoded(value).or_else(|| is_integer(value).then_some(Cow::Borrowed(value)));
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
    let digits = decoded(code).unwrap_or(Cow::Borrowed(code));
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

/// Passes the raw JSON of each element of a list to `each`. If the JSON is not a list, nothing happens.
fn each_element<'a>(json: &'a str, each: impl FnMut(&'a str)) {
    struct Elements<F>(F);

    impl<'de, F: FnMut(&'de str)> Visitor<'de> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element::<&RawValue>()? {
                self.0(element.get());
            }
            Ok(())
        }
    }

    // The JSON has been parsed before, so the only error is that it is not a list.
    let _ = serde_json::Deserializer::from_str(json).deserialize_seq(Elements(each));
}
