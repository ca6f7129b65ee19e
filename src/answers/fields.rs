//! The fields that a person names, and their values. Pure.
//!
//! | field | value |
//! |---|---|
//! | `recordId` | the id of the record |
//! | `status` | `succeeded`, `truncated`, `refused`, `failed`, or `unprocessed` |
//! | `text` | the text of the answer, whatever the model; for embeddings, the vector as JSON |
//! | `error` | why there is no answer: the code and the message |
//! | `modelInput.…`, `modelOutput.…`, `error.…` | a path into the line; a list is entered with a number, counted from 0 |
//! | `record.…` | a path into the line of the file that is joined |
//! | any other path | a path into `modelOutput`, such as `usage.input_tokens` or `content.0.text` |
//!
//! A member whose name has a dot cannot be named.

use std::borrow::Cow;

use super::line::ResultLine;
use super::output::Output;
use super::strings;
use crate::base::json::{Members, array};
use crate::prepare::json::Object;

/// Fields, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, as it is written.
    pub name: String,
    source: Source,
}

/// Where the value of a field comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    RecordId,
    Status,
    Text,
    Error,
    /// A path that starts with the name of one of these.
    Line,
    Record,
    /// A path into the model's output.
    Output,
    /// A column of the table that is joined, whatever its name is.
    Column,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// There is none.
    Missing,
    /// A text.
    Text(Cow<'a, str>),
    /// JSON that is not a string.
    Json(&'a str),
}

/// What is wrong with a list of fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Two commas in a row, or none at all.
    #[error("a field has no name: write them with commas between, such as recordId,text,usage.input_tokens")]
    Empty,
    /// A field is there twice.
    #[error("the field {0} is named twice")]
    Twice(String),
}

/// A line of the results, and the record of the file that is joined with it, as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a> {
    /// What became of the record; `None` if the results do not have it.
    pub line: Option<&'a ResultLine<'a>>,
    /// The record of the user's file.
    pub record: Option<&'a str>,
}

/// What is said of a record that the results do not have.
pub const NO_RESULT: &str = "missing";

impl Fields {
    /// Reads names with commas between.
    ///
    /// # Errors
    /// [`FieldsError`] if a name is empty or is there twice.
    pub fn parse(names: &str) -> Result<Self, FieldsError> {
        let mut fields = Vec::<Field>::new();
        for name in names.split(',').map(str::trim) {
            if name.split('.').any(str::is_empty) {
                return Err(FieldsError::Empty);
            }
            if fields.iter().any(|field| field.name == name) {
                return Err(FieldsError::Twice(crate::base::text::name(name).to_string()));
            }
            let source = match (name, name.split('.').next()) {
                ("recordId", _) => Source::RecordId,
                ("status", _) => Source::Status,
                ("text", _) => Source::Text,
                ("error", _) => Source::Error,
                (_, Some("modelInput" | "modelOutput" | "error")) => Source::Line,
                (_, Some("record")) => Source::Record,
                _ => Source::Output,
            };
            fields.push(Field { name: name.to_owned(), source });
        }
        Ok(Self(fields))
    }

    /// The fields that are written if none are named.
    #[must_use]
    pub fn of_results() -> Self {
        Self(vec![
            Field { name: "recordId".to_owned(), source: Source::RecordId },
            Field { name: "status".to_owned(), source: Source::Status },
            Field { name: "text".to_owned(), source: Source::Text },
            Field { name: "error".to_owned(), source: Source::Error },
        ])
    }

    /// The fields of a record that is joined with one of the user's file, if none are named.
    #[must_use]
    pub fn of_joined() -> Self {
        let mut fields = Self::of_results();
        fields.0.insert(1, Field { name: "record".to_owned(), source: Source::Record });
        fields
    }

