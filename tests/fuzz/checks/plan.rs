//! The parts of a drop are the drop, each is within the quotas, and there are as few as possible.

use bedrock_vpc_batch::drop::plan::{Cutter, Gap, Measured, Part};
use bedrock_vpc_batch::drop::quotas::{QuotaProblem, Quotas};
use bedrock_vpc_batch::record::key::{KeySum, RecordHasher, RecordKey};

use super::super::strictness::disagreement::any_drop_id;
use super::take_byte;

/// The data is the quotas, and a byte for each record or gap.
pub(crate) fn check(mut data: &[u8]) {
    let min_records = 1 + u64::from(take_byte(&mut data) % 6);
    let max_records = min_records + u64::from(take_byte(&mut data) % 40);
    let max_file_bytes = 20 + u64::from(take_byte(&mut data)) * 2;
    let quotas = Quotas { min_records, max_records, max_file_bytes };
    let (mut records, mut gap) = (Vec::new(), Gap::default());
    for (at, byte) in data.iter().enumerate() {
        if byte % 16 == 7 {
            gap.bytes += u64::from(byte / 16) + 1;
            gap.lines += u64::from(byte / 128);
        } else {
            records.push(Record::new(at, *byte, std::mem::take(&mut gap)));
        }
    }
    check_parts(quotas, &records, gap);
}

/// A record of a drop.
struct Record {
    measured: Measured,
    input_bytes: u64,
    /// What is left out before it.
    gap: Gap,
}

impl Record {
    fn new(at: usize, byte: u8, gap: Gap) -> Self {
        let (bytes, without_id) = (1 + u64::from(byte % 20), byte >= 128);
        let generated_id_bytes = without_id.then_some(u64::from(byte % 3));
        let repaired_bytes = (byte % 7 == 3).then_some(1 + u64::from(byte % 13));
        let measured = Measured { key: key_of(at), bytes, generated_id_bytes, repaired_bytes };
        let input_bytes = repaired_bytes.unwrap_or(bytes) + generated_id_bytes.unwrap_or_default();
        Self { measured, input_bytes, gap }
    }
}

fn key_of(at: usize) -> RecordKey {
    RecordHasher::seeded_with("a drop").key_of(&at.to_string())
}

/// `last_gap` is what is left out after the last record.
fn check_parts(quotas: Quotas, records: &[Record], last_gap: Gap) {
    let mut cutter = Cutter::new(quotas);
    for record in records {
        skip(&mut cutter, record.gap);
        cutter.push(&record.measured);
    }
    skip(&mut cutter, last_gap);
    let bytes =
        records.iter().map(|record| record.measured.bytes + record.gap.bytes).sum::<u64>() + last_gap.bytes;
    let found = cutter.parts(&any_drop_id(), bytes);
    match (found, fewest(quotas, records)) {
        (Ok(parts), Some(fewest)) => {
            assert_eq!(parts.len(), fewest);
            assert_are_the_drop(&parts, records);
            for part in parts {
                let own = records_of(&part, records);
                assert!((quotas.min_records..=quotas.max_records).contains(&part.records));
                let input_bytes: u64 = own.iter().map(|record| record.input_bytes).sum();
                assert!(input_bytes <= quotas.max_file_bytes);
            }
        }
        (Err(QuotaProblem::TooFewRecords { records: found, min }), None) => {
            assert_eq!((found, min), (records.len() as u64, quotas.min_records));
            assert!(found < min);
        }
        (Err(problem @ QuotaProblem::NoCount { .. }), None) => {
            assert!(!has_count(quotas, records.len() as u64));
            assert!(problem.fix().contains(" or "));
        }
        (Err(problem @ QuotaProblem::NoParts { .. }), None) => {
            assert!(has_count(quotas, records.len() as u64));
            assert!(!problem.fix().is_empty());
        }
        // This happens only if a file is filled by so few records that a cut cannot be moved.
        (Err(QuotaProblem::NoParts { .. }), Some(_)) => {
            let few = usize::try_from(2 * quotas.min_records).unwrap_or(usize::MAX).clamp(1, records.len());
            let bytes = |window: &[Record]| window.iter().map(|record| record.input_bytes).sum();
            let most: u64 = records.windows(few).map(bytes).max().unwrap_or_default();
            assert!(most > quotas.max_file_bytes, "refused although it could be cut");
        }
        (found, fewest) => panic!("{found:?}, and the fewest parts are {fewest:?}"),
    }
}

