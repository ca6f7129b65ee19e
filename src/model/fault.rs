//! The kinds of faults that a fact can name, and how they are found in a body. Pure.
//!
//! A member that is `null` counts as absent. Some models refuse it, and others do not.

use std::fmt;

use serde_json::{Map, Value};

use crate::base::text;

/// A path from the body to a value: names of members with dots between them, `[]` for each item of a list, and `[0]` for
/// its first item, as in `messages[].content[0].text`. The empty path is the body itself.
type Path = &'static str;

/// What a value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    List,
    Object,
    Boolean,
    Number,
    /// A number without a fraction, such as 1 and 1.0.
    Integer,
    /// A number that is written as text. Some models read it as the number.
    NumberInText,
}

/// Something that a body must not be.
#[derive(Debug)]
pub(super) enum Fault {
    /// An object has none of these members.
    Lacks { within: Path, any_of: &'static [&'static str] },
    /// An object has at least one of these members.
    Has { within: Path, any_of: &'static [&'static str] },
    /// An object has a member that is not one of these.
    HasOther { within: Path, than: &'static [&'static str] },
    /// A value is of another type.
    NotA { path: Path, types: &'static [Type] },
    /// A list has no items, or a text no characters.
    Empty { path: Path },
    /// A list has too many items.
    Longer { path: Path, max: usize },
    /// A number is too small or too large.
    Outside { path: Path, min: f64, max: f64 },
    /// A text is not one of these.
    NotOneOf { path: Path, texts: &'static [&'static str] },
    /// A text is one of these.
    IsOneOf { path: Path, texts: &'static [&'static str] },
    /// A value is true.
    IsTrue { path: Path },
    /// A number is not one of these.
    NotOneOfNumbers { path: Path, numbers: &'static [f64] },
    /// Both values are there.
    Both { one: Path, other: Path },
    /// A number is not below another one.
    NotBelow { path: Path, limit: Path },
    /// A text is neither the model's id nor that of its inference profile.
    NotTheModel { path: Path },
    /// A text is not an S3 URI that the batch role may read.
    NotReadable { path: Path },
    /// All of these are found.
    All { what: &'static str, of: &'static [Fault] },
    /// One of these is found.
    Any(&'static [Fault]),
}

/// What is known about the job besides its records.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The model as it is configured.
    pub(super) model_id: String,
    /// The id of the foundation model, if the model's id tells.
    pub(super) foundation_model: String,
    /// The starts of S3 URIs that the batch role may read.
    pub(super) s3_prefixes: Vec<String>,
}

/// A fault in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The place, as in `messages.0.role`; empty for the body itself.
    pub(super) at: String,
    /// A clause that says what is wrong.
    pub(super) what: String,
}

