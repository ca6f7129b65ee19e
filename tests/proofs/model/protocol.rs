//! The protocol as a model for stateright: what can happen next in a world, and what that leads to.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use stateright::{Model, Property};

use super::promises;
use super::steps::perform;
use super::task::{Course, Reason, Task};
use super::world::{
    ATTEMPTS, AtBedrock, Doubt, Drop, Entry, Invocation, Job, JobId, JobState, Records, World,
};

/// A rule of the protocol that a test can break on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Bedrock is asked only after `Submitting` was written.
    RecordComesFirst,
    /// A lease that has not ended is left to its holder.
    LeasesAreRespected,
    /// A marker is deleted only after everything that it stands for was done.
    MarkerGoesLast,
    /// After a lease has ended, the job's name is looked up, and Create sends the recorded token.
    JobIsLookedUp,
    /// What `Ended` records is carried out, even if the settings have changed.
    OutcomeIsDecidedOnce,
    /// Nothing is decided while the output shows less than manifest and counters say.
    EvidenceAgrees,
    /// The sweep compares the input bucket with the ledger.
    PutsAreCompared,
    /// A job with one of our names is ours only if it has our token.
    TokensAreCompared,
    /// An invocation that finds `Rejected` writes `rejection.json` before it deletes the marker.
    RejectionIsCarriedOut,
    /// The sweep submits waiting jobs even if they have no hint.
    MarkersAreTheWorkList,
    /// The tally of a page is written before the tallies are listed.
    TallyComesFirst,
    /// A drop is summed up only if all its pages have tallies.
    PagesAreComplete,
    /// A page is counted only if all its jobs are settled.
    PagesAreSettled,
    /// A job that waits is looked up before it is cancelled.
    CancelledJobsAreLookedUp,
    /// A job that may exist is asked for with its token, not given up, when its drop is cancelled.
    JobThatMayExistIsKept,
}

/// What Bedrock does with a client request token that it has seen. How long it remembers one is not
/// documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bedrock {
    /// It never creates a second job for the token.
    RemembersTokens,
    /// It creates no second job for the token while the invocation that sent it is running.
    ForgetsTokens,
}

/// What is done about a lost answer to Create, besides waiting for the lease to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    /// It may be sent again, but only a refusal of the first attempt counts, so it is as if it were sent
    /// once.
    SentOnce,
    /// The SDK sends the request again, and the second answer counts.
    SentAgainBySdk,
    /// The SDK sends the request again, and the job's name is always looked up before Create, not only after
    /// a lease has ended.
    LookedUpFirst,
}

/// The clocks of two lease holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// They differ by less than the margin, so a lease ends only after its holder.
    WithinMargin,
    /// They differ by more, so a lease may end while its holder is still running.
    BeyondMargin,
}

/// The protocol, its bounds, and its environment.
#[derive(Debug)]
pub(crate) struct Protocol {
    /// Parts of the drop.
    pub(crate) parts: u8,
    /// Parts on each page of the drop's plan. If all parts are on the first one, the plan has no pages.
    pub(crate) parts_per_page: u8,
    /// Records of each part.
    pub(crate) records: u8,
    /// Attempts at each part that the settings allow. Some invocations have settings that allow only one.
    pub(crate) attempts: u8,
    /// Invocations that run at the same time.
    pub(crate) invocations: usize,
    /// Crashes and lost answers in total.
    pub(crate) faults: u8,
    /// Jobs that Bedrock runs at the same time.
    pub(crate) quota: u8,
    /// Whether a job of another request has the name of the first attempt at the first part. It never ends.
    pub(crate) name_is_taken: bool,
    /// Whether jobs that wait get hints. What a hint leads to concerns only its own job, so the large worlds leave them
    /// out.
    pub(crate) hints: bool,
    /// Whether an operator may cancel the drop.
    pub(crate) cancels: bool,
    pub(crate) bedrock: Bedrock,
    pub(crate) create: Create,
    pub(crate) clocks: Clocks,
    pub(crate) broken: Option<Rule>,
    /// Every step that was explored.
    pub(crate) steps: Mutex<Vec<Step>>,
}

