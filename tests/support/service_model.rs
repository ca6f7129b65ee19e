//! Checks requests and answers with AWS's own service model.
//!
//! The model is `service-2.json` of the botocore Python package, which `make tools` installs.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use regex::Regex;
use serde_json::{Map, Value};

pub(crate) static BEDROCK: LazyLock<Model> = LazyLock::new(|| Model(service_model("bedrock/2023-04-20")));

pub(crate) static RUNTIME: LazyLock<Model> =
    LazyLock::new(|| Model(service_model("bedrock-runtime/2023-09-30")));

/// Reads a service model from the project's Python environment.
fn service_model(version: &str) -> Value {
    let libraries = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/lib");
    let below = format!("site-packages/botocore/data/{version}/service-2.json.gz");
    let pythons = fs::read_dir(&libraries).into_iter().flatten().flatten();
    let file = pythons.map(|python| python.path().join(&below)).find_map(|path| fs::File::open(path).ok());
    let Some(file) = file else {
        panic!("no {below} under {}: run `make tools`", libraries.display());
    };
    let mut model = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut model).expect("the model is gzip");
    serde_json::from_str(&model).expect("the model is JSON")
}

/// Finds everything in `input` that breaks the model's shape for the operation's input. `input` has all
/// members of the request by name, wherever they are sent.
pub(crate) fn violations(operation: &str, input: &Value) -> Vec<String> {
    BEDROCK.violations(operation, "input", input)
}

/// Finds everything in an answer that breaks the model's shape for the operation's output.
pub(crate) fn output_violations(operation: &str, output: &Value) -> Vec<String> {
    BEDROCK.violations(operation, "output", output)
}

/// Finds everything in the answer to a record of a Converse job that breaks the shape of Converse's output.
pub(crate) fn converse_output_violations(output: &Value) -> Vec<String> {
    RUNTIME.violations("Converse", "output", output)
}

pub(crate) struct Model(Value);

impl Model {
    fn violations(&self, operation: &str, side: &str, value: &Value) -> Vec<String> {
        let shape = self.0["operations"][operation][side]["shape"].as_str();
        let mut found = Vec::new();
        self.walk(shape.expect("the model has the operation"), "", value, &mut found);
        found
    }

    pub(crate) fn shape(&self, name: &str) -> &Map<String, Value> {
        self.0["shapes"][name].as_object().expect("the model has the shape")
    }

    fn walk(&self, shape_name: &str, at: &str, value: &Value, found: &mut Vec<String>) {
        let shape = self.shape(shape_name);
        let kind = shape["type"].as_str().expect("a shape has a type");
        let mut wrong = |what: String| found.push(format!("{at} ({shape_name}): {what}"));
        match (kind, value) {
            ("structure", Value::Object(members)) => self.walk_structure(shape, at, members, found),
            ("list", Value::Array(items)) => {
                out_of_range(shape, items.len() as f64).into_iter().for_each(&mut wrong);
                let member = shape["member"]["shape"].as_str().expect("a list has a member");
                for (position, item) in items.iter().enumerate() {
                    self.walk(member, &format!("{at}[{position}]"), item, found);
                }
            }
            ("map", Value::Object(entries)) => {
                out_of_range(shape, entries.len() as f64).into_iter().for_each(&mut wrong);
                let part = |name: &str| shape[name]["shape"].as_str().expect("a map has keys and values");
                for (key, entry) in entries {
                    self.walk(part("key"), at, &Value::String(key.clone()), found);
                    self.walk(part("value"), &format!("{at}.{key}"), entry, found);
                }
            }
            ("string", Value::String(text)) => {
                out_of_range(shape, text.chars().count() as f64).into_iter().for_each(&mut wrong);
                if let Some(pattern) = shape.get("pattern").and_then(Value::as_str)
                    && !full_match(pattern).is_match(text)
                {
                    wrong(format!("{text:?} does not match {pattern}"));
                }
                if let Some(values) = shape.get("enum").and_then(Value::as_array)
                    && !values.contains(value)
                {
                    wrong(format!("{text:?} is not in the enumeration"));
                }
            }
            ("integer" | "long", Value::Number(number)) => match number.as_i64() {
                Some(number) => out_of_range(shape, number as f64).into_iter().for_each(&mut wrong),
                None => wrong(format!("{number} is not an integer")),
            },
            ("timestamp", Value::String(text)) => {
                assert_eq!(shape["timestampFormat"], "iso8601", "{shape_name}");
                if DateTime::from_str(text, Format::DateTime).is_err() {
                    wrong(format!("{text:?} is not an ISO 8601 timestamp"));
                }
            }
            ("boolean", Value::Bool(_)) => {}
            _ => wrong(format!("{value} is not of type {kind}")),
        }
    }

    fn walk_structure(
        &self,
        shape: &Map<String, Value>,
        at: &str,
        members: &Map<String, Value>,
        found: &mut Vec<String>,
    ) {
        let known = shape["members"].as_object().expect("a structure has members");
        let required = shape.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if members.get(name).is_none_or(Value::is_null) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
        // In this protocol, a null member counts as absent.
        let present = members.values().filter(|value| !value.is_null()).count();
        if shape.get("union") == Some(&Value::Bool(true)) && present != 1 {
            found.push(format!("{at}: a union must have exactly one member, this one has {present}"));
        }
        for (name, value) in members {
            let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            match known.get(name).and_then(|member| member["shape"].as_str()) {
                None => found.push(format!("{place}: not known")),
                Some(_) if value.is_null() => {}
                Some(member) => self.walk(member, &place, value, found),
            }
        }
    }
}

fn out_of_range(shape: &Map<String, Value>, number: f64) -> Option<String> {
    let bound = |name: &str| shape.get(name).and_then(Value::as_f64);
    let (min, max) = (bound("min"), bound("max"));
    let is_out = min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max);
    let text = |bound: Option<f64>| bound.map_or_else(|| "any".to_owned(), |bound| bound.to_string());
    is_out.then(|| format!("{number} is not in {} to {}", text(min), text(max)))
}

/// A regex for the whole text. The model's patterns are written for Java, where `\s` is ASCII. A pattern that
/// Rust's syntax does not support fails the test that uses it, so it cannot go unnoticed.
fn full_match(pattern: &str) -> Regex {
    let pattern = pattern.replace(r"\s", r"[ \t\n\x0B\f\r]");
    Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap_or_else(|error| panic!("pattern {pattern}: {error}"))
}
