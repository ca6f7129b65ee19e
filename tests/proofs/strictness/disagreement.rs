//! Compares what the readers find in a line with what the oracle finds in it.

use bedrock_vpc_batch::drop::check::{Validator, Verdict};
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::record::input::{InputReader, parse_input_record};
use bedrock_vpc_batch::record::json_fault::JsonFault;
use bedrock_vpc_batch::record::output::{OutputReader, parse_output_record};
use bedrock_vpc_batch::record::parsed::Answer;
use bedrock_vpc_batch::record::problem::RecordProblem;
use bedrock_vpc_batch::record::stop_reason::Usability;

use super::oracle;

/// A drop for lines that may be of any.
pub(crate) fn any_drop_id() -> DropId {
    DropId::parse("0123456789abcdef0123456789abcdef").expect("these are 32 hex digits")
}

/// What is wrong, if anything, with the verdict on a line that follows a good one, and whether the line is
/// good.
pub(crate) fn input_disagreement(before: &[u8], line: &[u8]) -> (Option<String>, bool) {
    let expected = oracle::record(line);
    let found = parse_input_record(line);
    let mut reader = InputReader::default();
    assert_eq!(reader.read(before).is_ok(), parse_input_record(before).is_ok());
    assert_eq!(reader.read(line), found, "after another line: {:?}", String::from_utf8_lossy(line));
    let bad_lines = bad_lines_of(&[before, line, before, line, before]);
    let expected_bad = if expected.is_some() { vec![] } else { vec![2, 4] };
    assert_eq!(bad_lines, expected_bad, "among others: {:?}", String::from_utf8_lossy(line));
    let is_right = match (&found, &expected) {
        (Ok(found), Some(record_id)) => {
            found.record_id.as_deref() == record_id.as_deref() && line.get(found.object_start) == Some(&b'{')
        }
        // Each mistake has a name.
        (Err(error), None) => error
            .all()
            .all(|(offset, what)| offset <= line.len() && *what != RecordProblem::NotJson(JsonFault::Other)),
        _ => false,
    };
    let report = || format!("{:?}: {found:?}, not {expected:?}", String::from_utf8_lossy(line));
    ((!is_right).then(report), expected.is_some())
}

/// The numbers of the lines for which a drop with all of them is refused.
fn bad_lines_of(lines: &[&[u8]]) -> Vec<u64> {
    let quotas = Quotas { min_records: 1, max_records: 1, max_file_bytes: u64::MAX };
    let mut validator = Validator::new(any_drop_id(), quotas, usize::MAX);
    validator.feed(&lines.join(&b'\n')).expect("there are few lines");
    match validator.finish() {
        Verdict::Valid(_) => vec![],
        Verdict::Invalid { problems, .. } => {
            let mut lines: Vec<u64> =
                problems.iter().flat_map(|problem| &problem.places).map(|place| place.line).collect();
            lines.sort_unstable();
            // A line may have several problems.
            lines.dedup();
            lines
        }
    }
}

/// What is wrong, if anything, with what is read in a line of output that follows another one, and whether the line is an
/// answer.
pub(crate) fn output_disagreement(before: &[u8], line: &[u8]) -> (Option<String>, bool) {
    let expected = oracle::answer(line);
    (disagreement_with(expected.as_ref(), before, line), expected.is_some())
}

/// What the oracle says about a line.
type Expected = (String, Answer, Usability);

pub(crate) fn disagreement_with(expected: Option<&Expected>, before: &[u8], line: &[u8]) -> Option<String> {
    let mut reader = OutputReader::default();
    let _ = reader.read(before);
    let found = reader.read(line);
    assert_eq!(found, parse_output_record(line), "after another line");
    let found = found.map(|record| (record.record_id.into_owned(), record.answer, record.usability));
    let report = || format!("{:?}: {found:?}, not {expected:?}", String::from_utf8_lossy(line));
    (found.as_ref() != expected).then(report)
}
