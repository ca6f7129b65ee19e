//! `status.json`: where a drop stands, for the person who dropped it. Pure.
//!
//! It is made from the entries of the drop and of its jobs, after they are written, and nothing follows from it. Two
//! invocations may write it at the same time, so it has a [revision](Status::revision), and a lower one yields.

use serde::{Deserialize, Serialize};

use crate::base::count::Counted;
use crate::base::text::sentence;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::plan::{Part, Plan};
use crate::drop::rejection::Problem;
use crate::drop::repairs::Repairs;
use crate::drop::source::DropSource;
use crate::job::outcome::Outcome;
use crate::job::summary::{Summary, SummaryJob, SummaryRecords};
use crate::ledger::drop::{DropEntry, DropState, Reading, TooSlow};
use crate::ledger::entry::Entry;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::{BedrockJob, DOUBT, Doubt, JobState, Refusal};

/// The schema version.
const VERSION: u32 = 1;

/// `status.json`: where a drop stands. It is there from the moment when the drop is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The schema version, currently 1.
    pub version: u32,
    /// Where the drop stands.
    pub state: Stage,
    /// Since when.
    pub since: Timestamp,
    /// Where it stands, and why, in a sentence or two.
    pub message: String,
    /// What happens next, and what to do.
    pub next: String,
    /// Why Bedrock refused its jobs at the last try, in Bedrock's words.
    pub refusal: Option<Refusal>,
    /// Which attempt at its records is under way, counted from 1; `None` if the drop has several parts.
    pub attempt: Option<u32>,
    /// How many of its records are done; `None` until they are counted.
    pub records: Option<Progress>,
    /// Its jobs that are not over; `None` if there are none.
    pub jobs: Option<JobCounts>,
    /// How the drop was repaired; `None` until it is accepted, and if nothing was repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairs: Option<Repairs>,
    /// Where its records ended up; `None` until all jobs are over.
    pub results: Option<SummaryRecords>,
    /// Whether a person cancelled the drop, or stopped one of its jobs; known when all jobs are over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_stopped: bool,
    /// What its jobs that are over took, as far as it is known; `None` if none is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// When all of this was so.
    pub as_of: Timestamp,
    /// When this file was written.
    pub updated: Timestamp,
    /// The drop.
    pub drop_id: DropId,
    /// The object version that the drop is.
    pub source: DropSource,
}

/// Where a drop stands, as its user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The file is being read and checked.
    Reading,
    /// The file is in order, but a budget or its content keeps it from being submitted.
    Held,
    /// The file is accepted, and its jobs are being made.
    Preparing,
    /// None of its jobs is at Bedrock yet.
    Waiting,
    /// Bedrock has at least one of its jobs.
    Running,
    /// What Bedrock says about an ended job contradicts itself, and nothing else is left to wait for.
    Checking,
    /// All results are there.
    Finished,
    /// The file was refused.
    Rejected,
}

/// How far a drop's records have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// All records of the drop.
    pub total: u64,
    /// Those that have a result or an error, or went to `unprocessed/` with a job that is over. In the end, only the first two.
    pub done: u64,
}

/// What the jobs of a drop took, by Bedrock's manifests. Padding is included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens of requests.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// The model, if all jobs used the same one.
    pub model_id: Option<String>,
}

impl Tokens {
    /// Adds up what some jobs took; `None` if there are none.
    #[must_use]
    pub fn of(jobs: &[SummaryJob]) -> Option<Self> {
        let first = &jobs.first()?.outcome.model_id;
        let is_only = jobs.iter().all(|job| job.outcome.model_id == *first);
        let sum = |of: fn(&Outcome) -> Option<u64>| jobs.iter().filter_map(|job| of(&job.outcome)).sum();
        Some(Self {
            input: sum(|outcome| outcome.input_tokens),
            output: sum(|outcome| outcome.output_tokens),
            model_id: is_only.then(|| first.clone()),
        })
    }
}

