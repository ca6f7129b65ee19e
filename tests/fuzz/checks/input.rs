//! A line of a drop gets the verdict of the oracle, by itself and in a drop, and its generated id.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use bedrock_vpc_batch::base::text;
use bedrock_vpc_batch::drop::check::{Accepted, Validator, Verdict};
use bedrock_vpc_batch::drop::generated_id::GeneratedId;
use bedrock_vpc_batch::drop::kinds;
use bedrock_vpc_batch::drop::problems::MAX_BAD_LINES;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::rejection::{MAX_PLACES, Problem};
use bedrock_vpc_batch::drop::rewriting::Rewriter;

use super::super::strictness::disagreement::{any_drop_id, input_disagreement};
use super::super::strictness::oracle;
use super::{chunks, lines_of, take_byte};

const GOOD: &[u8] = br#"{"recordId":"before","modelInput":{"a":1}}"#;

/// The quotas of a job. Two lines with the same id may not be in one job.
const MIN_RECORDS: u64 = 2;
const MAX_RECORDS: u64 = 3;

/// The longest line, so that long lines are tried too.
const LONGEST: usize = 200;

/// The data is two sizes of chunks and the drop.
pub(crate) fn check(mut data: &[u8]) {
    let pattern = [take_byte(&mut data), take_byte(&mut data)];
    let lines = lines_of(data);
    let mut before = GOOD;
    for (number, line) in (1..).zip(&lines) {
        let (wrong, is_good) = input_disagreement(before, line);
        assert_eq!(wrong, None);
        check_generated_id(number, line);
        if is_good {
            before = line;
        }
    }
    check_drop(data, pattern, &lines);
}

/// In the job's input, every record has an id, and is otherwise as it was. What is not a record, but can be repaired, has
/// become records.
fn check_generated_id(number: u64, line: &[u8]) {
    let mut written = Vec::new();
    let drop_id = any_drop_id();
    let is_record = Rewriter::new(&drop_id, number).push(Some(line), &mut written).is_ok();
    let found = written.strip_suffix(b"\n").filter(|_| is_record);
    match oracle::record(line) {
        None => found.into_iter().flat_map(|found| found.split(|byte| *byte == b'\n')).for_each(|line| {
            assert!(matches!(oracle::record(line), Some(Some(_))), "only records are written");
        }),
        Some(Some(_)) => assert_eq!(found, Some(line), "a record with an id is not changed"),
        Some(None) => {
            let found = found.expect("a record is written");
            let id = GeneratedId::new(&drop_id, number);
            assert_eq!(oracle::record(found), Some(Some(id.as_str().to_owned())));
            assert_eq!(found.len() as u64, line.len() as u64 + id.added_bytes());
        }
    }
}

/// The problems of a drop are its bad lines, its long lines, its repeated ids, and too few lines, however it is cut
/// into chunks.
fn check_drop(drop: &[u8], pattern: [u8; 2], lines: &[&[u8]]) {
    let quotas = Quotas { min_records: MIN_RECORDS, max_records: MAX_RECORDS, max_file_bytes: u64::MAX };
    let mut validator = Validator::new(any_drop_id(), quotas, LONGEST);
    let mut is_enough = false;
    for chunk in chunks(pattern, drop) {
        is_enough = validator.feed(chunk).is_err();
        if is_enough {
            break;
        }
    }
    let expected = bad_lines(lines);
    match validator.finish() {
        Verdict::Valid(Accepted { parts, repairs, .. }) => {
            assert!(repairs.is_empty(), "repairs are off");
            assert_eq!(expected, []);
            assert!(lines.len() as u64 >= MIN_RECORDS);
            assert_eq!(parts.iter().map(|part| part.records).sum::<u64>(), lines.len() as u64);
            assert_eq!(parts.last().map(|part| part.bytes.end), Some(drop.len() as u64));
        }
        // What the file is, instead of its bad lines.
        Verdict::Invalid { problems, stopped_early } if is_diagnosis(&problems) => {
            assert_eq!((problems.len(), stopped_early), (1, false));
            let is_blank = lines.iter().all(|line| is_blank(line));
            assert_eq!(problems[0].code.as_str() == kinds::EMPTY_FILE.code, is_blank, "{problems:?}");
            assert!(
                is_blank || expected.first().is_some_and(|(number, _)| *number == 1),
                "the first line is a record"
            );
        }
        Verdict::Invalid { mut problems, stopped_early } => {
            assert_eq!(stopped_early, expected.len() as u64 >= MAX_BAD_LINES);
            assert!(stopped_early || !is_enough, "the reading stops only after {MAX_BAD_LINES} bad lines");
            if !stopped_early && (lines.len() as u64) < MIN_RECORDS {
                let too_few = problems.pop().expect("there is a problem");
                assert_eq!((too_few.line, too_few.byte, too_few.lines), (None, None, 0));
                assert!(
                    too_few.what.starts_with(&format!("the file has {} record", lines.len())),
                    "{too_few:?}"
                );
            }
            check_groups(&problems, &expected);
        }
    }
}