impl Fault {
    /// Looks for the first such fault in a body.
    pub(super) fn find(&self, body: &Value, job: &Job) -> Option<Found> {
        match *self {
            Self::Lacks { within, any_of } => search(body, within, |value, at| {
                let members = value.as_object()?;
                let lacks = !any_of.iter().any(|name| has(members, name));
                lacks.then(|| found(at, format!("{} missing{}", missing(any_of), inside(at))))
            }),
            Self::Has { within, any_of } => search(body, within, |value, at| {
                let members = value.as_object()?;
                let names: Vec<&str> = any_of.iter().copied().filter(|name| has(members, name)).collect();
                let first = names.first()?;
                let what = format!("{} must not be there{}", quoted(&names, "and"), inside(at));
                Some(found(&at.then(first), what))
            }),
            Self::HasOther { within, than } => search(body, within, |value, at| {
                let members = value.as_object()?;
                let other =
                    members.keys().find(|name| !than.contains(&name.as_str()) && has(members, name))?;
                let what =
                    format!("`{}` is not a member that the model knows{}", text::name(other), inside(at));
                Some(found(at, what))
            }),
            Self::NotA { path, types } => search(body, path, |value, at| {
                let is_other = !value.is_null() && !types.iter().any(|kind| kind.has(value));
                is_other.then(|| {
                    let names: Vec<&str> = types.iter().filter_map(|kind| kind.name()).collect();
                    found(at, format!("`{at}` is {}; it must be {}", kind_of(value), names.join(" or ")))
                })
            }),
            Self::Empty { path } => search(body, path, |value, at| {
                let is_empty = value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("");
                is_empty.then(|| found(at, format!("`{at}` is empty")))
            }),
            Self::Longer { path, max } => search(body, path, |value, at| {
                let length = value.as_array().map(Vec::len).filter(|length| *length > max)?;
                Some(found(at, format!("`{at}` has {length} items; at most {max} are allowed")))
            }),
            Self::Outside { path, min, max } => search(body, path, |value, at| {
                let number = value.as_f64().filter(|number| !(min..=max).contains(number))?;
                let range = match (min, max) {
                    (min, max) if min >= max => format!("only {min} is accepted"),
                    (min, f64::INFINITY) => format!("it must be at least {min}"),
                    (f64::NEG_INFINITY, max) => format!("it must be at most {max}"),
                    (min, max) => format!("it must be from {min} to {max}"),
                };
                Some(found(at, format!("`{at}` is {number}; {range}")))
            }),
            Self::NotOneOf { path, texts } => search(body, path, |value, at| {
                let text = value.as_str().filter(|text| !texts.contains(text))?;
                let what = format!("`{at}` is {:?}; it must be {}", Name(text), texts.join(" or "));
                Some(found(at, what))
            }),
            Self::IsOneOf { path, texts } => search(body, path, |value, at| {
                let text = value.as_str().filter(|text| texts.contains(text))?;
                Some(found(at, format!("`{at}` is {:?}, which the model refuses", Name(text))))
            }),
            Self::IsTrue { path } => search(body, path, |value, at| {
                (value.as_bool() == Some(true)).then(|| found(at, format!("`{at}` is true")))
            }),
            Self::NotOneOfNumbers { path, numbers } => search(body, path, |value, at| {
                let number = value.as_f64().filter(|number| !numbers.contains(number))?;
                let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
                Some(found(at, format!("`{at}` is {number}; it must be {}", numbers.join(" or "))))
            }),
            Self::Both { one, other } => {
                let are_there = is_there(body, one) && is_there(body, other);
                let what = || format!("`{one}` and `{other}` are both there");
                are_there.then(|| Found { at: other.into(), what: what() })
            }
            Self::NotBelow { path, limit } => {
                let limit_number = search(body, limit, |value, _| value.as_f64())?;
                search(body, path, |value, at| {
                    let number = value.as_f64().filter(|number| *number >= limit_number)?;
                    let what = format!(
                        "`{at}` is {number}; it must be less than `{limit}`, which is {limit_number}"
                    );
                    Some(found(at, what))
                })
            }
            Self::NotTheModel { path } => search(body, path, |value, at| {
                let text = value.as_str()?;
                let is_model = text == job.model_id || text.ends_with(job.foundation_model.as_str());
                let what = || format!("`{at}` is {:?}, but the job's model is {}", Name(text), job.model_id);
                (!is_model).then(|| found(at, what()))
            }),
            Self::NotReadable { path } => search(body, path, |value, at| {
                let uri = value.as_str()?;
                let is_readable = job.s3_prefixes.iter().any(|prefix| uri.starts_with(prefix.as_str()));
                let what = || format!("`{at}` is {:?}, which the batch role may not read", Name(uri));
                (!is_readable).then(|| found(at, what()))
            }),
            Self::All { what, of } => {
                let mut first = None;
                for fault in of {
                    let found = fault.find(body, job)?;
                    first.get_or_insert(found.at);
                }
                Some(Found { at: first.unwrap_or_default(), what: what.into() })
            }
            Self::Any(faults) => faults.iter().find_map(|fault| fault.find(body, job)),
        }
    }
}

impl Type {
    fn has(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Self::NumberInText => value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok()),
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("a text"),
            Self::List => Some("a list"),
            Self::Object => Some("an object"),
            Self::Boolean => Some("true or false"),
            Self::Number => Some("a number"),
            Self::Integer => Some("a whole number"),
            Self::NumberInText => None,
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() != 0.0) => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn has(members: &Map<String, Value>, name: &str) -> bool {
    members.get(name).is_some_and(|value| !value.is_null())
}

