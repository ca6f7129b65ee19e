//! Cuts a drop into parts that fit the quotas of one job each. Pure.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::drop::identity::{DropId, JobId};
use crate::drop::quotas::{MAX_PARTS, QuotaProblem, Quotas};
use crate::record::key::{KeySum, RecordKey};

/// Consecutive records of a drop, and the job over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Counted from 1.
    pub number: u32,
    /// The job over these records.
    pub job_id: JobId,
    /// Where its lines are in the drop, in bytes from 0.
    pub bytes: Range<u64>,
    /// The number of its first line in the drop, counted from 1.
    pub first_line: u64,
    /// How many records the job has: in the first attempt those of all lines, later those that are left of
    /// them.
    pub records: u64,
    /// How many of them do not have a `recordId` in the drop, and get one in the job's input.
    pub without_id: u64,
    /// How many repairs there are within these bytes: if there are any, the job's input differs from the drop.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repaired: u64,
    /// The sum of their ids' keys.
    pub id_sum: KeySum,
}

/// How many parts are on one page of a drop's plan. The work for one job grows with the parts of its page, and not with
/// those of its drop.
pub const PARTS_PER_PAGE: u32 = 100;

impl Part {
    /// Returns the page of the plan that the part is on, counted from 1.
    #[must_use]
    pub fn page(&self) -> u32 {
        self.number.saturating_sub(1) / PARTS_PER_PAGE + 1
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Where the parts of an accepted drop are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Plan {
    /// In the drop's entry: there are at most [`PARTS_PER_PAGE`].
    Whole {
        /// The parts, in order.
        parts: Vec<Part>,
    },
    /// In pages of their own, of [`PARTS_PER_PAGE`] parts each.
    Paged {
        /// The id in the keys of the pages.
        plan_id: String,
        /// How many pages there are.
        pages: u32,
        /// How many records the drop has.
        records: u64,
    },
}

impl Plan {
    /// Returns how many pages there are.
    #[must_use]
    pub fn pages(&self) -> u32 {
        match self {
            Self::Whole { .. } => 1,
            Self::Paged { pages, .. } => *pages,
        }
    }

    /// Returns how many records the drop has.
    #[must_use]
    pub fn records(&self) -> u64 {
        match self {
            Self::Whole { parts } => parts.iter().map(|part| part.records).sum(),
            Self::Paged { records, .. } => *records,
        }
    }

    /// Returns whether there is only one part.
    #[must_use]
    pub fn is_one_part(&self) -> bool {
        matches!(self, Self::Whole { parts } if parts.len() == 1)
    }
}

/// A page of a drop's plan: `ledger/drops/<drop-id>/plan-<id>/<page>.json`. It has no version of its own: it is read only
/// through the drop's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPage {
    /// The parts, in order.
    pub parts: Vec<Part>,
}

/// What the plan needs to know of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The key of its id, which may be a generated one.
    pub key: RecordKey,
    /// Its bytes in the drop, including the newline.
    pub bytes: u64,
    /// How many bytes a generated id adds in the job's input; `None` if the record has an id.
    pub generated_id_bytes: Option<u64>,
    /// How many bytes its line has in the job's input, including the newline, if it is repaired.
    pub repaired_bytes: Option<u64>,
}

impl Measured {
    /// Returns how many bytes the line has in the job's input, including the newline.
    #[inline]
    fn input_bytes(&self) -> u64 {
        self.repaired_bytes.unwrap_or(self.bytes) + self.generated_id_bytes.unwrap_or_default()
    }
}

/// Something between two records that is left out: blank lines, byte order marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gap {
    /// Its bytes in the drop.
    pub bytes: u64,
    /// How many lines end in it.
    pub lines: u64,
}

/// A boundary between two records, where the drop may be cut: the totals up to the end of the record before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Boundary {
    records: u64,
    /// The lines without a record.
    skipped_lines: u64,
    bytes: u64,
    /// The bytes of these records in the inputs of jobs.
    input_bytes: u64,
    without_id: u64,
    repaired: u64,
    id_sum: KeySum,
    /// What lies between this record and the next one.
    gap: Gap,
}

