//! Tells a person what is wrong with a drop.

use crate::drop::rejection::Problem;

/// Says how many problems a drop has, and lists the first `shown` of them, one per line.
pub(super) fn describe_problems(problems: &[Problem], stopped_early: bool, shown: usize) -> String {
    let noun = if problems.len() == 1 { "problem" } else { "problems" };
    let mut text = format!("{} {noun}", problems.len());
    for problem in problems.iter().take(shown) {
        let position = match (problem.line, problem.byte) {
            (Some(line), Some(byte)) => format!("line {line} (byte {byte}): "),
            _ => String::new(),
        };
        text.push_str(&format!("\n  {position}{}; {}", problem.what, problem.fix));
        if problem.lines > 1 {
            let more = if stopped_early { " or more" } else { "" };
            text.push_str(&format!(" [{}, {} lines{more}]", problem.code.as_str(), problem.lines));
        }
    }
    text
}

/// Counts records: `1 record`, `2 records`.
pub(super) fn records(count: u64) -> String {
    format!("{count} {}", if count == 1 { "record" } else { "records" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::kinds;

    #[test]
    fn one_is_singular() {
        let of_file = Problem::of_file(&kinds::BLANK_LINE, "blank", "remove it");
        let problem = Problem { line: Some(2), byte: Some(9), lines: 1, ..of_file };
        let two = [problem.clone(), Problem { lines: 2, ..problem }];
        assert_eq!(describe_problems(&two[..1], false, 3), "1 problem\n  line 2 (byte 9): blank; remove it");
        assert_eq!(
            describe_problems(&two[1..], true, 1),
            "1 problem\n  line 2 (byte 9): blank; remove it [blank-line, 2 lines or more]"
        );
        assert_eq!(describe_problems(&two, false, 0), "2 problems");
        assert_eq!([0, 1, 2].map(records), ["0 records", "1 record", "2 records"]);
    }
}