/// Text from the file, truncated and escaped, in quotes.
struct Name<'a>(&'a str);

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", text::name(self.0))
    }
}

fn missing(any_of: &[&str]) -> String {
    match any_of {
        [one] => format!("`{one}` is"),
        several => format!("{} are", quoted(several, "and")),
    }
}

fn quoted(names: &[&str], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((end, start)) if !start.is_empty() => format!("{} {last} {end}", start.join(", ")),
        _ => quoted.concat(),
    }
}

fn inside(at: &Place<'_>) -> String {
    if at.steps.is_empty() { String::new() } else { format!(" in `{at}`") }
}

fn found(at: &Place<'_>, what: String) -> Found {
    Found { at: at.to_string(), what }
}

/// Where a value is in the body.
#[derive(Debug, Clone)]
struct Place<'p> {
    steps: Vec<Step<'p>>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Member(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    fn then(&self, member: &'p str) -> Self {
        let mut next = self.clone();
        next.steps.push(Step::Member(member));
        next
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match step {
                Step::Member(name) => write!(f, "{dot}{name}")?,
                Step::Item(number) => write!(f, "{dot}{number}")?,
            }
        }
        Ok(())
    }
}

/// Returns whether something other than `null` is at a path.
pub(super) fn is_there(body: &Value, path: &'static str) -> bool {
    search(body, path, |value, _| (!value.is_null()).then_some(())).is_some()
}