impl Boundary {
    /// Moves the boundary to the end of one more record.
    #[inline]
    fn add(&mut self, record: &Measured) {
        if self.gap.bytes > 0 {
            self.add_gap();
        }
        self.records += 1;
        self.bytes += record.bytes;
        self.input_bytes += record.input_bytes();
        self.without_id += u64::from(record.generated_id_bytes.is_some());
        self.repaired += u64::from(record.repaired_bytes.is_some());
        self.id_sum.add(record.key);
    }

    #[cold]
    fn add_gap(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        self.bytes += gap.bytes;
        self.skipped_lines += gap.lines;
        self.repaired += 1;
    }

    /// Returns the number of the first line after the boundary, counted from 1.
    fn next_line(&self) -> u64 {
        self.records + self.skipped_lines + self.gap.lines + 1
    }
}

/// How many boundaries are kept for even parts. With the default quotas and 20 million records, one in 4,000 is kept.
const MAX_SAMPLES: usize = 1 << 13;

/// Finds where to cut a drop while the drop is read once. Its memory does not grow with the drop's bytes: it
/// keeps 96 bytes for each of up to 8,193 samples or twice as many parts as there are, and for as many records
/// as the smallest part may have.
///
/// Filling each part up to the quotas shows how many parts are needed. Then even parts are cut at samples,
/// which are boundaries at a fixed distance. When there are too many samples, every second one is dropped, or
/// every third one and so on, but always so that the distance divides `max_records`. So cutting at samples
/// never takes more parts.
///
/// If small parts are filled up with padding, cuts that need none are still preferred.
#[derive(Debug)]
pub struct Cutter {
    quotas: Quotas,
    /// How many bytes a padding record has, if small parts are filled up with padding.
    padding_bytes: Option<u64>,
    /// The boundary before the first record.
    start: Boundary,
    /// The boundary after the last record.
    here: Boundary,
    /// Where the full parts end.
    full: Vec<Boundary>,
    /// Where the part after the full ones starts.
    part_start: Boundary,
    /// Where the full parts end if each leaves room for its padding, if small parts are filled up.
    full_with_padding: Vec<Boundary>,
    part_start_with_padding: Boundary,
    /// Boundaries after every `sample_distance` records.
    samples: Vec<Boundary>,
    sample_distance: u64,
    /// How many records are before the next sample.
    next_sample: u64,
    /// A ring of the last boundaries, one more than the smallest part has records, and where the next one
    /// goes.
    last: Vec<Boundary>,
    next_last: usize,
}

impl Cutter {
    /// Makes a cutter for a drop that has not been read yet.
    #[must_use]
    pub fn new(quotas: Quotas) -> Self {
        Self {
            quotas,
            padding_bytes: None,
            start: Boundary::default(),
            here: Boundary::default(),
            full: Vec::new(),
            part_start: Boundary::default(),
            full_with_padding: Vec::new(),
            part_start_with_padding: Boundary::default(),
            samples: Vec::with_capacity(MAX_SAMPLES + 1),
            sample_distance: 1,
            next_sample: 1,
            last: Vec::new(),
            next_last: 0,
        }
    }

    /// Returns the same cutter, but small parts are filled up with padding records, each of at most `line_bytes`
    /// bytes. `None` means that they are not.
    #[must_use]
    pub fn with_padding(self, line_bytes: Option<u64>) -> Self {
        Self { padding_bytes: line_bytes, ..self }
    }

    /// Returns a problem if there are too few records, counting `more` that were not pushed.
    #[must_use]
    pub fn check_records(&self, more: u64) -> Option<QuotaProblem> {
        let records = self.here.records + more;
        let min = if self.padding_bytes.is_some() { 1 } else { self.quotas.min_records };
        (records < min).then_some(QuotaProblem::TooFewRecords { records, min })
    }

    /// Takes the next record.
    #[inline]
    pub fn push(&mut self, record: &Measured) {
        let (records, input_bytes) = (self.here.records + 1, self.here.input_bytes + record.input_bytes());
        let Boundary { records: first, input_bytes: before, .. } = self.part_start;
        if !self.quotas.admit(records - first, input_bytes - before) {
            if self.full.len() < MAX_PARTS {
                self.full.push(self.here);
            }
            self.part_start = self.here;
        }
        if self.padding_bytes.is_some() {
            self.fill_with_padding(records, input_bytes);
        }
        self.here.add(record);
        if records == self.next_sample && self.full.len() < MAX_PARTS {
            self.samples.push(self.here);
            self.next_sample += self.sample_distance;
            if self.samples.len() > MAX_SAMPLES {
                self.thin_out();
            }
        }
        match self.last.get_mut(self.next_last) {
            Some(oldest) => *oldest = self.here,
            None => self.push_last(self.here),
        }
        self.next_last += 1;
        if self.next_last as u64 > self.quotas.min_records {
            self.next_last = 0;
        }
    }

