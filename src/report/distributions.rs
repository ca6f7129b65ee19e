//! How the jobs of a drop differ: how long they took, how much of them was answered, and how long the answers are. Pure.

use maud::{Markup, html};

use super::frame::table;
use super::jobs::times;
use super::words::duration;
use crate::estimate::range::Grouped;
use crate::job::summary::{Summary, SummaryJob};

/// With fewer jobs, the table of jobs says it all.
const MIN_JOBS: usize = 5;

/// How many bars a picture has.
const BARS: usize = 10;

/// The height of the highest bar, in its own units.
const HEIGHT: u64 = 100;

/// Something that differs from job to job.
struct Figure {
    what: &'static str,
    of: fn(&SummaryJob) -> Option<u64>,
    say: fn(u64) -> String,
}

const FIGURES: [Figure; 3] = [
    Figure {
        what: "time from submission to end",
        of: |job| times(job).map(|(from, to)| to.seconds_since(from)),
        say: duration,
    },
    Figure {
        what: "records with an answer, in percent",
        of: |job| {
            let counts = &job.outcome.records;
            let all = counts.succeeded + counts.failed + counts.unprocessed + counts.retried;
            (counts.succeeded * 100).checked_div(all)
        },
        say: |percent| format!("{percent}%"),
    },
    Figure {
        what: "output tokens per answer, on average",
        of: |job| job.outcome.output_tokens?.checked_div(job.outcome.records.succeeded),
        say: |tokens| Grouped(tokens).to_string(),
    },
];

/// The section about the differences, if there are enough jobs.
pub(super) fn section(summary: &Summary) -> Markup {
    let figures = FIGURES.map(|figure| {
        let mut values: Vec<u64> = summary.jobs.iter().filter_map(figure.of).collect();
        values.sort_unstable();
        (figure, values)
    });
    let rows = html! {
        @for (Figure { what, say, .. }, values) in &figures {
            @if let [least, .., most] = values.as_slice() {
                tr {
                    th scope="row" { (what) }
                    td.number { (say(*least)) }
                    td.number { (say(middle(values))) }
                    td.number { (say(*most)) }
                    td.bar { (histogram(values, *least, *most)) }
                }
            }
        }
    };
    html! {
        @if summary.jobs.len() >= MIN_JOBS {
            h2 { "How the jobs differ" }
            (table(
                "From the job with the least to the one with the most",
                &html! {
                    th scope="col" { "of a job" }
                    th.number scope="col" { "least" }
                    th.number scope="col" { "median" }
                    th.number scope="col" { "most" }
                    th scope="col" { "jobs, from least to most" }
                },
                &rows,
            ))
        }
    }
}

/// The median of sorted values, or the lower one of two.
fn middle(values: &[u64]) -> u64 {
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// How many values are in each tenth of the range from the least to the most.
fn counts(values: &[u64], least: u64, most: u64) -> [u64; BARS] {
    let mut counts = [0; BARS];
    for value in values {
        let bar = u128::from(value - least) * BARS as u128 / u128::from((most - least).max(1));
        let bar = usize::try_from(bar).unwrap_or(BARS).min(BARS - 1);
        if let Some(count) = counts.get_mut(bar) {
            *count += 1;
        }
    }
    counts
}

fn histogram(values: &[u64], least: u64, most: u64) -> Markup {
    let counts = counts(values, least, most);
    let highest = counts.iter().copied().max().unwrap_or_default().max(1);
    html! {
        svg.histogram viewBox=(format!("0 0 {BARS}0 {HEIGHT}")) preserveAspectRatio="none" aria-hidden="true" {
            rect.track y=(HEIGHT - 2) width=(10 * BARS) height="2" {}
            @for (bar, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                // Even one job is seen.
                @let height = (count * HEIGHT / highest).max(4);
                rect.rest x=(10 * bar) y=(HEIGHT - height) width="9" height=(height) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_by_tenths() {
        assert_eq!(counts(&[0, 1, 9, 10, 99, 100], 0, 100), [3, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(counts(&[7, 7, 7], 7, 7), [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(counts(&[0, u64::MAX], 0, u64::MAX), [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!([middle(&[1, 2, 3]), middle(&[1, 2, 3, 4]), middle(&[5]), middle(&[])], [2, 2, 5, 0]);
    }
}
