//! Reads a file to its end, and hands on one line after the other. Pure, in memory of a fixed size.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use super::conversation::{Block, Conversation};
use super::draft::{Draft, row_id};
use super::format::{Format, Layout, Start};
use super::framing::{FramingError, Lines, Piece, Values};
use super::json;
use super::layers::{self, Layer, Text};
use super::records;
use super::report::{Findings, Losses, Refusal, without_place};
use super::table::{Row, Rows, delimiter};
use super::target::Target;
use super::template::{Bound, Template, column};
use super::{anthropic, body, openai, vertex};
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::kinds;
use crate::record::input::InputReader;
use crate::record::key::RecordHasher;
use crate::record::recent_ids::RecentIds;

/// What a file is prepared for.
#[derive(Debug)]
pub struct Options {
    /// What the records are; `None` to recognize it.
    pub format: Option<Format>,
    /// The model.
    pub target: Target,
    /// The limit of output tokens for requests that have none.
    pub max_tokens: Option<u32>,
    /// How a row becomes a prompt.
    pub table: TableOptions,
    /// Whether records are written without what cannot be carried over.
    pub allow_loss: bool,
    /// The longest record.
    pub max_record_bytes: usize,
    /// How many records apart a repeated id is looked for.
    pub max_records: u64,
}

/// How a row becomes a prompt.
#[derive(Debug, Default)]
pub struct TableOptions {
    /// The prompt.
    pub template: Option<Template>,
    /// The system prompt.
    pub system: Option<Template>,
    /// The column with the ids.
    pub id_column: Option<String>,
    /// What separates the cells; `None` to recognize it.
    pub delimiter: Option<u8>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was wrapped around the text.
    pub layers: Vec<Layer>,
    /// What the records were.
    pub format: Format,
    /// How many records were read.
    pub records: u64,
    /// How many of them were handed on.
    pub written: u64,
    /// What was changed or left out in records that were handed on.
    pub changes: Findings,
    /// Why records were not handed on.
    pub refusals: Findings,
}

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It cannot be read, or is damaged.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A line cannot be written.
    #[error("cannot write a line")]
    Write(#[source] io::Error),
    /// Its content cannot be prepared.
    #[error("{what}: {fix}")]
    Content {
        /// What is wrong.
        what: String,
        /// How to fix it.
        fix: String,
    },
}

impl PrepareError {
    fn content(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Content { what: what.into(), fix: fix.into() }
    }
}

impl From<FramingError> for PrepareError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::Read(error) => Self::Read(error),
            FramingError::Json { line, what } => {
                Self::content(format!("line {line}: {what}"), "correct the file, or write it again")
            }
        }
    }
}

/// Whether the reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read on.
    Go,
    /// That was enough.
    Stop,
}

/// Prepares a file: hands each line, without a line break, to `write`, which says whether there should be more.
///
/// # Errors
/// The file cannot be read to its end, so records may be missing.
pub fn prepare(
    reader: Box<dyn Read + Send>,
    options: &Options,
    write: &mut dyn FnMut(&str) -> io::Result<Next>,
) -> Result<Report, PrepareError> {
    let (text, start, layers) = layers::unwrap(reader)?;
    let start = match (options.format, Start::of(&start)) {
        (Some(Format::Table), _) => Start::Table,
        // A single column has no delimiter that would tell.
        (None, Start::Json(Layout::Lines))
            if options.table.template.is_some() && !starts_like_json(&start) =>
        {
            Start::Table
        }
        (Some(_), Start::Table) => Start::Json(Layout::Lines),
        (_, start) => start,
    };
    let mut preparer = Preparer {
        options,
        report: Report {
            layers,
            format: options.format.unwrap_or(Format::Records),
            records: 0,
            written: 0,
            changes: Findings::default(),
            refusals: Findings::default(),
        },
        write,
        reader: InputReader::default(),
        hasher: RecordHasher::seeded_with("prepare"),
        ids: RecentIds::new(options.max_records),
    };
    match start {
        Start::Json(layout) => preparer.read_json(text, layout)?,
        Start::Table => preparer.read_table(text)?,
        Start::Other(what) => {
            let fix =
                "this command reads JSON Lines, JSON, CSV, and batch files of other APIs, also compressed";
            return Err(PrepareError::content(what, fix));
        }
    }
    if preparer.report.records == 0 {
        return Err(PrepareError::content("the file has no records", "is it the right file?"));
    }
    Ok(preparer.report)
}

