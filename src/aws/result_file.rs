//! Writes a result file, which consists of some lines of a job's output. [`Runs`] says how: S3 copies some parts, and the
//! others are read and uploaded. One part of an upload is in memory at a time.
//!
//! A body that is produced while it is sent would take 5 MiB less memory. But the SDK copies such a body twice, and sends
//! it in chunks of 64 KiB: with 4 KB records, making results then takes a tenth more processor time.

use std::sync::Arc;

use bytes::Bytes;

use crate::aws::error::Error;
use crate::aws::store::objects::{JSONL_TYPE, Store};
use crate::aws::store::reading::ObjectReader;
use crate::aws::store::uploading::Upload;
use crate::job::sections::{Part, Run, Runs, Section, SectionLimits};

/// A file of a job's output, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputFile {
    pub(crate) key: String,
    /// `None` if S3 did not say. Then it does not copy, either.
    pub(crate) etag: Option<String>,
}

/// The lines of a job's output that make up a result file.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Where the output is.
    store: Store,
    files: Arc<[OutputFile]>,
    runs: Arc<[Run]>,
    limits: SectionLimits,
}

impl Selection {
    /// Writes the result file that consists of these runs, unless it would be empty.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, as it does if the output is not the one that was judged.
    pub(crate) async fn write(
        store: &Store,
        files: &Arc<[OutputFile]>,
        runs: &Runs,
        limits: SectionLimits,
        to: &str,
    ) -> Result<(), Error> {
        let can_copy = |file| files.get(file).is_some_and(|file: &OutputFile| file.etag.is_some());
        let parts = runs.plan(limits, can_copy);
        let (files, runs) = (files.clone(), runs.as_slice().into());
        let selection = Self { store: store.clone(), files, runs, limits };
        match parts.as_slice() {
            [] => Ok(()),
            [Part::Read(section)] if section.bytes <= limits.part_bytes => {
                let mut reader = SectionReader::new(selection, *section);
                store.put(to, reader.next(section.bytes).await?, JSONL_TYPE).await
            }
            parts => {
                let mut upload = Upload::begin(store, to).await?;
                let written = selection.upload(parts, &mut upload).await;
                upload.or_abort(written).await
            }
        }
    }

    async fn upload(&self, parts: &[Part], upload: &mut Upload<'_>) -> Result<(), Error> {
        for part in parts {
            match part {
                Part::Copied { file, bytes } => {
                    let OutputFile { key, etag } = self.file(*file)?;
                    let etag = etag.as_deref().unwrap_or("*");
                    upload.copy_range(&self.store.copy_source(key), etag, bytes.clone()).await?;
                }
                Part::Read(section) => {
                    let mut reader = SectionReader::new(self.clone(), *section);
                    while reader.left > 0 {
                        upload.send(reader.next(self.limits.part_bytes).await?.into()).await?;
                    }
                }
            }
        }
        upload.complete().await
    }

    fn file(&self, index: usize) -> Result<&OutputFile, Error> {
        self.files
            .get(index)
            .ok_or_else(|| Error::Internal(format!("no file {index} of the output is known")))
    }
}

/// Reads the bytes of a section.
struct SectionReader {
    selection: Selection,
    /// The index of the run to be read.
    run: usize,
    /// How many bytes of that run have been returned or skipped.
    done: u64,
    /// How many bytes of the section are still to come.
    left: u64,
    open: Option<OpenFile>,
}

/// A range of a file of the output that is being read.
struct OpenFile {
    reader: ObjectReader,
    /// The index of the file.
    file: usize,
    /// Where in the file the chunk starts, or the next one if it is empty.
    at: u64,
    /// Where the range ends.
    end: u64,
    /// Bytes that were read and not yet returned.
    chunk: Bytes,
}

impl SectionReader {
    fn new(selection: Selection, section: Section) -> Self {
        let Section { run, skipped, bytes } = section;
        Self { selection, run, done: skipped, left: bytes, open: None }
    }

    /// Returns the next `most` bytes, or those that are left.
    async fn next(&mut self, most: u64) -> Result<Vec<u8>, Error> {
        let mut missing = most.min(self.left);
        let mut bytes = Vec::with_capacity(usize::try_from(missing).unwrap_or_default());
        while missing > 0 {
            let piece = self.read_piece(missing).await?;
            missing -= piece.len() as u64;
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Returns at most `most` consecutive bytes of one run.
    async fn read_piece(&mut self, most: u64) -> Result<Bytes, Error> {
        loop {
            let Some(run) = self.selection.runs.get(self.run) else {
                return Err(Error::Internal("a section goes on after the last run".into()));
            };
            let at = run.bytes.start + self.done;
            let wanted = run.bytes.end.saturating_sub(at).min(most);
            let piece = if wanted > 0 {
                self.read_at(at, wanted).await?
            } else if run.lacks_newline && at == run.bytes.end {
                Bytes::from_static(b"\n")
            } else {
                (self.run, self.done) = (self.run + 1, 0);
                continue;
            };
            self.done += piece.len() as u64;
            self.left -= piece.len() as u64;
            return Ok(piece);
        }
    }

    /// Reads some of the `wanted` bytes at `at` of the current run's file.
    async fn read_at(&mut self, at: u64, wanted: u64) -> Result<Bytes, Error> {
        let of_run = self.selection.runs.get(self.run).map(|run| run.file);
        let has = |open: &OpenFile| Some(open.file) == of_run && (open.at..open.end).contains(&at);
        let mut file = match self.open.take() {
            Some(open) if has(&open) => open,
            _ => self.open_at(at).await?,
        };
        loop {
            // What lies before is a gap.
            let gap = file.chunk.len().min(usize::try_from(at - file.at).unwrap_or(usize::MAX));
            drop(file.chunk.split_to(gap));
            file.at += gap as u64;
            if file.chunk.is_empty() {
                let Some(chunk) = file.reader.next().await? else {
                    return Err(Error::Internal("a range of the output ended too early".into()));
                };
                file.chunk = chunk;
            } else if file.at == at {
                let length = file.chunk.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
                file.at += length as u64;
                let piece = file.chunk.split_to(length);
                self.open = Some(file);
                return Ok(piece);
            }
        }
    }

    /// Asks for all that is needed from `at` on, up to the end of the section, the end of the file, or a long gap.
    async fn open_at(&self, at: u64) -> Result<OpenFile, Error> {
        let Selection { store, runs, limits, .. } = &self.selection;
        let mut runs = runs.iter().skip(self.run);
        let file = runs.clone().next().map_or(0, |run| run.file);
        let (mut start, mut end, mut left) = (at, at, self.left);
        while let Some(run) = runs.next().filter(|run| run.file == file && left > 0) {
            start = start.max(run.bytes.start);
            if start - end > limits.max_gap_bytes {
                break;
            }
            end = run.bytes.end.min(start + left);
            left -= end - start;
        }
        let OutputFile { key, etag } = self.selection.file(file)?;
        let reader = store.read_range(key, etag.as_deref(), at..end).await?;
        Ok(OpenFile { reader, file, at, end, chunk: Bytes::new() })
    }
}
