//! The notice that people are sent when drops have ended: what a function returns. Pure.
//!
//! Lambda hands it to EventBridge, and a rule of the stack makes a message of its lines. `docs/operations.md` describes both.
//! It has no prompt and no answer.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::words::{cost, outcome};
use crate::base::arn::Arn;
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::rejection::Problem;
use crate::estimate::price::Prices;
use crate::estimate::range::Grouped;
use crate::job::summary::{Summary, SummaryRecords};
use crate::ledger::drop::DropEntry;

/// How many drops a notice names. One sweep may finish more; the notice says how many.
const MAX_DROPS: usize = 20;

/// How much of a line is sent of each of several drops, in characters.
const MAX_CHARS_OF_SEVERAL: usize = 300;

/// What does not need an escape in the query of a URL.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// A notice about the drops that have ended in an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The lines of the message. A rule of EventBridge matches a notice by these.
    pub lines: Lines,
    /// The drops, at most 20.
    pub drops: Vec<EndedDrop>,
    /// How many drops there are besides.
    pub other_drops: usize,
}

/// The lines of a message, for people. Each is one line of plain text without quotation marks and backslashes, because
/// EventBridge puts it between quotation marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// What happened.
    pub what: String,
    /// What to do about it.
    pub todo: String,
    /// What it cost.
    pub cost: String,
    /// Where the results are.
    pub folder: String,
    /// Who dropped it, and when.
    pub dropped: String,
}

/// A drop that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndedDrop {
    /// The drop.
    pub drop_id: DropId,
    /// `Finished` or `Rejected`.
    pub state: &'static str,
    /// The key of its file.
    pub key: String,
    /// The principal that put the file, as S3 names it; `None` if the event of the put was lost.
    pub dropped_by: Option<String>,
    /// What became of its records; `None` if it was refused.
    pub records: Option<SummaryRecords>,
    /// The tokens of all its jobs.
    pub input_tokens: u64,
    /// The tokens of all its jobs.
    pub output_tokens: u64,
    /// The lines of the message about this drop.
    #[serde(skip)]
    lines: Lines,
}

/// Where a stack keeps results.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The output bucket.
    pub bucket: &'a str,
    /// The partition of the account, such as `aws`.
    pub partition: &'a str,
}

impl<'a> Place<'a> {
    /// The output bucket of a stack that has this role.
    #[must_use]
    pub fn new(bucket: &'a str, role_arn: &'a str) -> Self {
        Self { bucket, partition: Arn::parse(role_arn).map_or("", Arn::partition) }
    }

    /// Says where a folder is. Only in the standard partition is the address of the console known.
    fn tell(self, folder: &str) -> String {
        let Self { bucket, partition } = self;
        let uri = format!("s3://{bucket}/{folder}");
        if partition != "aws" {
            return uri;
        }
        let prefix = utf8_percent_encode(folder, UNESCAPED);
        format!("{uri} - in the console: https://console.aws.amazon.com/s3/buckets/{bucket}?prefix={prefix}")
    }
}

impl EndedDrop {
    /// A drop that is finished.
    #[must_use]
    pub fn finished(drop: &DropEntry, summary: &Summary, prices: Option<&Prices>, place: Place<'_>) -> Self {
        let (_, said) = outcome(summary);
        let (input_tokens, output_tokens) = (summary.input_tokens, summary.output_tokens);
        let mut taken = format!(
            "It took {} input tokens and {} output tokens",
            Grouped(input_tokens),
            Grouped(output_tokens)
        );
        if input_tokens + output_tokens == 0 {
            taken = "Bedrock has counted no tokens".to_owned();
        } else if let Some(cost) = prices.and_then(|prices| cost(summary, prices)) {
            taken =
                format!("{taken}: {} at the batch prices of {} in {}", cost.dollars, cost.as_of, cost.region);
        }
        let mut ended = Self::new(drop, "Finished", said + &reason(summary), todo(summary), &taken, place);
        ended.records = Some(summary.records);
        (ended.input_tokens, ended.output_tokens) = (input_tokens, output_tokens);
        ended
    }

    /// A drop that was refused because of these problems.
    #[must_use]
    pub fn rejected(drop: &DropEntry, problems: &[Problem], place: Place<'_>) -> Self {
        let mut said = "The file was refused".to_owned();
        if let Some(Problem { what, line, .. }) = problems.first() {
            said = match line {
                Some(line) => format!("{said}: line {line}: {what}"),
                None => format!("{said}: {what}"),
            };
        }
        said.push('.');
        match problems.len().saturating_sub(1) {
            0 => {}
            1 => said.push_str(" It has one more kind of problem."),
            more => said.push_str(&format!(" It has {more} more kinds of problems.")),
        }
        let todo =
            "correct the file, and drop it again: report.html lists every problem, and what to do about it.";
        Self::new(
            drop,
            "Rejected",
            said,
            todo.to_owned(),
            "No record was submitted, so it cost nothing",
            place,
        )
    }