fn starts_like_json(start: &[u8]) -> bool {
    matches!(start.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// What a file has been prepared to so far.
struct Preparer<'a> {
    options: &'a Options,
    report: Report,
    write: &'a mut dyn FnMut(&str) -> io::Result<Next>,
    reader: InputReader,
    hasher: RecordHasher,
    ids: RecentIds,
}

/// The records of a JSON file.
enum Pieces {
    Lines(Lines<Text>),
    Values(Values<Text>),
}

impl Pieces {
    fn next(&mut self) -> Result<Option<Piece>, FramingError> {
        match self {
            Self::Lines(lines) => Ok(lines.next()?),
            Self::Values(values) => values.next(),
        }
    }
}

impl Preparer<'_> {
    fn read_json(&mut self, text: Text, layout: Layout) -> Result<(), PrepareError> {
        let max_bytes = self.options.max_record_bytes;
        let mut pieces = match layout {
            Layout::Lines => Pieces::Lines(Lines::new(text, max_bytes)),
            Layout::Values => Pieces::Values(Values::new(text, max_bytes)),
        };
        if self.options.table.template.is_some() || self.options.table.id_column.is_some() {
            let fix = "leave out --template and --id-column, or use --from csv";
            return Err(PrepareError::content("the file is JSON, not a table", fix));
        }
        let mut format = self.options.format;
        format.map_or(Ok(()), |format| self.check_target(format))?;
        while let Some(piece) = pieces.next()? {
            self.report.records += 1;
            let Some(bytes) = piece.bytes else {
                let most = Counted(max_bytes as u64, "byte");
                let what = format!("the record is longer than {most}");
                self.refuse(piece.line, &Refusal::new(what, "shorten it"));
                continue;
            };
            let format = match format {
                Some(format) => format,
                None => {
                    let found = Format::of(&bytes);
                    self.check_target(found)?;
                    (self.report.format, format) = (found, Some(found));
                    found
                }
            };
            if self.read_record(format, piece.line, &bytes)? == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Checks, once for all requests, that they can be written for the model.
    fn check_target(&self, format: Format) -> Result<(), PrepareError> {
        // Some requests may have a limit of output tokens, so each one is asked for it.
        let problem = self.options.target.problem(true).filter(|_| format != Format::Records);
        problem
            .map_or(Ok(()), |problem| Err(PrepareError::content("the requests cannot be written", problem)))
    }

    fn read_record(&mut self, format: Format, line: u64, bytes: &[u8]) -> Result<Next, PrepareError> {
        let Ok(json) = simdutf8::basic::from_utf8(bytes) else {
            self.refuse(line, &Refusal::new("the bytes are not UTF-8", "save the file as UTF-8"));
            return Ok(Next::Go);
        };
        // What is good stays as it is, byte for byte.
        let good = if format == Format::Records { self.reader.read(bytes).ok() } else { None };
        if let Some(record) = good {
            return self.hand_on(line, record.record_id.as_deref(), json, &Losses::default());
        }
        if let Some(refusal) = check_json(json) {
            self.refuse(line, &refusal);
            return Ok(Next::Go);
        }
        let mut losses = Losses::default();
        let Options { target, max_tokens, .. } = self.options;
        let draft = match format {
            Format::Records | Format::Table => records::read(json, &mut losses),
            Format::OpenAi => openai::read(json, target, *max_tokens, &mut losses),
            Format::Anthropic => anthropic::read(json, target, *max_tokens, &mut losses),
            Format::Vertex => vertex::read(json, self.report.records, target, *max_tokens, &mut losses),
        };
        self.finish(line, draft, losses)
    }

    /// Writes a record, unless something speaks against it.
    fn finish(
        &mut self,
        line: u64,
        draft: Result<Draft<'_>, Refusal>,
        losses: Losses,
    ) -> Result<Next, PrepareError> {
        let draft = match draft {
            Ok(draft) => draft,
            Err(refusal) => {
                self.refuse(line, &refusal);
                return Ok(Next::Go);
            }
        };
        let is_stopped = !self.options.allow_loss && losses.0.iter().any(|loss| loss.changes_meaning);
        if is_stopped {
            for loss in losses.0.iter().filter(|loss| loss.changes_meaning) {
                self.report.refusals.add(line, &loss.member, &loss.why);
            }
            return Ok(Next::Go);
        }
        let written = draft.line();
        if let Err(error) = self.reader.read(written.as_bytes()) {
            self.refuse(line, &Refusal::new(error.what.to_string(), kinds::of_line(&error.what).fix));
            return Ok(Next::Go);
        }
        self.hand_on(line, draft.record_id.as_deref(), &written, &losses)
    }

    /// Hands on a line, unless it is too long, or its id is already used.
    fn hand_on(
        &mut self,
        line: u64,
        record_id: Option<&str>,
        written: &str,
        losses: &Losses,
    ) -> Result<Next, PrepareError> {
        if written.len() > self.options.max_record_bytes {
            let most = Counted(self.options.max_record_bytes as u64, "byte");
            self.refuse(line, &Refusal::new(format!("the record would be longer than {most}"), "shorten it"));
            return Ok(Next::Go);
        }
        if let Some(id) = record_id
            && let Some(earlier) = self.ids.add(self.hasher.key_of(id), self.report.records)
        {
            let what = "the id is already used";
            let fix = format!(
                "give each record an id of its own: `{}`, for one, is that of record {earlier}",
                text::name(id)
            );
            // The kind must not depend on the id.
            let known = self.report.refusals.kinds().iter().find(|kind| kind.what == what);
            let fix = known.map_or(fix, |kind| kind.why.clone());
            self.refuse(line, &Refusal::new(what, fix));
            return Ok(Next::Go);
        }
        for loss in &losses.0 {
            self.report.changes.add(line, &loss.member, &loss.why);
        }
        self.report.written += 1;
        (self.write)(written).map_err(PrepareError::Write)
    }

    fn refuse(&mut self, line: u64, refusal: &Refusal) {
        self.report.refusals.add(line, &refusal.what, &refusal.fix);
    }

    fn read_table(&mut self, mut text: Text) -> Result<(), PrepareError> {
        self.report.format = Format::Table;
        let delimiter = match self.options.table.delimiter {
            Some(delimiter) => delimiter,
            None => {
                let start = text.fill_buf()?;
                let mut lines = start.split(|byte| *byte == b'\n');
                delimiter(lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default())
            }
        };
        let max_bytes = self.options.max_record_bytes;
        let mut rows = Rows::new(text, delimiter, max_bytes);
        let columns = match rows.next()? {
            Some((_, Row::Cells(cells))) => cells.iter().map(|cell| cell.trim().to_owned()).collect(),
            Some((line, _)) => {
                let what = format!("line {line}: the header cannot be read");
                return Err(PrepareError::content(what, "is it a table in UTF-8?"));
            }
            None => Vec::new(),
        };
        let plan = TablePlan::new(&columns, self.options)?;
        let mut row_number = 0;
        while let Some((line, row)) = rows.next()? {
            self.report.records += 1;
            row_number += 1;
            let cells = match row {
                Row::Cells(cells) if cells.len() == columns.len() => cells,
                Row::Cells(cells) => {
                    let has = Counted(cells.len() as u64, "cell");
                    let what = format!("the row has {has}, the header {}", columns.len());
                    let fix = "put cells with a delimiter, a quote, or a line break in quotes, and double the quotes in them";
                    self.refuse(line, &Refusal::new(what, fix));
                    continue;
                }
                Row::TooLong => {
                    let what = format!("the row is longer than {}", Counted(max_bytes as u64, "byte"));
                    self.refuse(line, &Refusal::new(what, "is a quote missing?"));
                    continue;
                }
                Row::NotUtf8 => {
                    let fix =
                        "save the table as UTF-8, for example with: iconv -f WINDOWS-1252 -t UTF-8 FILE";
                    self.refuse(line, &Refusal::new("the bytes are not UTF-8", fix));
                    continue;
                }
                Row::NoEnd => {
                    let what = "a quote is opened and not closed before the end of the file";
                    self.refuse(
                        line,
                        &Refusal::new(what, "close it, or double it if it is part of the text"),
                    );
                    continue;
                }
            };
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let mut losses = Losses::default();
            let draft = plan.draft(&cells, row_number, self.options, &mut losses);
            if self.finish(line, draft, losses)? == Next::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// Says what is wrong with a record that is not JSON.
fn check_json(json: &str) -> Option<Refusal> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(json).err()?;
    let word = ["NaN", "Infinity"].into_iter().find(|word| json::has_outside_strings(json, word));
    Some(match word {
        Some(word) => Refusal::new(
            format!("the line is not JSON: it has the word {word}"),
            "leave the member out where there is no number; in Python, json.dumps(record, allow_nan=False) finds it",
        ),
        None => {
            let what = format!("the line is not JSON: {}", without_place(&error));
            Refusal::new(what, "correct the line")
        }
    })
}

/// Which columns of a table are used for what.
struct TablePlan {
    kind: TableKind,
    id: Option<usize>,
}

enum TableKind {
    /// The prompt and the system prompt are made of templates.
    Prompts { template: Bound, system: Option<Bound> },
    /// A column has the bodies.
    Bodies(usize),
}

impl TablePlan {
    fn new(columns: &[String], options: &Options) -> Result<Self, PrepareError> {
        for (at, name) in columns.iter().enumerate() {
            if columns.iter().take(at).any(|earlier| earlier == name) {
                let what = format!("two columns are called `{}`", text::name(name));
                return Err(PrepareError::content(what, "give each column a name of its own"));
            }
        }
        let table = &options.table;
        let bind = |template: &Template, option: &str| {
            template
                .bind(columns)
                .map_err(|what| PrepareError::content(format!("{option}: {what}"), "correct it"))
        };
        let named = |names: [&str; 2]| columns.iter().position(|column| names.contains(&column.as_str()));
        let kind = match (&table.template, named(["modelInput", "model_input"])) {
            (Some(template), _) => {
                if let Some(problem) = options.target.problem(options.max_tokens.is_some()) {
                    return Err(PrepareError::content("the rows cannot be written", problem));
                }
                let system = table.system.as_ref().map(|system| bind(system, "--system")).transpose()?;
                TableKind::Prompts { template: bind(template, "--template")?, system }
            }
            (None, Some(column)) => TableKind::Bodies(column),
            (None, None) => {
                let shown: Vec<_> =
                    columns.iter().take(50).map(|name| text::name(name).to_string()).collect();
                let fix = format!(
                    "write a prompt with {{column}} where a cell belongs, and add --template FILE; the columns are: {}",
                    shown.join(", ")
                );
                return Err(PrepareError::content(
                    "the file is a table, and there is no prompt template",
                    fix,
                ));
            }
        };
        let id =
            match (&table.id_column, &kind) {
                (Some(name), _) => {
                    let found = column(columns, name);
                    Some(found.map_err(|what| {
                        PrepareError::content(format!("--id-column: {what}"), "correct it")
                    })?)
                }
                (None, TableKind::Bodies(_)) => named(["recordId", "record_id"]),
                (None, TableKind::Prompts { .. }) => None,
            };
        Ok(Self { kind, id })
    }

    fn draft<'a>(
        &self,
        cells: &[&'a str],
        row: u64,
        options: &Options,
        losses: &mut Losses,
    ) -> Result<Draft<'a>, Refusal> {
        let record_id = match self.id {
            None => Cow::Owned(row_id(row)),
            Some(column) => match cells.get(column).copied().unwrap_or_default() {
                "" => {
                    return Err(Refusal::new(
                        "the cell of the id is empty",
                        "give each row an id of its own",
                    ));
                }
                id => Cow::Borrowed(id),
            },
        };
        let body = match &self.kind {
            TableKind::Bodies(column) => {
                records::body_of_text(cells.get(*column).copied().unwrap_or_default())?
            }
            TableKind::Prompts { template, system } => {
                let mut conversation = Conversation::default();
                conversation.system.extend(system.as_ref().map(|system| system.fill(cells).into()));
                conversation.say(true, vec![Block::Text(template.fill(cells).into())]);
                Cow::Owned(body::write(conversation, &options.target, options.max_tokens, losses)?)
            }
        };
        Ok(Draft { record_id: Some(record_id), body })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const NOVA: &str = "amazon.nova-lite-v1:0";
    const CLAUDE: &str = "anthropic.claude-opus-5";

    fn options(model_id: &str) -> Options {
        Options {
            format: None,
            target: Target::new(model_id, "InvokeModel"),
            max_tokens: Some(9),
            table: TableOptions::default(),
            allow_loss: false,
            max_record_bytes: 1_000,
            max_records: 100,
        }
    }

    fn table_options(template: &str, id_column: Option<&str>) -> Options {
        let template = Some(Template::parse(template).unwrap());
        let table =
            TableOptions { template, id_column: id_column.map(Into::into), ..TableOptions::default() };
        Options { table, ..options(CLAUDE) }
    }

    fn run(text: impl Into<Vec<u8>>, options: &Options) -> Result<(Vec<String>, Report), String> {
        let mut lines = Vec::new();
        let write = &mut |line: &str| {
            lines.push(line.to_owned());
            Ok(Next::Go)
        };
        let report =
            prepare(Box::new(Cursor::new(text.into())), options, write).map_err(|error| error.to_string())?;
        Ok((lines, report))
    }

    fn told(findings: &Findings) -> Vec<(&str, u64, &[u64])> {
        findings
            .kinds()
            .iter()
            .map(|kind| (kind.what.as_str(), kind.records, kind.lines.as_slice()))
            .collect()
    }

    #[test]
    fn records_in_any_layout_come_out_as_lines() {
        let expected = [r#"{"recordId":"1","modelInput":{"a":1.0}}"#, r#"{"recordId":"2","modelInput":{}}"#];
        for text in [
            "{\"recordId\":\"1\",\"modelInput\":{\"a\":1.0}}\r\n\n\u{feff}{\"recordId\":\"2\",\"modelInput\":{}}",
            "[{\"recordId\":1,\"modelInput\":{\"a\": 1.0}},\n{\"record_id\":2,\"model_input\":\"{}\"}]",
            "{\n\"recordId\": \"1\",\n\"modelInput\": {\"a\": 1.0}\n}\n{\n\"recordId\": \"2\", \"modelInput\": {}}",
        ] {
            let (lines, report) = run(text, &options(NOVA)).unwrap();
            assert_eq!(
                (lines.as_slice(), report.written, report.records),
                (expected.map(String::from).as_slice(), 2, 2)
            );
        }
    }

    #[test]
    fn bad_records_are_listed_and_the_others_are_written() {
        let long = format!("{{\"modelInput\":{{\"a\":\"{}\"}}}}", "x".repeat(1_000));
        let deep = format!("{{\"modelInput\":{{\"a\":{}1{}}}}}", "[".repeat(200), "]".repeat(200));
        let text = [
            r#"{"recordId":"1","modelInput":{}}"#,
            r#"{"recordId":"2","modelInput":{"t":NaN}}"#,
            r#"{"recordId":"3","modelInput":{"t":"NaN"}"#,
            &long,
            &deep,
            r#"{"recordId":"1","modelInput":{}}"#,
            r#"{"recordId":"4","modelInput":{"a":"\ud800"}}"#,
            r#"{"recordId":"5","modelInput":{},"recordId":"6"}"#,
            r#"{"recordId":"7","modelInput":{},"x":1}"#,
            "5",
        ]
        .join("\n");
        let (lines, report) = run(text, &options(NOVA)).unwrap();
        assert_eq!(lines, [r#"{"recordId":"1","modelInput":{}}"#, r#"{"recordId":"7","modelInput":{}}"#]);
        assert_eq!((report.records, report.written), (10, 2));
        let expected: [(&str, u64, &[u64]); 8] = [
            ("the line is not JSON: it has the word NaN", 1, &[2]),
            ("the line is not JSON: EOF while parsing an object", 1, &[3]),
            ("the record is longer than 1000 bytes", 1, &[4]),
            ("the JSON nests deeper than 128 levels", 1, &[5]),
            ("the id is already used", 1, &[6]),
            ("a \\u escape is half of a surrogate pair", 1, &[7]),
            ("duplicate member `recordId`", 1, &[8]),
            ("invalid type: integer `5`, expected an object", 1, &[10]),
        ];
        assert_eq!(told(&report.refusals), expected);
        assert_eq!(told(&report.changes), [("x", 1, [9].as_slice())]);
    }

    #[test]
    fn losses_stop_a_record_unless_they_are_allowed() {
        let line = |id: u32, more: &str| {
            format!(
                r#"{{"custom_id":"{id}","method":"POST","url":"/v1/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"a"}}]{more}}}}}"#
            )
        };
        let text = [line(1, ""), line(2, r#","n":2,"logprobs":true"#), line(3, r#","n":3"#)].join("\n");
        let (lines, report) = run(text.as_str(), &options(NOVA)).unwrap();
        assert_eq!((lines.len(), report.format), (1, Format::OpenAi));
        assert_eq!(told(&report.changes), [("model", 1, [1].as_slice())]);
        assert_eq!(told(&report.refusals), [("n", 2, [2, 3].as_slice()), ("logprobs", 1, &[2])]);

        let allowing = Options { allow_loss: true, ..options(NOVA) };
        let (lines, report) = run(text, &allowing).unwrap();
        assert_eq!((lines.len(), told(&report.refusals).len()), (3, 0));
        let expected: [(&str, u64, &[u64]); 3] =
            [("model", 3, &[1, 2, 3]), ("n", 2, &[2, 3]), ("logprobs", 1, &[2])];
        assert_eq!(told(&report.changes), expected);
    }

    #[test]
    fn rows_become_prompts() {
        let text = "\u{feff}id;text\r\n7;\"a; b\"\r\n\r\n;c\n8\n9;\n";
        let (lines, report) = run(text, &table_options("Say: {text}", Some("id"))).unwrap();
        let body = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Say: a; b"}]}]}"#;
        let expected = format!(r#"{{"recordId":"7","modelInput":{body}}}"#);
        assert_eq!(lines.first(), Some(&expected));
        assert_eq!(lines.len(), 2, "a cell may be empty");
        assert_eq!(
            told(&report.refusals),
            [
                ("the cell of the id is empty", 1, [4].as_slice()),
                ("the row has 1 cell, the header 2", 1, &[5])
            ]
        );
        let (lines, _) = run("text\na\nb\n", &table_options("{text}", None)).unwrap();
        assert!(lines[1].starts_with(r#"{"recordId":"row-000002""#), "{lines:?}");
        let (lines, _) = run("recordId,modelInput\n1,\"{\"\"a\"\": 1}\"\n", &options(NOVA)).unwrap();
        assert_eq!(lines, [r#"{"recordId":"1","modelInput":{"a":1}}"#]);
    }

    #[test]
    fn files_that_cannot_be_prepared_say_why() {
        for (text, options, expected) in [
            ("", options(NOVA), "the file has no records"),
            ("\n\n", options(NOVA), "the file has no records"),
            ("<html>", options(NOVA), "the file is a web page"),
            ("[{}", options(NOVA), "line 1: the array has no end"),
            (
                "id,text\n1,a\n",
                options(NOVA),
                "the file is a table, and there is no prompt template: write a prompt with {column} where a cell belongs, and add --template FILE; the columns are: id, text",
            ),
            ("id,id\n1,2\n", table_options("{id}", None), "two columns are called `id`"),
            (
                "id,text\n1,a\n",
                table_options("{nope}", None),
                "--template: the table has no column `nope`; it has: id, text",
            ),
            (
                "id,text\n1,a\n",
                table_options("{text}", Some("nope")),
                "--id-column: the table has no column `nope`",
            ),
            (
                "id,text\n1,a\n",
                Options { max_tokens: None, ..table_options("{text}", None) },
                "the rows cannot be written: anthropic.claude-opus-5 needs a limit",
            ),
            ("[{}]", table_options("{text}", None), "the file is JSON, not a table"),
            (
                "{\"custom_id\":\"1\",\"params\":{}}",
                options("meta.llama3-3-70b-instruct-v1:0"),
                "the requests cannot be written: the request body of meta.llama3",
            ),
        ] {
            let error = run(text, &options).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn reading_ends_when_there_was_enough() {
        let text = "{\"modelInput\":{}}\n".repeat(9);
        let mut count = 0;
        let write = &mut |_: &str| {
            count += 1;
            Ok(if count == 3 { Next::Stop } else { Next::Go })
        };
        let report = prepare(Box::new(Cursor::new(text.into_bytes())), &options(NOVA), write).unwrap();
        assert_eq!((report.records, report.written), (3, 3));
    }
}
