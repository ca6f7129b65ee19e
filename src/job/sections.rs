//! A result file made of some lines of a job's output, sent while they are read: a chunk of it is in memory at a
//! time, however large it is.
//!
//! S3 wants to know beforehand how many bytes come, and the SDK wants to be able to send them once more. Both is
//! known from the pass that judged the lines: which lines go into the file, how long they are, and where in the
//! output each section of the file begins.
//!
//! A call that sends a section has a time limit, and everything between the first and the last line of the section is
//! read meanwhile. So a section is also bounded by what is read for it. If its lines lie so far apart that too few of
//! them are within that bound for a part of an upload, the file is written through a buffer instead: then no call
//! waits for anything to be read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use http_body::{Body, Frame, SizeHint};

use crate::aws::error::Error;
use crate::aws::store::{ObjectReader, Store};
use crate::job::answers::LineVerdict;
use crate::record::lines::LineSplitter;
use crate::record::output::Answer;

/// What bounds the sections of a result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionLimits {
    /// The fewest bytes of every section but the last, because S3 takes no smaller parts.
    pub min_bytes: u64,
    /// The size from which a section is full.
    pub full_bytes: u64,
    /// How many bytes of the output are read for one section, its own included.
    pub max_scan_bytes: u64,
}

impl Default for SectionLimits {
    /// S3 takes 10,000 parts of at least 5 MiB. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
    /// (read 2026-11)
    ///
    /// 256 MiB are read in 3.5 s at the 78 MB/s that a function in a VPC was measured to read, and at 13 MB/s within
    /// the 20 s that a call has by default.
    fn default() -> Self {
        Self { min_bytes: 5 << 20, full_bytes: 64 << 20, max_scan_bytes: 256 << 20 }
    }
}

/// How much is read and sent at a time. What comes from S3 comes in chunks several times as large, and a copy of
/// each would leave holes in memory.
const PIECE_BYTES: usize = 64 << 10;

/// A run of the lines that go into a result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    /// Where its first line is.
    begin: Place,
    /// Of all its lines, each with a `\n`.
    bytes: u64,
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

/// The lines of a result file, as they are found.
#[derive(Debug)]
pub(crate) struct Sections {
    limits: SectionLimits,
    /// All lines; `None` if there is none.
    whole: Option<Section>,
    /// The same in pieces; none if they lie too far apart for that.
    pieces: Vec<Section>,
    /// How many bytes of the output come before the last piece.
    last_begin: u64,
    is_sparse: bool,
}

/// How a result file is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan<'a> {
    /// By one call for each section, which is read meanwhile.
    Sections(&'a [Section]),
    /// Through a buffer.
    Buffered(Section),
}

impl Sections {
    pub(crate) fn new(limits: SectionLimits) -> Self {
        Self { limits, whole: None, pieces: Vec::new(), last_begin: 0, is_sparse: false }
    }

    /// Adds the next line, given how many bytes of the output, of all its files, come before it, and how many it has
    /// with its `\n`.
    pub(crate) fn add(&mut self, place: Place, bytes_before: u64, line_bytes: u64) {
        let SectionLimits { min_bytes, full_bytes, max_scan_bytes } = self.limits;
        self.whole.get_or_insert(Section { begin: place, bytes: 0 }).bytes += line_bytes;
        if self.is_sparse {
            return;
        }
        let scanned_from = |begin: u64| bytes_before + line_bytes - begin;
        match self.pieces.last_mut() {
            Some(last) if last.bytes < full_bytes && scanned_from(self.last_begin) <= max_scan_bytes => {
                last.bytes += line_bytes;
            }
            Some(last) if last.bytes < min_bytes => self.is_sparse = true,
            _ if line_bytes > max_scan_bytes => self.is_sparse = true,
            _ => {
                self.pieces.push(Section { begin: place, bytes: line_bytes });
                self.last_begin = bytes_before;
            }
        }
    }

    pub(crate) fn plan(&self) -> Plan<'_> {
        match self.whole {
            Some(whole) if self.is_sparse => Plan::Buffered(whole),
            _ => Plan::Sections(&self.pieces),
        }
    }
}

/// Reads the lines of a result file.
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
    /// Writes the result file, if it has a line.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::Internal`] if the output is not what was judged.
    pub(crate) async fn write(&self, sections: &Sections, to: &str) -> Result<(), Error> {
        match sections.plan() {
            Plan::Sections(sections) => {
                self.store.write_bodies(to, sections.iter().map(|section| self.body(*section))).await
            }
            Plan::Buffered(whole) => self.write_buffered(whole, to).await,
        }
    }

    async fn write_buffered(&self, whole: Section, to: &str) -> Result<(), Error> {
        let mut reader = self.reader(whole);
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

    /// A body that reads a section anew each time that it is sent.
    fn body(&self, section: Section) -> SdkBody {
        let selection = self.clone();
        SdkBody::retryable(move || {
            let chunks = try_unfold(selection.reader(section), |mut reader| async {
                Ok(reader.next().await?.map(|chunk| (chunk, reader)))
            });
            body_of(chunks, section.bytes)
        })
    }

    fn reader(&self, section: Section) -> SectionReader {
        SectionReader {
            selection: self.clone(),
            place: section.begin,
            lines: None,
            chunk: Bytes::new(),
            left: section.bytes,
        }
    }
}