    fn new(
        drop: &DropEntry,
        state: &'static str,
        what: String,
        todo: String,
        cost: &str,
        place: Place<'_>,
    ) -> Self {
        let key = &drop.source.key;
        let folder = place.tell(&keys::results_folder(key, &drop.drop_id));
        let who = drop.dropped_by.as_deref().map_or_else(|| "someone unknown".to_owned(), who);
        let lines = Lines {
            what: plain(format!("{key}: {what}")),
            todo: plain(format!("What to do: {todo}")),
            cost: plain(format!("{cost}.")),
            folder: plain(format!("Results: {folder}")),
            dropped: plain(format!("Dropped by {who} at {}.", drop.source.last_modified)),
        };
        Self {
            drop_id: drop.drop_id.clone(),
            state,
            key: key.clone(),
            dropped_by: drop.dropped_by.clone(),
            records: None,
            input_tokens: 0,
            output_tokens: 0,
            lines,
        }
    }
}

impl Notice {
    /// Makes a notice about drops that have ended, by key; `None` if none has. A drop that is there twice counts once.
    #[must_use]
    pub fn new(ended: Vec<EndedDrop>, place: Place<'_>) -> Option<Self> {
        let mut drops: Vec<EndedDrop> = Vec::new();
        for drop in ended {
            if drops.iter().all(|known| known.drop_id != drop.drop_id) {
                drops.push(drop);
            }
        }
        drops.sort_by(|one, other| one.key.cmp(&other.key));
        let lines = match drops.as_slice() {
            [] => return None,
            [only] => only.lines.clone(),
            several => lines_of_several(several, place),
        };
        let other_drops = drops.len().saturating_sub(MAX_DROPS);
        drops.truncate(MAX_DROPS);
        Some(Self { lines, drops, other_drops })
    }
}

/// The lines about several drops.
fn lines_of_several(drops: &[EndedDrop], place: Place<'_>) -> Lines {
    let count = Counted(drops.len() as u64, "file");
    let named = || drops.iter().take(MAX_DROPS);
    let short = |line: &str| match line.char_indices().nth(MAX_CHARS_OF_SEVERAL) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    };
    let each: Vec<String> = named().map(|drop| short(&drop.lines.what)).collect();
    let mut what = format!("{count} have ended. {}", each.join(" "));
    if let Some(more) = drops.len().checked_sub(MAX_DROPS).filter(|more| *more > 0) {
        what.push_str(&format!(" And {more} more."));
    }
    let sum = |of: fn(&EndedDrop) -> u64| Grouped(drops.iter().map(of).sum());
    let mut people: Vec<String> = named().filter_map(|drop| drop.dropped_by.as_deref()).map(who).collect();
    people.sort();
    people.dedup();
    Lines {
        what,
        todo: "What to do: open report.html in the folder of each.".to_owned(),
        cost: format!(
            "Together they took {} input tokens and {} output tokens.",
            sum(|drop| drop.input_tokens),
            sum(|drop| drop.output_tokens)
        ),
        folder: plain(format!("Results: {}", place.tell("results/"))),
        dropped: match people.as_slice() {
            [] => "Dropped by someone unknown.".to_owned(),
            people => plain(format!("Dropped by {}.", people.join(", "))),
        },
    }
}

/// What went wrong most, if something did.
fn reason(summary: &Summary) -> String {
    if let Some(most) = summary.messages.first() {
        return format!(" {}", most.told());
    }
    let Some(most) = summary.largest_errors.first() else { return String::new() };
    let code = most.code.as_deref().map(|code| format!("{code} ")).unwrap_or_default();
    let error = text::sentence(&most.message);
    format!(" The most frequent error, of {}: {code}{error}", Counted(most.count, "record"))
}

/// What to do about the outcome.
fn todo(summary: &Summary) -> String {
    let of = &summary.records;
    if !summary.balanced {
        return "some figures do not agree, so show summary.json to an operator of the stack before you use the results."
            .to_owned();
    }
    let was_stopped = summary.was_stopped();
    if of.succeeded == 0 && !was_stopped {
        return "find the cause before you drop the records again: report.html has the errors.".to_owned();
    }
    let again = if was_stopped {
        "drop the files in unprocessed/ again if their records are needed after all"
    } else {
        "drop the files in unprocessed/ again"
    };
    let steps = [
        (of.unprocessed, again),
        (of.failed, "correct the records in errors/"),
        (of.truncated, "raise the limit of tokens of the answers that were cut off"),
        (of.refused, "look at the answers that were refused or filtered"),
        (of.source_deleted, "put the file again, because it was deleted before all of it was submitted"),
    ];
    let needed: Vec<&str> = steps.iter().filter(|(count, _)| *count > 0).map(|(_, step)| *step).collect();
    if needed.is_empty() {
        "nothing; the results are complete.".to_owned()
    } else {
        needed.join(", and ") + "."
    }
}

/// Names a principal as people do. S3 writes `AWS:<id of the role>:<name of the session>` for a role.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
fn who(principal: &str) -> String {
    match principal.rsplit_once(':') {
        Some((rest, session)) if rest.contains(':') => {
            format!("{} ({})", text::name(session), text::name(rest))
        }
        _ => text::name(principal).to_string(),
    }
}

/// One line of plain text that can stand between quotation marks.
fn plain(text: impl Display) -> String {
    text::line(text).to_string().replace('"', "'").replace('\\', "/")
}
