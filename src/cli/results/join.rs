//! Writes each record of a file of the user with what became of it. Records are matched by id, in runs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::folder::{MAX_LINE_BYTES, Results};
use super::matching::{MAX_RECORDS, Matching};
use super::sink::Sink;
use crate::answers::fields::{Joined, record_of_row};
use crate::base::json::{Members, string};
use crate::base::text;
use crate::cli::error::{CliError, path_error};
use crate::drop::generated_id::GeneratedId;
use crate::drop::identity::DropId;
use crate::prepare::json::kind;
use crate::prepare::table::{Row, Rows, delimiter, named_delimiter, skip_blank_lines};

/// The member or column with the id, if none is named.
pub(super) const RECORD_ID: &str = "recordId";

const BUFFER_BYTES: usize = 256 << 10;

/// A file of the user that is joined with the results: JSON objects line by line, or a table.
#[derive(Debug)]
pub(super) struct UserFile {
    path: PathBuf,
    /// The member or column with the id.
    on: Option<String>,
    /// The columns, if it is a table.
    pub(super) columns: Option<Vec<String>>,
}

impl UserFile {
    /// Looks at the start of a file.
    pub(super) fn open(path: &Path, on: Option<&str>) -> Result<Self, CliError> {
        let mut file = Self { path: path.to_owned(), on: on.map(str::to_owned), columns: None };
        let mut text = file.text()?;
        let start = text.fill_buf().map_err(|error| path_error(path, error))?;
        let first = skip_blank_lines(start).1.trim_ascii_start().first();
        if first == Some(&b'{') {
            return Ok(file);
        }
        let mut rows = table(text, path)?;
        let columns = match rows.next().map_err(|error| path_error(path, error))? {
            Some((_, Row::Cells(columns))) => columns,
            Some((line, row)) => return Err(file.bad_row(line, &row)),
            None => return Err(file.bad("it is empty".to_owned())),
        };
        if let Some(twice) =
            columns.iter().enumerate().find(|(at, name)| columns.iter().take(*at).any(|one| one == *name))
        {
            return Err(file.bad(format!("it has the column {} twice", text::name(twice.1))));
        }
        let on = file.on.as_deref().unwrap_or(RECORD_ID);
        if !columns.iter().any(|column| column == on) {
            let names = text::line(columns.join(", ")).to_string();
            return Err(file.bad(format!(
                "it has no column {}: name the one with the ids with --on; there are {names}",
                text::name(on)
            )));
        }
        file.columns = Some(columns);
        Ok(file)
    }

    fn text(&self) -> Result<BufReader<File>, CliError> {
        let file = File::open(&self.path).map_err(|error| path_error(&self.path, error))?;
        Ok(BufReader::with_capacity(BUFFER_BYTES, file))
    }

    /// Starts reading the records.
    fn records(&self, drop_id: &DropId) -> Result<Records<'_>, CliError> {
        let text = self.text()?;
        let reader = match &self.columns {
            None => Reader::Objects { text, line: 0 },
            Some(columns) => {
                let mut rows = table(text, &self.path)?;
                rows.next().map_err(|error| path_error(&self.path, error))?;
                Reader::Table { rows: Box::new(rows), columns }
            }
        };
        Ok(Records { file: self, reader, drop_id: drop_id.clone() })
    }

    fn bad(&self, said: String) -> CliError {
        CliError::Unreadable(format!("--join {}", self.path.display()), said)
    }

    fn bad_row(&self, line: u64, row: &Row) -> CliError {
        let said = match row {
            Row::Cells(_) => "its row has more or fewer cells than there are columns",
            Row::TooLong => "its row is too long",
            Row::NotUtf8 { .. } => "its row is not UTF-8",
            Row::AfterQuote { .. } => "text follows the quote that closes a cell",
            Row::NoEnd { .. } => "a quote is not closed",
        };
        self.bad(format!("line {line}: {said}"))
    }
}

/// Reads a table from its first row on.
fn table(mut text: BufReader<File>, path: &Path) -> Result<Rows<BufReader<File>>, CliError> {
    let start = text.fill_buf().map_err(|error| path_error(path, error))?;
    let (skipped, rest) = skip_blank_lines(start);
    let first_line = rest.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let named = named_delimiter(first_line);
    let delimiter = named.unwrap_or_else(|| delimiter(first_line));
    let mut blank = start.len() - rest.len();
    if named.is_some() {
        blank += first_line.len();
    }
    text.consume(blank);
    Ok(Rows::new(text, delimiter, MAX_LINE_BYTES, 1 + skipped))
}

