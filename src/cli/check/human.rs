//! Says for a person what was found out about a file.

use super::report::{Estimate, Found, Plan, Report};
use crate::base::count::Counted;
use crate::base::text;
use crate::cli::error::CliError;
use crate::cli::output::{Style, print_error, print_shown};
use crate::cli::problems::{describe_problems, records};
use crate::estimate::price::Dollars;
use crate::estimate::range::Grouped;

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
        Found::Valid { plan, repairs, estimate } => {
            let mut lines =
                format!("{file}: {}, {}, jobs: {}", style.good("valid"), records(plan.records), plan.jobs);
            lines.push_str(&format!("\n  {}", describe_plan(plan)));
            if !repairs.is_empty() {
                lines.push_str(&format!("\n  {repairs}"));
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

fn describe_estimate(estimate: &Estimate) -> String {
    let Estimate { input, output, price, notes, .. } = estimate;
    let mut lines = format!("\n  estimate: {input} tokens in, {output} tokens out");
    if let (Some((batch, on_demand)), Some(price)) = (estimate.costs(), price) {
        lines.push_str(&format!(
            "\n  cost: {} USD in batch, {} USD on demand ({} prices of {})",
            Dollars(batch),
            Dollars(on_demand),
            price.region,
            price.as_of
        ));
    }
    for note in notes {
        lines.push_str(&format!("\n  note: {note}"));
    }
    lines
}
