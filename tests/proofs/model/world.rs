//! What exists outside the invocations: the ledger, the markers and the files in S3, and the jobs at
//! Bedrock; and the invocations that are at work on it.

use super::task::Task;

/// A set of the records of one part, one bit each.
pub(crate) type Records = u8;

/// Attempts at a part, at most.
pub(crate) const ATTEMPTS: u8 = 2;

/// One of the jobs that may ever be made: an attempt at a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobId(pub(crate) u8);

impl JobId {
    pub(crate) fn new(part: u8, attempt: u8) -> Self {
        Self(part * ATTEMPTS + attempt)
    }

    pub(crate) fn part(self) -> u8 {
        self.0 / ATTEMPTS
    }

    /// Counted from 0.
    pub(crate) fn attempt(self) -> u8 {
        self.0 % ATTEMPTS
    }

    /// The next attempt at the same records, if there may be one.
    pub(crate) fn next(self) -> Option<Self> {
        (self.attempt() + 1 < ATTEMPTS).then_some(Self(self.0 + 1))
    }

    pub(crate) fn previous(self) -> Option<Self> {
        (self.attempt() > 0).then(|| Self(self.0 - 1))
    }
}

/// An object of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Entry {
    Drop,
    Job(JobId),
}

impl Entry {
    fn bit(self) -> u8 {
        match self {
            Self::Drop => 1,
            Self::Job(id) => 2 << id.0,
        }
    }
}

/// The end of a lease, as everybody's clock will show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lease {
    Running,
    Over,
}

/// How long contradicting evidence may still come to fit together, as everybody's clock will show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Doubt {
    Open,
    Final,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DropState {
    Reading(Lease),
    Accepted,
    Rejected,
    Finished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum JobState {
    Waiting,
    Submitting(Lease),
    Submitted,
    Doubtful(Doubt),
    Ended(Outcome),
    Settled(Outcome),
    SourceDeleted,
}

/// What was decided about the records that a job did not process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Outcome {
    pub(crate) remaining: Records,
    /// They go to a next attempt; otherwise they are handed back as unprocessed.
    pub(crate) retried: bool,
}

impl DropState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reading(_) => "Reading",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Finished => "Finished",
        }
    }
}

impl JobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Submitting(_) => "Submitting",
            Self::Submitted => "Submitted",
            Self::Doubtful(_) => "Doubtful",
            Self::Ended(_) => "Ended",
            Self::Settled(_) => "Settled",
            Self::SourceDeleted => "SourceDeleted",
        }
    }

    /// What was decided, once it is.
    pub(crate) fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Ended(outcome) | Self::Settled(outcome) => Some(outcome),
            Self::Waiting
            | Self::Submitting(_)
            | Self::Submitted
            | Self::Doubtful(_)
            | Self::SourceDeleted => None,
        }
    }

    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Self::Settled(_) | Self::SourceDeleted)
    }
}

/// The moves of the drawing in `src/ledger/`. That the real entries have the same ones is a test of its own.
/// No flow erases a drop.
pub(crate) const DROP_MOVES: [(&str, &str); 6] = [
    ("Reading", "Reading"),
    ("Reading", "Accepted"),
    ("Reading", "Rejected"),
    ("Accepted", "Finished"),
    ("Finished", "Erased"),
    ("Rejected", "Erased"),
];

/// As [`DROP_MOVES`].
pub(crate) const JOB_MOVES: [(&str, &str); 10] = [
    ("Waiting", "Submitting"),
    ("Submitting", "Submitting"),
    ("Submitting", "Waiting"),
    ("Submitting", "Submitted"),
    ("Submitting", "Ended"),
    ("Submitted", "Doubtful"),
    ("Submitted", "Ended"),
    ("Doubtful", "Doubtful"),
    ("Doubtful", "Ended"),
    ("Ended", "Settled"),
];

/// What one conditional write may do: one move, or the several at once by which a state change that comes
/// before `Submitted` was recorded is caught up with.
fn is_legal_write(from: &str, to: &str) -> bool {
    let is_move = DROP_MOVES.iter().chain(&JOB_MOVES).any(|known| *known == (from, to));
    is_move || (["Waiting", "Submitting"].contains(&from) && ["Doubtful", "Ended"].contains(&to))
}

