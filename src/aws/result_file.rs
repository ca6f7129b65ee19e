//! Writes a result file, which consists of some lines of a job's output. [`Sections`] says how: each section is sent
//! while it is read, so only a piece of it is in memory at a time, however large it is.

use std::sync::Arc;

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use futures_util::stream::try_unfold;

use crate::aws::body::body_of;
use crate::aws::error::Error;
use crate::aws::store::objects::Store;
use crate::aws::store::reading::ObjectReader;
use crate::job::answers::LineVerdict;
use crate::job::sections::{LineStart, Plan, Section, Sections};
use crate::record::lines::{Line, LineSplitter};
use crate::record::parsed::Answer;

/// How many bytes are selected and sent at a time. Chunks from S3 are several times as large, and a copy of each would
/// fragment the memory.
const PIECE_BYTES: usize = 64 << 10;

/// Selects the lines of a result file from a job's output.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Where the output is.
    pub(crate) store: Store,
    /// The keys of the output's files.
    pub(crate) files: Arc<[String]>,
    /// The verdicts on the lines of all files.
    pub(crate) verdicts: Arc<[LineVerdict]>,
    /// Lines with this answer are selected.
    pub(crate) answer: Answer,
    pub(crate) max_line_bytes: usize,
}

impl Selection {
    /// Writes the result file, unless it would be empty.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, and [`Error::Internal`] if the output is not the one that was judged.
    pub(crate) async fn write(&self, sections: &Sections, to: &str) -> Result<(), Error> {
        match sections.plan() {
            Plan::Sections(sections) => {
                self.store.write_bodies(to, sections.iter().map(|section| self.body(*section))).await
            }
            Plan::Buffered(whole) => self.write_buffered(whole, to).await,
        }
    }

    async fn write_buffered(&self, whole: Section, to: &str) -> Result<(), Error> {
        let mut reader = SectionReader::new(self.clone(), whole);
        let mut writer = self.store.writer(to);
        let written = async {
            while let Some(lines) = reader.next().await? {
                writer.write(&lines).await?;
            }
            Ok(())
        };
        match written.await {
            Ok(()) => writer.finish().await,
            Err(error) => Err(writer.abandon(error).await),
        }
    }

    /// Returns a body that reads the section again each time it is sent.
    fn body(&self, section: Section) -> SdkBody {
        let selection = self.clone();
        SdkBody::retryable(move || {
            let reader = SectionReader::new(selection.clone(), section);
            let chunks = try_unfold(reader, |mut reader| async {
                Ok(reader.next().await?.map(|chunk| (chunk, reader)))
            });
            body_of(chunks, section.bytes)
        })
    }

    /// Adds a line, with its `\n`, if it is selected. `index` is that of the line in all files.
    fn add(&self, index: usize, line: &Line<'_>, selected: &mut Vec<u8>) -> Result<(), Error> {
        let verdict = self.verdicts.get(index).ok_or_else(has_changed)?;
        if *verdict == LineVerdict::Answered(self.answer) {
            selected.extend_from_slice(line.bytes.unwrap_or_default());
            selected.push(b'\n');
        }
        Ok(())
    }
}

fn has_changed() -> Error {
    Error::Internal("a job's output has changed since it was judged".into())
}

/// Reads the selected lines of a section.
struct SectionReader {
    selection: Selection,
    /// Where the next file starts, or the next line in the open file.
    next: LineStart,
    open: Option<OpenFile>,
    /// How many bytes of the section are still to come.
    left: u64,
}

/// A file of the output that is being read.
struct OpenFile {
    reader: ObjectReader,
    lines: LineSplitter,
    /// Bytes that were read and are still to be selected from.
    chunk: Bytes,
}

impl SectionReader {
    fn new(selection: Selection, section: Section) -> Self {
        Self { selection, next: section.start, open: None, left: section.bytes }
    }

    /// Returns the next selected lines; `None` at the end of the section.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut selected = Vec::new();
        while selected.is_empty() && self.left > 0 {
            match self.read_piece().await? {
                Some(piece) => self.select(&piece, &mut selected)?,
                None => self.close_file(&mut selected)?,
            }
        }
        // Bytes past the section belong to the next one.
        selected.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= selected.len() as u64;
        Ok((!selected.is_empty()).then(|| selected.into()))
    }

    /// Reads on in the open file, or opens the next one. Returns `None` at the end of the file.
    async fn read_piece(&mut self) -> Result<Option<Bytes>, Error> {
        let file = match &mut self.open {
            Some(file) => file,
            None => {
                let Selection { store, files, max_line_bytes, .. } = &self.selection;
                let key = files.get(self.next.file).ok_or_else(has_changed)?;
                let reader = store.read_from(key, self.next.offset).await?;
                let lines = LineSplitter::new(*max_line_bytes);
                self.open.insert(OpenFile { reader, lines, chunk: Bytes::new() })
            }
        };
        while file.chunk.is_empty() {
            match file.reader.next().await? {
                Some(chunk) => file.chunk = chunk,
                None => return Ok(None),
            }
        }
        Ok(Some(file.chunk.split_to(file.chunk.len().min(PIECE_BYTES))))
    }

    fn select(&mut self, piece: &[u8], selected: &mut Vec<u8>) -> Result<(), Error> {
        let Self { selection, next, open: Some(file), .. } = self else { return Ok(()) };
        selected.reserve(piece.len());
        file.lines.feed(piece, |line| {
            selection.add(next.line, &line, selected)?;
            next.line += 1;
            Ok(())
        })
    }

    /// Selects the last line of the open file, if it has no `\n`, and moves on to the next file.
    fn close_file(&mut self, selected: &mut Vec<u8>) -> Result<(), Error> {
        let Self { selection, next, open, .. } = self;
        if let Some(file) = open.take() {
            file.lines.finish(|line| {
                selection.add(next.line, &line, selected)?;
                next.line += 1;
                Ok::<(), Error>(())
            })?;
        }
        *next = LineStart { file: next.file + 1, offset: 0, line: next.line };
        Ok(())
    }
}
