//! Makes a record of a row: of the cells of a table, or of the members of a JSON object. Pure.

use std::borrow::Cow;

use super::body;
use super::conversation::{Block, Conversation};
use super::draft::{Draft, row_id};
use super::error::PrepareError;
use super::options::{Bodies, Options, RowOptions};
use super::records;
use super::report::{Losses, Refusal};
use super::target::BodyForm;
use super::template::{Bound, Template, column};
use crate::base::json::{Members, string};
use crate::base::text;
use crate::drop::kinds;
use crate::prepare::json::{Object, kind, quoted};

/// The most names that a message lists.
const MAX_NAMES: usize = 50;

/// Which columns are used for what.
pub(super) struct RowPlan {
    kind: RowKind,
    id: Option<usize>,
}

enum RowKind {
    /// The prompt and the system prompt are made of templates.
    Prompts { template: Bound, system: Option<Bound> },
    /// A column has the bodies.
    Bodies(usize),
}

/// Lists names for a message.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut shown: Vec<String> = names.take(MAX_NAMES + 1).map(|name| text::name(name).to_string()).collect();
    if shown.len() > MAX_NAMES {
        shown.truncate(MAX_NAMES);
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

impl RowPlan {
    /// Plans for the columns of a table, or for those that the templates and `--id-column` name.
    pub(super) fn new(columns: &[String], options: &Options) -> Result<Self, PrepareError> {
        let own = ["recordId", "record_id", "modelInput", "model_input"];
        let used = named_columns(&options.rows);
        // Spreadsheets often have columns without a name, or for nobody in particular. They may share it.
        for name in used.iter().map(String::as_str).chain(own) {
            if columns.iter().filter(|column| *column == name).count() > 1 {
                let what = format!("two columns are called `{}`", text::name(name));
                return Err(PrepareError::content(what, "give each column a name of its own"));
            }
        }
        let RowOptions { template, system, id_column, .. } = &options.rows;
        let usage =
            |option: &str, what: String| PrepareError::usage(format!("{option}: {what}"), "correct it");
        let bind =
            |template: &Template, option: &str| template.bind(columns).map_err(|what| usage(option, what));
        let named = |names: [&str; 2]| columns.iter().position(|column| names.contains(&column.as_str()));
        let kind = match (template, named(["modelInput", "model_input"])) {
            (Some(template), _) => {
                let bound = bind(template, "--template")?;
                let system = system.as_ref().map(|system| bind(system, "--system")).transpose()?;
                if bound.is_constant() && system.as_ref().is_none_or(Bound::is_constant) {
                    let fix = "write {column} where a cell belongs; the columns are: ";
                    let what = "--template: it has no {column}, so every row would get the same prompt";
                    let fix = format!("{fix}{}", listed(columns.iter().map(String::as_str)));
                    return Err(PrepareError::usage(what, fix));
                }
                RowKind::Prompts { template: bound, system }
            }
            (None, Some(column)) => RowKind::Bodies(column),
            (None, None) => {
                let model = if options.target.is_none() { " --model-id MODEL" } else { "" };
                let columns = listed(columns.iter().map(String::as_str));
                let fix = format!(
                    "write a prompt with {{column}} where a cell belongs, and add --template PROMPT.txt{model}; the columns are: {columns}"
                );
                return Err(PrepareError::usage("the file is a table, and there is no prompt template", fix));
            }
        };
        let id = match (id_column, &kind) {
            (Some(name), _) => Some(column(columns, name).map_err(|what| usage("--id-column", what))?),
            (None, RowKind::Bodies(_)) => named(["recordId", "record_id"]),
            (None, RowKind::Prompts { .. }) => None,
        };
        Ok(Self { kind, id })
    }

    /// Where the bodies come from.
    pub(super) fn bodies(&self) -> Bodies {
        match self.kind {
            RowKind::Prompts { .. } => Bodies::Templates,
            RowKind::Bodies(_) => Bodies::Ready,
        }
    }

    /// Returns the id that a row has; `None` if it has none.
    pub(super) fn id<'a>(&self, cells: &[&'a str]) -> Option<&'a str> {
        cells.get(self.id?).copied().filter(|id| !id.is_empty())
    }

    /// Makes a record of the n-th row, counted from 1.
    pub(super) fn draft<'a>(
        &self,
        cells: &[&'a str],
        row: u64,
        options: &Options,
        losses: &mut Losses,
    ) -> Result<Draft<'a>, Refusal> {
        let record_id = match self.id {
            None => Cow::Owned(row_id(row)),
            Some(_) => match self.id(cells) {
                None => return Err(Refusal::new("the row has no id", "give each row an id of its own")),
                Some(id) => Cow::Borrowed(id),
            },
        };
        let body = match (&self.kind, &options.target) {
            (RowKind::Bodies(column), _) => {
                records::body_of_text(cells.get(*column).copied().unwrap_or_default())?
            }
            (RowKind::Prompts { template, .. }, Some(target)) if target.body == BodyForm::TitanText => {
                Cow::Owned(Object::new().json("inputText", &quoted(&template.fill(cells))).end())
            }
            (RowKind::Prompts { template, system }, Some(target)) => {
                let mut conversation = Conversation::default();
                conversation.system.extend(system.as_ref().map(|system| system.fill(cells).into()));
                conversation.say(true, vec![Block::Text(template.fill(cells).into())]);
                Cow::Owned(body::write(conversation, target, options.max_tokens, losses)?)
            }
            // The options were checked before.
            (RowKind::Prompts { .. }, None) => {
                return Err(Refusal::new("no model is named", "add --model-id"));
            }
        };
        Ok(Draft { record_id: Some(record_id), body })
    }
}

