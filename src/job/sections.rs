//! Plans how a result file is made from a job's output, so that as few bytes as possible pass through the function.
//! Pure; `aws::result_file` carries the plan out.
//!
//! A result file consists of some lines of the output. The pass that judged the lines knows where they are. Consecutive
//! lines are a run. S3 copies a long run by itself. Short runs are read again, together, and uploaded.

use std::ops::Range;

/// How a result file is made from sections of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionLimits {
    /// The size of the parts that are uploaded: the minimum size of every part but the last, because S3 does not take
    /// smaller ones.
    pub part_bytes: u64,
    /// A gap between two runs that is at most this long is read, too, and left out. For a longer one, there is another
    /// request.
    pub max_gap_bytes: u64,
    /// How many bytes S3 copies in one call at most.
    pub max_copy_bytes: u64,
    /// How many bytes of lines with errors are kept in memory, so that they need not be read again.
    pub max_kept_bytes: usize,
}

impl Default for SectionLimits {
    /// S3 takes 10,000 parts of at least 5 MiB. It copies a range only from an object of more than 5 MB.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>,
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html> (read 2026-11)
    ///
    /// A request takes about as long as reading 1 MiB.
    fn default() -> Self {
        Self {
            part_bytes: 5 << 20,
            max_gap_bytes: 1 << 20,
            max_copy_bytes: 256 << 20,
            max_kept_bytes: 6 << 20,
        }
    }
}

/// Consecutive lines of a file of the output, all of which go into a result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The index of the file, from 0.
    pub(crate) file: usize,
    /// Where the lines are in the file.
    pub(crate) bytes: Range<u64>,
    /// Whether the last line has no `\n`, because the file ends with it. The result file gets one.
    pub(crate) lacks_newline: bool,
}

impl Run {
    /// Returns the size of the lines in the result file.
    fn result_bytes(&self) -> u64 {
        self.bytes.end - self.bytes.start + u64::from(self.lacks_newline)
    }
}

/// Some bytes of a result file, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    /// The index of the run in which it starts.
    pub(crate) run: usize,
    /// How many bytes of that run come before it.
    pub(crate) skipped: u64,
    /// Its size.
    pub(crate) bytes: u64,
}

/// A part of a result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// S3 copies these bytes of a file of the output.
    Copied {
        /// The index of the file.
        file: usize,
        /// The bytes.
        bytes: Range<u64>,
    },
    /// The section is read and uploaded. Unless it is the last part, it can be cut into parts of the size in the limits.
    Read(Section),
}

/// Collects the lines of a result file, as they are found.
#[derive(Debug, Default)]
pub(crate) struct Runs(Vec<Run>);

impl Runs {
    /// Adds the next line, with its `\n` unless it lacks one.
    pub(crate) fn add(&mut self, file: usize, bytes: Range<u64>, lacks_newline: bool) {
        match self.0.last_mut() {
            Some(last) if last.file == file && last.bytes.end == bytes.start => {
                last.bytes.end = bytes.end;
                last.lacks_newline = lacks_newline;
            }
            _ => self.0.push(Run { file, bytes, lacks_newline }),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Run] {
        &self.0
    }

    /// Returns the parts of the result file. S3 may copy from the files for which `can_copy` says so.
    pub(crate) fn plan(&self, limits: SectionLimits, can_copy: impl Fn(usize) -> bool) -> Vec<Part> {
        let mut planner = Planner { limits, parts: Vec::new(), open: None };
        for (index, run) in self.0.iter().enumerate() {
            planner.add(index, run, can_copy(run.file));
        }
        planner.close();
        planner.parts
    }
}

/// Makes the parts, run by run.
struct Planner {
    limits: SectionLimits,
    parts: Vec<Part>,
    /// A section to which more can be added.
    open: Option<Section>,
}

impl Planner {
    fn add(&mut self, index: usize, run: &Run, can_copy: bool) {
        let part_bytes = self.limits.part_bytes;
        let (in_file, in_result) = (run.bytes.end - run.bytes.start, run.result_bytes());
        let mut done = 0;
        if can_copy {
            // The section before the copy takes what its last part lacks.
            let lacking = self.open.map_or(0, |open| open.bytes.next_multiple_of(part_bytes) - open.bytes);
            if in_file >= lacking + part_bytes {
                self.read(index, 0, lacking);
                self.close();
                self.copy(run, lacking);
                done = in_file;
            }
        }
        self.read(index, done, in_result - done);
    }

    fn copy(&mut self, run: &Run, skipped: u64) {
        let (start, end) = (run.bytes.start + skipped, run.bytes.end);
        let count = (end - start).div_ceil(self.limits.max_copy_bytes);
        // Equal parts, so that none is too small.
        let at =
            |number: u64| start + (end - start) / count * number + (end - start) % count * number / count;
        let copied = |number| Part::Copied { file: run.file, bytes: at(number)..at(number + 1) };
        self.parts.extend((0..count).map(copied));
    }

    /// Adds some bytes of a run to the open section.
    fn read(&mut self, index: usize, skipped: u64, bytes: u64) {
        if bytes > 0 {
            self.open.get_or_insert(Section { run: index, skipped, bytes: 0 }).bytes += bytes;
        }
    }

