//! Writes the results in the order of the file that was dropped. The parts of a drop are runs of its records, so one part is
//! looked at at a time.

use std::path::Path;

use super::folder::{Results, each_line};
use super::matching::{MAX_RECORDS, Matching};
use super::sink::Sink;
use crate::answers::fields::Joined;
use crate::answers::line::LineReader;
use crate::base::count::Counted;
use crate::base::text;
use crate::cli::error::{CliError, path_error};
use crate::drop::keys::ResultKind;
use crate::drop::rewriting::Rewriter;

/// Writes all results in the order of this file, which must be the one that was dropped.
pub(super) fn write(results: &Results, input: &Path, sink: &mut Sink) -> Result<(), CliError> {
    let summary = &results.summary;
    let size = std::fs::metadata(input).map_err(|error| path_error(input, error))?.len();
    if size != summary.source.size_bytes {
        let said =
            format!("it has {size} bytes, and the file that was dropped has {}", summary.source.size_bytes);
        return Err(other_file(input, &said));
    }
    let files = results.files();
    let mut parts = Vec::new();
    for part in files.chunk_by(|one, other| one.part == other.part) {
        if let Some(first) = part.first() {
            parts.push((first.part, part, part.iter().map(|file| file.lines).sum::<u64>()));
        }
    }
    let is_whole = (1..).zip(&parts).all(|(number, (part, ..))| number == *part);
    if !is_whole {
        return Err(CliError::Content(format!(
            "{}: some of its parts have no results, because the file was deleted before they were submitted; take --join, \
             which does not need all parts",
            text::line(input.display())
        )));
    }
    let mut parts = parts.into_iter();
    let mut current: Option<Part<'_>> = None;
    let mut deleted = Vec::new();
    let mut rewriter = Rewriter::new(&summary.drop_id, 1);
    each_line(input, |line| {
        let mut taken = Ok(());
        let no_record = |fault: crate::drop::rewriting::NoRecord| other_file(input, &fault.to_string());
        if parts.len() == 0 && current.as_ref().is_none_or(|part| part.left == 0) {
            if summary.records.source_deleted == 0 {
                let mut records = Vec::new();
                rewriter.push(Some(line.bytes), &mut records).map_err(no_record)?;
                return if records.is_empty() {
                    Ok(())
                } else {
                    Err(other_file(
                        input,
                        &format!("it has more than {}", Counted(summary.records.total, "record")),
                    ))
                };
            }
            if let Some(part) = current.take() {
                part.write(input, sink)?;
            }
            deleted.clear();
            rewriter.push(Some(line.bytes), &mut deleted).map_err(no_record)?;
            return write_deleted(&deleted, sink);
        }
        rewriter
            .each_id(Some(line.bytes), |id| {
                if taken.is_ok() {
                    taken = (|| {
                        if current.as_ref().is_none_or(|part| part.left == 0) {
                            if let Some(part) = current.take() {
                                part.write(input, sink)?;
                            }
                            let (_, files, records) = parts.next().ok_or_else(|| {
                                other_file(input, "it has more records than the one that was dropped")
                            })?;
                            current = Some(Part { matching: Matching::new(results, files), left: records });
                        }
                        let Some(part) = &mut current else { return Ok(()) };
                        part.add(id, input, sink)
                    })();
                }
            })
            .map_err(no_record)?;
        taken
    })?;
    let missing =
        current.as_ref().map_or(0, |part| part.left) + parts.map(|(_, _, records)| records).sum::<u64>();
    if missing > 0 {
        return Err(other_file(input, &format!("{} of the drop are not in it", Counted(missing, "record"))));
    }
    current.map_or(Ok(()), |part| part.write(input, sink))
}

/// A part whose records are being collected.
struct Part<'a> {
    matching: Matching<'a>,
    /// How many of its records have not been read.
    left: u64,
}

impl Part<'_> {
    fn add(&mut self, id: &str, input: &Path, sink: &mut Sink) -> Result<(), CliError> {
        let before = self.matching.len();
        self.matching.add(id);
        if self.matching.len() == before {
            return Err(other_file(
                input,
                &format!("it has the recordId {} twice in a part", text::name(id)),
            ));
        }
        self.left -= 1;
        if self.matching.len() == MAX_RECORDS {
            self.write_run(input, sink)?;
        }
        Ok(())
    }

    fn write(mut self, input: &Path, sink: &mut Sink) -> Result<(), CliError> {
        self.write_run(input, sink)
    }

    fn write_run(&mut self, input: &Path, sink: &mut Sink) -> Result<(), CliError> {
        self.matching.find(|_| ())?;
        for index in 0..u32::try_from(self.matching.len()).unwrap_or(u32::MAX) {
            self.matching.with_result(index, |line| match line {
                Some(line) => sink.write(Joined { line: Some(line), record: None }),
                None => {
                    Err(other_file(input, "one of its records has no result in the part where it should be"))
                }
            })?;
        }
        self.matching.clear();
        Ok(())
    }
}

/// Writes records that were never submitted, because the file was deleted before.
fn write_deleted(records: &[u8], sink: &mut Sink) -> Result<(), CliError> {
    let mut reader = LineReader::new(ResultKind::Unprocessed);
    for record in records.split(|byte| *byte == b'\n').filter(|record| !record.is_empty()) {
        let json = String::from_utf8_lossy(record);
        if let Ok(line) = reader.read(json.trim()) {
            sink.write(Joined { line: Some(&line), record: None })?;
        }
    }
    Ok(())
}

fn other_file(input: &Path, said: &str) -> CliError {
    CliError::Content(format!(
        "--order {}: {said}: it is not the file that was dropped",
        text::line(input.display())
    ))
}