    /// Returns the fields but the one with this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|field| field.name != name);
        self
    }

    /// The columns of a table that is joined, and what became of each row. A column that has the name of such a field keeps
    /// it, and the field is called `answer.…`.
    #[must_use]
    pub fn after_columns(self, columns: &[String]) -> Self {
        let mut fields: Vec<Field> =
            columns.iter().map(|name| Field { name: name.clone(), source: Source::Column }).collect();
        for mut field in self.0 {
            if columns.contains(&field.name) {
                field.name.insert_str(0, "answer.");
            }
            fields.push(field);
        }
        Self(fields)
    }

    /// Returns whether a field is of the record that is joined.
    #[must_use]
    pub fn need_a_record(&self) -> bool {
        self.0.iter().any(|field| field.source == Source::Record)
    }

    /// Iterates over the names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|field| field.name.as_str())
    }

    /// Returns the values of all fields, in their order.
    #[must_use]
    pub fn values<'a>(&'a self, joined: Joined<'a>) -> Vec<Value<'a>> {
        // The output is read once, and only if it is needed.
        let needs_text = self.0.iter().any(|field| field.source == Source::Text);
        let output = joined.line.and_then(|line| line.model_output);
        let text = output.filter(|_| needs_text).and_then(|output| Output::read(output).text);
        self.0.iter().map(|field| field.value(joined, text.as_ref())).collect()
    }

    /// Writes these values as a JSON object.
    #[must_use]
    pub fn object(&self, values: &[Value<'_>]) -> String {
        let mut object = Object::new();
        for (name, value) in self.names().zip(values) {
            object = match value {
                Value::Missing => object.json(name, "null"),
                Value::Text(text) => object.text(name, text),
                Value::Json(json) => object.json(name, json),
            };
        }
        object.end()
    }

    /// Returns whether the text of an answer is among these fields, and was not found.
    #[must_use]
    pub fn lack_text(&self, joined: Joined<'_>, values: &[Value<'_>]) -> bool {
        let has_output = joined.line.is_some_and(|line| line.model_output.is_some());
        let lacks =
            |(field, value): (&Field, &Value<'_>)| field.source == Source::Text && *value == Value::Missing;
        has_output && self.0.iter().zip(values).any(lacks)
    }
}

impl Field {
    fn value<'a>(&'a self, joined: Joined<'a>, text: Option<&Cow<'a, str>>) -> Value<'a> {
        let Joined { line, record } = joined;
        match (self.source, line) {
            (Source::Record, _) => self.of_record(record),
            (Source::Column, _) => {
                let members = record.and_then(|record| Members::parse(record).ok());
                members.and_then(|members| members.get(&self.name)).map_or(Value::Missing, value_of)
            }
            (Source::Status, None) => Value::Text(Cow::Borrowed(NO_RESULT)),
            (_, None) => Value::Missing,
            (Source::RecordId, Some(line)) => Value::Text(line.record_id.clone()),
            (Source::Status, Some(line)) => Value::Text(Cow::Borrowed(line.status.as_str())),
            (Source::Text, Some(_)) => text.map_or(Value::Missing, |text| Value::Text(text.clone())),
            (Source::Error, Some(line)) => match line.failure() {
                None => Value::Missing,
                Some(failure) => {
                    let code = failure.code.map(|code| format!("{code}: ")).unwrap_or_default();
                    Value::Text(Cow::Owned(code + &failure.message))
                }
            },
            (Source::Line, Some(line)) => {
                let (root, path) = self.name.split_once('.').unwrap_or((&self.name, ""));
                let json = match root {
                    "modelInput" => line.model_input,
                    "error" => line.error,
                    _ => line.model_output,
                };
                at(json, path)
            }
            (Source::Output, Some(line)) => at(line.model_output, &self.name),
        }
    }

    fn of_record<'a>(&self, record: Option<&'a str>) -> Value<'a> {
        at(record, self.name.split_once('.').map_or("", |(_, path)| path))
    }
}

/// Returns the value at a path; all of the JSON for an empty one.
fn at<'a>(json: Option<&'a str>, path: &str) -> Value<'a> {
    let mut found = json;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        found = found.and_then(|json| {
            if json.starts_with('[') {
                let elements = array(json)?;
                elements.get(name.parse::<usize>().ok()?).copied()
            } else {
                Members::parse(json).ok()?.get(name)
            }
        });
    }
    found.map_or(Value::Missing, value_of)
}