    fn close(&mut self) {
        self.parts.extend(self.open.take().map(Part::Read));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A line of the output: its length, and whether it goes into the result file.
    type Line = (u64, bool);

    const MIN: u64 = 100;

    /// The runs of a file with these lines, the last of which may lack its `\n`.
    fn runs_of(files: &[Vec<Line>], lacks_newline: bool) -> Runs {
        let mut runs = Runs::default();
        for (file, lines) in files.iter().enumerate() {
            let mut at = 0;
            for (number, (bytes, is_selected)) in lines.iter().enumerate() {
                if *is_selected {
                    runs.add(file, at..at + bytes, lacks_newline && number + 1 == lines.len());
                }
                at += bytes;
            }
        }
        runs
    }

    #[test]
    fn neighboring_lines_of_a_file_are_one_run() {
        let mut runs = Runs::default();
        for (file, bytes) in [(0, 0..10), (0, 10..20), (0, 30..40), (1, 40..50), (1, 50..60)] {
            runs.add(file, bytes, false);
        }
        let found: Vec<_> = runs.as_slice().iter().map(|run| (run.file, run.bytes.clone())).collect();
        assert_eq!(found, [(0, 0..20), (0, 30..40), (1, 40..60)]);
    }

    /// Where each byte of the result file comes from: a file and an offset, or a `\n` that the file lacks.
    fn result_of(runs: &[Run]) -> Vec<Option<(usize, u64)>> {
        let bytes = |run: &Run| {
            let in_file = run.bytes.clone().map(move |at| (run.file, at)).map(Some).collect::<Vec<_>>();
            in_file.into_iter().chain(run.lacks_newline.then_some(None)).collect::<Vec<_>>()
        };
        runs.iter().flat_map(bytes).collect()
    }

    /// Where the bytes of a section come from.
    fn read(runs: &[Run], section: Section) -> Vec<Option<(usize, u64)>> {
        assert!(section.skipped < runs[section.run].result_bytes());
        let skipped = usize::try_from(section.skipped).unwrap();
        let bytes = usize::try_from(section.bytes).unwrap();
        result_of(&runs[section.run..]).into_iter().skip(skipped).take(bytes).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn parts_make_up_the_file_within_the_limits(
            files in prop::collection::vec(
                prop::collection::vec((1_u64..300, prop::bool::weighted(0.6)), 0..60),
                1..3,
            ),
            lacks_newline: bool,
            more_to_copy in 0_u64..1000,
            can_copy: [bool; 2],
        ) {
            let max_copy_bytes = 2 * MIN + more_to_copy;
            let limits = SectionLimits { part_bytes: MIN, max_copy_bytes, ..SectionLimits::default() };
            let runs = runs_of(&files, lacks_newline);
            let parts = runs.plan(limits, |file| can_copy[file]);
            let mut result = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                let before = result.len();
                match part {
                    Part::Copied { file, bytes } => {
                        prop_assert!(can_copy[*file]);
                        let length = bytes.end - bytes.start;
                        prop_assert!((MIN..=max_copy_bytes).contains(&length), "{length} bytes are copied");
                        result.extend(bytes.clone().map(|at| Some((*file, at))));
                    }
                    Part::Read(section) => {
                        let is_last = number + 1 == parts.len();
                        prop_assert!(is_last || section.bytes.is_multiple_of(MIN), "{section:?}");
                        result.extend(read(runs.as_slice(), *section));
                    }
                }
                let size = (result.len() - before) as u64;
                prop_assert!(size >= if number + 1 == parts.len() { 1 } else { MIN }, "part of {size} bytes");
            }
            prop_assert_eq!(result, result_of(runs.as_slice()));
        }
    }

    #[test]
    fn long_runs_are_copied_and_only_short_ones_are_read() {
        const MIB: u64 = 1 << 20;
        let limits = SectionLimits::default();
        let plan = |lines: &[Line]| runs_of(&[lines.to_vec()], false).plan(limits, |_| true);
        let copied = |bytes| Part::Copied { file: 0, bytes };
        let error = (1000, false);
        let lines = [(64 * MIB, true), error, (64 * MIB, true)];
        let second = 64 * MIB + 1000;
        assert_eq!(plan(&lines), [copied(0..64 * MIB), copied(second..second + 64 * MIB)]);

        // The short run is completed with the start of the long one.
        let lines = [(MIB, true), error, (11 * MIB, true)];
        let read = Part::Read(Section { run: 0, skipped: 0, bytes: 5 * MIB });
        assert_eq!(plan(&lines), [read, copied(5 * MIB + 1000..12 * MIB + 1000)]);

        let lines = [error, (600 * MIB, true)];
        let third = |number: u64| 1000 + number * 200 * MIB..1000 + (number + 1) * 200 * MIB;
        assert_eq!(plan(&lines), [0, 1, 2].map(third).map(copied));

        let lines = [(3 * MIB, true), error, (4 * MIB, true)];
        assert_eq!(plan(&lines), [Part::Read(Section { run: 0, skipped: 0, bytes: 7 * MIB })]);
        assert_eq!(plan(&[error]), []);
    }
}
