//! The page and its sections. Pure.
//!
//! It is one file that needs nothing else: no script, no request. Every text is escaped by the macro that writes it, and
//! texts from files have been made fit for people before they came into the summary.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words::{Tone, duration, outcome, read_time};
use crate::base::arn;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::estimate::like::model_of;
use crate::estimate::price::{Dollars, Prices};
use crate::estimate::range::{Grouped, Range};
use crate::job::summary::{Places, Summary, SummaryJob};

const STYLE: &str = include_str!("style.css");

/// Nothing is loaded or run, whatever a text says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// At most this many jobs have a row of their own.
const MAX_JOBS: usize = 500;

/// The width of a bar, in its own units.
const WIDTH: u64 = 10_000;

/// Makes the page for a drop. The cost is that of these prices, if they have its model.
#[must_use]
pub fn page(summary: &Summary, prices: Option<&Prices>) -> String {
    let (tone, said) = outcome(summary);
    let key = text::line(&summary.source.key);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (key) ": " (said) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (key) }
                    p class=(format!("outcome {}", class(tone))) { (said) }
                    (records(summary))
                    (mismatches(summary))
                    (errors(summary))
                    (unusable(summary))
                    (messages(summary))
                    (cost(summary, prices))
                    (jobs(summary))
                    (origin(summary))
                }
            }
        }
    };
    page.into_string()
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Mixed => "mixed",
        Tone::Bad => "bad",
    }
}

/// A table that scrolls by itself if the screen is narrow, also with the keyboard.
fn table(caption: &str, head: &Markup, rows: &Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { (head) } }
                tbody { (rows) }
            }
        }
    }
}

/// Returns the part of the width that a share has.
fn share(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * u128::from(WIDTH) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(WIDTH).min(WIDTH)
}

fn records(summary: &Summary) -> Markup {
    let of = &summary.records;
    let usable = of.succeeded.saturating_sub(of.truncated + of.refused);
    let rows = [
        ("answered", "good", usable, "succeeded/"),
        ("answered, but cut off at a limit of tokens", "mixed", of.truncated, "succeeded/"),
        ("answered, but refused or filtered", "mixed", of.refused, "succeeded/"),
        ("failed at the model", "bad", of.failed, "errors/"),
        ("not processed", "rest", of.unprocessed, "unprocessed/"),
        ("lost, because the file was deleted too early", "bad", of.source_deleted, ""),
    ];
    let mut starts = 0;
    let bars = rows.map(|(_, class, count, _)| {
        let (start, width) = (starts, share(count, of.total));
        starts += width;
        (class, start, width)
    });
    html! {
        h2 { "Records" }
        // The table says the same.
        svg.all viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" aria-hidden="true" {
            rect.track width=(WIDTH) height="10" {}
            @for (class, start, width) in bars.into_iter().filter(|(.., width)| *width > 0) {
                rect class=(class) x=(start) width=(width) height="10" {}
            }
        }
        (table(
            "What became of the records",
            &html! { th scope="col" { "outcome" } th.number scope="col" { "records" } th scope="col" { "folder" } },
            &html! {
                @for (what, _, count, folder) in rows.into_iter().filter(|(_, _, count, _)| *count > 0) {
                    tr { td { (what) } td.number { (Grouped(count)) } td { code { (folder) } } }
                }
                tr { th scope="row" { "all" } td.number { (Grouped(of.total)) } td {} }
            },
        ))
    }
}

fn mismatches(summary: &Summary) -> Markup {
    html! {
        @if !summary.mismatches.is_empty() {
            h2 { "What does not add up" }
            ul { @for mismatch in &summary.mismatches { li { (text::line(mismatch)) } } }
        }
    }
}

fn errors(summary: &Summary) -> Markup {
    let rows = html! {
        @for group in &summary.largest_errors {
            tr {
                td.number { (Grouped(group.count)) }
                td.wide {
                    @if let Some(code) = &group.code { strong { (text::line(code)) } " " }
                    (text::line(&group.message))
                }
                td { @if group.retryable { "yes" } @else { "no" } }
            }
        }
        @if summary.other_errors > 0 {
            tr { td.number { (Grouped(summary.other_errors)) } td { "other errors" } td {} }
        }
    };
    html! {
        @if !summary.largest_errors.is_empty() {
            h2 { "Errors" }
            (table(
                "Records that failed, by what the model said; # stands for numbers and ids",
                &html! {
                    th.number scope="col" { "records" } th scope="col" { "error" } th scope="col" { "worth another try" }
                },
                &rows,
            ))
        }
    }
}

