//! The picture of drops that are followed. Nothing here reads or writes.

use unicode_width::UnicodeWidthStr;

use super::problems::wrapped_to;
use super::screen::Size;
use super::standing::Standing;
use super::table::{View, age, dollars, end_of, explanation, records};
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::estimate::script::float;
use crate::ledger::status::{Progress, Stage};

/// The widest that the name of a state is.
const STATE_COLUMNS: usize = 9;

/// A narrower bar shows nothing.
const MIN_BAR_COLUMNS: usize = 6;

/// How fast records of a drop are done, as far as it was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    /// How many records were done when the number changed for the first time, and when that was.
    first: Option<(u64, Timestamp)>,
    /// How many were done when it changed for the last time, and when that was.
    last: Option<(u64, Timestamp)>,
    /// How many are done.
    done: Option<u64>,
}

impl Pace {
    /// Takes note of how many records are done.
    pub(super) fn see(&mut self, progress: Option<Progress>, now: Timestamp) {
        let Some(Progress { done, .. }) = progress else { return };
        // What was done before the first look took a time that nobody knows.
        if self.done.is_some_and(|before| before < done) {
            self.first.get_or_insert((done, now));
            self.last = Some((done, now));
        }
        self.done = Some(done);
    }

    /// Returns how many seconds are left at this pace; `None` if it is not known. Two changes are needed, because what was
    /// under way before the first one is not known.
    fn seconds_left(&self, total: u64, now: Timestamp) -> Option<u64> {
        let ((before, start), (done, end)) = (self.first?, self.last?);
        let records = done.checked_sub(before).filter(|records| *records > 0)?;
        let seconds = end.seconds_since(start).max(1);
        let left = u128::from(total.saturating_sub(done)) * u128::from(seconds) / u128::from(records);
        let left = u64::try_from(left).ok()?;
        // If the next ones are overdue, the pace is no longer what it was.
        left.checked_sub(now.seconds_since(end)).filter(|left| *left > 0)
    }
}

/// A drop that is followed.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    pub(super) standing: Standing,
    pub(super) pace: Pace,
    /// The line that was printed last about it, where there is no picture.
    pub(super) said: String,
}

impl Followed {
    pub(super) fn new(standing: Standing) -> Self {
        Self { standing, pace: Pace::default(), said: String::new() }
    }
}

/// Returns the rows of a picture of this size: drops that have not ended come last, because the last rows are always
/// there. `note` is said below them.
pub(super) fn frame(drops: &[Followed], note: Option<&str>, size: Size, view: &View<'_>) -> Vec<String> {
    let columns = size.columns.saturating_sub(1).max(1);
    let (ended, open): (Vec<_>, Vec<_>) = drops.iter().partition(|drop| drop.standing.has_ended());
    let all = || ended.iter().chain(&open).copied();
    let names: Vec<String> = all().map(|drop| text::line(&drop.standing.key).to_string()).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or_default();
    let of_name = widest.min((columns / 3).max(12));
    let of_records =
        all().map(|drop| records(drop.standing.status.as_ref()).width()).max().unwrap_or_default();
    let mut blocks: Vec<Vec<String>> = all()
        .zip(&names)
        .map(|(drop, name)| {
            let mut block = vec![row(drop, &end_of(name, of_name), (of_name, of_records, columns), view)];
            block.extend(why(&drop.standing, columns));
            block
        })
        .collect();
    let mut note: Vec<String> = note.map_or_else(Vec::new, |note| wrapped_to(columns, note.split(' '), ""));
    note.truncate((size.rows / 4).max(1));
    // One row is for the cursor, one says what is left out, and some are the note.
    let room = size.rows.saturating_sub(2 + note.len());
    let mut left_out = 0;
    while blocks.iter().map(Vec::len).sum::<usize>() > room && blocks.len() > 1 {
        blocks.remove(0);
        left_out += 1;
    }
    let more =
        (left_out > 0).then(|| cut(&format!("… and {left_out} more drops; the end shows all"), columns));
    more.into_iter().chain(blocks.concat()).chain(note.iter().map(|row| cut(row, columns))).collect()
}

fn row(
    drop: &Followed,
    name: &str,
    (of_name, of_records, columns): (usize, usize, usize),
    view: &View<'_>,
) -> String {
    let standing = &drop.standing;
    let padding = " ".repeat(of_name.saturating_sub(name.width()));
    let head = format!("{name}{padding}  {:STATE_COLUMNS$}", standing.state());
    let progress = standing.status.as_ref().and_then(|status| status.records);
    let Some(progress) = progress else { return cut(head.trim_end(), columns) };
    let records = records(standing.status.as_ref());
    let left = drop.pace.seconds_left(progress.total, view.now).filter(|_| !standing.has_ended());
    let end = match (left, standing.cost(view.prices, view.region)) {
        (Some(left), _) => format!("~{} left", age(left)),
        (None, Some((usd, _))) => format!("{} USD", dollars(usd)),
        (None, None) => String::new(),
    };
    // As wide as `~59 min left`.
    let tail = format!("{records:>of_records$}  {end:12}");
    let of_bar = columns.saturating_sub(head.width() + tail.width() + 4);
    let row = if of_bar < MIN_BAR_COLUMNS {
        format!("{head}  {tail}")
    } else {
        format!("{head}  {}  {tail}", bar(progress, of_bar))
    };
    cut(row.trim_end(), columns)
}

