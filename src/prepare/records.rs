//! Repairs records of ours: members in another spelling, ids that are integers, a `modelInput` that is a string. Pure.

use std::borrow::Cow;

use super::draft::Draft;
use super::report::{Losses, Refusal, without_place};
use crate::base::json::{Members, string};
use crate::base::text;
use crate::drop::kinds;
use crate::prepare::json::{compact, kind};
use crate::record::input::parse_input_record;
use crate::record::judge_input::is_integer;
use crate::record::problem::{Instead, RecordError, RecordProblem};

/// Reads a record.
pub(super) fn read<'a>(json: &'a str, losses: &mut Losses) -> Result<Draft<'a>, Refusal> {
    let members = Members::parse(json).map_err(|error| Refusal::because_of(&error, "correct the line"))?;
    let has_id = members.iter().any(|(name, _)| letters(name) == "recordid");
    let mut record_id = None;
    let mut model_input = None;
    for (name, value) in members.iter() {
        let (place, right) = match letters(name).as_str() {
            "recordid" => (&mut record_id, "recordId"),
            "modelinput" => (&mut model_input, "modelInput"),
            "id" | "customid" | "key" if !has_id => {
                let why = "a record has only recordId and modelInput; call it recordId to keep it";
                losses.note(text::name(name).to_string(), why);
                continue;
            }
            _ => {
                losses.note(text::name(name).to_string(), "a record has only recordId and modelInput");
                continue;
            }
        };
        if name != right {
            losses.change(text::name(name).to_string(), format!("it becomes {right}"));
        }
        if place.replace(value).is_some() {
            return Err(Refusal::new(
                format!("the record has {right} in two spellings"),
                "remove one of them",
            ));
        }
    }
    let Some(model_input) = model_input else {
        let fix = match parse_input_record(json.as_bytes()) {
            Err(RecordError {
                what: problem @ RecordProblem::NoModelInput(Instead::Request | Instead::RequestWithId),
                ..
            }) => kinds::fix_of_line(&problem),
            _ => {
                "put the request body of the model into modelInput, or, if the members are what a prompt is made of, add --template PROMPT.txt with {member} in it"
            }
        };
        return Err(Refusal::new("the record has no modelInput", fix));
    };
    Ok(Draft {
        record_id: record_id.map(|id| read_id(id, "recordId", losses)).transpose()?,
        body: body(model_input, losses)?,
    })
}

/// Whether a record has a body, in any spelling.
pub(super) fn has_body(json: &str) -> bool {
    let Ok(members) = Members::parse(json) else { return false };
    members.iter().any(|(name, _)| letters(name) == "modelinput")
}

/// Returns the id of a record or request that cannot be written, if it can be told.
pub(super) fn id_of(json: &str) -> Option<String> {
    let members = Members::parse(json).ok()?;
    let (_, id) =
        members.iter().find(|(name, _)| ["recordid", "customid"].contains(&letters(name).as_str()))?;
    let id = read_id(id, "", &mut Losses::default()).ok()?;
    Some(id.into_owned())
}

/// Returns a name without what differs between spellings.
fn letters(name: &str) -> String {
    name.replace(['_', '-', ' '], "").to_ascii_lowercase()
}

/// Reads an id. An integer is taken as its text.
pub(super) fn read_id<'a>(json: &'a str, name: &str, losses: &mut Losses) -> Result<Cow<'a, str>, Refusal> {
    if is_integer(json) {
        losses.change(name, "an integer becomes its text, so that 7 and \"7\" are the same id");
        return Ok(Cow::Borrowed(json));
    }
    match string(json) {
        Some(id) if id.is_empty() => {
            Err(Refusal::new(format!("{name} is empty"), "give each record an id of its own"))
        }
        Some(id) => Ok(id),
        None => {
            Err(Refusal::new(format!("{name} is not a string but {}", kind(json)), "put the id in quotes"))
        }
    }
}

