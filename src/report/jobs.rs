//! The jobs of a drop: a table with a timeline, by part and attempt. Pure.

use maud::{Markup, html};

use super::frame::{WIDTH, class, share, table};
use super::words::{Tone, duration, read_time};
use crate::base::timestamp::Timestamp;
use crate::estimate::range::Grouped;
use crate::job::summary::{Summary, SummaryJob};

/// At most this many jobs have a row of their own.
const MAX_JOBS: usize = 500;

/// When a job was submitted, and when it ended.
pub(super) fn times(job: &SummaryJob) -> Option<(Timestamp, Timestamp)> {
    Some((read_time(&job.outcome.submit_time)?, read_time(job.outcome.end_time.as_deref()?)?))
}

/// The time from the first submission to the last end.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: Timestamp,
    seconds: u64,
}

impl Span {
    fn of(jobs: &[SummaryJob]) -> Option<Self> {
        let known = || jobs.iter().filter_map(times);
        let start = known().map(|(start, _)| start).min()?;
        let end = known().map(|(_, end)| end).max()?;
        Some(Self { start, seconds: end.seconds_since(start) })
    }

    /// A job as a bar in a picture of the whole span.
    fn bar(self, (from, to): (Timestamp, Timestamp), tone: Tone) -> Markup {
        let whole = self.seconds.max(1);
        // Even a short job is seen.
        let least = WIDTH / 100;
        let left = share(from.seconds_since(self.start), whole).min(WIDTH - least);
        let width = share(to.seconds_since(from), whole).max(least).min(WIDTH - left);
        html! {
            // The numbers in the row say the same.
            svg viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" aria-hidden="true" {
                rect.track width=(WIDTH) height="10" {}
                rect class=(class(tone)) x=(left) width=(width) height="10" {}
            }
        }
    }
}

/// How well a job went.
fn tone(job: &SummaryJob) -> Tone {
    let counts = &job.outcome.records;
    match (counts.succeeded, counts.failed + counts.unprocessed + counts.retried) {
        (_, 0) => Tone::Good,
        (0, _) => Tone::Bad,
        _ => Tone::Mixed,
    }
}

/// The section about the jobs.
pub(super) fn section(summary: &Summary) -> Markup {
    let jobs = &summary.jobs;
    let span = Span::of(jobs);
    let rows = html! {
        @for job in jobs.iter().take(MAX_JOBS) {
            @let counts = &job.outcome.records;
            @let times = times(job);
            tr {
                th.number scope="row" { (job.part) }
                td.number { (job.attempt) }
                td { (job.outcome.status.as_str()) }
                td.number { (Grouped(counts.succeeded)) }
                td.number { (Grouped(counts.failed + counts.unprocessed)) }
                td.number { (Grouped(counts.retried)) }
                td.number { @if let Some((from, to)) = times { (duration(to.seconds_since(from))) } }
                td.bar { @if let Some((span, times)) = span.zip(times) { (span.bar(times, tone(job))) } }
            }
        }
    };
    html! {
        @if !jobs.is_empty() {
            h2 { "Jobs" }
            @if let Some(Span { start, seconds }) = span {
                p.soft { "The first one was submitted at " (start) ". All were over after " (duration(seconds)) "." }
            }
            (table(
                "The jobs, by part of the file and attempt at it",
                &html! {
                    th.number scope="col" { "part" }
                    th.number scope="col" { "attempt" }
                    th scope="col" { "ended as" }
                    th.number scope="col" { "answered" }
                    th.number scope="col" { "not answered" }
                    th.number scope="col" { "tried again" }
                    th.number scope="col" { "took" }
                    th scope="col" { "timeline" }
                },
                &rows,
            ))
            @if jobs.len() > MAX_JOBS {
                p { "And " (Grouped((jobs.len() - MAX_JOBS) as u64)) " more: summary.json has all." }
            }
        }
    }
}
