//! A line of Bedrock's output is read as the oracle reads it, whatever line was before it.

use super::super::strictness::disagreement::output_disagreement;
use super::lines_of;

const ANSWER: &[u8] = br#"{"modelInput":{"a":1},"modelOutput":{"b":"2"},"recordId":"before"}"#;

/// The oracle reads no more levels than this.
const MAX_DEPTH: usize = 600;

/// The data is lines of output.
pub(crate) fn check(data: &[u8]) {
    let mut before = ANSWER;
    for line in lines_of(data) {
        let levels = line.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
        if levels <= MAX_DEPTH {
            let (wrong, _) = output_disagreement(before, line);
            assert_eq!(wrong, None);
        }
        before = line;
    }
}
