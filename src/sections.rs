//! A result file made of some lines of a job's output, sent while they are read: a chunk of it is in memory at a
//! time, however large it is.
//!
//! S3 wants to know beforehand how many bytes come, and the SDK wants to be able to send them once more. Both is
//! known from the pass that judged the lines: which lines go into the file, how long they are, and where in the
//! output each section of the file begins.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use http_body::{Body, Frame, SizeHint};

use crate::accounting::LineVerdict;
use crate::error::Error;
use crate::jsonl::LineSplitter;
use crate::record::Answer;
use crate::store::{ObjectReader, Store};

/// The size from which a section is full. S3 takes 10,000 sections of at least 5 MiB, and a call of ours has a
/// time limit. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html> (read 2026-11)
const SECTION_BYTES: u64 = 64 << 20;

/// How much is read and sent at a time. What comes from S3 comes in chunks several times as large, and a copy of
/// each would leave holes in memory.
const PIECE_BYTES: usize = 64 << 10;

/// A run of the lines that go into a result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    /// Where its first line is.
    begin: Place,
    /// Of all its lines, each with a `\n`.
    pub(crate) bytes: u64,
}

/// A line of a job's output, which may be in several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which of the files, counted from 0.
    pub(crate) file: usize,
    /// Where in the file the line begins.
    pub(crate) byte: u64,
    /// Which line of all files it is, counted from 0.
    pub(crate) line: usize,
}

/// The sections of a result file.
#[derive(Debug, Default)]
pub(crate) struct Sections(Vec<Section>);

impl Sections {
    /// Adds the next line, given how many bytes it has with its `\n`.
    pub(crate) fn add(&mut self, place: Place, line_bytes: u64) {
        match self.0.last_mut() {
            Some(last) if last.bytes < SECTION_BYTES => last.bytes += line_bytes,
            _ => self.0.push(Section { begin: place, bytes: line_bytes }),
        }
    }

    pub(crate) fn all(&self) -> &[Section] {
        &self.0
    }
}

/// Makes the bodies of a result file's sections.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// The job's output.
    pub(crate) store: Store,
    /// The keys of its files.
    pub(crate) files: Arc<[String]>,
    /// Of all their lines.
    pub(crate) verdicts: Arc<[LineVerdict]>,
    /// The answer of those that go into the result file.
    pub(crate) answer: Answer,
    pub(crate) max_line_bytes: usize,
}

impl Selection {
    /// A body that reads a section anew each time that it is sent.
    pub(crate) fn body(&self, section: Section) -> SdkBody {
        let selection = self.clone();
        SdkBody::retryable(move || {
            let reader = SectionReader {
                selection: selection.clone(),
                place: section.begin,
                lines: None,
                chunk: Bytes::new(),
                left: section.bytes,
            };
            let chunks = try_unfold(reader, |mut reader| async {
                Ok(reader.next().await?.map(|chunk| (chunk, reader)))
            });
            SdkBody::from_body_1_x(Chunks { chunks: Mutex::new(Box::pin(chunks)), bytes: section.bytes })
        })
    }
}

/// A section that is being read.
struct SectionReader {
    selection: Selection,
    /// The next line.
    place: Place,
    /// The file that it is in, once it is open.
    lines: Option<(ObjectReader, LineSplitter)>,
    /// What has been read of the file and is still to be looked at.
    chunk: Bytes,
    /// How many bytes of the section are still to come.
    left: u64,
}

impl SectionReader {
    /// The lines of the section that are in the next chunk that has any; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Selection { store, files, verdicts, answer, max_line_bytes } = &self.selection;
        let mut out = Vec::new();
        while out.is_empty() && self.left > 0 {
            let gone = || Error::Internal("a job's output has changed since it was judged".into());
            let file = files.get(self.place.file).ok_or_else(gone)?;
            let (reader, lines) = match &mut self.lines {
                Some(open) => open,
                None => {
                    let reader = store.read_from(file, self.place.byte).await?;
                    self.lines.insert((reader, LineSplitter::new(*max_line_bytes)))
                }
            };
            let mut is_over = false;
            while self.chunk.is_empty() && !is_over {
                match reader.next().await? {
                    Some(chunk) => self.chunk = chunk,
                    None => is_over = true,
                }
            }
            let piece = self.chunk.split_to(self.chunk.len().min(PIECE_BYTES));
            out.reserve(piece.len());
            let place = &mut self.place;
            let mut select = |bytes: Option<&[u8]>| {
                let verdict = verdicts.get(place.line).ok_or_else(gone)?;
                place.line += 1;
                if *verdict == LineVerdict::Answered(*answer) {
                    out.extend_from_slice(bytes.unwrap_or_default());
                    out.push(b'\n');
                }
                Ok::<(), Error>(())
            };
            if !is_over {
                lines.feed(&piece, |line| select(line.bytes))?;
            } else if let Some((_, lines)) = self.lines.take() {
                lines.finish(|line| select(line.bytes))?;
                self.place = Place { file: self.place.file + 1, byte: 0, ..self.place };
            }
        }
        // What comes behind the section is of the next one.
        out.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= out.len() as u64;
        Ok((!out.is_empty()).then(|| out.into()))
    }
}

/// What a body is read from.
type ChunkStream = dyn Stream<Item = Result<Bytes, Error>> + Send;

/// A body of a known length.
struct Chunks {
    /// Only ever used by who holds the body alone, which the compiler cannot know.
    chunks: Mutex<Pin<Box<ChunkStream>>>,
    bytes: u64,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let chunks = self.get_mut().chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
        chunks.as_mut().poll_next(context).map_ok(Frame::data)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}