    /// Skips what lies between two records. A part neither starts nor ends with it, so a drop that needs no other repair is
    /// still copied as it is.
    #[cold]
    pub fn skip(&mut self, gap: Gap) {
        self.here.gap.bytes += gap.bytes;
        self.here.gap.lines += gap.lines;
        let (here, newest) =
            (self.here, self.next_last.checked_sub(1).unwrap_or(self.last.len().saturating_sub(1)));
        for boundary in
            [Some(&mut self.start), self.samples.last_mut(), self.last.get_mut(newest)].into_iter().flatten()
        {
            if boundary.records == here.records {
                boundary.gap = here.gap;
            }
        }
    }

    /// Whether the lines between two boundaries are not too much for one job.
    #[inline]
    fn fits_a_job(&self, start: &Boundary, end: &Boundary) -> bool {
        self.quotas.admit(end.records - start.records, end.input_bytes - start.input_bytes)
    }

    /// Ends the part that leaves room for its padding, if it would not do so with the next record, after which the drop
    /// has these records, of these bytes in the inputs of jobs.
    #[inline]
    fn fill_with_padding(&mut self, records: u64, input_bytes: u64) {
        let (start, end) = (self.part_start_with_padding, Boundary { records, input_bytes, ..self.here });
        if !self.fits_a_job_with_padding(&start, &end) && self.fits_a_job_with_padding(&start, &self.here) {
            if self.full_with_padding.len() < MAX_PARTS {
                self.full_with_padding.push(self.here);
            }
            self.part_start_with_padding = self.here;
        }
    }

    /// Whether there are lines between two boundaries, and they fit into one job together with the padding that they
    /// need. `false` if small parts are not filled up.
    #[inline]
    fn fits_a_job_with_padding(&self, start: &Boundary, end: &Boundary) -> bool {
        let Some(line_bytes) = self.padding_bytes else { return false };
        // A late cut may come before the cut that precedes it.
        let Some(records) = end.records.checked_sub(start.records).filter(|records| *records > 0) else {
            return false;
        };
        let padding = self.quotas.min_records.saturating_sub(records).saturating_mul(line_bytes);
        self.quotas.admit(records, (end.input_bytes - start.input_bytes).saturating_add(padding))
    }

    fn push_last(&mut self, end: Boundary) {
        let length = self.last.len();
        if length == self.last.capacity() {
            // The vector alone would double its memory as it grows, up to twice what is needed.
            let most = usize::try_from(self.quotas.min_records).unwrap_or(usize::MAX).saturating_add(1);
            self.last.reserve_exact(length.clamp(1, most.saturating_sub(length).max(1)));
        }
        self.last.push(end);
    }

    /// Makes the distance between samples larger, and drops the samples in between.
    fn thin_out(&mut self) {
        let distances_per_part = self.quotas.max_records / self.sample_distance;
        if distances_per_part <= 1 {
            // There is just one sample for each full part, and all of them are needed.
            return;
        }
        let factor =
            (2..100).find(|factor| distances_per_part.is_multiple_of(*factor)).unwrap_or(distances_per_part);
        self.sample_distance *= factor;
        self.samples.retain(|sample| sample.records.is_multiple_of(self.sample_distance));
        self.next_sample =
            self.here.records - self.here.records % self.sample_distance + self.sample_distance;
    }