/// A step from one world to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Whether it needs no fault and no event, but only work that continues, time, and the sweep.
    pub(crate) is_sweep: bool,
    /// Whether nothing is open afterwards.
    pub(crate) ends: bool,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The put event arrives, for the first time or again, early or late. It is lost if this never happens.
    Submit,
    /// The sweep reaches the version that was dropped.
    Compare,
    /// A job's state change arrives, for the first time or again, early or late. It is lost if this never
    /// happens.
    Complete(JobId),
    /// The sweep reaches a marker.
    Sweep(Entry),
    /// An invocation finds a hint.
    FindHint(JobId),
    /// An invocation makes its next call.
    Call { invocation: usize, task: Task, course: Course },
    /// An invocation ends before its next call: by a crash, a timeout, or an error. (A lease that is released
    /// counts as this and then as the end of the lease.)
    Crash { invocation: usize },
    /// An operator asks for the drop to be cancelled, or the event arrives again.
    Cancel,
    /// The sweep finds the marker of the cancellation, and looks at the drop.
    GoOnCancelling,
    /// The cancellation reaches a job of the drop.
    CancelJob(JobId),
    /// A lease ends.
    LeaseEnds(Entry),
    /// A doubt becomes final.
    DoubtEnds(JobId),
    /// A job ends. The first set of records was done; those in the second set are in its output.
    JobEnds(JobId, Records, Records),
    /// The rest of a job's output appears.
    OutputAppears(JobId),
    /// The version that was dropped is deleted.
    DeleteSource,
}

impl Protocol {
    /// One drop of `parts` parts with `records` records each.
    pub(crate) fn new(parts: u8, records: u8, invocations: usize, faults: u8) -> Self {
        Self {
            parts,
            parts_per_page: parts,
            records,
            attempts: ATTEMPTS,
            invocations,
            faults,
            quota: 1,
            name_is_taken: false,
            hints: false,
            cancels: false,
            bedrock: Bedrock::RemembersTokens,
            create: Create::SentOnce,
            clocks: Clocks::WithinMargin,
            broken: None,
            steps: Mutex::default(),
        }
    }

    pub(crate) fn breaks(&self, rule: Rule) -> bool {
        self.broken == Some(rule)
    }

    /// Whether the drop's plan has pages.
    pub(crate) fn is_paged(&self) -> bool {
        self.parts > self.parts_per_page
    }

    /// The page with the part of a job, counted from 0.
    pub(crate) fn page_of(&self, id: JobId) -> u8 {
        id.part() / self.parts_per_page
    }

    /// All records of a part.
    pub(crate) fn all_records(&self) -> Records {
        (1 << self.records) - 1
    }

    /// The records that a job is to run over. They follow from the ledger, so everybody writes the same.
    pub(crate) fn input_of(&self, world: &World, id: JobId) -> Records {
        match id.previous() {
            None => self.all_records(),
            Some(previous) => {
                world.job(previous).entry.and_then(JobState::outcome).map_or(0, |outcome| outcome.remaining)
            }
        }
    }

    /// Whether a job of another request has this job's name.
    pub(crate) fn is_taken(&self, id: JobId) -> bool {
        self.name_is_taken && id == JobId::new(0, 0)
    }

    fn start(&self, world: &mut World, task: Task) -> Option<()> {
        self.call(world, Invocation::default(), task, Course::Plain)
    }

