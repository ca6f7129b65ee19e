//! Reads a file to its end, and hands on one line after the other. Pure, in memory of a fixed size.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::atomic::Ordering;

use serde::de::IgnoredAny;

use super::body::ANTHROPIC_VERSION;
use super::draft::Draft;
use super::error::PrepareError;
use super::format::{Format, Layout, Start, requests_of_anthropic};
use super::framing::{FramingError, Lines, Piece, Values};
use super::layers::{self, Layer, Text, Unwrapped};
use super::options::{Bodies, Options};
use super::records;
use super::report::{Effect, Findings, Losses, Place, Refusal};
use super::rows::{self, RowPlan, listed};
use super::table::{self, Row, Rows};
use super::{anthropic, openai, vertex};
use crate::base::count::Counted;
use crate::base::json::Members;
use crate::base::text;
use crate::drop::kinds::{self, ProblemKind};
use crate::drop::padding::body_of;
use crate::model::findings::Examination;
use crate::prepare::json::quoted;
use crate::record::input::{InputReader, parse_input_record};
use crate::record::json_fault::JsonFault;
use crate::record::key::RecordHasher;
use crate::record::problem::{RecordError, RecordProblem};
use crate::record::recent_ids::RecentIds;

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was wrapped around the text.
    pub layers: Vec<Layer>,
    /// What the records were.
    pub format: Format,
    /// Whether a request was made for each record, rather than taken from the file.
    pub is_made: bool,
    /// How many records were read.
    pub records: u64,
    /// How many of them were handed on.
    pub written: u64,
    /// How many of them were not handed on, but would have been if losses were allowed.
    pub stopped: u64,
    /// What was changed or left out in records that were handed on.
    pub changes: Findings,
    /// Why records were not handed on.
    pub refusals: Findings,
    /// What the model must refuse of what was handed on; `None` if there are no rules.
    pub examination: Option<Examination>,
    /// Whether the gzip data was followed by other bytes, which were left out.
    pub has_garbage: bool,
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
    let Unwrapped { text, start: first_bytes, layers, has_garbage } =
        layers::unwrap(reader, options.encoding)?;
    let mut preparer = Preparer {
        options,
        report: Report {
            layers,
            format: options.format.unwrap_or(Format::Records),
            is_made: false,
            records: 0,
            written: 0,
            stopped: 0,
            changes: Findings::default(),
            refusals: Findings::default(),
            examination: options.rules.clone().map(Examination::new),
            has_garbage: false,
        },
        write,
        reader: InputReader::default(),
        hasher: RecordHasher::seeded_with("prepare"),
        ids: RecentIds::new(options.max_records),
    };
    match start_of(&first_bytes, options) {
        Start::Json(layout) => preparer.read_json(text, layout)?,
        Start::Table => preparer.read_table(text, &first_bytes)?,
        Start::Other(kind) => return Err(kind.into()),
    }
    if preparer.report.records == 0 {
        return Err((&kinds::EMPTY_FILE).into());
    }
    let has_garbage = has_garbage.load(Ordering::Relaxed);
    Ok(Report { has_garbage, ..preparer.report })
}

/// Says how the file is read: as its start tells, and as the options say.
fn start_of(first_bytes: &[u8], options: &Options) -> Start {
    if matches!(options.format, None | Some(Format::Anthropic))
        && let Some(start) = requests_of_anthropic(first_bytes)
    {
        return Start::Json(Layout::Wrapped(start));
    }
    match (options.format, Start::of(first_bytes)) {
        (_, Start::Other(kind)) if !is_text(kind) => Start::Other(kind),
        (Some(Format::Table), _) => Start::Table,
        (Some(_), Start::Table | Start::Other(_)) => Start::Json(Layout::Lines),
        // A single column has no delimiter that would tell.
        (None, Start::Json(Layout::Lines))
            if options.rows.template.is_some() && !starts_like_json(first_bytes) =>
        {
            Start::Table
        }
        (_, start) => start,
    }
}