/// A drop's jobs that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobCounts {
    /// Bedrock does not have them yet.
    pub waiting: u64,
    /// Bedrock has them.
    pub running: u64,
    /// They have ended, and their results are being written or checked.
    pub ending: u64,
    /// The drop is cancelled, and Bedrock is asked to stop them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stopping: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Which of two statuses of a drop is newer. The state of the drop decides, then the attempt, then the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision {
    step: u8,
    attempt: Option<u32>,
    as_of: Timestamp,
}

impl Status {
    /// The status of a drop that is read, or has just been judged; `None` if it is finished or erased. That of a
    /// finished drop needs its [summary](Self::finished).
    #[must_use]
    pub fn of_drop(drop: &DropEntry) -> Option<Self> {
        let since = drop.updated;
        Some(match &drop.state {
            DropState::Reading(reading) => {
                let next = "If the file is in order, its jobs are submitted.";
                Self::new(drop, Stage::Reading, drop.created, since, reading_message(drop, reading), next)
            }
            DropState::Held(held) if held.reasons.is_empty() => Self::in_order(drop, &held.plan),
            DropState::Held(held) => {
                let records = Some(Progress { total: held.plan.records(), done: 0 });
                let approve =
                    format!("An operator can approve it: bedrock-vpc-batch approve {}.", drop.drop_id);
                let otherwise = if held.may_go_on_by_itself() {
                    "Otherwise, it goes on by itself on a day (UTC) whose budget has room for it."
                } else {
                    "Until then, none of its records is submitted."
                };
                let next = format!("{approve} {otherwise}");
                Self { records, ..Self::new(drop, Stage::Held, held.since, since, held.to_string(), next) }
            }
            DropState::Accepted { plan, .. } => Self::in_order(drop, plan),
            DropState::Rejected { problems, .. } => {
                let message = rejection_message(problems);
                let next = "No record was submitted. Correct the file, and drop it again; rejection.json has details.";
                Self::new(drop, Stage::Rejected, since, since, message, next)
            }
            DropState::Finished { .. } | DropState::Erased => return None,
        })
    }

    /// The status of a drop that is in order, and whose jobs are not made yet.
    fn in_order(drop: &DropEntry, plan: &Plan) -> Self {
        let total = plan.records();
        let mut message = format!("The file is in order: {}.", Counted(total, "record"));
        let repairs = drop.repairs();
        if !repairs.is_empty() {
            message.push_str(&format!(" {repairs}"));
        }
        let next = "Its jobs are made, and Bedrock is asked for them.";
        let records = Some(Progress { total, done: 0 });
        Self { records, ..Self::new(drop, Stage::Preparing, drop.updated, drop.updated, message, next) }
    }

    /// The status of an accepted drop with open jobs; `None` if it is not accepted, or if no job is open.
    #[must_use]
    pub fn of_jobs(drop: &DropEntry, open: &OpenJobs) -> Option<Self> {
        let DropState::Accepted { plan, .. } = &drop.state else { return None };
        let total = plan.records();
        let stage = open.stage()?;
        // A drop with several parts has jobs in many states, so only its acceptance has a clear time.
        let since = if plan.is_one_part() { open.since.unwrap_or(drop.updated) } else { drop.updated };
        // Only a job that waits sets it.
        let refusal = open.refusal.clone();
        let (message, next) = open.tell(stage, refusal.as_ref());
        Some(Self {
            refusal,
            attempt: plan.is_one_part().then_some(open.attempt),
            records: Some(Progress { total, done: total.saturating_sub(open.records) }),
            jobs: Some(open.counts),
            ..Self::new(drop, stage, since, open.as_of, message, next)
        })
    }

    /// The status of a finished drop.
    #[must_use]
    pub fn finished(drop: &DropEntry, summary: &Summary) -> Self {
        let records = summary.records;
        let message = results_message(&records) + &main_reason(summary);
        let mut next = "The results are in the folder of the drop; summary.json sums them up.".to_owned();
        if records.succeeded == 0 && !summary.was_stopped() {
            next.push_str(" No record has an answer, so find the cause before you drop them again.");
        } else if records.unprocessed > 0 {
            next.push_str(" The files below unprocessed/ are ready to be dropped again.");
        }
        if !summary.balanced {
            next.push_str(" Some figures do not agree: show summary.json to an operator of the stack.");
        }
        Self {
            records: Some(Progress { total: records.total, done: records.succeeded + records.failed }),
            repairs: Some(summary.repairs).filter(|repairs| !repairs.is_empty()),
            results: Some(records),
            was_stopped: summary.was_stopped(),
            tokens: Tokens::of(&summary.jobs),
            ..Self::new(drop, Stage::Finished, drop.updated, drop.updated, message, next)
        }
    }