fn unusable(summary: &Summary) -> Markup {
    let list = |what: &str, places: &Places| {
        html! {
            @if !places.first.is_empty() {
                p { (what) " first in:" }
                ul {
                    @for place in &places.first { li { code { (text::line(&place.file)) } ", line " (Grouped(place.line)) } }
                    @if places.more > 0 { li { "and " (Grouped(places.more)) " more" } }
                }
            }
        }
    };
    let of = &summary.unusable;
    html! {
        @if !of.truncated.first.is_empty() || !of.refused.first.is_empty() {
            h2 { "Answers that cannot be used" }
            (list("Cut off at a limit of tokens,", &of.truncated))
            (list("Refused or filtered,", &of.refused))
        }
    }
}

fn messages(summary: &Summary) -> Markup {
    html! {
        @if !summary.messages.is_empty() {
            h2 { "What Bedrock said about jobs" }
            ul {
                @for said in &summary.messages {
                    li { (text::line(&said.message)) " " span.soft { "(jobs: " (Grouped(said.jobs)) ")" } }
                }
            }
        }
    }
}

fn cost(summary: &Summary, prices: Option<&Prices>) -> Markup {
    let model = model_of(summary);
    let price = model.and_then(|model| prices?.of(arn::id_of(model), region_of(model)));
    let exactly = |count: u64| {
        let count = crate::estimate::script::float(count);
        Range { least: count, most: count }
    };
    html! {
        h2 { "Tokens and cost" }
        p {
            (Grouped(summary.input_tokens)) " tokens in, " (Grouped(summary.output_tokens)) " tokens out, by Bedrock's manifests"
            @if summary.padding.is_some() { ", those of padding included" }
            "."
        }
        @match price {
            Some(price) => p {
                (Dollars(price.batch.cost(exactly(summary.input_tokens), exactly(summary.output_tokens))))
                " US dollars at the batch prices of " (price.as_of) " in " (price.region) "."
            },
            None => p.soft { "The price of this model is not known." },
        }
        @if let Some(padding) = &summary.padding {
            p.soft {
                (Grouped(padding.records)) " padding records filled up small jobs"
                @if let Some(most) = &padding.max_cost_usd { ", for at most " (most) " US dollars" }
                "."
            }
        }
    }
}

/// The Region of a model's ARN.
fn region_of(model: &str) -> Option<&str> {
    arn::Arn::parse(model).map(arn::Arn::region).filter(|region| !region.is_empty())
}

/// When a job was submitted, and when it ended.
fn times(job: &SummaryJob) -> Option<(Timestamp, Timestamp)> {
    Some((read_time(&job.outcome.submit_time)?, read_time(job.outcome.end_time.as_deref()?)?))
}

fn jobs(summary: &Summary) -> Markup {
    let all: Vec<_> = summary.jobs.iter().map(|job| (job, times(job))).collect();
    let known = || all.iter().filter_map(|(_, times)| *times);
    let start = known().map(|(start, _)| start).min();
    let end = known().map(|(_, end)| end).max();
    let whole = start.zip(end).map_or(1, |(start, end)| end.seconds_since(start).max(1));
    let bar = |(from, to): (Timestamp, Timestamp)| {
        let left = share(start.map_or(0, |start| from.seconds_since(start)), whole);
        // Even a short job is seen.
        (left, share(to.seconds_since(from), whole).max(WIDTH / 100))
    };
    let rows = html! {
        @for (job, times) in all.iter().take(MAX_JOBS) {
            @let counts = &job.outcome.records;
            tr {
                td.number { (job.part) }
                td.number { (job.attempt) }
                td { (format!("{:?}", job.outcome.status)) }
                td.number { (Grouped(counts.succeeded)) }
                td.number { (Grouped(counts.failed + counts.unprocessed)) }
                td.number { (Grouped(counts.retried)) }
                td.number { @if let Some((from, to)) = times { (duration(to.seconds_since(*from))) } }
                td.bar {
                    @if let Some((left, width)) = times.map(bar) {
                        svg viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" aria-hidden="true" {
                            rect.track width=(WIDTH) height="10" {}
                            rect.good x=(left.min(WIDTH - WIDTH / 100)) width=(width) height="10" {}
                        }
                    }
                }
            }
        }
    };
    let heads = ["part", "attempt"].into_iter().chain(["answered", "not answered", "tried again", "took"]);
    html! {
        @if !all.is_empty() {
            h2 { "Jobs" }
            @if let Some((start, end)) = start.zip(end) {
                p.soft { "From " (start) " to " (end) ", " (duration(end.seconds_since(start))) "." }
            }
            (table(
                "The jobs, by part of the file and attempt",
                &html! {
                    @for (at, head) in heads.enumerate() {
                        @if at == 2 { th scope="col" { "ended as" } }
                        th.number scope="col" { (head) }
                    }
                    th scope="col" { "when" }
                },
                &rows,
            ))
            @if all.len() > MAX_JOBS {
                p { "And " (Grouped((all.len() - MAX_JOBS) as u64)) " more: summary.json has all." }
            }
        }
    }
}

