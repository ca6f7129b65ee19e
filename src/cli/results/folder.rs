//! The results of a drop in a folder of this machine, and whether they are whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::answers::line::{LineReader, Status};
use crate::base::count::Counted;
use crate::base::text;
use crate::cli::error::{CliError, path_error};
use crate::drop::keys::{ResultKind, result_name};
use crate::job::summary::Summary;
use crate::record::key::RecordMap;
use crate::record::lines::LineSplitter;

/// The name of the summary.
pub(crate) const SUMMARY: &str = "summary.json";

/// The longest line that is read. A line of Bedrock's output repeats the input, which has at most 25 MB of its own.
pub(super) const MAX_LINE_BYTES: usize = 128 << 20;

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// How many ids are compared at a time. They take about 80 MB.
const MAX_KEYS: u64 = 3_000_000;

/// At most this number of problems are named.
const MAX_NAMED: usize = 10;

/// The results of a drop that is finished.
#[derive(Debug)]
pub(crate) struct Results {
    folder: PathBuf,
    pub(crate) summary: Summary,
}

/// A file with results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResultFile {
    /// Its name in the folder.
    pub(crate) name: String,
    pub(crate) kind: ResultKind,
    pub(crate) part: u32,
    /// How many lines it should have.
    pub(crate) lines: u64,
}

/// Returns the files of a drop, in the order of its records as far as there is one: part after part, and in each first what
/// succeeded.
pub(crate) fn files_of(summary: &Summary) -> Vec<ResultFile> {
    let mut files = Vec::new();
    for kind in [ResultKind::Succeeded, ResultKind::Errors, ResultKind::Unprocessed] {
        for job in &summary.jobs {
            let counts = job.outcome.records;
            let lines = match kind {
                ResultKind::Succeeded => counts.succeeded,
                ResultKind::Errors => counts.failed,
                ResultKind::Unprocessed => counts.unprocessed,
            };
            if lines > 0 {
                let name = result_name(kind, job.part, job.attempt);
                files.push(ResultFile { name, kind, part: job.part, lines });
            }
        }
    }
    // Stable, so that the kinds stay in their order.
    files.sort_by_key(|file| file.part);
    files
}

impl Results {
    /// Opens a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, CliError> {
        let path = folder.join(SUMMARY);
        let json = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CliError::Content(format!(
                "{}: it has no {SUMMARY}: a drop has one once all its jobs are over",
                folder.display()
            )),
            _ => path_error(&path, error),
        })?;
        let summary = serde_json::from_slice(&json).map_err(|error| {
            CliError::Unreadable(
                path.display().to_string(),
                format!("it is not a summary of a drop: {error}"),
            )
        })?;
        Ok(Self { folder: folder.to_owned(), summary })
    }

    pub(crate) fn files(&self) -> Vec<ResultFile> {
        files_of(&self.summary)
    }

    pub(crate) fn path(&self, file: &ResultFile) -> PathBuf {
        self.folder.join(&file.name)
    }

    /// Reads all files, counts their lines, and compares the ids of each part. Returns what is wrong, in words; nothing if
    /// each record of the drop is there once.
    pub(crate) fn verify(&self) -> Result<Vec<String>, CliError> {
        let mut problems = Problems::default();
        let files = self.files();
        for part in files.chunk_by(|one, other| one.part == other.part) {
            self.verify_part(part, &mut problems)?;
        }
        let records = &self.summary.records;
        let sum = records.succeeded + records.failed + records.unprocessed + records.source_deleted;
        if sum != records.total {
            problems.add(format!(
                "{SUMMARY} counts {}, and {sum} that became something",
                Counted(records.total, "record")
            ));
        }
        Ok(problems.0)
    }

    fn verify_part(&self, files: &[ResultFile], problems: &mut Problems) -> Result<(), CliError> {
        let records: u64 = files.iter().map(|file| file.lines).sum();
        let passes = records.div_ceil(MAX_KEYS).max(1);
        let hasher = self.summary.drop_id.record_hasher();
        for pass in 0..passes {
            let mut ids =
                RecordMap::with_capacity(usize::try_from(records.min(MAX_KEYS)).unwrap_or_default());
            for file in files {
                let mut reader = LineReader::new(file.kind);
                let mut lines = 0;
                each_line(&self.path(file), |line| {
                    lines += 1;
                    let json = String::from_utf8_lossy(line.bytes);
                    match reader.identify(&json) {
                        Err(fault) if pass == 0 => {
                            problems.add(format!("{}, line {}: {fault}", file.name, line.number));
                        }
                        Err(_) => {}
                        Ok((id, _)) => {
                            let key = hasher.key_of(&id);
                            if key.upper_half() % passes == pass && !ids.add(key, ()) {
                                let id = text::name(&id);
                                problems.add(format!(
                                    "{}, line {}: the recordId {id} is there twice",
                                    file.name, line.number
                                ));
                            }
                        }
                    }
                    Ok(())
                })?;
                if pass == 0 && lines != file.lines {
                    problems.add(format!(
                        "{} has {}, and {SUMMARY} counts {}",
                        file.name,
                        Counted(lines, "line"),
                        file.lines
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What is wrong with the results; the first problems are named, and the others counted.
#[derive(Debug, Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: String) {
        match self.0.len() {
            ..MAX_NAMED => self.0.push(problem),
            MAX_NAMED => self.0.push("there are more".to_owned()),
            _ => {}
        }
    }
}

/// A line of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileLine<'a> {
    /// Counted from 1.
    pub(crate) number: u64,
    /// Where it starts.
    pub(crate) byte: u64,
    /// The line, without its `\n`.
    pub(crate) bytes: &'a [u8],
}

/// Reads a file line by line.
pub(crate) fn each_line(
    path: &Path,
    mut each: impl FnMut(FileLine<'_>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut file = File::open(path).map_err(|error| path_error(path, error))?;
    let mut splitter = LineSplitter::new(MAX_LINE_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut take = |line: crate::record::lines::Line<'_>| {
        let Some(bytes) = line.bytes else {
            let long = format!("line {} has more than {MAX_LINE_BYTES} bytes", line.number);
            return Err(CliError::Unreadable(path.display().to_string(), long));
        };
        each(FileLine { number: line.number, byte: line.byte, bytes })
    };
    loop {
        let length = match file.read(&mut chunk) {
            Ok(0) => return splitter.finish(take),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(path_error(path, error)),
        };
        splitter.feed(chunk.get(..length).unwrap_or_default(), &mut take)?;
    }
}

/// How many records ended up how, as far as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally([u64; Status::ALL.len()]);

impl Tally {
    pub(crate) fn add(&mut self, status: Status) {
        for (known, count) in Status::ALL.iter().zip(&mut self.0) {
            *count += u64::from(*known == status);
        }
    }

    /// Iterates over those that there are.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Status, u64)> {
        Status::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}