/// Returns the columns that the templates and `--id-column` name, each once.
pub(super) fn named_columns(options: &RowOptions) -> Vec<String> {
    let templates = [&options.template, &options.system].into_iter().flatten();
    let mut columns: Vec<String> = Vec::new();
    for name in templates.flat_map(Template::columns).chain(options.id_column.as_deref()) {
        if !columns.iter().any(|known| known == name) {
            columns.push(name.to_owned());
        }
    }
    columns
}

/// Returns the texts that an object has for these columns. A column is the name of a member, or a path such as
/// `review.text`. A number or a boolean is taken as it is written, and `null` is empty.
pub(super) fn cells<'a>(json: &'a str, columns: &[String]) -> Result<Vec<Cow<'a, str>>, Refusal> {
    let members = Members::parse(json).map_err(|error| Refusal::because_of(&error, "correct the line"))?;
    columns.iter().map(|column| cell(&members, column)).collect()
}

fn cell<'a>(members: &Members<'a>, column: &str) -> Result<Cow<'a, str>, Refusal> {
    let Some(value) = find(members, column) else {
        let what = format!("the row has no member `{}`", text::name(column));
        let names = listed(members.iter().map(|(name, _)| name));
        return Err(Refusal::example(what, format!("name one that it has, or add it; it has: {names}")));
    };
    match value.as_bytes().first() {
        Some(b'"') => string(value).ok_or_else(|| {
            let kind = &kinds::LONE_SURROGATE;
            Refusal::new(kind.what, kind.fix)
        }),
        Some(b'{' | b'[') => {
            let name = text::name(column);
            let what = format!("the member `{name}` is {}, not a text", kind(value));
            Err(Refusal::new(what, "name a text or a number within an object, such as {review.text}"))
        }
        _ if value == "null" => Ok(Cow::Borrowed("")),
        _ => Ok(Cow::Borrowed(value)),
    }
}

/// Finds a member by its name or path.
fn find<'a>(members: &Members<'a>, path: &str) -> Option<&'a str> {
    let member = |name: &str| members.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    member(path).or_else(|| {
        path.match_indices('.').find_map(|(at, _)| {
            let inside = member(path.get(..at)?)?;
            find(&Members::parse(inside).ok()?, path.get(at + 1..)?)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name_and_by_path() {
        let json = r#"{"a": {"b": {"c": 1.50}, "b.c": true}, "a.b": "dots \u00e9\n", "n": null, "l": [1], "h": "\ud800"}"#;
        let get = |column: &str| {
            cells(json, &[column.to_owned()]).map(|cells| cells.concat()).map_err(|refusal| refusal.what)
        };
        for (column, expected) in [("a.b", "dots é\n"), ("a.b.c", "true"), ("n", ""), ("a.b", "dots é\n")] {
            assert_eq!(get(column).as_deref(), Ok(expected), "{column}");
        }
        for (column, expected) in [
            ("a", "the member `a` is an object, not a text"),
            ("l", "the member `l` is an array, not a text"),
            ("l.0", "the row has no member `l.0`"),
            ("a.", "the row has no member `a.`"),
            ("h", "a \\u escape is half of a surrogate pair"),
        ] {
            assert_eq!(get(column), Err(expected.to_owned()), "{column}");
        }
        assert_eq!(cells(r#"{"a": {"b": 1.50}}"#, &["a.b".to_owned()]).unwrap(), ["1.50"]);
    }
}