fn origin(summary: &Summary) -> Markup {
    let source = &summary.source;
    html! {
        h2 { "Where it comes from" }
        table {
            tbody {
                tr { th scope="row" { "file" } td.wide { code { "s3://" (text::line(&source.bucket)) "/" (text::line(&source.key)) } } }
                @if let Some(version) = &source.version_id {
                    tr { th scope="row" { "version" } td.wide { code { (text::line(version)) } } }
                }
                tr { th scope="row" { "dropped" } td { (source.last_modified) ", " (Grouped(source.size_bytes)) " bytes" } }
                tr { th scope="row" { "drop" } td.wide { code { (summary.drop_id) } } }
                @if let Some(model) = model_of(summary) {
                    tr { th scope="row" { "model" } td.wide { code { (text::line(model)) } } }
                }
                @if !summary.repairs.is_empty() {
                    tr { th scope="row" { "repairs" } td { (summary.repairs) } }
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::drop::identity::DropId;
    use crate::drop::repairs::{RepairedLines, Repairs};
    use crate::drop::source::DropSource;
    use crate::job::findings::ErrorGroup;
    use crate::job::summary::{Place, Tally};

    const HOSTILE: &str = "</style><script>alert(1)</script>\"'&<b>\u{202e}\u{1b}[2J";

    /// A drop of 120 records without jobs.
    pub(crate) fn summary() -> Summary {
        let tally = Tally { records: 120, attempts: Vec::new() };
        let source = DropSource::example();
        let mut summary = Summary::new(&DropId::derive(&source), &source, Repairs::default(), tally);
        summary.records.succeeded = 120;
        summary.balanced = true;
        summary.mismatches.clear();
        summary
    }

    #[test]
    fn every_text_stays_text() {
        let mut summary = summary();
        summary.source.key = HOSTILE.into();
        summary.source.bucket = HOSTILE.into();
        summary.source.version_id = Some(HOSTILE.into());
        summary.mismatches.push(HOSTILE.into());
        let group = |code| ErrorGroup { code, message: HOSTILE.into(), count: 3, retryable: true };
        summary.largest_errors = vec![group(Some(HOSTILE.into())), group(None)];
        summary.unusable.refused.first.push(Place { file: HOSTILE.into(), line: 1 });
        summary.messages.push(crate::job::summary::JobMessage { message: HOSTILE.into(), jobs: 1 });
        let page = page(&summary, None);
        for mark in ["<script", "<b>", "\u{202e}", "\u{1b}", "onload"] {
            assert!(!page.contains(mark), "{mark:?}");
        }
        assert_eq!(page.matches("</style>").count(), 1, "the style ends only once");
        assert!(page.contains("&lt;script&gt;"), "the texts are there");
        assert!(!page.contains(" style=") && !page.contains("http:") && !page.contains("https:"));
    }

    #[test]
    fn page_says_what_the_summary_says() {
        let mut summary = summary();
        summary.records.total = 1_205;
        summary.records.succeeded = 1_200;
        summary.records.truncated = 30;
        summary.records.refused = 10;
        summary.records.failed = 4;
        summary.records.unprocessed = 1;
        summary.input_tokens = 1_000_000;
        summary.output_tokens = 20_000;
        summary.other_errors = 2;
        let group = ErrorGroup { code: Some("400".into()), message: "no".into(), count: 2, retryable: false };
        summary.largest_errors = vec![group];
        summary.repairs.blank_lines = Some(RepairedLines { lines: 2, first_line: 7 });
        let page = page(&summary, None);
        for said in [
            "1,200 of 1205 records have an answer, of which 40 cannot be used.",
            "<td>answered</td><td class=\"number\">1,160</td><td><code>succeeded/</code></td>",
            "<td class=\"number\">30</td>",
            "<td>failed at the model</td><td class=\"number\">4</td>",
            "<td>not processed</td><td class=\"number\">1</td>",
            "<strong>400</strong> no",
            "1,000,000 tokens in, 20,000 tokens out",
            "The price of this model is not known.",
            "(2 lines, first on line 7)",
        ] {
            assert!(page.contains(said), "{said}\n{page}");
        }
        assert!(!page.contains("deleted too early"), "nothing was lost");
    }

    #[test]
    fn shares_never_exceed_the_whole() {
        assert_eq!([share(0, 10), share(5, 10), share(10, 10), share(20, 10)], [0, WIDTH / 2, WIDTH, WIDTH]);
        assert_eq!([share(1, 0), share(u64::MAX, u64::MAX)], [WIDTH, WIDTH]);
    }
}
