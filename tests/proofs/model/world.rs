//! What exists outside the invocations (the ledger, the markers and files in S3, and the jobs at Bedrock),
//! and the invocations that are running.

use super::task::Task;

/// A set of the records of one part, one bit each.
pub(crate) type Records = u8;

/// The most attempts at a part.
pub(crate) const ATTEMPTS: u8 = 2;

/// One of all possible jobs: an attempt at a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobId(pub(crate) u8);

impl JobId {
    pub(crate) fn new(part: u8, attempt: u8) -> Self {
        Self(part * ATTEMPTS + attempt)
    }

    pub(crate) fn part(self) -> u8 {
        self.0 / ATTEMPTS
    }

    /// The attempt, counted from 0.
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

/// Whether a lease has ended, on every clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lease {
    Running,
    Over,
}

/// Whether contradicting evidence may still change, or is final on every clock.
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
    Stopping,
    Doubtful(Doubt),
    Ended(Outcome),
    Settled(Outcome),
    SourceDeleted,
}

/// What was decided about the records that a job did not process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Outcome {
    pub(crate) remaining: Records,
    /// Whether they go to a next attempt. Otherwise they are handed back as unprocessed.
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
            Self::Stopping => "Stopping",
            Self::Doubtful(_) => "Doubtful",
            Self::Ended(_) => "Ended",
            Self::Settled(_) => "Settled",
            Self::SourceDeleted => "SourceDeleted",
        }
    }

    /// What was decided, if anything was.
    pub(crate) fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Ended(outcome) | Self::Settled(outcome) => Some(outcome),
            Self::Waiting
            | Self::Submitting(_)
            | Self::Submitted
            | Self::Stopping
            | Self::Doubtful(_)
            | Self::SourceDeleted => None,
        }
    }

    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Self::Settled(_) | Self::SourceDeleted)
    }

    /// Whether the job waits, or may wait again.
    pub(crate) fn may_wait(self) -> bool {
        matches!(self, Self::Waiting | Self::Submitting(_))
    }
}

/// The moves of a drop, from the drawing in `src/ledger/`. A test checks that the real entries have the same
/// ones. No flow erases a drop.
pub(crate) const DROP_MOVES: [(&str, &str); 6] = [
    ("Reading", "Reading"),
    ("Reading", "Accepted"),
    ("Reading", "Rejected"),
    ("Accepted", "Finished"),
    ("Finished", "Erased"),
    ("Rejected", "Erased"),
];

/// The moves of a job, from the same drawing.
pub(crate) const JOB_MOVES: [(&str, &str); 14] = [
    ("Waiting", "Submitting"),
    ("Waiting", "Ended"),
    ("Submitting", "Submitting"),
    ("Submitting", "Waiting"),
    ("Submitting", "Submitted"),
    ("Submitting", "Ended"),
    ("Submitted", "Stopping"),
    ("Submitted", "Doubtful"),
    ("Submitted", "Ended"),
    ("Stopping", "Doubtful"),
    ("Stopping", "Ended"),
    ("Doubtful", "Doubtful"),
    ("Doubtful", "Ended"),
    ("Ended", "Settled"),
];

/// Whether one conditional write may do this: it makes one move, or several at once if a state change arrives
/// before `Submitted` was recorded, or if a job that was refused turns out to exist when its drop is cancelled.
fn is_legal_write(from: &str, to: &str) -> bool {
    let is_move = DROP_MOVES.iter().chain(&JOB_MOVES).any(|known| *known == (from, to));
    is_move
        || (["Waiting", "Submitting"].contains(&from) && ["Doubtful", "Ended"].contains(&to))
        || (from, to) == ("Waiting", "Submitted")
}