/// Skips a gap in two steps, as blank lines come one by one.
fn skip(cutter: &mut Cutter, gap: Gap) {
    if gap.bytes > 0 {
        cutter.skip(Gap { bytes: 1, lines: 0 });
        cutter.skip(Gap { bytes: gap.bytes - 1, lines: gap.lines });
    }
}

/// The records of a part: as many as it has, from the one that starts with it.
fn records_of<'a>(part: &Part, records: &'a [Record]) -> &'a [Record] {
    let mut byte = 0;
    let starts = records.iter().map(|record| {
        let start = byte + record.gap.bytes;
        byte = start + record.measured.bytes;
        start
    });
    let start = starts
        .into_iter()
        .position(|start| start == part.bytes.start)
        .expect("a record starts with the part");
    let length = usize::try_from(part.records).expect("the drop is small");
    records.get(start..start + length).expect("a part is in the drop")
}

fn assert_are_the_drop(parts: &[Part], records: &[Record]) {
    let (mut byte, mut line) = (0, 1);
    for (number, part) in (1..).zip(parts) {
        let own = records_of(part, records);
        let gap = own.first().map(|record| record.gap).unwrap_or_default();
        byte += gap.bytes;
        line += gap.lines;
        assert_eq!((part.number, part.bytes.start, part.first_line), (number, byte, line));
        byte += own.iter().map(|record| record.measured.bytes + record.gap.bytes).sum::<u64>() - gap.bytes;
        line += own.iter().map(|record| 1 + record.gap.lines).sum::<u64>() - gap.lines;
        assert_eq!(part.bytes.end, byte);
        let repairs = own.iter().enumerate().map(|(at, record)| {
            usize::from(record.measured.repaired_bytes.is_some())
                + usize::from(at > 0 && record.gap.bytes > 0)
        });
        assert_eq!(part.repaired, repairs.sum::<usize>() as u64);
        let without_id = own.iter().filter(|record| record.measured.generated_id_bytes.is_some()).count();
        assert_eq!(part.without_id, without_id as u64);
        let mut id_sum = KeySum::default();
        own.iter().for_each(|record| id_sum.add(record.measured.key));
        assert_eq!(part.id_sum, id_sum);
    }
    let all = records.iter().map(|record| 1 + record.gap.lines).sum::<u64>();
    assert_eq!(line, all + 1, "all records are in a part");
}

/// The smallest number of parts, found by trying all cuts; `None` if no cuts are within the quotas.
fn fewest(quotas: Quotas, records: &[Record]) -> Option<usize> {
    let mut best: Vec<Option<usize>> = vec![None; records.len() + 1];
    if let Some(none) = best.first_mut() {
        *none = Some(0);
    }
    for end in 1..=records.len() {
        let (mut count, mut bytes, mut fewest) = (0, 0, None::<usize>);
        for start in (0..end).rev() {
            count += 1;
            bytes += records[start].input_bytes;
            if count > quotas.max_records || bytes > quotas.max_file_bytes {
                break;
            }
            if count >= quotas.min_records {
                fewest = fewest.into_iter().chain(best[start].map(|parts| parts + 1)).min();
            }
        }
        best[end] = fewest;
    }
    best[records.len()].filter(|parts| *parts > 0)
}

/// Whether any number of jobs takes exactly this many records, if they are small.
fn has_count(quotas: Quotas, records: u64) -> bool {
    let takes = |jobs: u64| (jobs * quotas.min_records..=jobs * quotas.max_records).contains(&records);
    (1..=records).any(takes)
}