    fn new(
        drop: &DropEntry,
        state: Stage,
        since: Timestamp,
        as_of: Timestamp,
        message: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            version: VERSION,
            state,
            since,
            message: message.into(),
            next: next.into(),
            refusal: None,
            attempt: None,
            records: None,
            jobs: None,
            repairs: Some(drop.repairs()).filter(|repairs| !repairs.is_empty()),
            results: None,
            was_stopped: false,
            tokens: None,
            as_of,
            updated: as_of,
            drop_id: drop.drop_id.clone(),
            source: drop.source.clone(),
        }
    }

    /// Returns whether nothing follows any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.revision().step == LAST_STEP
    }

    /// Returns the revision, which decides which of two statuses is kept.
    #[must_use]
    pub fn revision(&self) -> Revision {
        let step = match self.state {
            Stage::Reading => 0,
            Stage::Held | Stage::Preparing | Stage::Waiting | Stage::Running | Stage::Checking => 1,
            Stage::Finished | Stage::Rejected => LAST_STEP,
        };
        Revision { step, attempt: self.attempt, as_of: self.as_of }
    }

    /// Returns whether this status, which is recorded, need not be replaced by another one: it is newer or final, or
    /// says the same.
    #[must_use]
    pub fn makes_needless(&self, other: &Self) -> bool {
        let says_the_same = || *self == Self { as_of: self.as_of, updated: self.updated, ..other.clone() };
        self.is_final() || self.revision() > other.revision() || says_the_same()
    }
}

const LAST_STEP: u8 = 2;

impl Entry for Status {
    const VERSION: u32 = VERSION;

    fn stamp(&mut self, time: Timestamp, _is_new: bool) {
        self.updated = time;
    }
}

/// What the entries of a drop's open jobs say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenJobs {
    as_of: Timestamp,
    counts: JobCounts,
    /// How many records they have.
    records: u64,
    /// The highest attempt.
    attempt: u32,
    /// Since when the first of them is in its state.
    since: Option<Timestamp>,
    /// Why Bedrock refused one of them. One that an operator must fix is more important.
    refusal: Option<Refusal>,
    doubt: Option<Doubt>,
    /// Within how many hours Bedrock ends its jobs.
    timeout_hours: Option<i32>,
    /// Whether the route of the drop is paused.
    is_paused: bool,
}

impl OpenJobs {
    /// None yet, at this time.
    #[must_use]
    pub fn none(as_of: Timestamp) -> Self {
        Self {
            as_of,
            counts: JobCounts::default(),
            records: 0,
            attempt: 0,
            since: None,
            refusal: None,
            doubt: None,
            timeout_hours: None,
            is_paused: false,
        }
    }

    /// Returns the same, of a drop whose route is paused or not.
    #[must_use]
    pub fn of_paused_route(self, is_paused: bool) -> Self {
        Self { is_paused, ..self }
    }

    /// The only open job of a drop, at the time when its entry was written.
    #[must_use]
    pub fn only(job: &JobEntry) -> Self {
        let mut open = Self::none(job.updated);
        open.add(job);
        open
    }

    /// Adds a job, if it is open.
    pub fn add(&mut self, job: &JobEntry) {
        let (mut records, mut since) = (job.part.records, job.updated);
        match &job.state {
            JobState::Waiting | JobState::Submitting { .. } => {
                self.counts.waiting += 1;
                since = job.created;
                if self.refusal.as_ref().is_none_or(|refusal| refusal.is_for_now) {
                    self.refusal = job.refusal.clone().or(self.refusal.take());
                }
            }
            JobState::Submitted(BedrockJob { request, .. }) => {
                self.counts.running += 1;
                self.timeout_hours = self.timeout_hours.max(Some(request.timeout_duration_in_hours));
            }
            JobState::Stopping(_) => self.counts.stopping += 1,
            JobState::Doubtful(_, doubt) => {
                self.counts.ending += 1;
                since = doubt.since;
                self.doubt = Some(doubt.clone());
            }
            JobState::Ended(_, outcome) => {
                self.counts.ending += 1;
                // The next attempt, if it is recorded already, counts them as well.
                records = outcome.records.retried;
            }
            JobState::Settled(..) | JobState::SourceDeleted => return,
        }
        self.records += records;
        self.attempt = self.attempt.max(job.attempt);
        self.since.get_or_insert(since);
    }

