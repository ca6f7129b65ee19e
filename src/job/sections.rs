//! Divides a result file into sections, so that each can be sent to S3 while it is read from the job's output. Pure;
//! `aws::result_file` reads and sends them.
//!
//! A result file consists of some lines of the output. The pass that judged the lines knows which ones, how long they
//! are, and where each section starts. That is what S3 needs before a body is sent (its length), and what the SDK
//! needs to send a body again.
//!
//! The call that sends a section has a time limit, and everything between the section's first and last line is read
//! during that call. So the bytes to be read for one section are limited, too. If the lines are so far apart that the
//! limit is reached before a section has enough bytes for a part of an upload, the file is written through a buffer
//! instead: then no call waits for a read.

/// The limits of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionLimits {
    /// The minimum size of every section but the last, because S3 does not take smaller parts.
    pub min_bytes: u64,
    /// A section that has this size is full.
    pub full_bytes: u64,
    /// How many bytes of the output may be read for one section, including its own.
    pub max_scan_bytes: u64,
}

impl Default for SectionLimits {
    /// S3 takes 10,000 parts of at least 5 MiB. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
    /// (read 2026-11)
    ///
    /// Reading 256 MiB takes 3.5 s at 78 MB/s, which is what a function in a VPC was measured to reach. The 20 s that a
    /// call has by default suffice down to 13 MB/s.
    fn default() -> Self {
        Self { min_bytes: 5 << 20, full_bytes: 64 << 20, max_scan_bytes: 256 << 20 }
    }
}

/// Consecutive lines of a result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    /// Where its first line starts.
    pub(crate) start: LineStart,
    /// The size of its lines, each with its `\n`.
    pub(crate) bytes: u64,
}

/// Where a line of a job's output starts. The output may be in several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineStart {
    /// The index of the file, from 0.
    pub(crate) file: usize,
    /// The offset in the file, in bytes.
    pub(crate) offset: u64,
    /// The index of the line among the lines of all files, from 0.
    pub(crate) line: usize,
}

/// Collects the lines of a result file, as they are found.
#[derive(Debug)]
pub(crate) struct Sections {
    limits: SectionLimits,
    /// All lines as one section; `None` if there are none.
    whole: Option<Section>,
    /// All lines in several sections, unless they are too far apart.
    sections: Vec<Section>,
    /// How many bytes of the output come before the last section.
    last_start: u64,
    /// The lines are too far apart for sections.
    is_sparse: bool,
}

/// How to write a result file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan<'a> {
    /// With one call for each section, which is read during the call.
    Sections(&'a [Section]),
    /// Through a buffer.
    Buffered(Section),
}

impl Sections {
    pub(crate) fn new(limits: SectionLimits) -> Self {
        Self { limits, whole: None, sections: Vec::new(), last_start: 0, is_sparse: false }
    }

    /// Adds the next line, which has `line_bytes` bytes including its `\n`, and `bytes_before` bytes of the output, in
    /// all its files, before it.
    pub(crate) fn add(&mut self, start: LineStart, bytes_before: u64, line_bytes: u64) {
        let SectionLimits { min_bytes, full_bytes, max_scan_bytes } = self.limits;
        self.whole.get_or_insert(Section { start, bytes: 0 }).bytes += line_bytes;
        if self.is_sparse {
            return;
        }
        let scanned_from = |start: u64| bytes_before + line_bytes - start;
        match self.sections.last_mut() {
            Some(last) if last.bytes < full_bytes && scanned_from(self.last_start) <= max_scan_bytes => {
                last.bytes += line_bytes;
            }
            Some(last) if last.bytes < min_bytes => self.is_sparse = true,
            _ if line_bytes > max_scan_bytes => self.is_sparse = true,
            _ => {
                self.sections.push(Section { start, bytes: line_bytes });
                self.last_start = bytes_before;
            }
        }
    }

    pub(crate) fn plan(&self) -> Plan<'_> {
        match self.whole {
            Some(whole) if self.is_sparse => Plan::Buffered(whole),
            _ => Plan::Sections(&self.sections),
        }
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
                sections.add(LineStart { file: 0, offset: before, line: number }, before, *bytes);
            }
            before += bytes;
        }
        sections
    }

    /// Returns the line after a section, and how many bytes are read from its first to its last line.
    fn read(lines: &[Line], section: &Section) -> (usize, u64) {
        let (mut selected, mut scanned) = (0, 0);
        for (number, (bytes, is_selected)) in lines.iter().enumerate().skip(section.start.line) {
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

    /// Returns whether a section that starts at some line reaches its limit of read bytes before its minimum size.
    fn is_sparse_somewhere(lines: &[Line], limits: SectionLimits) -> bool {
        (0..lines.len()).filter(|start| lines[*start].1).any(|start| {
            let (mut selected, mut scanned) = (0, 0);
            for (bytes, is_selected) in &lines[start..] {
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
                        prop_assert_eq!(Some(section.start.line), first);
                        let is_last = number + 1 == sections.len();
                        prop_assert!(is_last || section.bytes >= limits.min_bytes, "too small a part");
                        let (end, scanned) = read(&lines, section);
                        prop_assert!(scanned <= max_scan_bytes, "{scanned} bytes are read");
                        next_line = end;
                    }
                    prop_assert_eq!(sections.iter().map(|section| section.bytes).sum::<u64>(), total);
                }
                Plan::Buffered(whole) => {
                    prop_assert_eq!(Some(whole.start.line), all().next().map(|(line, _)| line));
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
        let start = LineStart { file: 0, offset: 0, line: 0 };
        assert_eq!(errors.plan(), Plan::Buffered(Section { start, bytes: 200_000 }));
        let succeeded = planned(&file(&|number| !is_error(number)), limits);
        assert!(matches!(succeeded.plan(), Plan::Sections(sections) if sections.len() == 30));
        assert_eq!(planned(&file(&|_| false), limits).plan(), Plan::Sections(&[]));
    }
}