    fn call(&self, world: &mut World, mut invocation: Invocation, task: Task, course: Course) -> Option<()> {
        perform(self, world, &mut invocation, task, course)?;
        // An invocation with nothing left to do has ended, and holds nothing any more.
        if !invocation.todo.is_empty() {
            world.invocations.push(invocation);
            world.invocations.sort_unstable();
        }
        Some(())
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parts, records, attempts, invocations, faults, hints, cancels, .. } = self;
        let pages =
            if self.is_paged() { format!(", per page {}", self.parts_per_page) } else { String::new() };
        let hints = if *hints { ", with hints" } else { "" };
        let cancels = if *cancels { ", cancelled" } else { "" };
        write!(
            f,
            "parts {parts}{pages}, records {records}, attempts {attempts}, invocations {invocations}, faults {faults}{hints}{cancels}"
        )
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let jobs = vec![Job::default(); usize::from(self.parts * ATTEMPTS)];
        let pages = if self.is_paged() { self.parts.div_ceil(self.parts_per_page) } else { 0 };
        let drop = Drop { tallies: vec![None; usize::from(pages)], ..Drop::default() };
        vec![World { jobs, faults: self.faults, drop, ..World::default() }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.invocations.len() < self.invocations {
            if !world.source_deleted {
                actions.push(Action::Submit);
                if !self.breaks(Rule::PutsAreCompared) {
                    actions.push(Action::Compare);
                }
            }
            for id in world.job_ids() {
                if matches!(world.job(id).at_bedrock, AtBedrock::Over { .. }) {
                    actions.push(Action::Complete(id));
                }
            }
            actions.extend(world.entries().filter(|entry| world.has_marker(*entry)).map(Action::Sweep));
            actions.extend(world.job_ids().filter(|id| world.job(*id).hint).map(Action::FindHint));
            if self.cancels {
                actions.push(Action::Cancel);
            }
            if world.drop.cancel_marker {
                actions.push(Action::GoOnCancelling);
                actions.extend(world.job_ids().filter(|id| world.job(*id).marker).map(Action::CancelJob));
            }
        }
        for (at, invocation) in world.invocations.iter().enumerate() {
            if at > 0 && world.invocations[at - 1] == *invocation {
                continue;
            }
            let Some(task) = invocation.todo.last() else { continue };
            for course in task.courses(self) {
                if !course.is_lost() || world.faults > 0 {
                    actions.push(Action::Call { invocation: at, task: *task, course: *course });
                }
            }
            if world.faults > 0 {
                actions.push(Action::Crash { invocation: at });
            }
        }
        for entry in world.entries().filter(|entry| world.is_leased(*entry)) {
            let holder_lives = world.invocations.iter().any(|invocation| invocation.holds(entry));
            if !holder_lives || self.clocks == Clocks::BeyondMargin {
                actions.push(Action::LeaseEnds(entry));
            }
        }
        if world.faults > 0 && !world.source_deleted {
            actions.push(Action::DeleteSource);
        }
        for id in world.job_ids() {
            let job = world.job(id);
            if job.entry == Some(JobState::Doubtful(Doubt::Open)) {
                actions.push(Action::DoubtEnds(id));
            }
            let is_decided = job.entry.is_some_and(|entry| entry.outcome().is_some());
            match job.at_bedrock {
                AtBedrock::Running => {
                    for done in subsets(job.input) {
                        let shown = subsets(done).filter(|shown| *shown == done || world.faults > 0);
                        actions.extend(shown.map(|shown| Action::JobEnds(id, done, shown)));
                    }
                }
                // Output that is not there after some hours never appears.
                AtBedrock::Over { done, shown } if shown != done && !is_decided => {
                    actions.push(Action::OutputAppears(id));
                }
                AtBedrock::Over { .. } | AtBedrock::Unknown => {}
            }
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match &action {
            Action::Submit => self.start(&mut world, Task::ReadDrop)?,
            Action::Compare => self.start(&mut world, Task::CompareDrop)?,
            Action::Complete(id) => self.start(&mut world, Task::ReadJob(*id, Reason::StateChange))?,
            Action::Sweep(Entry::Drop) => self.start(&mut world, Task::ReadDrop)?,
            Action::Sweep(Entry::Job(id)) => self.start(&mut world, Task::ReadJob(*id, Reason::Marker))?,
            Action::Cancel | Action::GoOnCancelling => self.start(&mut world, Task::CancelDrop)?,
            Action::CancelJob(id) => self.start(&mut world, Task::ReadCancelledJob(*id))?,
            Action::FindHint(id) => self.start(&mut world, Task::ReadJob(*id, Reason::Hint))?,
            Action::Call { invocation, course, .. } => {
                let mut invocation = world.invocations.remove(*invocation);
                world.faults -= u8::from(course.is_lost());
                let task = invocation.todo.pop()?;
                self.call(&mut world, invocation, task, *course)?;
            }
            Action::Crash { invocation } => {
                world.faults -= 1;
                world.invocations.remove(*invocation);
            }
            Action::LeaseEnds(entry) => world.end_lease(*entry),
            Action::DoubtEnds(id) => world.end_doubt(*id),
            Action::JobEnds(id, done, shown) => {
                world.faults -= u8::from(done != shown);
                world.job_mut(*id).at_bedrock = AtBedrock::Over { done: *done, shown: *shown };
            }
            Action::OutputAppears(id) => {
                if let AtBedrock::Over { done, shown } = &mut world.job_mut(*id).at_bedrock {
                    *shown = *done;
                }
            }
            Action::DeleteSource => {
                world.faults -= 1;
                world.source_deleted = true;
            }
        }
        if world == *before {
            return None;
        }
        let is_sweep = match action {
            Action::Sweep(_)
            | Action::Compare
            | Action::GoOnCancelling
            | Action::CancelJob(_)
            | Action::LeaseEnds(_)
            | Action::DoubtEnds(_) => true,
            Action::JobEnds(_, done, shown) => done == shown,
            // The sweep deletes the hints of jobs that do not wait. The others are only found when a slot is free.
            Action::FindHint(id) => {
                let is_stale = before.job(id).entry.is_none_or(|entry| !entry.may_wait());
                is_stale || self.breaks(Rule::MarkersAreTheWorkList)
            }
            Action::Call { course, .. } => !course.is_lost(),
            Action::Submit
            | Action::Cancel
            | Action::Complete(_)
            | Action::Crash { .. }
            | Action::OutputAppears(_)
            | Action::DeleteSource => false,
        };
        let step =
            Step { from: key(before), to: key(&world), is_sweep, ends: promises::nothing_is_open(&world) };
        self.steps.lock().expect("no thread has panicked").push(step);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties()
    }
}

fn subsets(records: Records) -> impl Iterator<Item = Records> {
    (0..=records).filter(move |some| some & !records == 0)
}

fn key(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}