    /// Adds a part whose job waits for its first attempt.
    pub fn add_waiting(&mut self, part: &Part) {
        self.counts.waiting += 1;
        self.records += part.records;
        self.attempt = self.attempt.max(1);
    }

    fn stage(&self) -> Option<Stage> {
        let JobCounts { waiting, running, ending, stopping } = self.counts;
        match (waiting, running + stopping, ending) {
            (0, 0, 0) => None,
            (0, 0, _) if self.doubt.is_some() => Some(Stage::Checking),
            (_, 0, 0) => Some(Stage::Waiting),
            _ => Some(Stage::Running),
        }
    }

    /// What is going on, and what comes next.
    fn tell(&self, stage: Stage, refusal: Option<&Refusal>) -> (String, String) {
        let JobCounts { waiting, running, ending, stopping } = self.counts;
        let jobs = |count| Counted(count, "job");
        let is_refused = refusal.is_some_and(|refusal| !refusal.is_for_now);
        let message = match (stage, &self.doubt) {
            (Stage::Checking, Some(Doubt { since, contradictions, .. })) => format!(
                "The job has ended, but what Bedrock has said about it since {since} contradicts itself: {}.",
                contradictions.join("; "),
            ),
            (Stage::Waiting, _) if is_refused => {
                format!(
                    "{} to be submitted, but Bedrock refuses them until the cause is fixed.",
                    jobs(waiting)
                )
            }
            (Stage::Waiting, _) if self.is_paused => {
                format!("{} to be submitted, but the route of the file is paused.", jobs(waiting))
            }
            (Stage::Waiting, _) if refusal.is_some() => {
                format!("{} to be submitted, but Bedrock accepts no more for now.", jobs(waiting))
            }
            (Stage::Waiting, _) => format!("{} to be submitted.", jobs(waiting)),
            _ if stopping > 0 => {
                format!("The drop is cancelled. Bedrock is asked to stop {}.", jobs(running + stopping))
            }
            _ => {
                let running = (running > 0).then(|| format!("Bedrock has {}", jobs(running)));
                let waiting = (waiting > 0).then(|| format!("{} to be submitted", jobs(waiting)));
                let ended = if ending == 1 { "has ended, and its" } else { "have ended, and their" };
                let ending =
                    (ending > 0).then(|| format!("{} {ended} results are being written", jobs(ending)));
                let all: Vec<String> = running.into_iter().chain(waiting).chain(ending).collect();
                format!("{}.", all.join("; "))
            }
        };
        let next = match (stage, self.timeout_hours) {
            (Stage::Checking, _) => format!(
                "The sweep looks again. After {} hours, what is left goes to unprocessed/; nothing is submitted again.",
                DOUBT.as_secs() / 3_600
            ),
            _ if stopping > 0 => "What is finished is kept, and the rest goes to unprocessed/.".to_owned(),
            _ if is_refused => {
                "Show the refusal to an operator of the stack. Once its cause is fixed, the sweep submits \
                                the job: do not drop the file again."
                    .to_owned()
            }
            (Stage::Waiting, _) if self.is_paused => {
                "Nothing needs to be done: the next sweep after an administrator lets the route go on submits its jobs."
                    .to_owned()
            }
            (_, Some(hours)) => format!(
                "The results are written when a job ends, which is {hours} hours after it was submitted at the latest."
            ),
            (_, None) => {
                "Nothing needs to be done: Bedrock is asked again when another job ends, and at each sweep."
                    .to_owned()
            }
        };
        (message, next)
    }
}

