//! Reads the members of a request of another API, and says what becomes of those that are not converted, as tables. Pure.

use std::borrow::Cow;

use super::records::read_id;
use super::report::{Losses, Refusal, without_place};
use crate::base::json::Members;
use crate::prepare::json::compact;

/// What to do about a request that cannot be read.
pub(super) const FIX: &str = "correct the request";

/// What becomes of a member.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// The conversion reads it.
    Read,
    /// The request asks for the same without it. Why it is left out.
    Leave(&'static str),
    /// The request asks for something else without it, unless it has one of these values. Why it cannot be converted.
    Only(&'static [&'static str], &'static str),
}

/// Names of members, and what becomes of them.
pub(super) type Rules = &'static [(&'static str, Rule)];

/// Reads the envelope of a request: its members, and its id.
pub(super) fn read_envelope<'a>(
    json: &'a str,
    rules: Rules,
    losses: &mut Losses,
) -> Result<(Members<'a>, Cow<'a, str>), Refusal> {
    let envelope = Members::parse(json).map_err(|error| Refusal::because_of(&error, FIX))?;
    apply(rules, &envelope, "", losses);
    let Some(id) = envelope.get("custom_id") else {
        return Err(Refusal::new("the request has no custom_id", "add one"));
    };
    let record_id = read_id(id, "custom_id", losses)?;
    Ok((envelope, record_id))
}

/// Reads a member of a request that must be an object.
pub(super) fn parse<'a>(json: Option<&'a str>, name: &str) -> Result<Members<'a>, Refusal> {
    let json = json.ok_or_else(|| Refusal::new(format!("the request has no {name}"), FIX))?;
    Members::parse(json)
        .map_err(|error| Refusal::new(format!("{name} cannot be read: {}", without_place(&error)), FIX))
}

/// Returns whether a value is one of these, which have no white space between tokens.
pub(super) fn is_one_of(json: &str, values: &[&str]) -> bool {
    values.contains(&json) || values.contains(&compact(json).as_str())
}

/// Applies the rules to the members of an object. A member without a rule might mean anything.
pub(super) fn apply(rules: Rules, members: &Members<'_>, path: &str, losses: &mut Losses) {
    for (name, value) in members.iter() {
        let member = || {
            let name = crate::base::text::name(name);
            if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
        };
        match rules.iter().find(|(known, _)| *known == name).map(|(_, rule)| rule) {
            _ if value == "null" => {}
            Some(Rule::Read) => {}
            Some(Rule::Leave(why)) => losses.note(member(), *why),
            Some(Rule::Only(values, why)) => {
                if !is_one_of(value, values) {
                    losses.stop(member(), *why);
                }
            }
            None => losses.stop(member(), "it is not known here, and might change what the request asks for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepare::report::Effect;

    #[test]
    fn values_count_however_they_are_laid_out() {
        const RULES: Rules = &[("a", Rule::Only(&[r#"{"type":"text"}"#], "why")), ("b", Rule::Leave("why"))];
        let lost = |json| {
            let mut losses = Losses::default();
            apply(RULES, &Members::parse(json).unwrap(), "p", &mut losses);
            losses.0.into_iter().map(|loss| (loss.member, loss.effect == Effect::Lost)).collect::<Vec<_>>()
        };
        assert_eq!(lost(r#"{"a": {"type":  "text"}, "c": null}"#), []);
        let expected =
            [("p.a", true), ("p.b", false), ("p.c", true)].map(|(member, stops)| (member.to_owned(), stops));
        assert_eq!(lost(r#"{"a": {"type": "te xt"}, "b": 1, "c": 2}"#), expected);
    }
}