/// A job as Bedrock knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum AtBedrock {
    #[default]
    Unknown,
    Running,
    /// The job is over.
    Over {
        /// The records that have an answer or a permanent error, and were paid for. Manifest and counters say
        /// so.
        done: Records,
        /// Those of them that the output shows: all of them, unless the output is wrong or late.
        shown: Records,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Job {
    /// `work/<job-id>/input/`.
    pub(crate) input: Records,
    pub(crate) marker: bool,
    /// The hint that the job waits.
    pub(crate) hint: bool,
    pub(crate) entry: Option<JobState>,
    pub(crate) at_bedrock: AtBedrock,
    /// How many jobs Bedrock has created, and will charge for.
    pub(crate) made: u8,
    /// `succeeded/` and `errors/`.
    pub(crate) results: Records,
    /// `unprocessed/`.
    pub(crate) unprocessed: Records,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Drop {
    pub(crate) marker: bool,
    /// The marker of its cancellation.
    pub(crate) cancel_marker: bool,
    pub(crate) entry: Option<DropState>,
    /// `rejection.json`.
    pub(crate) rejection: bool,
    /// `ledger/drops/<drop-id>/tallies/`: how many records each page has, if it was counted. A plan without pages has
    /// none.
    pub(crate) tallies: Vec<Option<u8>>,
    /// `summary.json`: how many records it counts.
    pub(crate) summary: Option<u8>,
}

/// One run of a function, with the tasks that it still has, the next one last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Invocation {
    pub(crate) todo: Vec<Task>,
    /// The entries on which this invocation has a lease, one bit each.
    holds: u8,
    /// The jobs whose token this invocation has sent, one bit each. Only used if Bedrock forgets tokens.
    pub(crate) sent: u8,
}

impl Invocation {
    /// Plans these tasks, in this order, before those already planned.
    pub(crate) fn plan(&mut self, tasks: &[Task]) {
        self.todo.extend(tasks.iter().rev().copied());
    }

    pub(crate) fn holds(&self, entry: Entry) -> bool {
        self.holds & entry.bit() != 0
    }
}

/// The promises whose breach leaves no trace in the objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Breaches {
    pub(crate) illegal_write: bool,
    pub(crate) job_without_record: bool,
}

/// Everything that there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct World {
    pub(crate) drop: Drop,
    /// The jobs, indexed by [`JobId`].
    pub(crate) jobs: Vec<Job>,
    /// Whether the version that was dropped has been deleted.
    pub(crate) source_deleted: bool,
    /// The invocations, sorted, because it makes no difference which is which.
    pub(crate) invocations: Vec<Invocation>,
    /// How many crashes, lost answers, wrong outputs, and deletions may still happen.
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

    /// Whether a lease is recorded that has not ended.
    pub(crate) fn is_leased(&self, entry: Entry) -> bool {
        match entry {
            Entry::Drop => self.drop.entry == Some(DropState::Reading(Lease::Running)),
            Entry::Job(id) => self.job(id).entry == Some(JobState::Submitting(Lease::Running)),
        }
    }

    /// Makes contradicting evidence final.
    pub(crate) fn end_doubt(&mut self, id: JobId) {
        self.job_mut(id).entry = Some(JobState::Doubtful(Doubt::Final));
    }

    /// Ends a lease.
    pub(crate) fn end_lease(&mut self, entry: Entry) {
        match entry {
            Entry::Drop => self.drop.entry = Some(DropState::Reading(Lease::Over)),
            Entry::Job(id) => self.job_mut(id).entry = Some(JobState::Submitting(Lease::Over)),
        }
    }

    /// Writes the drop's entry. Its condition has been checked.
    pub(crate) fn write_drop(&mut self, state: DropState, by: &mut Invocation) {
        let before = self.drop.entry.replace(state);
        self.after_write(Entry::Drop, before.map(DropState::name), state.name(), by);
    }

    /// Writes a job's entry. Its condition has been checked.
    pub(crate) fn write_job(&mut self, id: JobId, state: JobState, by: &mut Invocation) {
        let before = self.job_mut(id).entry.replace(state);
        self.after_write(Entry::Job(id), before.map(JobState::name), state.name(), by);
    }

    /// Outdates the `ETag` that others have read, and ends their lease on the entry.
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