fn reading_message(drop: &DropEntry, reading: &Reading) -> String {
    match reading.too_slow {
        None => "The file is being read and checked.".to_owned(),
        Some(TooSlow { bytes, seconds }) => format!(
            "The file is being read and checked, in attempt {}. The last one ran out of time after {seconds} s and \
             {bytes} of {} bytes.",
            reading.attempts, drop.source.size_bytes
        ),
    }
}

fn rejection_message(problems: &[Problem]) -> String {
    let Some(Problem { line, lines, what, fix, .. }) = problems.first() else {
        return "The file was refused.".to_owned();
    };
    let place = match (line, lines.saturating_sub(1)) {
        (None, _) => String::new(),
        (Some(line), 0) => format!("line {line}: "),
        (Some(line), more) => format!("line {line} and {}: ", Counted(more, "more line")),
    };
    let more = match problems.len().saturating_sub(1) as u64 {
        0 => String::new(),
        more => format!(" There are more kinds of problems: {more}."),
    };
    format!("The file was refused: {place}{what}; {fix}.{more}")
}

fn results_message(records: &SummaryRecords) -> String {
    let SummaryRecords { total, succeeded, truncated, refused, failed, unprocessed, source_deleted } =
        *records;
    let mut message = format!("{}: {succeeded} succeeded", Counted(total, "record"));
    for (count, of_one, of_several) in [
        (failed, "has an error", "have an error"),
        (unprocessed, "was not processed", "were not processed"),
        (
            source_deleted,
            "was deleted with its file before it was submitted",
            "were deleted with their file before they were submitted",
        ),
        (
            truncated,
            "of the answers was cut off by a limit of tokens",
            "of the answers were cut off by a limit of tokens",
        ),
        (
            refused,
            "of the answers is a refusal, or was filtered",
            "of the answers are refusals, or were filtered",
        ),
    ] {
        if count > 0 {
            let what = if count == 1 { of_one } else { of_several };
            message.push_str(&format!(", {count} {what}"));
        }
    }
    message.push('.');
    message
}