/// A job as Bedrock knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum AtBedrock {
    #[default]
    Unknown,
    Running,
    /// It is over.
    Over {
        /// These records have an answer or an error for good, and were paid for. Manifest and counters say so.
        done: Records,
        /// These of them are in the output that is there: all, unless something lies or is late.
        shown: Records,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Job {
    /// `work/<job-id>/input/`.
    pub(crate) input: Records,
    pub(crate) marker: bool,
    pub(crate) entry: Option<JobState>,
    pub(crate) at_bedrock: AtBedrock,
    /// How many jobs Bedrock has made, and will be paid for.
    pub(crate) made: u8,
    /// `succeeded/` and `errors/`.
    pub(crate) results: Records,
    /// `unprocessed/`.
    pub(crate) unprocessed: Records,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Drop {
    pub(crate) marker: bool,
    pub(crate) entry: Option<DropState>,
    /// `rejection.json`.
    pub(crate) rejection: bool,
    /// `summary.json`.
    pub(crate) summary: bool,
}

/// One call of a function: what it is still going to do, the next thing last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Invocation {
    pub(crate) todo: Vec<Task>,
    /// The entries with a lease of this invocation, one bit each.
    holds: u8,
    /// The jobs whose token this invocation has sent, one bit each, where Bedrock forgets it after that.
    pub(crate) sent: u8,
}

impl Invocation {
    /// Plans these tasks, in this order, before what is already planned.
    pub(crate) fn plan(&mut self, tasks: &[Task]) {
        self.todo.extend(tasks.iter().rev().copied());
    }

    pub(crate) fn holds(&self, entry: Entry) -> bool {
        self.holds & entry.bit() != 0
    }
}

/// Promises whose breach is an event and leaves no trace in the objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Breaches {
    pub(crate) illegal_write: bool,
    pub(crate) job_without_record: bool,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct World {
    pub(crate) drop: Drop,
    /// By [`JobId`].
    pub(crate) jobs: Vec<Job>,
    /// The version that was dropped has been deleted.
    pub(crate) source_deleted: bool,
    /// In order, for it makes no difference which is which.
    pub(crate) invocations: Vec<Invocation>,
    /// How many crashes, lost answers, lies and deletions may still happen.
    pub(crate) faults: u8,
    pub(crate) breaches: Breaches,
}

impl World {
    pub(crate) fn job(&self, id: JobId) -> &Job {
        &self.jobs[usize::from(id.0)]
    }

    pub(crate) fn job_mut(&mut self, id: JobId) -> &mut Job {
        &mut self.jobs[usize::from(id.0)]
    }

    pub(crate) fn job_ids(&self) -> impl Iterator<Item = JobId> + use<> {
        (0_u8..).take(self.jobs.len()).map(JobId)
    }

    pub(crate) fn first_jobs(&self) -> impl Iterator<Item = JobId> + use<> {
        self.job_ids().filter(|id| id.attempt() == 0)
    }

    pub(crate) fn has_marker(&self, entry: Entry) -> bool {
        match entry {
            Entry::Drop => self.drop.marker,
            Entry::Job(id) => self.job(id).marker,
        }
    }

    pub(crate) fn delete_marker(&mut self, entry: Entry) {
        match entry {
            Entry::Drop => self.drop.marker = false,
            Entry::Job(id) => self.job_mut(id).marker = false,
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + use<> {
        std::iter::once(Entry::Drop).chain(self.job_ids().map(Entry::Job))
    }

    /// Whether a lease is recorded that is not over.
    pub(crate) fn is_leased(&self, entry: Entry) -> bool {
        match entry {
            Entry::Drop => self.drop.entry == Some(DropState::Reading(Lease::Running)),
            Entry::Job(id) => self.job(id).entry == Some(JobState::Submitting(Lease::Running)),
        }
    }

    /// The time has come after which contradicting evidence is final.
    pub(crate) fn end_doubt(&mut self, id: JobId) {
        self.job_mut(id).entry = Some(JobState::Doubtful(Doubt::Final));
    }

    /// The time of a lease has come.
    pub(crate) fn end_lease(&mut self, entry: Entry) {
        match entry {
            Entry::Drop => self.drop.entry = Some(DropState::Reading(Lease::Over)),
            Entry::Job(id) => self.job_mut(id).entry = Some(JobState::Submitting(Lease::Over)),
        }
    }

    /// Writes the drop's entry. The condition on it has been checked.
    pub(crate) fn write_drop(&mut self, state: DropState, by: &mut Invocation) {
        let before = self.drop.entry.replace(state);
        self.after_write(Entry::Drop, before.map(DropState::name), state.name(), by);
    }

    /// Writes a job's entry. The condition on it has been checked.
    pub(crate) fn write_job(&mut self, id: JobId, state: JobState, by: &mut Invocation) {
        let before = self.job_mut(id).entry.replace(state);
        self.after_write(Entry::Job(id), before.map(JobState::name), state.name(), by);
    }

    /// The `ETag` that others have read is no longer the object's, and a lease of theirs is gone.
    fn after_write(&mut self, entry: Entry, from: Option<&str>, to: &str, by: &mut Invocation) {
        if from.is_some_and(|from| !is_legal_write(from, to)) {
            self.breaches.illegal_write = true;
        }
        for other in &mut self.invocations {
            other.holds &= !entry.bit();
            other.todo.iter_mut().for_each(|task| task.outdate(entry));
        }
        by.holds &= !entry.bit();
        if self.is_leased(entry) {
            by.holds |= entry.bit();
        }
    }
}