/// The records of a file of the user, one after the other.
struct Records<'a> {
    file: &'a UserFile,
    reader: Reader<'a>,
    drop_id: DropId,
}

enum Reader<'a> {
    Objects { text: BufReader<File>, line: u64 },
    Table { rows: Box<Rows<BufReader<File>>>, columns: &'a [String] },
}

/// A record of the user's file, as JSON.
struct UserRecord {
    id: String,
    json: String,
}

impl Records<'_> {
    fn next(&mut self) -> Result<Option<UserRecord>, CliError> {
        let file = self.file;
        let on = file.on.as_deref().unwrap_or(RECORD_ID);
        match &mut self.reader {
            Reader::Table { rows, columns } => {
                match rows.next().map_err(|error| path_error(&file.path, error))? {
                    None => Ok(None),
                    Some((_, Row::Cells(cells))) if cells.len() == columns.len() => {
                        let id = columns.iter().zip(&cells).find(|(column, _)| *column == on);
                        let id = id.map(|(_, cell)| cell.clone()).unwrap_or_default();
                        Ok(Some(UserRecord { id, json: record_of_row(columns, &cells) }))
                    }
                    Some((line, row)) => Err(file.bad_row(line, &row)),
                }
            }
            Reader::Objects { text, line } => loop {
                let mut bytes = Vec::new();
                let most = MAX_LINE_BYTES as u64 + 1;
                let read = text.by_ref().take(most).read_until(b'\n', &mut bytes);
                let read = read.map_err(|error: io::Error| path_error(&file.path, error))?;
                if read == 0 {
                    return Ok(None);
                }
                *line += 1;
                if read as u64 == most {
                    return Err(file.bad(format!("line {line} has more than {MAX_LINE_BYTES} bytes")));
                }
                let json = String::from_utf8(bytes)
                    .map_err(|_| file.bad(format!("line {line}: it is not UTF-8")))?;
                let json = json.trim_start_matches('\u{feff}').trim();
                if json.is_empty() {
                    continue;
                }
                let members =
                    Members::parse(json).map_err(|fault| file.bad(format!("line {line}: {fault}")))?;
                let id = match members.get(on) {
                    Some(value) if value.starts_with('"') => string(value).map(std::borrow::Cow::into_owned),
                    Some(value) if value.parse::<i128>().is_ok() => Some(value.to_owned()),
                    Some(value) => {
                        let said = format!("line {line}: {} is {}", text::name(on), kind(value));
                        return Err(file.bad(said));
                    }
                    // The record got an id from its line when it was dropped.
                    None if file.on.is_none() => {
                        Some(GeneratedId::new(&self.drop_id, *line).as_str().to_owned())
                    }
                    None => None,
                };
                let id = id.ok_or_else(|| file.bad(format!("line {line}: it has no {}", text::name(on))))?;
                return Ok(Some(UserRecord { id, json: json.to_owned() }));
            },
        }
    }
}

/// Writes all records of the file, and returns how many results have no record in it.
pub(super) fn write(results: &Results, user: &UserFile, sink: &mut Sink) -> Result<u64, CliError> {
    let files = results.files();
    let lines: u64 = files.iter().map(|file| file.lines).sum();
    let mut used = vec![0_u64; usize::try_from(lines / 64 + 1).unwrap_or_default()];
    let (mut ahead, mut behind) =
        (user.records(&results.summary.drop_id)?, user.records(&results.summary.drop_id)?);
    let mut matching = Matching::new(results, &files);
    loop {
        let mut run = Vec::new();
        while run.len() < MAX_RECORDS
            && let Some(record) = ahead.next()?
        {
            run.push(matching.add(&record.id));
        }
        if run.is_empty() {
            break;
        }
        matching.find(|line| {
            if let Some(word) = usize::try_from(line / 64).ok().and_then(|at| used.get_mut(at)) {
                *word |= 1 << (line % 64);
            }
        })?;
        for index in run {
            let record = behind.next()?;
            let json = record.as_ref().map(|record| record.json.as_str());
            matching.with_result(index, |line| sink.write(Joined { line, record: json }))?;
        }
        matching.clear();
    }
    let used: u64 = used.iter().map(|word| u64::from(word.count_ones())).sum();
    Ok(lines.saturating_sub(used))
}
