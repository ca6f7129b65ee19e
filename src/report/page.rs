//! The page about a drop that is finished. Pure.
//!
//! Texts from files have been made fit for people before they came into the summary; here they are escaped for HTML, and
//! whatever can have many members is cut off, so that the page has less than 1 MB.

use maud::{Markup, html};

use super::frame::{self, WIDTH, share, table};
use super::samples::{self, Sample};
use super::words::{cost, estimated_cost, outcome};
use super::{distributions, jobs};
use crate::base::text;
use crate::estimate::like::model_of;
use crate::estimate::price::Prices;
use crate::estimate::range::{Grouped, Range};
use crate::job::findings::ErrorGroup;
use crate::job::summary::{Places, Summary};

/// At most this many kinds of errors, messages, or mismatches are listed. The pipeline lists fewer.
const MAX_LISTED: usize = 100;

/// Makes the page for a drop. The cost is that of these prices, if they have its model. The samples are shown as they are.
#[must_use]
pub fn page(summary: &Summary, prices: Option<&Prices>, samples: &[Sample]) -> String {
    let sections = html! {
        (records(summary))
        (mismatches(summary))
        (errors(summary))
        (unusable(summary))
        (messages(summary))
        (tokens(summary, prices))
        (jobs::section(summary))
        (distributions::section(summary))
        (samples::section(samples))
        (origin(summary))
    };
    frame::page(&summary.source.key, &outcome(summary), &sections)
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
    let all = &summary.mismatches;
    html! {
        @if !all.is_empty() {
            h2 { "What does not add up" }
            ul {
                @for mismatch in all.iter().take(MAX_LISTED) { li { (text::line(mismatch)) } }
                @if all.len() > MAX_LISTED { li { "and " (Grouped((all.len() - MAX_LISTED) as u64)) " more" } }
            }
        }
    }
}