fn body<'a>(json: &'a str, losses: &mut Losses) -> Result<Cow<'a, str>, Refusal> {
    if json.starts_with('{') {
        return Ok(Cow::Borrowed(json));
    }
    let not_an_object =
        |kind| Refusal::new(format!("modelInput is not an object but {kind}"), "make it an object");
    let Some(inside) = string(json) else { return Err(not_an_object(kind(json))) };
    let body = body_of_text(&inside)?.into_owned();
    losses.change("modelInput", "a string of JSON becomes the object that it says");
    Ok(Cow::Owned(body))
}

/// Reads a body that is JSON within a text.
pub(super) fn body_of_text<'a>(inside: &str) -> Result<Cow<'a, str>, Refusal> {
    if let Err(error) = Members::parse(inside) {
        if inside.trim_start().starts_with('{') {
            let what =
                format!("modelInput is a string of JSON that has a mistake: {}", without_place(&error));
            return Err(Refusal::new(what, "correct what writes the file"));
        }
        let fix = "put the request body of the model there; or, to make requests of the texts, add --from json and --template PROMPT.txt with {modelInput} in it";
        return Err(Refusal::new("modelInput is a text, not the body of a request", fix));
    }
    Ok(Cow::Owned(compact(inside.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(json: &str) -> Result<(Option<String>, String, Vec<String>), String> {
        let mut losses = Losses::default();
        let draft = read(json, &mut losses).map_err(|refusal| refusal.what)?;
        let losses = losses.0.into_iter().map(|loss| loss.member).collect();
        Ok((draft.record_id.map(Cow::into_owned), draft.body.into_owned(), losses))
    }

    #[test]
    fn what_can_only_mean_one_thing_is_repaired() {
        for (json, id, body, losses) in [
            (r#"{"recordId":"1","modelInput":{"a":1.0}}"#, Some("1"), r#"{"a":1.0}"#, &[][..]),
            (r#"{"modelInput":{}}"#, None, "{}", &[]),
            (r#"{"recordId":-7,"modelInput":{}}"#, Some("-7"), "{}", &["recordId"]),
            (r#"{"record_id":"é\u0041","model_input":{}}"#, Some("éA"), "{}", &["record_id", "model_input"]),
            (
                r#"{"recordId":"1","modelInput":"{\n \"a\": [1]}\n","x\u001b":2}"#,
                Some("1"),
                r#"{"a":[1]}"#,
                &["x\\u{1b}", "modelInput"],
            ),
        ] {
            let losses = losses.iter().map(|loss| (*loss).to_owned()).collect();
            assert_eq!(repaired(json), Ok((id.map(Into::into), body.to_owned(), losses)), "{json}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (json, expected) in [
            (r#"{"recordId":7.0,"modelInput":{}}"#, "recordId is not a string but a number"),
            (r#"{"recordId":"","modelInput":{}}"#, "recordId is empty"),
            (r#"{"recordId":null,"modelInput":{}}"#, "recordId is not a string but null"),
            (
                r#"{"recordId":"1","record_id":"2","modelInput":{}}"#,
                "the record has recordId in two spellings",
            ),
            (r#"{"recordId":"1","recordId":"2","modelInput":{}}"#, "duplicate member `recordId`"),
            (r#"{"recordId":"1"}"#, "the record has no modelInput"),
            (r#"{"modelInput":[]}"#, "modelInput is not an object but an array"),
            (r#"{"modelInput":"text"}"#, "modelInput is a text, not the body of a request"),
            (r#"{"modelInput":"[1]"}"#, "modelInput is a text, not the body of a request"),
            (
                r#"{"modelInput":"{\"a\":1,\"a\":2}"}"#,
                "modelInput is a string of JSON that has a mistake: duplicate member `a`",
            ),
        ] {
            let error = repaired(json).unwrap_err();
            assert!(error.starts_with(expected), "{json}: {error}");
        }
    }
}
