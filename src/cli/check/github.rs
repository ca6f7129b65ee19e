//! Says what was found out about a file as annotations of a GitHub workflow.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands> (read 2026-11)

use super::report::{Found, Report, Warning};
use crate::base::text;
use crate::cli::problems::records;
use crate::drop::rejection::Problem;

/// Returns one line for each annotation.
pub(super) fn annotations(report: &Report) -> String {
    let file = property(&report.file);
    match &report.found {
        Found::Valid { plan, repairs, examined, .. } => {
            let repaired = if repairs.is_empty() { String::new() } else { format!(". {repairs}") };
            let valid = format!("valid, {}, jobs: {}{repaired}", records(plan.records), plan.jobs);
            let notice = format!("::notice file={file}::{}", data(&valid));
            let warnings = examined.iter().flat_map(|examined| &examined.warnings);
            let warnings = warnings.map(|warning| of_warning(&file, warning));
            std::iter::once(notice).chain(warnings).collect::<Vec<_>>().join("\n")
        }
        Found::Invalid { problems, stopped_early } => {
            let mut lines: Vec<_> = problems.iter().flat_map(|problem| of_problem(&file, problem)).collect();
            if *stopped_early {
                lines.push(format!("::error file={file}::{}", data("there may be more problems")));
            }
            lines.join("\n")
        }
        Found::Unreadable(error) => format!("::error file={file}::{}", data(&error.to_string())),
    }
}

/// Returns an annotation for records that are certain to fail at the model.
fn of_warning(file: &str, warning: &Warning) -> String {
    let Warning { code, what, fix, first_lines, places, .. } = warning;
    let line = first_lines.first().copied().unwrap_or(1);
    let title = property(code);
    format!("::warning file={file},line={line},title={title}::{}", data(&format!("{what} ({places}); {fix}")))
}

/// Returns an annotation for each place of a problem, or one for the file.
fn of_problem(file: &str, problem: &Problem) -> Vec<String> {
    let title = property(problem.code.as_str());
    let annotation = |what: &str, line: Option<u64>, detail: Option<&str>| {
        let line = line.map(|line| format!(",line={line}")).unwrap_or_default();
        let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
        format!(
            "::error file={file}{line},title={title}::{}",
            data(&format!("{what}{detail}; {}", problem.fix))
        )
    };
    if problem.places.is_empty() {
        return vec![annotation(&problem.what, problem.line, None)];
    }
    // `what` has the detail of the first place.
    let kind = problem.code.kind().map_or(problem.what.as_str(), |kind| kind.what);
    let places = problem.places.iter();
    places.map(|place| annotation(kind, Some(place.line), place.detail.as_deref())).collect()
}

/// Escapes a message: it ends at the end of the line, and `%` starts an escape.
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts> (read 2026-11)
fn data(message: &str) -> String {
    text::lines(message).to_string().replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which also ends at a comma or a colon.
fn property(value: &str) -> String {
    data(value).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::kinds;

    #[test]
    fn names_and_messages_cannot_end_a_command_or_start_another() {
        let mut problem =
            Problem::of_file(&kinds::NAME_NOT_JSONL, "100% wrong\n::error::x\r", "fix: it, now");
        problem.line = Some(7);
        let found = Found::Invalid { problems: vec![problem], stopped_early: true };
        let report = Report { file: "a,b:c%\n::x::.jsonl".into(), shell_word: None, found };
        assert_eq!(
            annotations(&report),
            "::error file=a%2Cb%3Ac%25%0A%3A%3Ax%3A%3A.jsonl,line=7,title=name-not-jsonl::100%25 wrong%0A::error::x\\r; fix: it, now\n\
             ::error file=a%2Cb%3Ac%25%0A%3A%3Ax%3A%3A.jsonl::there may be more problems"
        );
    }
}