fn errors(summary: &Summary) -> Markup {
    let all = &summary.largest_errors;
    let unlisted: u64 = all.iter().skip(MAX_LISTED).map(|group| group.count).sum();
    let others = summary.other_errors + unlisted;
    let rows = html! {
        @for ErrorGroup { code, message, count, retryable, sample_ids } in all.iter().take(MAX_LISTED) {
            tr {
                td.number { (Grouped(*count)) }
                td.wide {
                    @if let Some(code) = code { strong { (text::line(code)) } " " }
                    (text::line(message))
                }
                td.wide {
                    @for (at, id) in sample_ids.iter().enumerate() {
                        @if at > 0 { ", " }
                        code { (text::name(id)) }
                    }
                }
                td { @if *retryable { "yes" } @else { "no" } }
            }
        }
        @if others > 0 {
            tr { td.number { (Grouped(others)) } td { "other errors" } td {} td {} }
        }
    };
    html! {
        @if !all.is_empty() {
            h2 { "Errors" }
            (table(
                "Records that failed, by what the model said; # stands for numbers and ids",
                &html! {
                    th.number scope="col" { "records" }
                    th scope="col" { "error" }
                    th scope="col" { "such as" }
                    th scope="col" { "worth another try" }
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
                    @for place in places.first.iter().take(MAX_LISTED) { li { code { (text::line(&place.file)) } ", line " (Grouped(place.line)) } }
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
            h2 { "Jobs that did not end well" }
            ul {
                @for said in summary.messages.iter().take(MAX_LISTED) {
                    li { (text::line(said.told())) " " span.soft { "(jobs: " (Grouped(said.jobs)) ")" } }
                }
            }
        }
    }
}

fn tokens(summary: &Summary, prices: Option<&Prices>) -> Markup {
    html! {
        h2 { "Tokens and cost" }
        p {
            (Grouped(summary.input_tokens)) " tokens in, " (Grouped(summary.output_tokens)) " tokens out, by Bedrock's manifests"
            @if summary.padding.is_some() { ", those of padding included" }
            "."
        }
        @match prices.and_then(|prices| cost(summary, prices)) {
            Some(cost) => p {
                "That is " (cost.dollars) " at the batch prices of " (cost.as_of) " in " (text::name(&cost.region)) "."
            },
            None => p.soft { "The price of this model is not known." },
        }
        @if let Some(of) = &summary.source.estimate {
            p.soft {
                "The estimate was " (Range::from(of.input)) " tokens in and " (Range::from(of.output)) " tokens out"
                @if let Some(dollars) = prices.and_then(|prices| estimated_cost(summary, of, prices)) {
                    ", for " (dollars) " US dollars"
                }
                "."
            }
        }
        @if let Some(padding) = &summary.padding {
            p.soft {
                (Grouped(padding.records)) " padding records filled up small jobs"
                @if let Some(most) = &padding.max_cost_usd { ", for at most " (text::name(most)) " US dollars" }
                "."
            }
        }
    }
}

fn origin(summary: &Summary) -> Markup {
    let more = html! {
        @if let Some(model) = model_of(summary) {
            tr { th scope="row" { "model" } td.wide { code { (text::line(model)) } } }
        }
        @if !summary.repairs.is_empty() {
            tr { th scope="row" { "repairs" } td { (summary.repairs) } }
        }
    };
    frame::origin(&summary.source, &summary.drop_id, &more)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::drop::identity::DropId;
    use crate::drop::repairs::{RepairedLines, Repairs};
    use crate::drop::source::{DropSource, EstimatedTokens};
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
        let sample_ids = vec![HOSTILE.to_owned()];
        let group = |code| ErrorGroup {
            code,
            message: HOSTILE.into(),
            count: 3,
            retryable: true,
            sample_ids: sample_ids.clone(),
        };
        summary.largest_errors = vec![group(Some(HOSTILE.into())), group(None)];
        summary.unusable.refused.first.push(Place { file: HOSTILE.into(), line: 1 });
        summary.messages.push(crate::job::summary::JobMessage { message: HOSTILE.into(), jobs: 1 });
        let page = page(&summary, None, &[]);
        for mark in ["<script", "<b>", "\u{202e}", "\u{1b}", "onload"] {
            assert!(!page.contains(mark), "{mark:?}");
        }
        assert_eq!(page.matches("</style>").count(), 1, "the style ends only once");
        assert!(page.contains("&lt;script&gt;"), "the texts are there");
        assert!(!page.contains(" style=") && !page.contains("http:") && !page.contains("https:"));
    }

    #[test]
    fn page_compares_the_tokens_with_the_estimate() {
        let mut summary = summary();
        assert!(!page(&summary, None, &[]).contains("The estimate"));
        summary.source.estimate = Some(EstimatedTokens { input: (1_900, 5_900), output: (160, 160_000) });
        let page = page(&summary, None, &[]);
        assert!(
            page.contains("The estimate was 1,900 to 5,900 tokens in and 160 to 160,000 tokens out."),
            "{page}"
        );
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
        summary.largest_errors = vec![ErrorGroup {
            code: Some("400".into()),
            message: "no".into(),
            count: 2,
            retryable: false,
            sample_ids: vec!["r1".into(), "r2".into()],
        }];
        summary.repairs.blank_lines = Some(RepairedLines { lines: 2, first_line: 7 });
        let page = page(&summary, None, &[]);
        for said in [
            "1,200 of 1,205 records have an answer, of which 40 cannot be used.",
            "<td>answered</td><td class=\"number\">1,160</td><td><code>succeeded/</code></td>",
            "<td class=\"number\">30</td>",
            "<td>failed at the model</td><td class=\"number\">4</td>",
            "<td>not processed</td><td class=\"number\">1</td>",
            "<strong>400</strong> no",
            "<code>r1</code>, <code>r2</code>",
            "1,000,000 tokens in, 20,000 tokens out",
            "The price of this model is not known.",
            "(2 lines, first on line 7)",
        ] {
            assert!(page.contains(said), "{said}\n{page}");
        }
        assert!(!page.contains("deleted too early"), "nothing was lost");
    }
}