/// A bar. It is full only if all is done.
fn bar(Progress { total, done }: Progress, columns: usize) -> String {
    let share = if total == 0 { 0.0 } else { float(done) / float(total) };
    let of_columns = float(columns as u64) * share;
    let full = (0..columns).filter(|column| float(*column as u64 + 1) <= of_columns).count();
    format!("{}{}", "█".repeat(full), "░".repeat(columns - full))
}

/// Why a drop waits, or what went wrong, in a row or two.
fn why(standing: &Standing, columns: usize) -> Vec<String> {
    let Some(status) = &standing.status else { return Vec::new() };
    let is_said = match status.state {
        Stage::Reading | Stage::Preparing | Stage::Running => status.refusal.is_some(),
        Stage::Held | Stage::Waiting | Stage::Checking | Stage::Finished | Stage::Rejected => true,
    };
    let said = explanation(standing).into_iter().take(if is_said { 2 } else { 0 });
    said.map(|said| cut(&format!("  {}", text::line(said)), columns)).collect()
}

/// The start of a row in this many columns, with `…` if something is left out.
fn cut(row: &str, columns: usize) -> String {
    if row.width() <= columns {
        return row.to_owned();
    }
    let mut start = String::new();
    for c in row.chars() {
        let width = unicode_width::UnicodeWidthChar::width(c).unwrap_or_default();
        if start.width() + width + 1 > columns {
            break;
        }
        start.push(c);
    }
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::table::tests::standing;
    use crate::estimate::price::Prices;
    use serde_json::{Value, json};

    const NOW: &str = "2026-11-28T11:00:00Z";

    fn followed(id: &str, key: &str, changes: Value) -> Followed {
        Followed::new(standing(id, key, changes))
    }

    fn shown(drops: &[Followed], note: Option<&str>, columns: usize, rows: usize) -> Vec<String> {
        let prices = Prices::shipped().unwrap();
        let now = Timestamp::parse(NOW).unwrap();
        let view = View { columns, now, prices: &prices, region: "us-east-1" };
        frame(drops, note, Size { rows, columns }, &view)
    }

    fn twenty_parts() -> Vec<Followed> {
        let of = |done: u64| json!({"total": 2_000, "done": done});
        let refusal = json!({"is_for_now": true, "message": "Bedrock Create x failed: ServiceQuotaExceededException (HTTP 400): quota"});
        vec![
            followed("a", "in/large.jsonl", json!({"records": of(500)})),
            followed(
                "b",
                "waits.jsonl",
                json!({"state": "Waiting", "message": "20 jobs to be submitted.", "refusal": refusal, "records": of(0)}),
            ),
            followed(
                "c",
                "bad\u{1b}.jsonl",
                json!({"state": "Rejected", "message": "1 problem\u{202e}.", "next": "Correct it.", "records": null}),
            ),
        ]
    }

    #[test]
    fn picture_has_ended_drops_first_and_says_why_others_wait() {
        let expected = [
            r"bad\u{1b}.jsonl  Rejected",
            r"  1 problem\u{202e}.",
            "  Correct it.",
            "in/large.jsonl   Running    ██████░░░░░░░░░░░░░░░░░░░░  500/2,000",
            "waits.jsonl      Waiting    ░░░░░░░░░░░░░░░░░░░░░░░░░░    0/2,000",
            "  20 jobs to be submitted.",
            "  Bedrock says: ServiceQuotaExceededException (HTTP 400): quota",
            "cannot look: a; trying again",
        ];
        assert_eq!(shown(&twenty_parts(), Some("cannot look: a; trying again"), 80, 24), expected);
    }

    #[test]
    fn picture_fits_into_every_screen() {
        for columns in [1, 20, 50, 80, 200] {
            for rows in [6, 8, 24] {
                let mut drops = twenty_parts();
                drops.extend((0..30).map(|_| followed("d", &"識別\u{1b}".repeat(200), json!({}))));
                let picture = shown(&drops, Some(&"note ".repeat(50)), columns, rows);
                assert!(picture.len() < rows, "{columns} {rows}: {picture:#?}");
                for row in picture {
                    assert!(row.width() < columns.max(2), "{columns}: {row}");
                    assert!(!row.contains(char::is_control), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn time_left_is_known_after_two_changes() {
        let at = |seconds: i64| Timestamp::from_secs(1_000 + seconds);
        let done = |done| Some(Progress { total: 1_000, done });
        let mut pace = Pace::default();
        // 100 were done before the first look, and nobody knows in which time.
        for (records, seconds) in [(100, 0), (100, 10), (200, 20)] {
            pace.see(done(records), at(seconds));
            assert_eq!(pace.seconds_left(1_000, at(seconds)), None);
        }
        pace.see(None, at(25));
        pace.see(done(300), at(30));
        assert_eq!(pace.seconds_left(1_000, at(30)), Some(70));
        assert_eq!(pace.seconds_left(1_000, at(60)), Some(40));
        // What was expected by now has not happened.
        assert_eq!(pace.seconds_left(1_000, at(100)), None);
        pace.see(done(1_000), at(200));
        assert_eq!(pace.seconds_left(1_000, at(200)), None);
    }

    #[test]
    fn bar_is_full_at_the_end_only() {
        let bar = |done| bar(Progress { total: 1_000, done }, 10);
        assert_eq!([0, 99, 100, 999, 1_000].map(bar).map(|bar| bar.matches('█').count()), [0, 0, 1, 9, 10]);
    }
}