/// What Bedrock said about most jobs, or about most records, that did not go well; empty if all went well.
fn main_reason(summary: &Summary) -> String {
    if let Some(most) = summary.messages.first() {
        return format!(" {}", most.told());
    }
    let Some(most) = summary.largest_errors.first() else { return String::new() };
    let code = most.code.as_deref().map(|code| format!("{code} ")).unwrap_or_default();
    format!(
        " The most frequent error, of {}: {code}{}",
        Counted(most.count, "record"),
        sentence(&most.message)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::usd::Usd;
    use crate::drop::identity::JobId;
    use crate::drop::kinds;
    use crate::job::findings::ErrorGroup;
    use crate::job::outcome::Counts;
    use crate::job::summary::{JobMessage, Tally};
    use crate::ledger::example::{by, job_states, part, source};
    use crate::ledger::held::Reason;
    use crate::ledger::held::tests::held;
    use crate::ledger::lease::Invocation;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn drop_in(state: DropState) -> DropEntry {
        let by = Invocation { started: at(1), ..by() };
        DropEntry { state, updated: at(2), ..DropEntry::claim(DropId::derive(&source()), source(), &by) }
    }

    fn status(state: Stage, attempt: Option<u32>, as_of: i64) -> Status {
        let drop = drop_in(DropState::Erased);
        Status { attempt, ..Status::new(&drop, state, at(as_of), at(as_of), "", "") }
    }

    /// An accepted drop with this many parts of 10 records.
    fn accepted(parts: u32) -> DropEntry {
        let drop_id = DropId::derive(&source());
        let part = |number| Part { number, records: 10, ..part(&JobId::derive(&drop_id, number, 1)) };
        let plan = Plan::Whole { parts: (1..=parts).map(part).collect() };
        drop_in(DropState::Accepted { settings: None, repairs: None, plan })
    }

    /// A job with 10 records in the state of this name, created at 3 and changed at 4.
    fn job(state: &str, refusal: Option<Refusal>) -> JobEntry {
        let drop_id = DropId::derive(&source());
        let part = Part { records: 10, ..part(&JobId::derive(&drop_id, 1, 2)) };
        let state = job_states().into_iter().find(|known| known.name() == state).unwrap();
        let waiting = JobEntry::waiting(&drop_id, &source(), &part, 2, &by(), at(0));
        JobEntry { state, refusal, created: at(3), updated: at(4), ..waiting }
    }

    fn refused(is_for_now: bool) -> Option<Refusal> {
        Some(Refusal { is_for_now, message: "Bedrock's words".into() })
    }

    #[test]
    fn drop_that_is_read_or_judged_has_a_status() {
        let reading = Reading::first(&by());
        let slow =
            Reading { attempts: 2, too_slow: Some(TooSlow { bytes: 7, seconds: 9 }), ..reading.clone() };
        let of_file = Problem::of_file(&kinds::FILE_TOO_LARGE, "huge", "split it");
        let (what, fix) = ("odd".to_owned(), "even it".to_owned());
        let problem = Problem { line: Some(3), byte: Some(5), what, fix, ..of_file.clone() };
        let frequent = Problem { lines: 7, ..problem.clone() };
        let rejected = |problems| DropState::Rejected { problems, stopped_early: false };
        let table = [
            (DropState::Reading(reading), Stage::Reading, 1, "The file is being read and checked."),
            (
                DropState::Reading(slow),
                Stage::Reading,
                1,
                "The file is being read and checked, in attempt 2. The last one ran out of time after 9 s and 7 of 1 bytes.",
            ),
            (accepted(2).state, Stage::Preparing, 2, "The file is in order: 20 records."),
            (
                rejected(vec![problem.clone()]),
                Stage::Rejected,
                2,
                "The file was refused: line 3: odd; even it.",
            ),
            (
                rejected(vec![of_file, problem.clone(), problem]),
                Stage::Rejected,
                2,
                "The file was refused: huge; split it. There are more kinds of problems: 2.",
            ),
            (
                rejected(vec![frequent]),
                Stage::Rejected,
                2,
                "The file was refused: line 3 and 6 more lines: odd; even it.",
            ),
            (rejected(vec![]), Stage::Rejected, 2, "The file was refused."),
        ];
        for (state, stage, since, message) in table {
            let status = Status::of_drop(&drop_in(state)).unwrap();
            assert_eq!((status.state, status.since, status.as_of), (stage, at(since), at(2)), "{message}");
            assert_eq!(status.message, message);
            let progress = Progress { total: 20, done: 0 };
            assert_eq!(status.records, (stage == Stage::Preparing).then_some(progress), "{message}");
            assert_eq!(status.is_final(), stage == Stage::Rejected, "{message}");
        }
        let finished = DropState::Finished { plan: Plan::Whole { parts: vec![] } };
        assert_eq!([finished, DropState::Erased].map(|state| Status::of_drop(&drop_in(state))), [None, None]);
    }

    #[test]
    fn held_drop_says_why_and_what_to_do_and_yields_to_what_follows() {
        let status = |reasons| {
            let state = DropState::Held(Box::new(held(Some("5"), reasons)));
            Status::of_drop(&DropEntry { updated: at(7), ..drop_in(state) }).unwrap()
        };
        let day = |max_usd| Reason::DayBudget { route: None, max_usd: Usd::parse(max_usd).unwrap() };
        let is_held = status(vec![day("5")]);
        assert_eq!((is_held.state, is_held.since, is_held.as_of), (Stage::Held, at(2), at(7)));
        assert_eq!(is_held.records, Some(Progress { total: 150, done: 0 }));
        assert!(is_held.message.contains("5.00 US dollars per day"), "{}", is_held.message);
        assert!(is_held.next.contains(&format!("approve {}.", is_held.drop_id)), "{}", is_held.next);
        assert!(is_held.next.ends_with("whose budget has room for it."), "{}", is_held.next);
        assert!(status(vec![day("4")]).next.ends_with("none of its records is submitted."));
        assert_eq!(status(vec![]).state, Stage::Preparing, "nothing has objected to it");
        let accepted = Status::of_drop(&DropEntry { updated: at(7), ..accepted(1) }).unwrap();
        assert!(!is_held.is_final() && !is_held.makes_needless(&accepted));
    }

    #[test]
    fn status_of_the_only_job_says_where_it_is() {
        let waits = JobCounts { waiting: 1, ..JobCounts::default() };
        let runs = JobCounts { running: 1, ..JobCounts::default() };
        let ends = JobCounts { ending: 1, ..JobCounts::default() };
        let table = [
            ("Waiting", None, Stage::Waiting, waits, 3, 0, "1 job to be submitted.", "Nothing needs"),
            ("Submitting", None, Stage::Waiting, waits, 3, 0, "1 job to be submitted.", "Nothing needs"),
            ("Waiting", refused(true), Stage::Waiting, waits, 3, 0, "no more for now.", "Nothing needs"),
            ("Waiting", refused(false), Stage::Waiting, waits, 3, 0, "until the cause is fixed.", "Show the"),
            ("Submitted", refused(true), Stage::Running, runs, 4, 0, "Bedrock has 1 job.", "The results are"),
            ("Doubtful", None, Stage::Checking, ends, 1, 0, "contradicts itself: c.", "The sweep looks"),
            ("Ended", None, Stage::Running, ends, 4, 7, "results are being written.", "Nothing"),
        ];
        for (state, refusal, stage, jobs, since, done, message, next) in table {
            let mut job = job(state, refusal.clone());
            if let JobState::Ended(bedrock_job, outcome) = job.state {
                let records = Counts { retried: 3, succeeded: 7, ..Counts::default() };
                job.state = JobState::Ended(bedrock_job, Outcome { records, ..outcome });
            }
            let status = Status::of_jobs(&accepted(1), &OpenJobs::only(&job)).unwrap();
            assert_eq!((status.state, status.jobs, status.since), (stage, Some(jobs), at(since)), "{state}");
            assert_eq!(status.records, Some(Progress { total: 10, done }), "{state}");
            assert_eq!((status.attempt, status.as_of), (Some(2), at(4)), "{state}");
            assert_eq!(status.refusal, refusal.filter(|_| jobs.waiting > 0), "{state}");
            assert!(status.message.ends_with(message), "{state}: {}", status.message);
            assert!(status.next.starts_with(next), "{state}: {}", status.next);
            assert_eq!(status.next.contains("After 6 hours"), stage == Stage::Checking, "{state}");
        }
        for state in ["Settled", "SourceDeleted"] {
            assert_eq!(Status::of_jobs(&accepted(1), &OpenJobs::only(&job(state, None))), None);
        }
        let erased = drop_in(DropState::Erased);
        assert_eq!(Status::of_jobs(&erased, &OpenJobs::only(&job("Waiting", None))), None);
    }

    #[test]
    fn status_of_many_jobs_is_their_sum() {
        let mut open = OpenJobs::none(at(9));
        let states = ["Waiting", "Submitted", "Submitted", "Ended", "Doubtful"];
        states.iter().for_each(|state| open.add(&job(state, refused(true))));
        open.add_waiting(&Part { records: 10, ..part(&JobId::derive(&DropId::derive(&source()), 6, 1)) });
        let status = Status::of_jobs(&accepted(8), &open).unwrap();
        assert_eq!(status.jobs, Some(JobCounts { waiting: 2, running: 2, ending: 2, stopping: 0 }));
        assert_eq!((status.state, status.attempt), (Stage::Running, None));
        // What has ended has no records left in this example.
        assert_eq!(status.records, Some(Progress { total: 80, done: 30 }));
        assert_eq!((status.since, status.as_of), (at(2), at(9)));
        let message = "Bedrock has 2 jobs; 2 jobs to be submitted; 2 jobs have ended, and their results are being written.";
        assert_eq!(status.message, message);
        assert!(status.next.contains("24 hours"), "{}", status.next);
        // A refusal that an operator must fix is more important, in whatever order.
        for order in [[true, false], [false, true]] {
            let mut open = OpenJobs::none(at(9));
            order.iter().for_each(|is_for_now| open.add(&job("Waiting", refused(*is_for_now))));
            assert_eq!(Status::of_jobs(&accepted(2), &open).unwrap().refusal, refused(false));
        }
        let mut only_waiting = OpenJobs::none(at(9));
        only_waiting.add_waiting(&part(&JobId::derive(&DropId::derive(&source()), 1, 1)));
        assert_eq!(only_waiting.attempt, 1);
    }

    #[test]
    fn status_of_a_finished_drop_sums_up_its_results() {
        let tally = Tally { records: 4, attempts: Vec::new() };
        let summary = Summary::new(&DropId::derive(&source()), &source(), Repairs::default(), tally);
        let with = |records: SummaryRecords, balanced| {
            Status::finished(&accepted(1), &Summary { records, balanced, ..summary.clone() })
        };
        let none = SummaryRecords { total: 4, ..summary.records };
        let good = with(SummaryRecords { succeeded: 4, ..none }, true);
        assert_eq!(good.message, "4 records: 4 succeeded.");
        assert_eq!(good.next, "The results are in the folder of the drop; summary.json sums them up.");
        assert_eq!((good.state, good.since, good.as_of), (Stage::Finished, at(2), at(2)));
        assert_eq!(good.records, Some(Progress { total: 4, done: 4 }));
        assert!(good.is_final());
        let every = SummaryRecords {
            total: 4,
            succeeded: 1,
            truncated: 2,
            refused: 3,
            failed: 4,
            unprocessed: 5,
            source_deleted: 6,
        };
        let bad = with(every, false);
        assert_eq!(
            bad.message,
            "4 records: 1 succeeded, 4 have an error, 5 were not processed, 6 were deleted with their file before they \
             were submitted, 2 of the answers were cut off by a limit of tokens, 3 of the answers are refusals, or were \
             filtered."
        );
        assert_eq!((bad.results, bad.records), (Some(every), Some(Progress { total: 4, done: 5 })));
        assert!(bad.next.contains("unprocessed/") && bad.next.contains("do not agree"), "{}", bad.next);
    }

    #[test]
    fn status_of_a_drop_that_went_wrong_says_why() {
        let tally = Tally { records: 4, attempts: Vec::new() };
        let mut summary = Summary::new(&DropId::derive(&source()), &source(), Repairs::default(), tally);
        (summary.records.failed, summary.balanced) = (4, true);
        summary.largest_errors = vec![ErrorGroup {
            code: Some("400".into()),
            message: "bad".into(),
            count: 4,
            retryable: false,
            sample_ids: vec![],
        }];
        let told = |summary: &Summary| Status::finished(&accepted(1), summary);
        let status = told(&summary);
        assert!(status.message.ends_with("4 have an error. The most frequent error, of 4 records: 400 bad."));
        assert!(
            status.next.ends_with("No record has an answer, so find the cause before you drop them again.")
        );
        summary.messages = vec![JobMessage { message: "no access".into(), jobs: 1 }];
        assert!(told(&summary).message.ends_with(" Bedrock says: no access."));
    }

    #[test]
    fn time_of_writing_is_recorded() {
        let mut status = status(Stage::Running, None, 3);
        status.stamp(at(5), false);
        assert_eq!((status.updated, status.as_of), (at(5), at(3)));
    }

    #[test]
    fn lower_revision_yields() {
        let in_order = [
            status(Stage::Reading, None, 9),
            status(Stage::Preparing, None, 5),
            status(Stage::Waiting, Some(1), 6),
            status(Stage::Running, Some(1), 7),
            status(Stage::Waiting, Some(2), 4),
            status(Stage::Finished, None, 3),
        ];
        for (older, newer) in in_order.iter().zip(in_order.iter().skip(1)) {
            assert!(newer.makes_needless(older), "{newer:?} {older:?}");
            assert!(!older.makes_needless(newer), "{older:?} {newer:?}");
        }
        // Of two that are as old as each other, the later write counts, unless it says the same.
        let waiting = status(Stage::Waiting, Some(1), 7);
        assert!(!waiting.makes_needless(&status(Stage::Running, Some(1), 7)));
        let again = Status { since: waiting.since, ..status(Stage::Waiting, Some(1), 8) };
        assert!(waiting.makes_needless(&again));
        // Nothing replaces the last one.
        assert!(status(Stage::Rejected, None, 1).makes_needless(&status(Stage::Finished, None, 9)));
    }
}