    /// Cuts the drop into parts: as few as the quotas allow, and as even as the samples allow. `bytes` is the
    /// size of the drop, whose last line may lack its newline.
    ///
    /// # Errors
    /// [`QuotaProblem`] if the drop cannot be cut so that every part is within the quotas.
    pub fn parts(mut self, drop_id: &DropId, bytes: u64) -> Result<Vec<Part>, QuotaProblem> {
        if let Some(problem) = self.check_records(0) {
            return Err(problem);
        }
        if self.full.len() >= MAX_PARTS {
            return Err(QuotaProblem::TooManyParts);
        }
        self.here.bytes = self.here.bytes.min(bytes);
        let Some(cuts) = self.cuts() else { return Err(self.why_not()) };
        let part = |(number, (start, end)): (u32, (Boundary, Boundary))| Part {
            number,
            job_id: JobId::derive(drop_id, number, 1),
            bytes: start.bytes + start.gap.bytes..end.bytes,
            first_line: start.next_line(),
            records: end.records - start.records,
            without_id: end.without_id - start.without_id,
            repaired: end.repaired - start.repaired - u64::from(start.gap.bytes > 0),
            id_sum: end.id_sum.without(start.id_sum),
        };
        Ok((1..).zip(self.between(&cuts)).map(part).collect())
    }

    /// Returns the best cuts; `None` if there are none.
    fn cuts(&self) -> Option<Vec<Boundary>> {
        let even = |cuts| [self.even_cuts(cuts, |at| at.records), self.even_cuts(cuts, |at| at.input_bytes)];
        let [by_records, by_bytes] = even(self.full.len());
        let cuts = [by_records, by_bytes, self.full.clone(), self.late_cuts()];
        if let Some(without_padding) = cuts.iter().find(|cuts| self.are_within_quotas(cuts)) {
            return Some(without_padding.clone());
        }
        let [by_records, by_bytes] = even(self.full_with_padding.len());
        let with_room = [by_records, by_bytes, self.full_with_padding.clone()];
        cuts.into_iter().chain(with_room).find(|cuts| self.have_room_for_padding(cuts))
    }

    /// Returns why no cuts are within the quotas.
    fn why_not(&self) -> QuotaProblem {
        let (records, bytes, mut quotas) = (self.here.records, self.here.input_bytes, self.quotas);
        if self.padding_bytes.is_some() {
            if self.full_with_padding.len() >= MAX_PARTS {
                return QuotaProblem::TooManyParts;
            }
            quotas.min_records = 1;
        }
        if quotas.admit_count(records) {
            let files = self.full.len() as u64 + 1;
            QuotaProblem::NoParts { records, bytes, files, quotas }
        } else {
            QuotaProblem::NoCount { records, quotas }
        }
    }

    /// Returns this many cuts into even parts: each is at the first sample where all parts before it have their share
    /// of what is measured.
    fn even_cuts(&self, cuts: usize, measure: impl Fn(&Boundary) -> u64) -> Vec<Boundary> {
        let count = cuts as u128 + 1;
        let have_share = |sample: &Boundary, parts: u128| {
            u128::from(measure(sample)) * count >= parts * u128::from(measure(&self.here))
        };
        let first_sample = |parts| self.samples.partition_point(|sample| !have_share(sample, parts));
        (1..count).filter_map(|parts| self.samples.get(first_sample(parts)).copied()).collect()
    }

    /// Returns the cuts after full parts, but with a last part that is as small as it may be.
    fn late_cuts(&self) -> Vec<Boundary> {
        let mut cuts = self.full.clone();
        if let (Some(cut), Some(late)) = (cuts.last_mut(), self.last.get(self.next_last)) {
            *cut = *late;
        }
        cuts
    }

    fn are_within_quotas(&self, cuts: &[Boundary]) -> bool {
        cuts.len() == self.full.len()
            && self.between(cuts).all(|(start, end)| {
                end.records >= start.records + self.quotas.min_records && self.fits_a_job(&start, &end)
            })
    }

    fn have_room_for_padding(&self, cuts: &[Boundary]) -> bool {
        cuts.len() < MAX_PARTS
            && self.between(cuts).all(|(start, end)| self.fits_a_job_with_padding(&start, &end))
    }