/// Shows `judge` each value at a path, until it returns something.
fn search<T>(
    body: &Value,
    path: &'static str,
    mut judge: impl FnMut(&Value, &Place<'static>) -> Option<T>,
) -> Option<T> {
    descend(body, path, &mut Place { steps: Vec::new() }, &mut judge)
}

fn descend<T>(
    value: &Value,
    path: &'static str,
    at: &mut Place<'static>,
    judge: &mut impl FnMut(&Value, &Place<'static>) -> Option<T>,
) -> Option<T> {
    if path.is_empty() {
        return judge(value, at);
    }
    if let Some(rest) = path.strip_prefix('[') {
        let (index, rest) = rest.split_once(']').unwrap_or((rest, ""));
        let only: Option<usize> = index.parse().ok();
        let items = value.as_array()?.iter().enumerate();
        for (number, item) in items.filter(|(number, _)| only.is_none_or(|only| only == *number)) {
            at.steps.push(Step::Item(number));
            let found = descend(item, rest, at, judge);
            at.steps.pop();
            if found.is_some() {
                return found;
            }
        }
        return None;
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let member = value.as_object()?.get(name)?;
    at.steps.push(Step::Member(name));
    let found = descend(member, rest, at, judge);
    at.steps.pop();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fault: &Fault, body: &str) -> Option<(String, String)> {
        let job = Job {
            model_id: "us.amazon.nova-lite-v1:0".into(),
            foundation_model: "amazon.nova-lite-v1:0".into(),
            s3_prefixes: vec!["s3://media/videos/".into()],
        };
        let found = fault.find(&serde_json::from_str(body).unwrap(), &job)?;
        Some((found.at, found.what))
    }

    #[test]
    fn each_kind_of_fault_ends_at_its_limit_and_says_where_it_is_and_what_would_be_right() {
        use Fault::{
            All, Both, Empty, Has, HasOther, IsOneOf, IsTrue, Lacks, Longer, NotA, NotBelow, NotOneOf,
            NotOneOfNumbers, NotReadable, NotTheModel, Outside,
        };
        let at_least = Outside { path: "n", min: 1.0, max: f64::INFINITY };
        let at_most = Outside { path: "n", min: f64::NEG_INFINITY, max: 2.0 };
        let from_to = Outside { path: "n", min: 1.0, max: 2.0 };
        let only = Outside { path: "n", min: 1.0, max: 1.0 };
        let lacks = Lacks { within: "a", any_of: &["x", "y"] };
        let has = Has { within: "", any_of: &["x", "y", "z"] };
        let longer = Longer { path: "l", max: 2 };
        let not_a = NotA { path: "l[]", types: &[Type::Text, Type::Integer, Type::NumberInText] };
        for (fault, right, wrong, at, what) in [
            (&at_least, r#"{"n":1}"#, r#"{"n":0}"#, "n", "`n` is 0; it must be at least 1"),
            (&at_most, r#"{"n":2}"#, r#"{"n":3}"#, "n", "`n` is 3; it must be at most 2"),
            (&from_to, r#"{"n":1}"#, r#"{"n":2.5}"#, "n", "`n` is 2.5; it must be from 1 to 2"),
            (&only, r#"{"n":1.0}"#, r#"{"n":2}"#, "n", "`n` is 2; only 1 is accepted"),
            (&lacks, r#"{"a":{"y":1}}"#, r#"{"a":{"x":null}}"#, "a", "`x` and `y` are missing in `a`"),
            (&has, r#"{"x":null}"#, r#"{"z":1,"x":1,"y":1}"#, "x", "`x`, `y` and `z` must not be there"),
            (
                &HasOther { within: "a", than: &["x"] },
                r#"{"a":{"x":1,"y":null}}"#,
                r#"{"a":{"y":1}}"#,
                "a",
                "`y` is not a member that the model knows in `a`",
            ),
            (&longer, r#"{"l":[1,2]}"#, r#"{"l":[1,2,3]}"#, "l", "`l` has 3 items; at most 2 are allowed"),
            (
                &not_a,
                r#"{"l":["a",1,null,"2"]}"#,
                r#"{"l":["a",1.5]}"#,
                "l.1",
                "`l.1` is a fraction; it must be a text or a whole number",
            ),
            (&Empty { path: "l[1]" }, r#"{"l":["","a"]}"#, r#"{"l":["a",""]}"#, "l.1", "`l.1` is empty"),
            (
                &NotOneOf { path: "t", texts: &["a", "b"] },
                r#"{"t":"b"}"#,
                r#"{"t":"c"}"#,
                "t",
                "`t` is \"c\"; it must be a or b",
            ),
            (
                &IsOneOf { path: "t", texts: &["a"] },
                r#"{"t":"b"}"#,
                r#"{"t":"a"}"#,
                "t",
                "`t` is \"a\", which the model refuses",
            ),
            (&IsTrue { path: "t" }, r#"{"t":false}"#, r#"{"t":true}"#, "t", "`t` is true"),
            (
                &NotOneOfNumbers { path: "n", numbers: &[1.0, 2.0] },
                r#"{"n":2}"#,
                r#"{"n":3}"#,
                "n",
                "`n` is 3; it must be 1 or 2",
            ),
            (
                &Both { one: "n", other: "t" },
                r#"{"n":1,"t":null}"#,
                r#"{"n":1,"t":1}"#,
                "t",
                "`n` and `t` are both there",
            ),
            (
                &NotBelow { path: "n", limit: "t" },
                r#"{"n":1,"t":2}"#,
                r#"{"n":2,"t":2}"#,
                "n",
                "`n` is 2; it must be less than `t`, which is 2",
            ),
            (
                &NotTheModel { path: "t" },
                r#"{"t":"amazon.nova-lite-v1:0"}"#,
                r#"{"t":"amazon.nova-pro-v1:0"}"#,
                "t",
                "`t` is \"amazon.nova-pro-v1:0\", but the job's model is us.amazon.nova-lite-v1:0",
            ),
            (
                &NotReadable { path: "t" },
                r#"{"t":"s3://media/videos/1"}"#,
                r#"{"t":"s3://media/images/1"}"#,
                "t",
                "`t` is \"s3://media/images/1\", which the batch role may not read",
            ),
            (
                &All { what: "both are wrong", of: &[IsTrue { path: "a" }, IsTrue { path: "b" }] },
                r#"{"a":true,"b":false}"#,
                r#"{"a":true,"b":true}"#,
                "a",
                "both are wrong",
            ),
        ] {
            assert_eq!(said(fault, right), None, "{fault:?}");
            assert_eq!(said(fault, wrong), Some((at.into(), what.into())), "{fault:?}");
        }
    }
}
