//! A drop's records to parts that fit the quotas of one job each. Pure.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::drop::identity::{DropId, JobId};
use crate::drop::quotas::{QuotaProblem, Quotas};
use crate::record::key::{KeySum, RecordKey};

/// A contiguous run of a drop's records, and the job that is to be made over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Counted from 1.
    pub number: u32,
    /// The job over these records.
    pub job_id: JobId,
    /// Where its lines are in the drop, in bytes from 0.
    pub bytes: Range<u64>,
    /// The number of its first line in the drop, counted from 1.
    pub first_line: u64,
    /// How many records the job has: those of these lines, or what the attempt before has left of them.
    pub records: u64,
    /// How many of them have no `recordId` in the drop and get one in the job's input.
    pub without_id: u64,
    /// The sum of their ids.
    pub ids: KeySum,
}

/// A record as far as cutting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Of its id, also if it was given.
    pub key: RecordKey,
    /// Its bytes in the drop, the newline included.
    pub bytes: u64,
    /// The bytes that its id adds in the job's input; none if it has one.
    pub id_bytes: Option<u64>,
}

/// The end of a line, and all that comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mark {
    records: u64,
    bytes: u64,
    /// The same lines as the inputs of jobs have them.
    input_bytes: u64,
    without_id: u64,
    ids: KeySum,
}

impl Mark {
    fn after(mut self, record: &Measured) -> Self {
        self.records += 1;
        self.bytes += record.bytes;
        self.input_bytes += record.bytes + record.id_bytes.unwrap_or_default();
        self.without_id += u64::from(record.id_bytes.is_some());
        self.ids.add(record.key);
        self
    }
}

/// The most jobs of one drop: their list is in memory, and one object of the ledger. With the default settings, the
/// largest drop of the shortest records makes 27,778.
pub const MAX_PARTS: usize = 100_000;

/// How many marks are kept for even parts. With the default quotas and 20 million records there is one for
/// every 4,000 records.
const MOST_MARKS: usize = 1 << 13;

/// Finds where to cut a drop, in the one pass that judges it and in memory that does not grow with it: 48 bytes for
/// each of up to 8,193 marks or as many parts as there are, and of the records that the smallest part may have.
///
/// The number of parts is known from filling each to the quotas. Even parts are then cut at marks that are
/// kept every so many records; as there are more, every second one is dropped, then every fifth, always so
/// that the distance divides `max_records`: so even parts never need one more.
#[derive(Debug)]
pub struct Cutter {
    quotas: Quotas,
    here: Mark,
    /// Where full parts end, and where the part after them begins.
    full: Vec<Mark>,
    begin: Mark,
    /// The ends of every so many records, and how many the next one has before it.
    marks: Vec<Mark>,
    records_per_mark: u64,
    next_mark: u64,
    /// A ring of the ends of the last records, enough for the smallest part, and where the next one goes.
    last: Vec<Mark>,
    next_last: usize,
}

impl Cutter {
    /// A cutter at the start of a drop.
    #[must_use]
    pub fn new(quotas: Quotas) -> Self {
        let (full, last, marks) = (Vec::new(), Vec::new(), Vec::with_capacity(MOST_MARKS + 1));
        let (here, begin) = (Mark::default(), Mark::default());
        Self { quotas, here, full, begin, marks, records_per_mark: 1, next_mark: 1, last, next_last: 0 }
    }

    /// What is wrong with the number of records, and so many more.
    #[must_use]
    pub fn check_records(&self, more: u64) -> Option<QuotaProblem> {
        let (records, min) = (self.here.records + more, self.quotas.min_records);
        (records < min).then_some(QuotaProblem::TooFewRecords { records, min })
    }

    /// Takes the next record.
    #[inline]
    pub fn push(&mut self, record: &Measured) {
        let end = self.here.after(record);
        if !self.admit(&self.begin, &end) {
            if self.full.len() < MAX_PARTS {
                self.full.push(self.here);
            }
            self.begin = self.here;
        }
        self.here = end;
        if end.records == self.next_mark && self.full.len() < MAX_PARTS {
            self.marks.push(end);
            self.next_mark += self.records_per_mark;
            if self.marks.len() > MOST_MARKS {
                self.thin_out();
            }
        }
        match self.last.get_mut(self.next_last) {
            Some(oldest) => *oldest = end,
            None => self.push_last(end),
        }
        self.next_last += 1;
        if self.next_last as u64 > self.quotas.min_records {
            self.next_last = 0;
        }
    }