    /// Iterates over the start and the end of each part between these cuts.
    fn between<'a>(&'a self, cuts: &'a [Boundary]) -> impl Iterator<Item = (Boundary, Boundary)> + 'a {
        let starts = std::iter::once(self.start).chain(cuts.iter().copied());
        starts.zip(cuts.iter().copied().chain([self.here]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drop::source::DropSource;
    use crate::record::key::RecordHasher;

    fn drop_id() -> DropId {
        DropId::derive(&DropSource::example())
    }

    fn key_of(id: &str) -> RecordKey {
        RecordHasher::seeded_with("a drop").key_of(id)
    }

    fn quotas(min_records: u64, max_records: u64, max_file_bytes: u64) -> Quotas {
        Quotas { min_records, max_records, max_file_bytes }
    }

    /// Cuts a drop whose lines have these bytes; every second one does not have an id.
    fn cut(quotas: Quotas, lines: &[u64]) -> Result<Vec<Part>, QuotaProblem> {
        cut_with(Cutter::new(quotas), lines)
    }

    fn cut_with(mut cutter: Cutter, lines: &[u64]) -> Result<Vec<Part>, QuotaProblem> {
        for (at, bytes) in lines.iter().enumerate() {
            let generated_id_bytes = (at % 2 == 1).then_some(1);
            cutter.push(&Measured {
                key: key_of(&at.to_string()),
                bytes: *bytes,
                generated_id_bytes,
                repaired_bytes: None,
            });
        }
        cutter.parts(&drop_id(), lines.iter().sum())
    }

    fn records(parts: Result<Vec<Part>, QuotaProblem>) -> Vec<u64> {
        parts.unwrap().iter().map(|part| part.records).collect()
    }

    #[test]
    fn quotas_are_inclusive() {
        let quotas = quotas(2, 3, 1_000);
        assert_eq!(cut(quotas, &[1]), Err(QuotaProblem::TooFewRecords { records: 1, min: 2 }));
        assert_eq!(records(cut(quotas, &[1; 2])), [2]);
        assert_eq!(records(cut(quotas, &[1; 3])), [3]);
        assert_eq!(records(cut(quotas, &[1; 4])), [2, 2]);
        // Two lines of 500 bytes, and one byte for the id of the second.
        assert_eq!(records(cut(Quotas { max_file_bytes: 1_001, ..quotas }, &[500; 4])), [2, 2]);
        let problem = QuotaProblem::NoParts { records: 4, bytes: 2_002, files: 4, quotas };
        assert_eq!(cut(quotas, &[500; 4]), Err(problem));
    }

    #[test]
    fn small_drop_is_filled_up_and_an_empty_one_is_refused() {
        let quotas = quotas(100, 1_000, 1_000_000);
        let padded = |quotas, lines: &[u64]| cut_with(Cutter::new(quotas).with_padding(Some(200)), lines);
        for count in [1, 7, 99, 100] {
            assert_eq!(records(padded(quotas, &vec![300; count])), [count as u64]);
        }
        assert_eq!(padded(quotas, &[]), Err(QuotaProblem::TooFewRecords { records: 0, min: 1 }));
        // 83 records of 12 kB are 996,000 bytes, and 17 padding records are 3,400; one more record would be too much.
        let large = records(padded(quotas, &[12_000; 200]));
        assert_eq!(large.len(), 3);
        assert!(large.iter().all(|records| *records <= 83));
        // This number of records cannot be cut without padding.
        assert_eq!(records(padded(Quotas { max_records: 100, ..quotas }, &[1; 168])), [84, 84]);
        // A record and its padding must fit into a file.
        let tiny = Quotas { max_file_bytes: 99 * 200 + 300, ..quotas };
        assert_eq!(records(padded(tiny, &[300])), [1]);
        let problem = padded(tiny, &[301]).unwrap_err();
        assert!(matches!(problem, QuotaProblem::NoParts { .. }), "{problem:?}");
    }

    #[test]
    fn parts_are_even() {
        assert_eq!(records(cut(quotas(1, 10, 1_000), &[1; 21])), [7, 7, 7]);
        assert_eq!(records(cut(quotas(1, 10, 1_000), &[1; 30])), [10, 10, 10]);
        // By bytes, if bytes are what limits the parts.
        assert_eq!(records(cut(quotas(1, 100, 22), &[10, 10, 1, 1, 1, 1, 1, 1, 1, 1])), [2, 8]);
    }

    #[test]
    fn many_records_need_no_more_parts_than_the_quota_says() {
        for (count, max, parts) in
            [(2_000_000, 10_000, 200), (2_000_001, 10_000, 201), (400_000, 9_973, 41), (99_990, 9_999, 10)]
        {
            let sizes = records(cut(quotas(100, max, u64::MAX), &vec![200; count]));
            assert_eq!(sizes.len(), parts, "{count} by {max}");
            assert_eq!(sizes.iter().sum::<u64>(), count as u64);
        }
    }

    #[test]
    fn last_part_is_not_too_small_where_there_are_few_samples() {
        // A prime: there is a sample only where full parts end.
        let sizes = records(cut(quotas(100, 9_973, u64::MAX), &vec![1; 4 * 9_973 + 5]));
        assert_eq!(sizes, [9_973, 9_973, 9_973, 9_973 - 95, 100]);
    }

    /// Whether these lines can be in one job, together with padding of this many bytes each, if there may be any.
    fn fits_one(quotas: Quotas, padding: Option<u64>, lines: &[u64], own: Range<usize>) -> bool {
        let bytes: u64 = own.clone().map(|at| lines[at] + (at % 2) as u64).sum();
        let (records, min) = (own.len() as u64, quotas.min_records);
        let missing = min.saturating_sub(records);
        records <= quotas.max_records
            && (missing == 0 || padding.is_some())
            && bytes + missing * padding.unwrap_or_default() <= quotas.max_file_bytes
    }

    /// The smallest number of parts, found by trying all cuts.
    fn fewest(quotas: Quotas, padding: Option<u64>, lines: &[u64]) -> Option<usize> {
        let fits = |start: usize, end: usize| fits_one(quotas, padding, lines, start..end);
        let mut best = vec![None; lines.len() + 1];
        best[0] = Some(0);
        for end in 1..=lines.len() {
            best[end] =
                (0..end).filter(|start| fits(*start, end)).filter_map(|start| Some(best[start]? + 1)).min();
        }
        best[lines.len()]
    }

    /// Whether there are enough records for a job, but no number of jobs that takes exactly this many.
    fn records_alone(quotas: Quotas, records: u64) -> bool {
        let fits = |jobs: u64| (jobs * quotas.min_records..=jobs * quotas.max_records).contains(&records);
        records >= quotas.min_records && !(1..=records).any(fits)
    }

    #[test]
    fn number_of_records_that_fits_no_jobs_is_named_with_the_nearest_that_do() {
        let table = [
            (quotas(100, 100, 1_000_000), 168, "put 100 or 200 records into one file"),
            (quotas(100, 120, 1_000_000), 121, "put 100 to 120 or 200 to 240 records into one file"),
            (quotas(100, 120, 1_000_000), 399, "put 300 to 360 or 400 to 480 records into one file"),
        ];
        for (quotas, records, fix) in table {
            let problem = cut(quotas, &vec![1; records]).unwrap_err();
            assert_eq!(problem, QuotaProblem::NoCount { records: records as u64, quotas });
            assert_eq!(problem.fix(), fix);
            for numbers in quotas.nearest_counts(records as u64) {
                for records in [*numbers.start(), *numbers.end()] {
                    cut(quotas, &vec![1; usize::try_from(records).unwrap()]).unwrap();
                }
            }
        }
    }

    #[test]
    fn fix_for_records_that_are_too_large_follows_from_their_sizes() {
        let quotas = quotas(10, 100, 100);
        let fix = |lines: &[u64]| match cut(quotas, lines) {
            Err(problem @ QuotaProblem::NoParts { .. }) => problem.fix(),
            other => panic!("{other:?}"),
        };
        // Every second record has one more byte, for its id.
        let too_large = "make the records smaller: they have 11 bytes on average, and 10 records fit into a file only \
                         if they have at most 10 bytes";
        assert_eq!(fix(&[11; 40]), too_large);
        assert_eq!(fix(&[8; 15]), "put 11 or 20 records of this size into one file");
        cut(quotas, &[8; 11]).unwrap();
        cut(quotas, &[8; 20]).unwrap();
        let uneven = [&[20; 6][..], &[1; 34]].concat();
        assert_eq!(fix(&uneven), "make the largest records smaller, or spread them evenly over the file");
    }

    #[test]
    fn drop_of_too_many_jobs_is_refused_in_bounded_memory() {
        let quotas = quotas(1, 1, 1_000);
        assert_eq!(cut(quotas, &vec![1; MAX_PARTS]).unwrap().len(), MAX_PARTS);
        for more in [1, 2, MAX_PARTS] {
            assert_eq!(cut(quotas, &vec![1; MAX_PARTS + more]), Err(QuotaProblem::TooManyParts));
        }
        let mut cutter = Cutter::new(Quotas { min_records: 1_000, ..quotas });
        for at in 0..3_000 {
            cutter.push(&Measured {
                key: key_of(&at.to_string()),
                bytes: 1,
                generated_id_bytes: None,
                repaired_bytes: None,
            });
        }
        assert_eq!(cutter.last.capacity(), 1_001);
    }

    proptest! {
        #[test]
        fn parts_are_the_drop_and_as_few_as_the_quotas_allow(
            lines in prop::collection::vec(1u64..20, 1..120),
            min in 1u64..5, more in 0u64..30, max_bytes in 20u64..400,
        ) {
            let quotas = quotas(min, min + more, max_bytes);
            match (cut(quotas, &lines), fewest(quotas, None, &lines)) {
                (Ok(parts), Some(fewest)) => {
                    prop_assert_eq!(parts.len(), fewest);
                    let (mut byte, mut line) = (0, 1);
                    for (number, part) in (1..).zip(&parts) {
                        prop_assert_eq!((part.number, part.bytes.start, part.first_line), (number, byte, line));
                        let own = usize::try_from(line - 1).unwrap()..usize::try_from(line - 1 + part.records).unwrap();
                        prop_assert_eq!(part.bytes.end - byte, lines[own.clone()].iter().sum::<u64>());
                        prop_assert_eq!(part.without_id, own.clone().filter(|at| at % 2 == 1).count() as u64);
                        let mut own_sum = KeySum::default();
                        own.for_each(|at| own_sum.add(key_of(&at.to_string())));
                        prop_assert_eq!(part.id_sum, own_sum);
                        byte = part.bytes.end;
                        line += part.records;
                    }
                    prop_assert_eq!((byte, line), (lines.iter().sum(), lines.len() as u64 + 1));
                }
                (Err(problem), None) => {
                    let by_count = matches!(problem, QuotaProblem::NoCount { .. });
                    prop_assert_eq!(by_count, records_alone(quotas, lines.len() as u64));
                }
                // This happens only if a file is filled by so few records that a cut cannot be moved.
                (Err(QuotaProblem::NoParts { .. }), Some(_)) => {
                    let few = usize::try_from(2 * min).unwrap().min(lines.len());
                    let most = lines.windows(few).map(|window| window.iter().sum::<u64>()).max().unwrap();
                    prop_assert!(most + 2 * min > max_bytes, "refused although it could be cut");
                }
                (cut, fewest) => prop_assert!(false, "{cut:?}, and the fewest parts are {fewest:?}"),
            }
        }

        #[test]
        fn padded_parts_are_as_few_as_can_be_and_no_drop_is_too_small(
            lines in prop::collection::vec(1u64..20, 1..120),
            min in 1u64..12, more in 0u64..30, padding in 0u64..25, max_bytes in 20u64..400,
        ) {
            let quotas = quotas(min, min + more, max_bytes);
            let padded = cut_with(Cutter::new(quotas).with_padding(Some(padding)), &lines);
            if let Ok(parts) = cut(quotas, &lines) {
                prop_assert_eq!(padded, Ok(parts), "padding without need");
                return Ok(());
            }
            let largest = lines.iter().max().unwrap() + 1;
            let has_room = largest + (min - 1) * padding <= max_bytes;
            match (padded, fewest(quotas, Some(padding), &lines)) {
                (Ok(parts), Some(fewest)) => {
                    let mut line = 0;
                    for part in &parts {
                        let own = line..line + usize::try_from(part.records).unwrap();
                        prop_assert!(part.records > 0 && fits_one(quotas, Some(padding), &lines, own.clone()));
                        line = own.end;
                    }
                    prop_assert_eq!(line, lines.len());
                    // A record that is smaller than a padding record makes a full part smaller, so filling the parts
                    // one by one may take more of them.
                    if lines.iter().all(|line| *line >= padding) {
                        prop_assert_eq!(parts.len(), fewest);
                    }
                }
                (Err(QuotaProblem::NoParts { .. }), fewest) => {
                    prop_assert!(!has_room, "refused although there is room");
                    prop_assert!(fewest.is_none() || lines.iter().any(|line| *line < padding));
                }
                (cut, fewest) => prop_assert!(false, "{cut:?}, and the fewest parts are {fewest:?}"),
            }
        }
    }
}
