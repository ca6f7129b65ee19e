//! The parts of a drop are the drop, each is within the quotas, and there are as few as possible.

use bedrock_vpc_batch::drop::plan::{Cutter, Measured, Part};
use bedrock_vpc_batch::drop::quotas::{QuotaProblem, Quotas};
use bedrock_vpc_batch::record::key::{KeySum, RecordHasher, RecordKey};

use super::super::strictness::disagreement::any_drop_id;
use super::take_byte;

/// The data is the quotas, and a byte for each record.
pub(crate) fn check(mut data: &[u8]) {
    let min_records = 1 + u64::from(take_byte(&mut data) % 6);
    let max_records = min_records + u64::from(take_byte(&mut data) % 40);
    let max_file_bytes = 20 + u64::from(take_byte(&mut data)) * 2;
    let quotas = Quotas { min_records, max_records, max_file_bytes };
    let records: Vec<Record> = data.iter().enumerate().map(|(at, byte)| Record::new(at, *byte)).collect();
    check_parts(quotas, &records);
}

/// A record of a drop.
struct Record {
    measured: Measured,
    input_bytes: u64,
}

impl Record {
    fn new(at: usize, byte: u8) -> Self {
        let (bytes, without_id) = (1 + u64::from(byte % 20), byte >= 128);
        let generated_id_bytes = without_id.then_some(u64::from(byte % 3));
        let measured = Measured { key: key_of(at), bytes, generated_id_bytes };
        Self { measured, input_bytes: bytes + generated_id_bytes.unwrap_or_default() }
    }
}

fn key_of(at: usize) -> RecordKey {
    RecordHasher::seeded_with("a drop").key_of(&at.to_string())
}

fn check_parts(quotas: Quotas, records: &[Record]) {
    let mut cutter = Cutter::new(quotas);
    records.iter().for_each(|record| cutter.push(&record.measured));
    let bytes = records.iter().map(|record| record.measured.bytes).sum();
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

fn records_of<'a>(part: &Part, records: &'a [Record]) -> &'a [Record] {
    let start = usize::try_from(part.first_line - 1).expect("the drop is small");
    let length = usize::try_from(part.records).expect("the drop is small");
    records.get(start..start + length).expect("a part is in the drop")
}

fn assert_are_the_drop(parts: &[Part], records: &[Record]) {
    let (mut byte, mut line) = (0, 1);
    for (number, part) in (1..).zip(parts) {
        assert_eq!((part.number, part.bytes.start, part.first_line), (number, byte, line));
        let own = records_of(part, records);
        byte += own.iter().map(|record| record.measured.bytes).sum::<u64>();
        line += own.len() as u64;
        assert_eq!(part.bytes.end, byte);
        let without_id = own.iter().filter(|record| record.measured.generated_id_bytes.is_some()).count();
        assert_eq!(part.without_id, without_id as u64);
        let mut id_sum = KeySum::default();
        own.iter().for_each(|record| id_sum.add(record.measured.key));
        assert_eq!(part.id_sum, id_sum);
    }
    assert_eq!(line, records.len() as u64 + 1, "all records are in a part");
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
