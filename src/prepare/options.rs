//! What a file is prepared for, and which of the options have no effect on it. Pure.

use super::error::PrepareError;
use super::format::Format;
use super::layers::Encoding;
use super::target::{BodyForm, Target};
use super::template::Template;
use crate::base::text;
use crate::model::rules::Rules;

/// What a file is prepared for.
#[derive(Debug, Default)]
pub struct Options {
    /// What the records are; `None` to recognize it.
    pub format: Option<Format>,
    /// The encoding of the text; `None` if it is UTF-8, or UTF-16 or UTF-32, which are recognized.
    pub encoding: Option<Encoding>,
    /// The model that bodies are written for. Records that have one need no model.
    pub target: Option<Target>,
    /// Whether the user chose the form of the bodies.
    pub is_form_chosen: bool,
    /// What the model refuses, if that is known.
    pub rules: Option<Rules>,
    /// The limit of output tokens for requests that have none.
    pub max_tokens: Option<u32>,
    /// How a row becomes a prompt.
    pub rows: RowOptions,
    /// Whether records are written without what cannot be carried over.
    pub allow_loss: bool,
    /// The longest record.
    pub max_record_bytes: usize,
    /// How many records apart a repeated id is looked for.
    pub max_records: u64,
}

/// How a row becomes a prompt.
#[derive(Debug, Default)]
pub struct RowOptions {
    /// The prompt.
    pub template: Option<Template>,
    /// The system prompt.
    pub system: Option<Template>,
    /// The column with the ids.
    pub id_column: Option<String>,
    /// What separates the cells; `None` to recognize it.
    pub delimiter: Option<u8>,
}

/// Where the bodies of the records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bodies {
    /// The file has them.
    Ready,
    /// Requests of another API are converted.
    Converted,
    /// A template makes them.
    Templates,
}

impl Options {
    /// Checks, once it is known what the records are, that they can be written, and that every option has an effect.
    pub(super) fn check(&self, format: Format, bodies: Bodies) -> Result<(), PrepareError> {
        let is_ready = bodies == Bodies::Ready;
        let is_made_of_rows = bodies == Bodies::Templates;
        let is_table = format == Format::Table;
        let rows = &self.rows;
        let idle = [
            ("--max-tokens", self.max_tokens.is_some() && is_ready),
            ("--model-invocation-type", self.is_form_chosen && is_ready && self.target.is_none()),
            ("--allow-loss", self.allow_loss && bodies != Bodies::Converted),
            ("--template", rows.template.is_some() && !is_made_of_rows),
            ("--system", rows.system.is_some() && !is_made_of_rows),
            ("--id-column", rows.id_column.is_some() && !is_made_of_rows && !is_table),
            ("--delimiter", rows.delimiter.is_some() && !is_table),
        ];
        let idle: Vec<&str> =
            idle.into_iter().filter(|(_, is_idle)| *is_idle).map(|(name, _)| name).collect();
        if let Some(first) = idle.first() {
            let (has, them) = if idle.len() == 1 { ("has", "it") } else { ("have", "them") };
            let because = match (*first, bodies) {
                ("--model-invocation-type", _) => {
                    let what = "the records have their modelInput, and without --model-id, it is not checked";
                    return Err(PrepareError::usage(
                        format!("{what}: --model-invocation-type has no effect"),
                        "leave it out, or add --model-id",
                    ));
                }
                (_, Bodies::Ready) => "the records have their modelInput already".to_owned(),
                (_, Bodies::Converted) => format!("the file is {}", format.description()),
                (_, Bodies::Templates) if is_table => "a row of a table loses nothing".to_owned(),
                (_, Bodies::Templates) => "the rows are JSON objects".to_owned(),
            };
            let or = match format {
                Format::Records if idle.contains(&"--template") => {
                    ", or add --from json to make requests of the members"
                }
                Format::Table | Format::Rows => "",
                _ if idle.contains(&"--template") => ", or add --from json to make requests of the members",
                _ => "",
            };
            let what = format!("{because}, so {} {has} no effect", idle.join(" and "));
            return Err(PrepareError::usage(what, format!("leave {them} out{or}")));
        }
        if let Some(target) = self.target.as_ref().filter(|target| target.lacks_converse()) {
            let what = format!(
                "{} makes embeddings or images, and takes no Converse requests",
                text::name(&target.model_id)
            );
            return Err(PrepareError::usage(
                what,
                "use --model-invocation-type InvokeModel, or another --model-id",
            ));
        }
        if is_ready {
            return Ok(());
        }
        let Some(target) = &self.target else {
            let fix = "add --model-id MODEL, such as amazon.nova-lite-v1:0";
            return Err(PrepareError::usage(
                "each model has a request body of its own, and none is named",
                fix,
            ));
        };
        // Some requests have a limit of output tokens, so each one of them is asked for it. Rows have none.
        let has_limit = bodies == Bodies::Converted || self.max_tokens.is_some();
        if let Some(problem) = target.problem(has_limit) {
            return Err(PrepareError::usage("the requests cannot be written", problem));
        }
        if target.body == BodyForm::TitanText {
            let idle = [("--max-tokens", self.max_tokens.is_some()), ("--system", rows.system.is_some())];
            let idle: Vec<&str> =
                idle.into_iter().filter(|(_, is_idle)| *is_idle).map(|(name, _)| name).collect();
            if !idle.is_empty() {
                let (has, them) = if idle.len() == 1 { ("has", "it") } else { ("have", "them") };
                let what = format!("the model makes embeddings, so {} {has} no effect", idle.join(" and "));
                return Err(PrepareError::usage(what, format!("leave {them} out")));
            }
        }
        Ok(())
    }
}