    /// Whether the lines between two places are no more than a job takes.
    #[inline]
    fn admit(&self, begin: &Mark, end: &Mark) -> bool {
        self.quotas.admit(end.records - begin.records, end.input_bytes - begin.input_bytes)
    }

    fn push_last(&mut self, end: Mark) {
        let length = self.last.len();
        if length == self.last.capacity() {
            // Growing by itself, the vector would take up to twice as much.
            let most = usize::try_from(self.quotas.min_records).unwrap_or(usize::MAX).saturating_add(1);
            self.last.reserve_exact(length.clamp(1, most.saturating_sub(length).max(1)));
        }
        self.last.push(end);
    }

    fn thin_out(&mut self) {
        let rest = self.quotas.max_records / self.records_per_mark;
        if rest <= 1 {
            // There is one mark for each part, and no more than one is needed.
            return;
        }
        let factor = (2..100).find(|factor| rest.is_multiple_of(*factor)).unwrap_or(rest);
        self.records_per_mark *= factor;
        self.marks.retain(|mark| mark.records.is_multiple_of(self.records_per_mark));
        self.next_mark =
            self.here.records - self.here.records % self.records_per_mark + self.records_per_mark;
    }

    /// The parts of a drop of `bytes` bytes, whose last line may have no newline: as few as the quotas allow,
    /// and as even as the marks allow.
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
        self.here.bytes = bytes;
        let by_records = self.even_cuts(|mark| mark.records);
        let by_bytes = self.even_cuts(|mark| mark.input_bytes);
        let cuts = [by_records, by_bytes, self.full.clone(), self.late_cuts()];
        let Some(cuts) = cuts.into_iter().find(|cuts| self.are_within_quotas(cuts)) else {
            return Err(self.why_not());
        };
        let part = |(number, (begin, end)): (u32, (Mark, Mark))| Part {
            number,
            job_id: JobId::derive(drop_id, number, 1),
            bytes: begin.bytes..end.bytes,
            first_line: begin.records + 1,
            records: end.records - begin.records,
            without_id: end.without_id - begin.without_id,
            ids: end.ids.without(begin.ids),
        };
        Ok((1..).zip(self.between(&cuts)).map(part).collect())
    }

    /// Why there are no cuts.
    fn why_not(&self) -> QuotaProblem {
        let (records, bytes, quotas) = (self.here.records, self.here.input_bytes, self.quotas);
        if quotas.admit_count(records) {
            let files = self.full.len() as u64 + 1;
            QuotaProblem::NoParts { records, bytes, files, quotas }
        } else {
            QuotaProblem::NoCount { records, quotas }
        }
    }

    /// The cuts into as many parts as are needed, each at the first mark that has its share.
    fn even_cuts(&self, measure: impl Fn(&Mark) -> u64) -> Vec<Mark> {
        let count = self.full.len() as u128 + 1;
        let has_share =
            |mark: &Mark, of: u128| u128::from(measure(mark)) * count >= of * u128::from(measure(&self.here));
        (1..count)
            .filter_map(|of| self.marks.get(self.marks.partition_point(|mark| !has_share(mark, of))).copied())
            .collect()
    }

    /// Full parts, but for the last two: the last one is as small as it may be.
    fn late_cuts(&self) -> Vec<Mark> {
        let mut cuts = self.full.clone();
        if let (Some(cut), Some(late)) = (cuts.last_mut(), self.last.get(self.next_last)) {
            *cut = *late;
        }
        cuts
    }

    fn are_within_quotas(&self, cuts: &[Mark]) -> bool {
        cuts.len() == self.full.len()
            && self.between(cuts).all(|(begin, end)| {
                end.records >= begin.records + self.quotas.min_records && self.admit(&begin, &end)
            })
    }

    /// The begin and the end of each part between these cuts.
    fn between<'a>(&'a self, cuts: &'a [Mark]) -> impl Iterator<Item = (Mark, Mark)> + 'a {
        let begins = std::iter::once(Mark::default()).chain(cuts.iter().copied());
        begins.zip(cuts.iter().copied().chain([self.here]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drop::source::DropSource;

    fn drop_id() -> DropId {
        DropId::derive(&DropSource::example())
    }

    fn key_of(id: &str) -> RecordKey {
        drop_id().record_hasher().key_of(id)
    }

    fn quotas(min_records: u64, max_records: u64, max_file_bytes: u64) -> Quotas {
        Quotas { min_records, max_records, max_file_bytes }
    }

    /// Cuts a drop whose lines have these bytes; those at odd places have no id.
    fn cut(quotas: Quotas, lines: &[u64]) -> Result<Vec<Part>, QuotaProblem> {
        let mut cutter = Cutter::new(quotas);
        for (at, bytes) in lines.iter().enumerate() {
            let id_bytes = (at % 2 == 1).then_some(1);
            cutter.push(&Measured { key: key_of(&at.to_string()), bytes: *bytes, id_bytes });
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
    fn parts_are_even() {
        assert_eq!(records(cut(quotas(1, 10, 1_000), &[1; 21])), [7, 7, 7]);
        assert_eq!(records(cut(quotas(1, 10, 1_000), &[1; 30])), [10, 10, 10]);
        // By bytes, where bytes are what is short.
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
    fn last_part_is_not_too_small_where_there_are_few_marks() {
        // A prime: there is a mark at the end of full parts only.
        let sizes = records(cut(quotas(100, 9_973, u64::MAX), &vec![1; 4 * 9_973 + 5]));
        assert_eq!(sizes, [9_973, 9_973, 9_973, 9_973 - 95, 100]);
    }

    /// The fewest parts, by trying all.
    fn fewest(quotas: Quotas, lines: &[u64]) -> Option<usize> {
        let fits = |begin: usize, end: usize| {
            let bytes: u64 = (begin..end).map(|at| lines[at] + (at % 2) as u64).sum();
            let records = (end - begin) as u64;
            bytes <= quotas.max_file_bytes && (quotas.min_records..=quotas.max_records).contains(&records)
        };
        let mut best = vec![None; lines.len() + 1];
        best[0] = Some(0);
        for end in 1..=lines.len() {
            best[end] =
                (0..end).filter(|begin| fits(*begin, end)).filter_map(|begin| Some(best[begin]? + 1)).min();
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
            (quotas(100, 100, 1_000_000), 168, "put 100, or 200 records into one file"),
            (quotas(100, 120, 1_000_000), 121, "put 100 to 120, or 200 to 240 records into one file"),
            (quotas(100, 120, 1_000_000), 399, "put 300 to 360, or 400 to 480 records into one file"),
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
        // An id of one byte for every second record comes on top.
        let too_large = "make the records smaller: they have 11 bytes on average, and 10 of them fit only if it is at \
                         most 10";
        assert_eq!(fix(&[11; 40]), too_large);
        assert_eq!(fix(&[8; 15]), "put 11 or 20 records of such a size into one file");
        cut(quotas, &[8; 11]).unwrap();
        cut(quotas, &[8; 20]).unwrap();
        let uneven = [&[20; 6][..], &[1; 34]].concat();
        assert_eq!(fix(&uneven), "make the largest records smaller, or spread them over the file");
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
            cutter.push(&Measured { key: key_of(&at.to_string()), bytes: 1, id_bytes: None });
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
            match (cut(quotas, &lines), fewest(quotas, &lines)) {
                (Ok(parts), Some(fewest)) => {
                    prop_assert_eq!(parts.len(), fewest);
                    let (mut byte, mut line) = (0, 1);
                    for (number, part) in (1..).zip(&parts) {
                        prop_assert_eq!((part.number, part.bytes.start, part.first_line), (number, byte, line));
                        let own = usize::try_from(line - 1).unwrap()..usize::try_from(line - 1 + part.records).unwrap();
                        prop_assert_eq!(part.bytes.end - byte, lines[own.clone()].iter().sum::<u64>());
                        prop_assert_eq!(part.without_id, own.clone().filter(|at| at % 2 == 1).count() as u64);
                        let mut own_ids = KeySum::default();
                        own.for_each(|at| own_ids.add(key_of(&at.to_string())));
                        prop_assert_eq!(part.ids, own_ids);
                        byte = part.bytes.end;
                        line += part.records;
                    }
                    prop_assert_eq!((byte, line), (lines.iter().sum(), lines.len() as u64 + 1));
                }
                (Err(problem), None) => {
                    let by_count = matches!(problem, QuotaProblem::NoCount { .. });
                    prop_assert_eq!(by_count, records_alone(quotas, lines.len() as u64));
                }
                // Only where so few records fill a file that there is no room to move a cut.
                (Err(QuotaProblem::NoParts { .. }), Some(_)) => {
                    let few = usize::try_from(2 * min).unwrap().min(lines.len());
                    let most = lines.windows(few).map(|window| window.iter().sum::<u64>()).max().unwrap();
                    prop_assert!(most + 2 * min > max_bytes, "refused without need");
                }
                (cut, fewest) => prop_assert!(false, "{cut:?}, and the fewest parts are {fewest:?}"),
            }
        }
    }
}
