//! A line of a drop gets the verdict of the oracle, by itself and in a drop, and its generated id.

use std::collections::BTreeMap;

use bedrock_vpc_batch::drop::check::{Validator, Verdict};
use bedrock_vpc_batch::drop::generated_id::{GeneratedId, push_with_id};
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::rejection::MAX_PROBLEMS;
use bedrock_vpc_batch::record::input::InputReader;
use bedrock_vpc_batch::record::lines::Line;

use super::super::strictness::disagreement::{any_drop_id, input_disagreement};
use super::super::strictness::oracle;
use super::{chunks, lines_of, take_byte};

const GOOD: &[u8] = br#"{"recordId":"before","modelInput":{"a":1}}"#;

/// How close two lines with the same id must be for the second to be refused.
const ROOM: usize = 3;

/// The longest line, so that long lines are tried too.
const LONGEST: usize = 200;

/// The data is two sizes of chunks and the drop.
pub(crate) fn check(mut data: &[u8]) {
    let pattern = [take_byte(&mut data), take_byte(&mut data)];
    let lines = lines_of(data);
    let mut before = GOOD;
    let mut reader = InputReader::default();
    for (number, line) in (1..).zip(&lines) {
        let (wrong, is_good) = input_disagreement(before, line);
        assert_eq!(wrong, None);
        check_generated_id(&mut reader, number, line);
        if is_good {
            before = line;
        }
    }
    check_drop(data, pattern, &lines);
}

/// In the job's input, every record has an id, and is otherwise as it was.
fn check_generated_id(reader: &mut InputReader, number: u64, line: &[u8]) {
    let mut written = Vec::new();
    let drop_id = any_drop_id();
    let is_record =
        push_with_id(&drop_id, reader, &Line { number, byte: 0, bytes: Some(line) }, &mut written);
    let found = is_record.and(written.strip_suffix(b"\n"));
    match oracle::record(line) {
        None => assert_eq!(found, None, "only records are written"),
        Some(Some(_)) => assert_eq!(found, Some(line), "a record with an id is not changed"),
        Some(None) => {
            let found = found.expect("a record is written");
            let id = GeneratedId::new(&drop_id, number);
            assert_eq!(oracle::record(found), Some(Some(id.as_str().to_owned())));
            assert_eq!(found.len() as u64, line.len() as u64 + id.added_bytes());
        }
    }
}

/// The problems of a drop are its bad lines, its long lines, and its repeated ids, however it is cut into chunks.
fn check_drop(drop: &[u8], pattern: [u8; 2], lines: &[&[u8]]) {
    let quotas = Quotas { min_records: 1, max_records: ROOM as u64, max_file_bytes: u64::MAX };
    let mut validator = Validator::new(any_drop_id(), quotas, LONGEST);
    for chunk in chunks(pattern, drop) {
        if validator.feed(chunk).is_err() {
            break;
        }
    }
    let (found, stopped_early) = match validator.finish() {
        Verdict::Valid(parts) => {
            assert_eq!(parts.iter().map(|part| part.records).sum::<u64>(), lines.len() as u64);
            assert_eq!(parts.last().map(|part| part.bytes.end), Some(drop.len() as u64));
            (vec![], false)
        }
        Verdict::Invalid { problems, stopped_early } => {
            (problems.into_iter().filter_map(|problem| problem.line).collect(), stopped_early)
        }
    };

    let mut expected = Vec::new();
    let mut last_lines = BTreeMap::new();
    for (number, line) in (1..).zip(lines) {
        let record = if line.len() <= LONGEST { oracle::record(line) } else { None };
        let id = record.map(|id| id.unwrap_or_else(|| generated_id(number)));
        let is_bad = match &id {
            None => true,
            Some(id) => last_lines.get(id).is_some_and(|earlier| number - earlier < ROOM as u64),
        };
        if is_bad {
            expected.push(number);
        } else {
            last_lines.extend(id.map(|id| (id, number)));
        }
    }
    assert_eq!(stopped_early, expected.len() >= MAX_PROBLEMS);
    expected.truncate(MAX_PROBLEMS);
    assert_eq!(found, expected, "the bad lines");
}

fn generated_id(number: u64) -> String {
    GeneratedId::new(&any_drop_id(), number).as_str().to_owned()
}
