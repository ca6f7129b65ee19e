//! Shows where drops stand, as rows of a screen. Nothing here reads or writes.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::problems::wrapped_to;
use super::standing::Standing;
use super::waiting::reason;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::estimate::price::Prices;
use crate::estimate::range::Grouped;
use crate::ledger::status::{Stage, Status};

/// How many characters of an id are shown.
pub(super) const ID_CHARS: usize = 8;

/// The fewest columns that a key gets, even if the screen is narrower than that.
const MIN_KEY_COLUMNS: usize = 16;

/// What is needed to show drops, beside the drops.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// The width of the screen.
    pub(super) columns: usize,
    pub(super) now: Timestamp,
    pub(super) prices: &'a Prices,
    pub(super) region: &'a str,
}

/// Returns the rows of a table of drops: one row for each, and below it what it waits for, or what went wrong.
pub(super) fn table(standings: &[Standing], view: &View<'_>) -> Vec<String> {
    let head = ["DROP", "STATE", "AGE", "RECORDS", "USD", "KEY"].map(str::to_owned);
    let cells: Vec<[String; 6]> = standings.iter().map(|standing| cells(standing, view)).collect();
    let width = |column: usize| {
        let of = |row: &[String; 6]| row.get(column).map_or(0, |cell| cell.width());
        cells.iter().map(of).chain([of(&head)]).max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let used: usize = widths.iter().map(|width| width + 2).sum();
    let of_key = view.columns.saturating_sub(used).max(MIN_KEY_COLUMNS);
    let row = |cells: &[String; 6]| {
        let [id, state, age, records, usd, key] = cells;
        let [of_id, of_state, of_age, of_records, of_usd] = widths;
        format!(
            "{id:of_id$}  {state:of_state$}  {age:>of_age$}  {records:>of_records$}  {usd:>of_usd$}  {}",
            end_of(key, of_key)
        )
    };
    let mut rows = vec![row(&head)];
    for (standing, cells) in standings.iter().zip(&cells) {
        rows.push(row(cells));
        rows.extend(why(standing, view.columns));
    }
    rows
}

fn cells(standing: &Standing, view: &View<'_>) -> [String; 6] {
    let id: String = standing.found.drop_id.as_str().chars().take(ID_CHARS).collect();
    let age = standing.put.map_or_else(|| "-".to_owned(), |put| age(view.now.seconds_since(put)));
    let usd = standing.cost(view.prices, view.region);
    let usd = usd.map_or_else(|| "-".to_owned(), |(usd, _)| dollars(usd));
    let key = text::line(&standing.key).to_string();
    [id, standing.state().to_owned(), age, records(standing.status.as_ref()), usd, key]
}

/// How many of its records are done.
pub(super) fn records(status: Option<&Status>) -> String {
    let records = status.and_then(|status| status.records);
    records.map_or_else(|| "-".to_owned(), |of| format!("{}/{}", Grouped(of.done), Grouped(of.total)))
}

/// What a drop waits for and why, or what went wrong, in rows. Nothing if all is well.
fn why(standing: &Standing, columns: usize) -> Vec<String> {
    let said = explanation(standing);
    let sentences = said.iter().flat_map(|said| wrapped_to(columns, said.split(' '), "  "));
    sentences.collect()
}

/// What a drop waits for and why, or what went wrong, in sentences.
pub(super) fn explanation(standing: &Standing) -> Vec<String> {
    let Some(status) = &standing.status else {
        return vec!["No function has seen it yet.".to_owned()];
    };
    let mut said = vec![status.message.clone()];
    match (status.state, &status.results) {
        (Stage::Finished, Some(results)) if results.succeeded == results.total && is_usable(status) => {
            return Vec::new();
        }
        (Stage::Finished | Stage::Rejected, _) => said.push(status.next.clone()),
        _ => {
            if let Some(refusal) = &status.refusal {
                said.push(format!("Bedrock says: {}", reason(&refusal.message)));
            }
            said.push(status.next.clone());
        }
    }
    said
}

/// Whether every answer can be used.
fn is_usable(status: &Status) -> bool {
    status.results.is_some_and(|results| results.truncated + results.refused == 0)
}

/// How old something is, in its largest unit.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// An amount in US dollars, rounded up, with as many decimals as say something.
pub(super) fn dollars(usd: f64) -> String {
    let decimals = match usd {
        100.0.. => 0,
        1.0.. => 2,
        0.01.. => 3,
        _ => 5,
    };
    let factor = 10_f64.powi(i32::try_from(decimals).unwrap_or_default());
    // A number that has few decimals in decimal has many in binary; it should not be rounded for those.
    let rounded = (usd * factor - 1e-6).max(0.0).ceil() / factor;
    format!("{rounded:.decimals$}")
}

/// The end of a text in this many columns, with `…` if something is left out: keys differ where they end.
pub(super) fn end_of(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut end = Vec::new();
    for c in text.chars().rev() {
        let width = c.width().unwrap_or_default();
        if width > left {
            break;
        }
        left -= width;
        end.push(c);
    }
    // A mark that combines with a character before it would combine with the dots.
    while end.last().is_some_and(|c| c.width() == Some(0)) {
        end.pop();
    }
    end.push('…');
    end.into_iter().rev().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::find::Found;
    use crate::drop::identity::DropId;
    use serde_json::{Value, json};

    pub(crate) fn standing(id: &str, key: &str, changes: Value) -> Standing {
        let drop_id = DropId::parse(&id.repeat(32)).unwrap();
        let mut status = json!({
            "version": 1, "state": "Running", "since": "2026-11-28T10:00:00Z", "message": "Bedrock has 3 jobs.",
            "next": "The results are written when a job ends.", "refusal": null, "attempt": null,
            "records": {"total": 20_000_000, "done": 1_200}, "jobs": null, "results": null,
            "as_of": "2026-11-28T10:00:00Z", "updated": "2026-11-28T10:00:00Z", "drop_id": drop_id,
            "source": {"bucket": "in", "key": key, "version_id": "v", "etag": "\"e\"",
                       "last_modified": "2026-11-28T09:00:00Z", "size_bytes": 1},
        });
        for (name, value) in changes.as_object().unwrap() {
            status[name] = value.clone();
        }
        let status: Status = serde_json::from_value(status).unwrap();
        Standing {
            found: Found::new(key, drop_id),
            key: key.into(),
            put: Some(status.source.last_modified),
            status: Some(status),
        }
    }

    fn shown(standings: &[Standing], columns: usize) -> Vec<String> {
        let prices = Prices::shipped().unwrap();
        let now = Timestamp::parse("2026-11-28T11:05:09Z").unwrap();
        table(standings, &View { columns, now, prices: &prices, region: "us-east-1" })
    }

    fn all() -> Vec<Standing> {
        let results = json!({"total": 168, "succeeded": 168, "truncated": 0, "refused": 0, "failed": 0, "unprocessed": 0,
                             "source_deleted": 0});
        let mut failed = results.clone();
        (failed["succeeded"], failed["failed"]) = (json!(160), json!(8));
        let tokens = json!({"input": 1_000_000, "output": 1_000_000, "model_id": "amazon.nova-lite-v1:0"});
        let done = json!({"total": 168, "done": 168});
        vec![
            standing("a", "in/large.jsonl", json!({})),
            standing(
                "b",
                "waits.jsonl",
                json!({"state": "Waiting", "message": "20 jobs to be submitted, but Bedrock accepts no more for now.",
                       "refusal": {"is_for_now": true, "message": "Bedrock Create x failed: ServiceQuotaExceededException (HTTP 400, request 1): quota"},
                       "records": {"total": 2_000, "done": 0}, "next": "Nothing needs to be done."}),
            ),
            standing(
                "c",
                "good.jsonl",
                json!({"state": "Finished", "results": results, "tokens": tokens, "records": done}),
            ),
            standing(
                "d",
                "\u{1b}[2Jbad\u{202e}\n.jsonl",
                json!({"state": "Finished", "results": failed, "records": done,
                       "message": "168 records: 160 succeeded, 8 have an error.\u{1b}[2J", "next": "See errors/."}),
            ),
            Standing { status: None, ..standing("e", "new.jsonl", json!({})) },
        ]
    }

    #[test]
    fn table_is_readable_in_80_columns() {
        let expected = r"
DROP      STATE     AGE           RECORDS    USD  KEY
aaaaaaaa  Running   2 h  1,200/20,000,000      -  in/large.jsonl
  Bedrock has 3 jobs.
  The results are written when a job ends.
bbbbbbbb  Waiting   2 h           0/2,000      -  waits.jsonl
  20 jobs to be submitted, but Bedrock accepts no more for now.
  Bedrock says: ServiceQuotaExceededException (HTTP 400): quota
  Nothing needs to be done.
cccccccc  Finished  2 h           168/168  0.150  good.jsonl
dddddddd  Finished  2 h           168/168      -  \u{1b}[2Jbad\u{202e}\n.jsonl
  168 records: 160 succeeded, 8 have an error.\u{1b}[2J
  See errors/.
eeeeeeee  New       2 h                 -      -  new.jsonl
  No function has seen it yet.";
        assert_eq!(format!("\n{}", shown(&all(), 80).join("\n")), expected);
    }

    #[test]
    fn rows_fit_whatever_the_key_and_the_width() {
        for key in ["k".repeat(1_024), "\u{1b}".repeat(1_024), "識別子".repeat(113), "e\u{301}".repeat(341)]
        {
            for columns in [66, 80, 200] {
                for row in shown(&[standing("a", &key, json!({"message": key}))], columns) {
                    assert!(row.width() <= columns, "{columns}: {row}");
                    assert!(!row.contains(char::is_control), "{row:?}");
                }
            }
        }
        assert!(shown(&all(), 1).len() > 5, "too narrow for anything");
    }

    #[test]
    fn keys_are_cut_where_they_start() {
        assert_eq!(end_of("abcdef", 6), "abcdef");
        assert_eq!(end_of("abcdef", 4), "…def");
        assert_eq!(end_of("識別子", 5), "…別子");
        assert_eq!(end_of("識別子", 4), "…子");
        assert_eq!(end_of("aae\u{301}", 2), "…e\u{301}");
        assert_eq!(end_of("aa\u{301}bc", 3), "…bc");
        assert_eq!(end_of("abc", 0), "…");
    }

    #[test]
    fn amounts_and_ages_have_one_unit() {
        assert_eq!(
            [0.0, 0.000_012, 0.15, 1.001, 99.999, 1234.2].map(dollars),
            ["0.00000", "0.00002", "0.150", "1.01", "100.00", "1235"]
        );
        assert_eq!(
            [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(age).join(", "),
            "0 s, 59 s, 1 min, 59 min, 1 h, 47 h, 2 d"
        );
    }
}
