//! What is wrong with a drop, for a person.

use crate::drop::rejection::Problem;

/// How many problems a drop has, and the first `shown` of them, a line each.
pub(super) fn tell_problems(problems: &[Problem], stopped_early: bool, shown: usize) -> String {
    let more = if stopped_early { " or more" } else { "" };
    let mut text = format!("{}{more} problems", problems.len());
    for problem in problems.iter().take(shown) {
        let place = match (problem.line, problem.byte) {
            (Some(line), Some(byte)) => format!("line {line} (byte {byte}): "),
            _ => String::new(),
        };
        text.push_str(&format!("\n  {place}{}; {}", problem.what, problem.fix));
    }
    text
}
