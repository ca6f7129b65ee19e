//! Says for a person what was found out about a file.

use super::report::{Estimate, Found, Plan, Report};
use crate::base::count::Counted;
use crate::base::text;
use crate::cli::error::CliError;
use crate::cli::output::{Style, print_error, print_shown};
use crate::cli::problems::{describe_problems, records, wrapped};
use crate::drop::model_door::Refusable;
use crate::estimate::price::Dollars;
use crate::estimate::range::Grouped;
use crate::model::rules::RuleFinding;

/// Prints a report, to standard error if the file cannot be read.
pub(super) fn print(report: &Report) -> Result<(), CliError> {
    match &report.found {
        Found::Unreadable(error) => {
            print_error(&CliError::Unreadable(report.file.clone(), error.to_string()));
            Ok(())
        }
        found => print_shown(&describe(&report.file, found, Style::of_stdout())),
    }
}

/// Returns the lines of a report. Everything in them is fit for a terminal.
fn describe(file: &str, found: &Found, style: Style) -> String {
    let file = text::line(file);
    match found {
        Found::Valid { plan, repairs, refusable, estimate } => {
            let mut lines =
                format!("{file}: {}, {}, jobs: {}", style.good("valid"), records(plan.records), plan.jobs);
            lines.push_str(&row(&describe_plan(plan)));
            if !repairs.is_empty() {
                lines.push_str(&row(&repairs.to_string()));
            }
            if let Some(refusable) = refusable {
                lines.push_str(&text::lines(describe_refusable(refusable)).to_string());
            }
            if let Some(estimate) = estimate {
                lines.push_str(&text::lines(describe_estimate(estimate)).to_string());
            }
            lines
        }
        Found::Invalid { problems, stopped_early } => {
            let problems = describe_problems(problems, *stopped_early);
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

/// Says what the model must refuse. The text starts with a line break.
pub(crate) fn describe_refusable(refusable: &Refusable) -> String {
    let Refusable { examined, failing, groups } = refusable;
    let mut lines = format!(
        "\n  warning: {failing} of {} that were examined must fail at the model",
        Counted(*examined, "record")
    );
    for group in groups.iter().take(MAX_GROUPS) {
        let places = group.lines();
        let RuleFinding { code, what, fix, .. } = &group.first;
        lines.push_str(&format!("\n    {code}: {what} ({places})\n      fix: {fix}"));
    }
    if groups.len() > MAX_GROUPS {
        lines.push_str(&format!("\n    and {} more", Counted((groups.len() - MAX_GROUPS) as u64, "kind")));
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
