//! The protocol as a model that stateright explores: what can happen next in a world, and what that leads to.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use stateright::{Model, Property};

use super::promises;
use super::steps::{Course, Reason, Task, perform};
use super::world::{ATTEMPTS, AtBedrock, Drop, Entry, Invocation, Job, JobId, Records, World};

/// A rule of the protocol, to be broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Bedrock is asked only after `Submitting` was written.
    RecordComesFirst,
    /// A lease that is not over is left to its holder.
    LeasesAreRespected,
    /// A marker is deleted after all that it stands for was done.
    MarkerGoesLast,
    /// After an expired lease the job's name is looked up, and Create sends the recorded token.
    JobIsLookedUp,
    /// What `Ended` records is carried out, whatever the settings have become.
    OutcomeIsDecidedOnce,
    /// Whoever finds `Rejected` writes `rejection.json` before the marker goes.
    RejectionIsCarriedOut,
}

/// What Bedrock does with a client request token that it has seen. Its memory is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bedrock {
    /// It makes no second job for it, ever.
    RemembersTokens,
    /// It makes no second job for it while the invocation that sent it lives.
    ForgetsTokens,
}

/// What is done about a lost answer to Create, besides waiting for the lease to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    /// It may be sent again, but only the refusal of a first attempt counts as one: as if sent once.
    SentOnce,
    /// The SDK sends the request again, and what is answered then counts.
    SentAgainBySdk,
    /// The same, but the job's name is always looked up before it is asked for, not only after an expired
    /// lease.
    LookedUpFirst,
}

/// The clocks of two lease holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// They differ by less than the margin: a lease ends only after its holder.
    WithinMargin,
    /// A lease may end under a living holder.
    BeyondMargin,
}

/// The protocol, its bounds and its surroundings.
#[derive(Debug)]
pub(crate) struct Protocol {
    /// Parts of the drop.
    pub(crate) parts: u8,
    /// Records of each part.
    pub(crate) records: u8,
    /// Attempts at each part that the settings allow; some invocations have settings that allow just one.
    pub(crate) attempts: u8,
    /// Invocations at work at the same time.
    pub(crate) invocations: usize,
    /// Crashes and lost answers, in all.
    pub(crate) faults: u8,
    /// Jobs that Bedrock runs at the same time.
    pub(crate) quota: u8,
    pub(crate) bedrock: Bedrock,
    pub(crate) create: Create,
    pub(crate) clocks: Clocks,
    pub(crate) broken: Option<Rule>,
    /// Every step that was explored.
    pub(crate) steps: Mutex<Vec<Step>>,
}

/// From one world to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Whether it takes no fault and no event, only work that goes on, time and the sweep.
    pub(crate) is_sweep: bool,
    /// Whether nothing is open after it.
    pub(crate) ends: bool,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The put event, for the first time or again, early or late.
    Submit,
    /// A job's state change, for the first time or again, early or late. It is lost if it never happens.
    Complete(JobId),
    /// The sweep comes to a marker.
    Sweep(Entry),
    /// An invocation makes its next call.
    Call { invocation: usize, task: Task, course: Course },
    /// An invocation is gone before its next call: a crash, a timeout, an error that it gives up on. (A lease
    /// that is given back is the same, and then the end of the lease.)
    Crash { invocation: usize },
    /// A lease ends.
    LeaseEnds(Entry),
    /// A job is over, and these records of it were done.
    JobEnds(JobId, Records),
}

impl Protocol {
    /// One drop of so many parts of so many records each.
    pub(crate) fn new(parts: u8, records: u8, invocations: usize, faults: u8) -> Self {
        Self {
            parts,
            records,
            attempts: ATTEMPTS,
            invocations,
            faults,
            quota: 1,
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

    /// All records of a part.
    pub(crate) fn all_records(&self) -> Records {
        (1 << self.records) - 1
    }

    /// The records that a job is to run over. They follow from the ledger, so everybody writes the same.
    pub(crate) fn input_of(&self, world: &World, id: JobId) -> Records {
        match id.previous() {
            None => self.all_records(),
            Some(previous) => world.job(previous).input & !world.job(previous).results,
        }
    }

    fn start(&self, world: &mut World, task: Task) -> Option<()> {
        self.call(world, Invocation::default(), task, Course::Plain)
    }

    fn call(&self, world: &mut World, mut invocation: Invocation, task: Task, course: Course) -> Option<()> {
        perform(self, world, &mut invocation, task, course)?;
        // An invocation with nothing left to do is over, and all that it held is held by nobody.
        if !invocation.todo.is_empty() {
            world.invocations.push(invocation);
            world.invocations.sort_unstable();
        }
        Some(())
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parts, records, attempts, invocations, faults, .. } = self;
        write!(
            f,
            "parts {parts}, records {records}, attempts {attempts}, invocations {invocations}, faults {faults}"
        )
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let jobs = vec![Job::default(); usize::from(self.parts * ATTEMPTS)];
        vec![World { jobs, faults: self.faults, drop: Drop::default(), ..World::default() }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.invocations.len() < self.invocations {
            actions.push(Action::Submit);
            for id in world.job_ids() {
                if matches!(world.job(id).at_bedrock, AtBedrock::Over(_)) {
                    actions.push(Action::Complete(id));
                }
            }
            actions.extend(world.entries().filter(|entry| world.has_marker(*entry)).map(Action::Sweep));
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
        for id in world.job_ids().filter(|id| world.job(*id).at_bedrock == AtBedrock::Running) {
            let input = world.job(id).input;
            actions
                .extend((0..=input).filter(|done| done & !input == 0).map(|done| Action::JobEnds(id, done)));
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match &action {
            Action::Submit => self.start(&mut world, Task::ReadDrop)?,
            Action::Complete(id) => self.start(&mut world, Task::ReadJob(*id, Reason::StateChange))?,
            Action::Sweep(Entry::Drop) => self.start(&mut world, Task::ReadDrop)?,
            Action::Sweep(Entry::Job(id)) => self.start(&mut world, Task::ReadJob(*id, Reason::Marker))?,
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
            Action::JobEnds(id, done) => world.job_mut(*id).at_bedrock = AtBedrock::Over(*done),
        }
        if world == *before {
            return None;
        }
        let is_sweep = match action {
            Action::Sweep(_) | Action::LeaseEnds(_) | Action::JobEnds(..) => true,
            Action::Call { course, .. } => !course.is_lost(),
            // S3 and Lambda deliver a put at least once: until then nobody knows of the drop.
            Action::Submit => !before.drop.marker && before.drop.entry.is_none(),
            Action::Complete(_) | Action::Crash { .. } => false,
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

fn key(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}
