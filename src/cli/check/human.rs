//! Says for a person what was found out about a file.

use super::report::{Estimate, Examined, Found, Plan, Report, Warning};
use crate::base::count::Counted;
use crate::base::text;
use crate::cli::error::CliError;
use crate::cli::fixes::Wording;
use crate::cli::output::{Style, print_aside, print_error, print_shown};
use crate::cli::problems::{describe_problems, fix_rows, records as records_of, wrapped};
use crate::drop::model_door::{FIRST_RECORDS, Refusable, SPREAD};
use crate::estimate::price::Dollars;
use crate::estimate::range::Grouped;

/// Prints a report, to standard error if the file cannot be read.
pub(super) fn print(report: &Report) -> Result<(), CliError> {
    match &report.found {
        Found::Unreadable(error) => {
            print_error(&CliError::Unreadable(report.file.clone(), error.to_string()));
            Ok(())
        }
        _ => print_shown(&describe(report, Style::of_stdout())),
    }
}

/// Prints a report on standard error, for a command that has other results.
pub(super) fn print_aside_of(report: &Report) {
    match &report.found {
        Found::Unreadable(error) => {
            print_error(&CliError::Unreadable(report.file.clone(), error.to_string()));
        }
        _ => print_aside(&describe(report, Style::PLAIN)),
    }
}

/// Returns the lines of a report. Everything in them is fit for a terminal.
fn describe(report: &Report, style: Style) -> String {
    let file = text::line(&report.file);
    let shell_word = report.shell_word.as_deref();
    match &report.found {
        Found::Valid { plan, repairs, examined, estimate } => {
            let mut lines =
                format!("{file}: {}, {}, jobs: {}", style.good("valid"), records_of(plan.records), plan.jobs);
            lines.push_str(&row(&describe_plan(plan)));
            if !repairs.is_empty() {
                lines.push_str(&row(&repairs.to_string()));
            }
            if let Some(examined) = examined {
                lines.push_str(&describe_examined(examined, shell_word));
            }
            if let Some(estimate) = estimate {
                lines.push_str(&text::lines(describe_estimate(estimate)).to_string());
            }
            lines
        }
        Found::Invalid { problems, stopped_early } => {
            let problems = describe_problems(problems, *stopped_early, shell_word);
            format!("{file}: {}, {}", style.bad("not valid"), text::lines(problems))
        }
        Found::Unreadable(error) => format!("{file}: {}", text::lines(error)),
    }
}

/// Returns a row of a report, broken where a terminal of 80 columns would break it.
fn row(said: &str) -> String {
    let rows = wrapped(said.split(' '), "  ").into_iter();
    rows.map(|row| format!("\n{row}")).collect()
}

fn describe_plan(plan: &Plan) -> String {
    let (least, most) = (*plan.records_per_job.start(), *plan.records_per_job.end());
    let each = if least == most {
        Grouped(least).to_string()
    } else {
        format!("{} to {}", Grouped(least), Grouped(most))
    };
    let noun = if most == 1 { "record" } else { "records" };
    let padding = match plan.padding {
        0 => String::new(),
        padding => format!(", filled up with {}", Counted(padding, "padding record")),
    };
    format!("plan: {} of {each} {noun}{padding}", Counted(plan.jobs as u64, "job"))
}

/// At most this many kinds of faults are told.
const MAX_GROUPS: usize = 5;

/// Says what the model must refuse of records that were all examined. The text starts with a line break.
pub(crate) fn describe_refusable(refusable: Refusable) -> String {
    describe_examined(&Examined::new(refusable.examined, refusable, &Wording::default()), None)
}

fn describe_examined(found: &Examined, shell_word: Option<&str>) -> String {
    let Examined { records, examined, failing, warnings } = found;
    let [all, some] = [*records, *examined].map(Grouped);
    let which = format!("the first {} and every {}th", Grouped(FIRST_RECORDS), Grouped(SPREAD));
    let mut lines = match (failing, found.is_complete()) {
        (0, true) => return String::new(),
        (0, false) => {
            return row(&format!(
                "model rules: nothing found in {some} of {all} records; examined were {which} (--every-record \
                 examines all)"
            ));
        }
        (_, true) => {
            row(&format!("warning: {} of {} must fail at the model", Grouped(*failing), records_of(*records)))
        }
        (_, false) => row(&format!(
            "warning: {} of the {some} records that were examined must fail at the model; the file has {all}, of which \
             {which} were examined (--every-record examines all)",
            Grouped(*failing)
        )),
    };
    for Warning { code, what, fix, places, .. } in warnings.iter().take(MAX_GROUPS) {
        let head = format!("{code}: {what} ({places})");
        for row in wrapped(head.split(' '), "    ").into_iter().chain(fix_rows(fix, shell_word, "      ")) {
            lines.push('\n');
            lines.push_str(&row);
        }
    }
    if warnings.len() > MAX_GROUPS {
        lines.push_str(&format!("\n    and {} more", Counted((warnings.len() - MAX_GROUPS) as u64, "kind")));
    }
    lines
}

fn describe_estimate(estimate: &Estimate) -> String {
    let Estimate { input, output, price, notes, .. } = estimate;
    let mut lines = row(&format!("estimate: {input} tokens in, {output} tokens out"));
    if let (Some((batch, on_demand)), Some(price)) = (estimate.costs(), price) {
        lines.push_str(&row(&format!(
            "cost: {} USD in batch, {} USD on demand ({} prices of {})",
            Dollars(batch),
            Dollars(on_demand),
            price.region,
            price.as_of
        )));
    }
    for note in notes {
        lines.push_str(&row(&format!("note: {note}")));
    }
    lines
}