/// The problems are the bad lines, each in at least one of the groups and at most once in each, and each group has its
/// first places.
fn check_groups(problems: &[Problem], expected: &[(u64, RangeInclusive<u64>)]) {
    let (count, bad) = (
        problems.iter().map(|problem| problem.lines).sum::<u64>(),
        (expected.len() as u64).min(MAX_BAD_LINES),
    );
    assert!(count >= bad, "a bad line is not counted: {count} of {bad}");
    assert!(problems.iter().all(|problem| problem.lines <= bad), "a line is counted twice: {problems:?}");
    let codes: BTreeSet<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes.len(), problems.len(), "each kind is there once");
    let mut lines_with_places = Vec::new();
    for problem in problems {
        assert_eq!(problem.places.len() as u64, problem.lines.min(MAX_PLACES as u64));
        let first = &problem.places[0];
        assert_eq!((problem.line, problem.byte), (Some(first.line), Some(first.byte)));
        assert!(problem.places.windows(2).all(|pair| pair[0].line < pair[1].line));
        for place in &problem.places {
            let (_, bytes) = expected
                .iter()
                .find(|(number, _)| *number == place.line)
                .expect("only bad lines are problems");
            assert!(bytes.contains(&place.byte), "{} is not in line {}", place.byte, place.line);
            let chars = place.excerpt.chars().count();
            assert!(chars <= 80 && place.caret <= chars, "{place:?}");
            assert_eq!(text::lines(&place.excerpt).to_string(), place.excerpt, "a terminal may get it");
            lines_with_places.push(place.line);
        }
    }
    lines_with_places.sort_unstable();
    lines_with_places.dedup();
    // A group leaves out no line before its last place.
    let first_lines: Vec<u64> = expected.iter().map(|(number, _)| *number).take(MAX_PLACES).collect();
    assert_eq!(lines_with_places.get(..first_lines.len()), Some(first_lines.as_slice()));
}

fn is_diagnosis(problems: &[Problem]) -> bool {
    problems
        .first()
        .is_some_and(|problem| problem.line.is_none() && problem.code.as_str() != kinds::TOO_FEW_RECORDS.code)
}

/// Whether a line has nothing that anyone could see: white space and byte order marks.
fn is_blank(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|text| text.chars().all(|c| " \t\r\u{feff}".contains(c)))
}

/// The numbers of the bad lines, and where they are in the drop, including their ends.
fn bad_lines(lines: &[&[u8]]) -> Vec<(u64, RangeInclusive<u64>)> {
    let mut bad = Vec::new();
    let mut last_lines = BTreeMap::new();
    let mut byte = 0;
    for (number, line) in (1..).zip(lines) {
        let end = byte + line.len() as u64;
        let record = if line.len() <= LONGEST { oracle::record(line) } else { None };
        let id = record.map(|id| id.unwrap_or_else(|| generated_id(number)));
        let is_bad = match &id {
            None => true,
            Some(id) => last_lines.get(id).is_some_and(|earlier| number - earlier < MAX_RECORDS),
        };
        if is_bad {
            // A line that is too long is not looked into.
            bad.push((number, byte..=if line.len() > LONGEST { byte } else { end }));
        } else {
            last_lines.extend(id.map(|id| (id, number)));
        }
        byte = end + 1;
    }
    bad
}

fn generated_id(number: u64) -> String {
    GeneratedId::new(&any_drop_id(), number).as_str().to_owned()
}