/// Whether a file of this kind may be taken for another kind of text, if the user says so.
fn is_text(kind: &ProblemKind) -> bool {
    [&kinds::WEB_PAGE, &kinds::GIT_LFS_POINTER, &kinds::PYTHON_DICT, &kinds::OPENAI_BATCH]
        .into_iter()
        .any(|text| text == kind)
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

/// What the records of a JSON file are, and how they are read.
struct JsonPlan {
    format: Format,
    /// For rows: the columns that they must have, and what is made of them.
    rows: Option<(Vec<String>, RowPlan)>,
}

impl JsonPlan {
    /// Plans for a file whose first record is this one.
    fn new(record: &str, options: &Options) -> Result<Self, PrepareError> {
        let found = Format::of(record.as_bytes());
        let format = match (options.format, &options.rows.template) {
            (Some(format), _) => format,
            (None, Some(_)) if found == Format::Records && !records::has_body(record) => Format::Rows,
            (None, _) => found,
        };
        if format != Format::Rows {
            let is_ready = matches!(format, Format::Records | Format::Table);
            options.check(format, if is_ready { Bodies::Ready } else { Bodies::Converted })?;
            return Ok(Self { format, rows: None });
        }
        if options.rows.template.is_none() {
            let names = Members::parse(record).map(|members| listed(members.iter().map(|(name, _)| name)));
            let fix = format!(
                "write a prompt with {{member}} where a value belongs, and add --template PROMPT.txt; the members are: {}",
                names.unwrap_or_default()
            );
            return Err(PrepareError::usage(
                "the rows are JSON objects, and there is no prompt template",
                fix,
            ));
        }
        let columns = rows::named_columns(&options.rows);
        let plan = RowPlan::new(&columns, options)?;
        options.check(format, plan.bodies())?;
        Ok(Self { format, rows: Some((columns, plan)) })
    }
}

impl Preparer<'_> {
    fn read_json(&mut self, text: Text, layout: Layout) -> Result<(), PrepareError> {
        let max_bytes = self.options.max_record_bytes;
        let mut pieces = match layout {
            Layout::Lines => Pieces::Lines(Lines::new(text, max_bytes)),
            Layout::Values => Pieces::Values(Values::new(text, max_bytes)),
            Layout::Wrapped(start) => Pieces::Values(Values::wrapped(text, max_bytes, start)?),
        };
        let mut plan = None;
        while let Some(piece) = pieces.next()? {
            self.report.records += 1;
            let Some(bytes) = piece.bytes else {
                let most = Counted(max_bytes as u64, "byte");
                let what = format!("the record is longer than {most}");
                self.refuse(piece.line, &Refusal::new(what, "shorten it"));
                continue;
            };
            let Ok(json) = simdutf8::basic::from_utf8(&bytes) else {
                self.refuse(piece.line, &not_json_text(&bytes));
                continue;
            };
            let plan = match &mut plan {
                Some(plan) => plan,
                none => {
                    let found = none.insert(JsonPlan::new(json, self.options)?);
                    self.report.format = found.format;
                    self.report.is_made = found.format != Format::Records;
                    found
                }
            };
            if self.read_record(plan, piece.line, json)? == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    fn read_record(&mut self, plan: &JsonPlan, line: u64, json: &str) -> Result<Next, PrepareError> {
        // What is good stays as it is, byte for byte.
        let is_ready = plan.format == Format::Records;
        let good = if is_ready { self.reader.read(json.as_bytes()).ok() } else { None };
        if let Some(record) = good {
            let body = self.report.examination.is_some().then(|| body_of(json.as_bytes())).flatten();
            match body.and_then(|body| self.with_version(body)) {
                None => {
                    return self.hand_on(line, record.record_id.as_deref(), body, json, &Losses::default());
                }
                Some(body) => {
                    let mut losses = Losses::default();
                    losses.change("anthropic_version", ADDED_VERSION);
                    let draft = Draft { record_id: record.record_id, body: Cow::Owned(body) };
                    return self.finish(line, Ok(draft), || None, losses);
                }
            }
        }
        match check_json(json) {
            None => {}
            Some(Fault::Comma) => {
                let json = json.trim_ascii_end().trim_end_matches(',');
                self.report.changes.add(
                    self.at(line),
                    Effect::LeftOut,
                    "the comma after the object",
                    ONE_PER_LINE,
                );
                return self.read_record(plan, line, json);
            }
            Some(Fault::SeveralObjects(objects)) => {
                // The line counts as a record already.
                self.report.records -= 1;
                for object in objects {
                    self.report.records += 1;
                    self.report.changes.add(self.at(line), Effect::Changed, SEVERAL_OBJECTS, ONE_PER_LINE);
                    if self.read_record(plan, line, &object)? == Next::Stop {
                        return Ok(Next::Stop);
                    }
                }
                return Ok(Next::Go);
            }
            Some(Fault::Other(refusal)) => {
                self.refuse(line, &refusal);
                return Ok(Next::Go);
            }
        }
        let mut losses = Losses::default();
        let Options { target, max_tokens, .. } = self.options;
        let row = self.report.records;
        if let Some((columns, plan)) = &plan.rows {
            let cells = match rows::cells(json, columns) {
                Ok(cells) => cells,
                Err(refusal) => {
                    self.refuse(line, &refusal);
                    return Ok(Next::Go);
                }
            };
            let cells: Vec<&str> = cells.iter().map(Cow::as_ref).collect();
            let draft = plan.draft(&cells, row, self.options, &mut losses);
            return self.finish(line, draft, || plan.id(&cells).map(str::to_owned), losses);
        }
        let draft = match (plan.format, target) {
            (Format::OpenAi, Some(target)) => openai::read(json, target, *max_tokens, &mut losses),
            (Format::Anthropic, Some(target)) => anthropic::read(json, target, *max_tokens, &mut losses),
            (Format::Vertex, Some(target)) => vertex::read(json, row, target, *max_tokens, &mut losses),
            // The options were checked: whatever needs a model has one.
            _ => records::read(json, &mut losses),
        };
        self.finish(line, draft, || records::id_of(json), losses)
    }

    /// Adds the version that Claude wants, if that is what a body lacks. Nothing is added to a body that is meant for something
    /// else.
    fn with_version(&self, body: &str) -> Option<String> {
        let examination = self.report.examination.as_ref()?;
        // This is quick, and true of most bodies.
        if body.contains(r#""anthropic_version""#) {
            return None;
        }
        let lacks_it =
            |body| examination.rules().judge(body).iter().any(|finding| finding.code == VERSION_CODE);
        let members = Members::parse(body).ok()?;
        let has_it = members.iter().any(|(name, _)| name == "anthropic_version");
        if has_it || !members.has("messages") || !lacks_it(body) {
            return None;
        }
        let rest = body.trim_ascii_start().strip_prefix('{')?;
        Some(format!("{{\"anthropic_version\":{},{rest}", quoted(ANTHROPIC_VERSION)))
    }

    /// Writes a record, unless something speaks against it. The id of a record that could not be read is needed, too,
    /// so that no later record takes its place unnoticed.
    fn finish(
        &mut self,
        line: u64,
        draft: Result<Draft<'_>, Refusal>,
        id_if_refused: impl FnOnce() -> Option<String>,
        mut losses: Losses,
    ) -> Result<Next, PrepareError> {
        let mut draft = match draft {
            Ok(draft) => draft,
            Err(refusal) => {
                self.refuse(line, &refusal);
                if let Some(id) = id_if_refused() {
                    self.ids.add(self.hasher.key_of(&id), self.report.records);
                }
                return Ok(Next::Go);
            }
        };
        if self.is_repeated(line, draft.record_id.as_deref()) {
            return Ok(Next::Go);
        }
        if !self.options.allow_loss && losses.serious().next().is_some() {
            let at = self.at(line);
            for loss in losses.serious() {
                self.report.refusals.add(at, Effect::NotWritten, &loss.member, &loss.why);
            }
            let written = draft.line();
            let is_good = self.reader.read(written.as_bytes()).is_ok();
            let is_short = written.len() <= self.options.max_record_bytes;
            self.report.stopped += u64::from(is_good && is_short);
            return Ok(Next::Go);
        }
        if let Some(body) = self.with_version(&draft.body) {
            draft.body = Cow::Owned(body);
            losses.change("anthropic_version", ADDED_VERSION);
        }
        let written = draft.line();
        if let Err(error) = self.reader.read(written.as_bytes()) {
            self.refuse(line, &Refusal::new(error.what.to_string(), kinds::fix_of_line(&error.what)));
            return Ok(Next::Go);
        }
        self.write_unless_long(line, Some(&draft.body), &written, &losses)
    }

    /// Hands on a line, unless its id is already used, or it is too long.
    fn hand_on(
        &mut self,
        line: u64,
        record_id: Option<&str>,
        body: Option<&str>,
        written: &str,
        losses: &Losses,
    ) -> Result<Next, PrepareError> {
        if self.is_repeated(line, record_id) {
            return Ok(Next::Go);
        }
        self.write_unless_long(line, body, written, losses)
    }

    fn write_unless_long(
        &mut self,
        line: u64,
        body: Option<&str>,
        written: &str,
        losses: &Losses,
    ) -> Result<Next, PrepareError> {
        if written.len() > self.options.max_record_bytes {
            let most = Counted(self.options.max_record_bytes as u64, "byte");
            self.refuse(line, &Refusal::new(format!("the record would be longer than {most}"), "shorten it"));
            return Ok(Next::Go);
        }
        let at = self.at(line);
        for loss in &losses.0 {
            self.report.changes.add(at, loss.effect, &loss.member, &loss.why_written());
        }
        if let (Some(examination), Some(body)) = (&mut self.report.examination, body) {
            examination.examine(line, body);
        }
        self.report.written += 1;
        (self.write)(written).map_err(PrepareError::Write)
    }

    fn refuse(&mut self, line: u64, refusal: &Refusal) {
        self.report.refusals.refuse(self.at(line), refusal);
    }

    /// Where the record is that is being read.
    fn at(&self, line: u64) -> Place {
        Place { line, record: self.report.records }
    }

    /// Refuses a record whose id an earlier record has, even if that one was not written: nobody knows which one is
    /// meant.
    fn is_repeated(&mut self, line: u64, record_id: Option<&str>) -> bool {
        let Some(id) = record_id else { return false };
        let Some(earlier) = self.ids.add(self.hasher.key_of(id), self.report.records) else { return false };
        let fix = format!(
            "give each record an id of its own: `{}`, for one, is that of record {earlier}",
            text::name(id)
        );
        self.refuse(line, &Refusal::example("the id is already used", fix));
        true
    }

    fn read_table(&mut self, mut text: Text, first_bytes: &[u8]) -> Result<(), PrepareError> {
        self.report.format = Format::Table;
        let (blank_lines, start) = table::skip_blank_lines(first_bytes);
        let skipped = (first_bytes.len() - start.len()) as u64;
        io::copy(&mut text.by_ref().take(skipped), &mut io::sink())?;
        let first_line = start.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
        let named = table::named_delimiter(first_line);
        let delimiter = self.options.rows.delimiter.or(named);
        let delimiter = delimiter.unwrap_or_else(|| table::delimiter(first_line));
        let max_bytes = self.options.max_record_bytes;
        let mut rows = Rows::new(text, delimiter, max_bytes, blank_lines + 1);
        if named.is_some() {
            rows.next()?;
        }
        let columns: Vec<String> = match rows.next()? {
            Some((_, Row::Cells(cells))) => cells.iter().map(|cell| cell.trim().to_owned()).collect(),
            Some((line, row)) => {
                let Refusal { what, fix, .. } = self.bad_row(row);
                return Err(PrepareError::content(format!("line {line}, the header: {what}"), fix));
            }
            None => return Err((&kinds::EMPTY_FILE).into()),
        };
        let plan = RowPlan::new(&columns, self.options)?;
        self.options.check(Format::Table, plan.bodies())?;
        self.report.is_made = plan.bodies() != Bodies::Ready;
        let mut row_number = 0;
        while let Some((line, row)) = rows.next()? {
            if matches!(&row, Row::Cells(cells) if is_header(cells, &columns)) {
                let why = "it is there again, as in tables that were joined";
                self.report.changes.add(self.at(line), Effect::LeftOut, "the header", why);
                continue;
            }
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
                other => {
                    let refusal = self.bad_row(other);
                    self.refuse(line, &refusal);
                    continue;
                }
            };
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let mut losses = Losses::default();
            let draft = plan.draft(&cells, row_number, self.options, &mut losses);
            let id = || plan.id(&cells).map(str::to_owned);
            if self.finish(line, draft, id, losses)? == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Says what is wrong with a row that has no cells.
    fn bad_row(&self, row: Row) -> Refusal {
        match row {
            Row::NotUtf8 { byte, before } => not_utf8(byte, &before),
            Row::AfterQuote { lines } => {
                let swallowed = match lines {
                    0 => String::new(),
                    _ => format!(", and the row goes on for {} then", Counted(lines, "more line")),
                };
                let what = format!("text follows the quote that closes a cell{swallowed}");
                let fix = "write a quote within a cell twice, as in \"say \"\"hi\"\"\", not with a backslash; csv.writer in Python does so";
                Refusal::new(what, fix)
            }
            Row::NoEnd { lines } => {
                let swallowed = match lines {
                    0 => String::new(),
                    _ => format!(
                        ", so the cell goes on to the end of the file, {} later",
                        Counted(lines, "line")
                    ),
                };
                let what = format!("a quote opens a cell and is not closed{swallowed}");
                Refusal::new(what, "close it, or double it if it is part of the text")
            }
            Row::TooLong | Row::Cells(_) => {
                let most = Counted(self.options.max_record_bytes as u64, "byte");
                Refusal::new(format!("the row is longer than {most}"), "is a quote missing?")
            }
        }
    }
}

/// The code of the rule that Claude's version must be there.
const VERSION_CODE: &str = "body-anthropic-version";

const ADDED_VERSION: &str = "Claude needs it, and there is only one: it is added";

/// Whether a row is the header once more. A byte order mark before it keeps its quotes from being read.
fn is_header(cells: &[String], columns: &[String]) -> bool {
    let plain = |cell: &str| cell.trim_matches(['\u{feff}', ' ', '"']).to_owned();
    cells.len() == columns.len()
        && columns.len() > 1
        && cells.iter().zip(columns).all(|(cell, column)| cell == column || plain(cell) == *column)
}

/// Says where bytes stop being UTF-8.
fn not_utf8(byte: u8, before: &str) -> Refusal {
    // The end of it is enough to find the place.
    let start = before.char_indices().rev().nth(MAX_BEFORE).map_or(0, |(at, _)| at);
    let before = before.get(start..).unwrap_or_default();
    let place = if before.is_empty() { String::new() } else { format!(" after `{}`", text::name(before)) };
    let fix = format!(
        "the first is 0x{byte:02X}{place}; if the file is from Excel or Windows, add --encoding windows-1252"
    );
    Refusal::example("the bytes are not UTF-8", fix)
}

/// How many characters are shown before a byte.
const MAX_BEFORE: usize = 30;

/// Says what is wrong with a record that is not UTF-8.
fn not_json_text(bytes: &[u8]) -> Refusal {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), |_| bytes.len());
    let (before, rest) = bytes.split_at_checked(valid).unwrap_or_default();
    not_utf8(rest.first().copied().unwrap_or_default(), &String::from_utf8_lossy(before))
}

const SEVERAL_OBJECTS: &str = "several objects on a line";
const ONE_PER_LINE: &str = "each object becomes a line of its own";

/// What is wrong with a line that is not one JSON object.
enum Fault {
    /// It is an object with a comma after it.
    Comma,
    /// It has several objects.
    SeveralObjects(Vec<String>),
    Other(Refusal),
}

/// Says what is wrong with a line that is not one JSON object.
fn check_json(json: &str) -> Option<Fault> {
    let is_object = json.trim_ascii_start().starts_with('{');
    if is_object && serde_json::from_str::<IgnoredAny>(json).is_ok() {
        return None;
    }
    if json.ends_with('\0') {
        return Some(Fault::Other(Refusal::new(kinds::NUL_PADDED.what, kinds::NUL_PADDED.fix)));
    }
    let Err(error) = parse_input_record(json.as_bytes()) else {
        // The readers do not agree.
        return Some(Fault::Other(Refusal::new("the line is not JSON", "correct the line")));
    };
    let what = why_not_json(error);
    Some(match what {
        RecordProblem::NotJson(JsonFault::CommaAfterRecord) if json.trim_ascii_end().ends_with(',') => {
            Fault::Comma
        }
        RecordProblem::NotJson(fault) => match objects(json) {
            Some(objects) if fault == JsonFault::SecondRecord => Fault::SeveralObjects(objects),
            _ => {
                let what = format!("the line is not JSON: {fault}");
                Fault::Other(Refusal::new(what, kinds::fix_of_fault(fault)))
            }
        },
        what => Fault::Other(Refusal::new(what.to_string(), kinds::fix_of_line(&what))),
    })
}

/// Returns why a line cannot be read as JSON. Its members do not matter here: other formats have others than a record.
fn why_not_json(error: RecordError) -> RecordProblem {
    let is_about_members = |what: &RecordProblem| {
        matches!(
            what,
            RecordProblem::UnknownMember(_)
                | RecordProblem::RepeatedMember(_)
                | RecordProblem::MisspelledMember { .. }
                | RecordProblem::NoModelInput(_)
                | RecordProblem::ModelInputNotObject(_)
                | RecordProblem::RecordIdNotString(_)
                | RecordProblem::RecordIdEmpty
                | RecordProblem::LoneSurrogate
        )
    };
    let RecordError { what, others, .. } = error;
    if !is_about_members(&what) {
        return what;
    }
    others.into_iter().map(|other| other.what).find(|what| !is_about_members(what)).unwrap_or(what)
}

/// Returns the objects of a line that has several, one after the other. `None` if it has something else, too.
fn objects(line: &str) -> Option<Vec<String>> {
    let mut values = Values::new(line.as_bytes(), usize::MAX);
    let mut objects = Vec::new();
    while let Some(piece) = values.next().ok()? {
        let object = String::from_utf8(piece.bytes?).ok()?;
        serde_json::from_str::<IgnoredAny>(&object).ok()?;
        objects.push(object);
    }
    Some(objects)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::model::rules::Rules;
    use crate::prepare::options::RowOptions;
    use crate::prepare::target::Target;
    use crate::prepare::template::Template;

    const NOVA: &str = "amazon.nova-lite-v1:0";
    const CLAUDE: &str = "anthropic.claude-opus-5";

    /// For records that have a body, and no model.
    fn plain() -> Options {
        Options { max_record_bytes: 1_000, max_records: 100, ..Options::default() }
    }

    fn options(model_id: &str) -> Options {
        let target = Some(Target::new(model_id, "InvokeModel"));
        Options { target, rules: Rules::of(model_id, "InvokeModel"), ..plain() }
    }

    fn table_options(template: &str, id_column: Option<&str>) -> Options {
        let template = Some(Template::parse(template).unwrap());
        let rows = RowOptions { template, id_column: id_column.map(Into::into), ..RowOptions::default() };
        Options { rows, max_tokens: Some(9), ..options(CLAUDE) }
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
            ("the line is not JSON: JSON has no NaN", 1, &[2]),
            ("the line is not JSON: the line ends before the object does", 1, &[3]),
            ("the record is longer than 1000 bytes", 1, &[4]),
            ("the JSON nests deeper than 128 levels", 1, &[5]),
            ("the id is already used", 1, &[6]),
            ("a \\u escape is half of a surrogate pair", 1, &[7]),
            ("duplicate member `recordId`", 1, &[8]),
            ("the line is not a JSON object but a number", 1, &[10]),
        ];
        assert_eq!(told(&report.refusals), expected);
        assert_eq!(told(&report.changes), [("x", 1, [9].as_slice())]);
    }

    #[test]
    fn broken_json_has_its_own_reason_whatever_its_members_are() {
        let faults = [
            (r#"NaN}"#, "the line is not JSON: JSON has no NaN"),
            (r#"True}"#, "the line is not JSON: True is Python; JSON has true"),
            (r#""a\x"}"#, "the line is not JSON: JSON has no such escape"),
            (r#""cut"#, "the line is not JSON: the line ends within a text"),
        ];
        let anthropic =
            r#"{"custom_id":"2","params":{"max_tokens":9,"messages":[{"role":"user","content":"a"}]}"#;
        let openai = r#"{"custom_id":"2","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"a"}]}"#;
        for (start, options) in [
            (r#"{"id":2"#, table_options("{text}", None)),
            (r#"{"id":2"#, Options { format: Some(Format::Rows), ..table_options("{text}", None) }),
            (anthropic, options(NOVA)),
            (openai, options(NOVA)),
            (r#"{"id":2,"recordId":"2","modelInput":{}"#, options(NOVA)),
        ] {
            let good = if start.contains("custom_id") || start.contains("modelInput") {
                format!("{start}}}")
            } else {
                format!(r#"{start},"text":"a"}}"#)
            };
            let bad: Vec<String> = faults.iter().map(|(end, _)| format!(r#"{start},"text":{end}"#)).collect();
            let (_, report) = run(format!("{good}\n{}", bad.join("\n")), &options).unwrap();
            let expected: Vec<(&str, u64, &[u64])> = faults
                .iter()
                .zip([&[2], &[3], &[4], &[5]])
                .map(|((_, what), lines)| (*what, 1, &lines[..]))
                .collect();
            assert_eq!(told(&report.refusals), expected, "{start}");
            let fixes: Vec<&str> = report.refusals.kinds().iter().map(|kind| kind.why.as_str()).collect();
            assert!(fixes[0].starts_with("write null") && fixes[2].contains("backslash"), "{fixes:?}");
            // The elements of an array end with a bracket of their own.
            let (_, report) = run(format!("[{good},\n{}]", bad[..3].join(",\n")), &options).unwrap();
            assert_eq!(told(&report.refusals), expected[..3], "{start}");
        }
        // A comma after a row is left out, as after a record.
        let (lines, _) =
            run("{\"text\":\"a\"},\n{\"text\":\"b\"},\n", &table_options("{text}", None)).unwrap();
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn objects_on_one_line_or_with_commas_become_lines() {
        let record = |id: u32| format!(r#"{{"recordId":"{id}","modelInput":{{"a":"b, {{c}}"}}}}"#);
        let text = format!(
            "{} {}{}\n{},\n{}, \n{}x\n{{}}{{]\n{}\0\0\n{},x",
            record(1),
            record(2),
            record(3),
            record(4),
            record(5),
            record(6),
            record(7),
            record(8)
        );
        let (lines, report) = run(text, &plain()).unwrap();
        assert_eq!(lines, (1..=5).map(record).collect::<Vec<_>>());
        assert_eq!((report.records, report.written), (9, 5));
        assert_eq!(
            told(&report.changes),
            [(SEVERAL_OBJECTS, 3, [1].as_slice()), ("the comma after the object", 2, &[2, 3])]
        );
        let expected: [(&str, u64, &[u64]); 3] = [
            ("the line is not JSON: something after the object", 2, &[4, 7]),
            ("the line is not JSON: a second object on the same line", 1, &[5]),
            (kinds::NUL_PADDED.what, 1, &[6]),
        ];
        assert_eq!(told(&report.refusals), expected);
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
    fn no_record_takes_the_place_of_one_with_the_same_id() {
        let request = |id: u32, more: &str| {
            format!(
                r#"{{"custom_id":"{id}","method":"POST","url":"/v1/chat/completions","body":{{"messages":[{{"role":"user","content":"a"}}]{more}}}}}"#
            )
        };
        let no_messages =
            r#"{"custom_id":"3","method":"POST","url":"/v1/chat/completions","body":{}}"#.to_owned();
        let text = [
            request(1, r#","n":2"#),
            request(1, ""),
            request(2, r#","n":2"#),
            request(2, r#","n":2"#),
            no_messages,
            request(3, ""),
            request(4, ""),
        ]
        .join("\n");
        let (lines, report) = run(text.as_str(), &options(NOVA)).unwrap();
        assert!(lines.len() == 1 && lines[0].contains(r#""recordId":"4""#), "{lines:?}");
        let repeated =
            report.refusals.kinds().iter().find(|kind| kind.what == "the id is already used").unwrap();
        assert_eq!(repeated.lines, [2, 4, 6]);
        assert!(repeated.why.ends_with("`1`, for one, is that of record 1"), "{}", repeated.why);
        // As many as are written if losses are allowed.
        let stopped = report.stopped;
        let (lines, _) = run(text, &Options { allow_loss: true, ..options(NOVA) }).unwrap();
        assert_eq!((lines.len() as u64, stopped), (1 + stopped, 2));
        // The same goes for rows and records.
        let table = "id,text\n7,a\n7,b\n";
        let (lines, _) = run(table, &table_options("{text}", Some("id"))).unwrap();
        assert_eq!(lines.len(), 1);
        let records = r#"{"recordId":"1","modelInput":[]}
{"recordId":"1","modelInput":{}}"#;
        let (lines, report) = run(records, &plain()).unwrap();
        assert_eq!((lines.len(), report.refusals.kinds().len()), (0, 2));
    }

    #[test]
    fn records_on_one_line_count_one_by_one_and_the_line_is_named_once() {
        let records: Vec<_> =
            (0..50).map(|id| format!(r#"{{"recordId":{id},"modelInput":{{}},"x":1}}"#)).collect();
        let (_, report) = run(format!("[{}]", records.join(",")), &plain()).unwrap();
        assert_eq!(told(&report.changes), [("x", 50, [1].as_slice()), ("recordId", 50, &[1])]);
        assert!(report.changes.kinds().iter().all(|kind| !kind.has_more_lines));
        let (_, report) = run(records.join("\n"), &plain()).unwrap();
        assert!(report.changes.kinds().iter().all(|kind| kind.has_more_lines));
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
            [("the row has no id", 1, [4].as_slice()), ("the row has 1 cell, the header 2", 1, &[5])]
        );
        let (lines, _) = run("text\na\nb\n", &table_options("{text}", None)).unwrap();
        assert!(lines[1].starts_with(r#"{"recordId":"row-000002""#), "{lines:?}");
        let (lines, _) = run("recordId,modelInput\n1,\"{\"\"a\"\": 1}\"\n", &options(NOVA)).unwrap();
        assert_eq!(lines, [r#"{"recordId":"1","modelInput":{"a":1}}"#]);
    }

    #[test]
    fn rows_as_json_become_prompts_like_those_of_a_table() {
        let rows = [
            r#"{"id": 7, "text": "a; \"b\"", "more": {"x": [1]}}"#,
            r#"{"id": "8", "text": null}"#,
            r#"{"id": 9}"#,
            r#"{"id": 1.5, "text": {"deep": 1}}"#,
            r#"{"text": "c"}"#,
        ];
        let array = format!("[{}]", rows.join(",\n"));
        for text in [rows.join("\n"), array, rows.join("\r")] {
            let (lines, report) = run(text, &table_options("Say: {text}!", Some("id"))).unwrap();
            assert_eq!(
                (report.format, report.is_made, report.records, report.written),
                (Format::Rows, true, 5, 2)
            );
            assert!(
                lines[0].starts_with(r#"{"recordId":"7","#) && lines[0].contains(r#""Say: a; \"b\"!""#),
                "{lines:?}"
            );
            assert!(
                lines[1].starts_with(r#"{"recordId":"8","#) && lines[1].contains(r#""Say: !""#),
                "{lines:?}"
            );
            let expected: [(&str, u64, &[u64]); 3] = [
                ("the row has no member `text`", 1, &[3]),
                ("the member `text` is an object, not a text", 1, &[4]),
                ("the row has no member `id`", 1, &[5]),
            ];
            assert_eq!(told(&report.refusals), expected);
            assert!(report.refusals.kinds()[0].why.ends_with("it has: id"));
        }
        let deep = table_options("{a.b}", None);
        let (lines, _) = run(r#"{"a": {"b": 2.50}}"#, &deep).unwrap();
        assert!(
            lines[0].starts_with(r#"{"recordId":"row-000001""#) && lines[0].contains("\"2.50\""),
            "{lines:?}"
        );
        // What is not a row is not taken for one, unless the user says so.
        let request = r#"{"custom_id":"1","params":{"messages":[]}}"#;
        let record = r#"{"recordId":"1","modelInput":{}}"#;
        for (text, what) in [
            (request, "the file is a batch file for Anthropic's API"),
            (record, "the records have their modelInput already"),
        ] {
            let error =
                run(text, &Options { max_tokens: None, ..table_options("{recordId}", None) }).unwrap_err();
            assert!(
                error.starts_with(what)
                    && error.contains("--template has no effect: leave it out, or add --from json"),
                "{error}"
            );
        }
        let rows = Options { format: Some(Format::Rows), ..table_options("{custom_id}", None) };
        assert_eq!(run(request, &rows).unwrap().1.written, 1);
    }

    #[test]
    fn texts_for_embeddings_are_made_of_rows() {
        let titan = "amazon.titan-embed-text-v2:0";
        let made = Options { max_tokens: None, ..table_options("{text}", None) };
        let made = Options {
            target: Some(Target::new(titan, "InvokeModel")),
            rules: Rules::of(titan, "InvokeModel"),
            ..made
        };
        let (lines, report) = run("text\na\n", &made).unwrap();
        assert_eq!(lines, [r#"{"recordId":"row-000001","modelInput":{"inputText":"a"}}"#]);
        assert_eq!(report.examination.unwrap().failing(), 0);
    }

    #[test]
    fn options_without_effect_are_refused() {
        let record = r#"{"recordId":"1","modelInput":{}}"#;
        let table = "recordId,modelInput\n1,{}\n";
        let request = r#"{"custom_id":"1","params":{"messages":[]}}"#;
        let rows = |rows| Options { rows, ..options(NOVA) };
        let id_column = || RowOptions { id_column: Some("id".into()), ..RowOptions::default() };
        let delimiter = || RowOptions { delimiter: Some(b';'), ..RowOptions::default() };
        let ready = "the records have their modelInput already, so ";
        for (text, options, expected) in [
            (record, Options { max_tokens: Some(9), ..plain() }, format!("{ready}--max-tokens has no effect: leave it out")),
            (
                record,
                Options { max_tokens: Some(9), allow_loss: true, ..options(NOVA) },
                format!("{ready}--max-tokens and --allow-loss have no effect: leave them out"),
            ),
            (table, Options { max_tokens: Some(9), ..plain() }, format!("{ready}--max-tokens has")),
            (
                record,
                Options { is_form_chosen: true, ..plain() },
                "the records have their modelInput, and without --model-id, it is not checked: --model-invocation-type".into(),
            ),
            (record, rows(id_column()), format!("{ready}--id-column has")),
            (record, rows(delimiter()), format!("{ready}--delimiter has")),
            (request, rows(id_column()), "the file is a batch file for Anthropic's API, so --id-column has".into()),
            (
                "text\na\n",
                Options {
                    target: Some(Target::new("amazon.titan-embed-text-v2:0", "InvokeModel")),
                    max_tokens: None,
                    rows: RowOptions {
                        system: Some(Template::parse("Be brief.").unwrap()),
                        ..table_options("{text}", None).rows
                    },
                    ..plain()
                },
                "the model makes embeddings, so --system has no effect: leave it out".into(),
            ),
            (
                "a,b\n1,2\n",
                Options { allow_loss: true, ..table_options("{a}", None) },
                "a row of a table loses nothing, so --allow-loss has".into(),
            ),
        ] {
            let error = run(text, &options).unwrap_err();
            assert!(error.starts_with(&expected), "{text:?}: {error}");
        }
        assert!(run(record, &Options { is_form_chosen: true, ..options(NOVA) }).is_ok());
    }

    #[test]
    fn models_without_converse_get_none() {
        let record = r#"{"recordId":"1","modelInput":{}}"#;
        for model_id in
            ["amazon.titan-embed-text-v2:0", "cohere.embed-multilingual-v3", "amazon.nova-canvas-v1:0"]
        {
            for (text, others) in [(record, plain()), ("text\na\n", table_options("{text}", None))] {
                let options = Options { target: Some(Target::new(model_id, "Converse")), ..others };
                let error = run(text, &options).unwrap_err();
                assert!(
                    error.starts_with(model_id) && error.contains("takes no Converse requests"),
                    "{error}"
                );
            }
        }
        assert!(run(record, &Options { target: Some(Target::new(NOVA, "Converse")), ..plain() }).is_ok());
    }

    #[test]
    fn what_is_written_is_examined_and_claude_gets_its_version() {
        let line = |id: u32, body: &str| format!(r#"{{"recordId":"{id}","modelInput":{{{body}}}}}"#);
        let messages = r#""max_tokens":9,"messages":[{"role":"user","content":"a"}]"#;
        let version = r#""anthropic_version":"bedrock-2023-05-31","#;
        let text = [
            line(1, messages),
            line(2, &format!("{version}{messages}")),
            format!(r#"{{"record_id":3,"model_input":{{{messages}}}}}"#),
            // These are meant for something else, or already have a version.
            line(
                4,
                r#""messages":[{"role":"user","content":[{"text":"a"}]}],"inferenceConfig":{"maxTokens":9}"#,
            ),
            line(5, &format!(r#""anthropic_version":null,{messages}"#)),
            line(6, r#""prompt":"Human: a""#),
            line(7, &messages.replace("9", "900000")),
        ];
        let (lines, report) = run(text.join("\n"), &options(CLAUDE)).unwrap();
        let expected = [
            line(1, &format!("{version}{messages}")),
            text[1].clone(),
            line(3, &format!("{version}{messages}")),
            text[3].clone(),
            text[4].clone(),
            text[5].clone(),
            line(7, &format!("{version}{}", messages.replace("9", "900000"))),
        ];
        assert_eq!(lines, expected);
        let examination = report.examination.unwrap();
        assert_eq!(examination.groups().iter().flat_map(|group| &group.first_lines).min(), Some(&4));
        assert_eq!((examination.examined(), examination.failing()), (7, 4));
        assert!(examination.groups().iter().all(|group| group.first_lines.iter().all(|line| *line > 3)));
        assert!(told(&report.changes).contains(&("anthropic_version", 3, &[1, 3, 7])));
        assert!(told(&report.changes).contains(&("model_input", 1, &[3])));
        // Without a model, nothing is judged, and nothing is added.
        let (lines, report) = run(text[0].as_str(), &plain()).unwrap();
        assert_eq!((lines, report.examination.is_none()), (vec![text[0].clone()], true));
        let (lines, _) = run(text[0].as_str(), &options(NOVA)).unwrap();
        assert_eq!(lines, [text[0].clone()]);
    }

    #[test]
    fn tables_as_programs_write_them_are_read() {
        let expected = [("7", "a|b"), ("8", "c")];
        for text in [
            "id|text\n7|\"a|b\"\n8|c\n",
            "sep=|\r\nid|text\r\n7|\"a|b\"\r\n8|c\r\n",
            "\n\n\u{feff}\"id\",\"text\"\n7,a|b\n8,c\n",
            "\"sep=;\"\nid;text\n7;a|b\n8;c\n",
            "id,text\r7,a|b\r8,c\r",
            "id,text,,\n7,a|b,,\n8,c,,\n",
            "id,text\n7,a|b\nid,text\n8,c\n",
            "\u{feff}\"id\",\"text\"\n7,a|b\n\u{feff}\"id\",\"text\"\n8,c\n",
        ] {
            let (lines, report) = run(text, &table_options("{text}", Some("id"))).unwrap();
            assert_eq!((report.records, report.written), (2, 2), "{text:?}");
            for (line, (id, prompt)) in lines.iter().zip(expected) {
                assert!(
                    line.contains(&format!(r#""recordId":"{id}""#))
                        && line.contains(&format!(r#""text":"{prompt}""#)),
                    "{line}"
                );
            }
        }
        let (_, report) = run("id,text\r\r7,a\r,b\r", &table_options("{text}", Some("id"))).unwrap();
        assert_eq!(told(&report.refusals), [("the row has no id", 1, [4].as_slice())]);
        let text = "id,text\n7,\"say \\\"hi\\\" now\"\n8,\"c \\\"\"\n9,\"d\"\n10,\"e \"\"f\"\"\"\n";
        let (lines, report) = run(text, &table_options("{text}", Some("id"))).unwrap();
        let what = "text follows the quote that closes a cell";
        let longer = format!("{what}, and the row goes on for 1 more line then");
        assert_eq!(told(&report.refusals), [(what, 1, [2].as_slice()), (&longer, 1, &[3])]);
        assert!(report.refusals.kinds()[0].why.starts_with("write a quote within a cell twice"));
        assert!(lines.len() == 1 && lines[0].contains(r#""text":"e \"f\"""#), "{lines:?}");
        let (_, report) = run("id,text\n7,\"a\n8,c\n9,d\n", &table_options("{text}", Some("id"))).unwrap();
        let what = "a quote opens a cell and is not closed, so the cell goes on to the end of the file, 2 lines later";
        assert_eq!(told(&report.refusals), [(what, 1, [2].as_slice())]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_name_the_place_and_the_option() {
        let table = b"id,text\n7,caf\xe9 cr\xe8me\n8,\xe9\n9,ok\n";
        let lines = b"{\"modelInput\":{\"a\":\"caf\xe9\"}}\n{\"modelInput\":{}}\n";
        let header = b"Gr\xf6\xdfe,text\n7,a\n";
        let of_table = || table_options("{text}", Some("id"));
        let why = "the first is 0xE9 after `caf`; if the file is from Excel or Windows, add --encoding windows-1252";
        let (_, report) = run(&table[..], &of_table()).unwrap();
        assert_eq!(told(&report.refusals), [("the bytes are not UTF-8", 2, [2, 3].as_slice())]);
        assert_eq!(report.refusals.kinds()[0].why, why);
        let (_, report) = run(&lines[..], &plain()).unwrap();
        assert_eq!(told(&report.refusals), [("the bytes are not UTF-8", 1, [1].as_slice())]);
        assert!(
            report.refusals.kinds()[0]
                .why
                .starts_with("the first is 0xE9 after `{\"modelInput\":{\"a\":\"caf`;")
        );
        let error = run(&header[..], &plain()).unwrap_err();
        assert!(
            error.starts_with("line 1, the header: the bytes are not UTF-8: the first is 0xF6 after `Gr`;"),
            "{error}"
        );

        let encoding = || Some("windows-1252".parse().unwrap());
        let (written, report) = run(&table[..], &Options { encoding: encoding(), ..of_table() }).unwrap();
        assert!(written[0].contains("café crème") && report.written == 3, "{written:?}");
        let (written, _) = run(&lines[..], &Options { encoding: encoding(), ..plain() }).unwrap();
        assert_eq!(written[0], r#"{"modelInput":{"a":"café"}}"#);
    }

    #[test]
    fn files_that_cannot_be_prepared_say_why() {
        for (text, options, expected) in [
            ("", options(NOVA), "the file has no records"),
            ("\n\n", options(NOVA), "the file has no records"),
            ("<html>", options(NOVA), "the file is a web page"),
            ("BZh91AY", options(NOVA), "the file is compressed with bzip2: decompress it"),
            ("PK\u{3}\u{4}", Options { format: Some(Format::Table), ..plain() }, "the file is a ZIP archive"),
            ("[{}", options(NOVA), "line 1: the array has no end"),
            (
                "id,text\n1,a\n",
                options(NOVA),
                "the file is a table, and there is no prompt template: write a prompt with {column} where a cell belongs, and add --template PROMPT.txt; the columns are: id, text",
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
                "the requests cannot be written: anthropic.claude-opus-5 needs a limit",
            ),
            (
                "{\"custom_id\":\"1\",\"params\":{}}",
                options("meta.llama3-3-70b-instruct-v1:0"),
                "the requests cannot be written: the request body of meta.llama3",
            ),
            ("id,text\n1,a\n", table_options("all the same", None), "--template: it has no {column}"),
            ("{\"text\":1}", table_options("all the same", None), "--template: it has no {column}"),
            (
                "id,text\n1,a\n",
                Options { target: None, ..table_options("{text}", None) },
                "each model has a request body of its own, and none is named: add --model-id",
            ),
            ("{\"custom_id\":\"1\",\"params\":{}}", plain(), "each model has a request body of its own"),
            (
                "{\"text\":1}",
                Options { format: Some(Format::Rows), ..options(NOVA) },
                "the rows are JSON objects, and there is no prompt template: write a prompt with {member} where a value belongs, and add --template PROMPT.txt; the members are: text",
            ),
            (
                "id,\"text\n1,a\n",
                table_options("{text}", None),
                "line 1, the header: a quote opens a cell and is not closed, so the cell goes on to the end of the file, 1 line later",
            ),
        ] {
            let error = run(text, &options).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn body_of_the_api_of_anthropic_is_a_list_of_requests() {
        let request = |id: u32| {
            format!(
                r#"{{"custom_id":"{id}","params":{{"max_tokens":9,"messages":[{{"role":"user","content":"a"}}]}}}}"#
            )
        };
        let (one, two) = (request(1), request(2));
        for text in [
            format!(r#"{{"requests":[{one},{two}]}}"#),
            format!("\u{feff}{{\n  \"requests\": [\n{one},\n{two}\n  ]\n}}\n"),
        ] {
            for format in [None, Some(Format::Anthropic)] {
                // The body is longer than a record may be.
                let options = Options { format, max_record_bytes: 160, ..options(NOVA) };
                let (lines, report) = run(text.as_str(), &options).unwrap();
                assert_eq!(
                    (lines.len(), report.records, report.format),
                    (2, 2, Format::Anthropic),
                    "{report:?}"
                );
            }
        }
        for (text, expected) in [
            (format!(r#"{{"requests":[{one}"#), "line 1: the array has no end"),
            (format!(r#"{{"requests":[{one}]"#), "line 1: the list of requests has no closing brace"),
            (format!(r#"{{"requests":[{one}],"x":1}}"#), "line 1: something follows the list of requests"),
        ] {
            let error = run(text.as_str(), &options(NOVA)).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
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