fn value_of(json: &str) -> Value<'_> {
    match json {
        "null" => Value::Missing,
        _ => strings::text(json).map_or(Value::Json(json), Value::Text),
    }
}

/// Returns a row of a table as a JSON object.
#[must_use]
pub fn record_of_row(columns: &[String], cells: &[String]) -> String {
    let cells = columns.iter().zip(cells);
    cells.fold(Object::new(), |object, (column, cell)| object.text(column, cell)).end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::line::LineReader;
    use crate::drop::keys::ResultKind;

    const LINE: &str = r#"{"recordId":"a","modelInput":{"messages":[{"role":"user"}]},"modelOutput":{"content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"cost":1.50},"error":null}}"#;

    fn values(names: &str, line: &str, record: Option<&str>) -> Vec<String> {
        let fields = Fields::parse(names).unwrap();
        let kind = if line.contains(r#""error":{"#) { ResultKind::Errors } else { ResultKind::Succeeded };
        let line = LineReader::new(kind).read(line).unwrap();
        let shown = |value| match value {
            Value::Missing => "-".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::Json(json) => json.to_owned(),
        };
        fields.values(Joined { line: Some(&line), record }).into_iter().map(shown).collect()
    }

    #[test]
    fn paths_lead_to_values_with_their_exact_text() {
        let names = "recordId,status,text,error,content.0.text,modelOutput.usage.cost,usage.none,content.1,content.x,\
                     modelInput.messages.0,record.n,modelOutput.error";
        let expected = [
            r#""a""#,
            r#""succeeded""#,
            r#""Hi""#,
            "-",
            r#""Hi""#,
            "1.50",
            "-",
            "-",
            "-",
            r#"{"role":"user"}"#,
            "1e400",
            "-",
        ];
        assert_eq!(values(names, LINE, Some(r#"{"n":1e400}"#)), expected);
        let failed = r#"{"recordId":"b","error":{"errorCode":400,"errorMessage":"bad"}}"#;
        assert_eq!(
            values("status,text,error,error.errorCode", failed, None),
            [r#""failed""#, "-", r#""400: bad""#, "400"]
        );
    }

    #[test]
    fn names_are_checked() {
        for names in ["", "a,,b", "a.", ".a", "a..b"] {
            assert_eq!(Fields::parse(names), Err(FieldsError::Empty), "{names}");
        }
        assert_eq!(Fields::parse("a, b,a"), Err(FieldsError::Twice("a".into())));
        assert!(Fields::parse("record.a").unwrap().need_a_record() && !Fields::of_results().need_a_record());
    }

    #[test]
    fn answer_of_an_unknown_format_has_no_text() {
        let fields = Fields::of_results();
        let lacks = |json: &str| {
            let line = LineReader::new(ResultKind::Succeeded).read(json).unwrap();
            let joined = Joined { line: Some(&line), record: None };
            fields.lack_text(joined, &fields.values(joined))
        };
        assert!(lacks(r#"{"recordId":"a","modelOutput":{"reply":"Hi"}}"#));
        assert!(!lacks(LINE));
    }

    #[test]
    fn columns_come_first_and_keep_their_names() {
        let columns = ["id", "text", "a.b"].map(str::to_owned);
        let fields = Fields::of_results().after_columns(&columns);
        let names: Vec<&str> = fields.names().collect();
        assert_eq!(names, ["id", "text", "a.b", "recordId", "status", "answer.text", "error"]);
        let record = record_of_row(&columns, &["7", "a \"b\"", "x"].map(str::to_owned));
        let line = LineReader::new(ResultKind::Succeeded).read(LINE).unwrap();
        let object = fields.object(&fields.values(Joined { line: Some(&line), record: Some(&record) }));
        let expected = r#"{"id":"7","text":"a \"b\"","a.b":"x","recordId":"a","status":"succeeded","answer.text":"Hi","error":null}"#;
        assert_eq!(object, expected);
        let missing = fields.object(&fields.values(Joined { line: None, record: Some(&record) }));
        assert!(
            missing.ends_with(r#""recordId":null,"status":"missing","answer.text":null,"error":null}"#),
            "{missing}"
        );
    }
}