/// A body of a known length that is made while it is sent.
pub(crate) fn body_of(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    bytes: u64,
) -> SdkBody {
    SdkBody::from_body_1_x(Chunks { chunks: Mutex::new(Box::pin(chunks)), bytes })
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
        // Bytes past the section belong to the next one.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A line of the output: its length, and whether it goes into the result file.
    type Line = (u64, bool);

    fn planned(lines: &[Line], limits: SectionLimits) -> Sections {
        let mut sections = Sections::new(limits);
        let mut before = 0;
        for (number, (bytes, is_selected)) in lines.iter().enumerate() {
            if *is_selected {
                sections.add(Place { file: 0, byte: before, line: number }, before, *bytes);
            }
            before += bytes;
        }
        sections
    }

    /// The line after the last one of a section, and how many bytes are read from its first to its last one.
    fn read(lines: &[Line], section: &Section) -> (usize, u64) {
        let (mut selected, mut scanned) = (0, 0);
        for (number, (bytes, is_selected)) in lines.iter().enumerate().skip(section.begin.line) {
            scanned += bytes;
            if *is_selected {
                selected += bytes;
            }
            if selected == section.bytes {
                return (number + 1, scanned);
            }
        }
        panic!("a section of {} bytes has {selected}", section.bytes);
    }

    /// Whether, from some line on, fewer bytes than a part needs are within what may be read for it.
    fn is_sparse_somewhere(lines: &[Line], limits: SectionLimits) -> bool {
        (0..lines.len()).filter(|begin| lines[*begin].1).any(|begin| {
            let (mut selected, mut scanned) = (0, 0);
            for (bytes, is_selected) in &lines[begin..] {
                scanned += bytes;
                if *is_selected && scanned > limits.max_scan_bytes {
                    return selected < limits.min_bytes;
                }
                selected += if *is_selected { *bytes } else { 0 };
            }
            false
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_section_reads_more_than_it_may(
            lines in prop::collection::vec((1_u64..300, prop::bool::weighted(0.3)), 0..120),
            full_bytes in 100_u64..1000,
            max_scan_bytes in 200_u64..3000,
        ) {
            let limits = SectionLimits { min_bytes: 100, full_bytes, max_scan_bytes };
            let sections = planned(&lines, limits);
            let all = || lines.iter().enumerate().filter(|(_, (_, is_selected))| *is_selected);
            let total: u64 = all().map(|(_, (bytes, _))| bytes).sum();
            match sections.plan() {
                Plan::Sections(sections) => {
                    let mut next_line = 0;
                    for (number, section) in sections.iter().enumerate() {
                        let first = all().find(|(line, _)| *line >= next_line).map(|(line, _)| line);
                        prop_assert_eq!(Some(section.begin.line), first);
                        let is_last = number + 1 == sections.len();
                        prop_assert!(is_last || section.bytes >= limits.min_bytes, "too small a part");
                        let (end, scanned) = read(&lines, section);
                        prop_assert!(scanned <= max_scan_bytes, "{scanned} bytes are read");
                        next_line = end;
                    }
                    prop_assert_eq!(sections.iter().map(|section| section.bytes).sum::<u64>(), total);
                }
                Plan::Buffered(whole) => {
                    prop_assert_eq!(Some(whole.begin.line), all().next().map(|(line, _)| line));
                    prop_assert_eq!(whole.bytes, total);
                    prop_assert!(is_sparse_somewhere(&lines, limits), "no reason for a buffer");
                }
            }
        }
    }

    #[test]
    fn few_lines_far_apart_need_a_buffer_and_the_others_do_not() {
        let limits = SectionLimits::default();
        // Two gigabytes of answers, and an error at either end.
        let lines: Vec<u64> = vec![100_000; 20_000];
        let is_error = |number: usize| number == 0 || number == 19_999;
        let file = |is_selected: &dyn Fn(usize) -> bool| -> Vec<Line> {
            lines.iter().enumerate().map(|(number, bytes)| (*bytes, is_selected(number))).collect()
        };
        let errors = planned(&file(&is_error), limits);
        let begin = Place { file: 0, byte: 0, line: 0 };
        assert_eq!(errors.plan(), Plan::Buffered(Section { begin, bytes: 200_000 }));
        let succeeded = planned(&file(&|number| !is_error(number)), limits);
        assert!(matches!(succeeded.plan(), Plan::Sections(sections) if sections.len() == 30));
        assert_eq!(planned(&file(&|_| false), limits).plan(), Plan::Sections(&[]));
    }
}
