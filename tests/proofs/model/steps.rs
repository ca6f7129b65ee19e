//! What an invocation does, one external call at a time.
//!
//! A task is one call together with what the invocation does with its answer, because nothing can observe the
//! local work in between. A task has a flag `current`: whether the entry that it is based on is still the one
//! that was read. `If-Match` on the ETag asks exactly that, and unlike a version number it keeps the number
//! of states finite.
//!
//! If an invocation continues with other work (the next marker of a sweep, the waiting jobs after a
//! completion), the model ends it and starts another one. That allows more courses than the code does, since
//! the leases of the first can end sooner. The start of an invocation and its first read are one step,
//! because nothing can observe the invocation before it.
//!
//! About S3, the model assumes what is documented: reads after writes, and conditional writes. About Bedrock,
//! it assumes that a job is listed as soon as it exists, and that manifest and counters say what was
//! processed. The output may show less, and may be late, but nothing appears after some hours. A record is
//! `done` if it succeeded or failed permanently.

use super::protocol::{Bedrock, Create, Protocol, Rule};
use super::task::{Asked, Course, Reason, Task};
use super::world::{AtBedrock, Doubt, DropState, Entry, Invocation, JobId, JobState, Lease, Outcome, World};

/// Plans what follows after a conditional write succeeded. If its answer was lost, the entry is read back
/// first.
fn go_on(by: &mut Invocation, entry: Entry, course: Course, tasks: &[Task]) {
    by.plan(tasks);
    if course.is_lost() {
        let then = u8::try_from(tasks.len()).expect("a handful of tasks");
        by.plan(&[Task::Confirm { entry, current: true, then }]);
    }
}

/// Makes one call. `None` if the call cannot take this course.
pub(crate) fn perform(
    protocol: &Protocol,
    world: &mut World,
    by: &mut Invocation,
    task: Task,
    course: Course,
) -> Option<()> {
    let drop_is = world.drop.entry;
    match task {
        Task::Confirm { current, then, .. } => {
            if !current {
                by.todo.truncate(by.todo.len() - usize::from(then));
            }
        }
        Task::CompareDrop => {
            if drop_is.is_none() {
                by.plan(&[Task::PutDropMarker]);
            }
        }
        Task::ReadDrop => match drop_is {
            None => by.plan(&[Task::PutDropMarker, Task::CreateDrop]),
            Some(DropState::Reading(Lease::Running)) if !protocol.breaks(Rule::LeasesAreRespected) => {}
            Some(DropState::Reading(_)) => by.plan(&[Task::TakeDrop { current: true }]),
            Some(DropState::Accepted) => go_on_accepted(world, by, Entry::Drop, Course::Plain),
            Some(DropState::Rejected) if protocol.breaks(Rule::RejectionIsCarriedOut) => {
                by.plan(&[Task::DeleteMarker(Entry::Drop)]);
            }
            Some(DropState::Rejected) => by.plan(&[Task::WriteRejection, Task::DeleteMarker(Entry::Drop)]),
            Some(DropState::Finished) => by.plan(&[Task::DeleteMarker(Entry::Drop)]),
        },
        Task::PutDropMarker => world.drop.marker = true,
        Task::CreateDrop if drop_is.is_some() => {
            plain(course)?;
            by.plan(&[Task::ReadDrop]);
        }
        Task::CreateDrop => {
            world.write_drop(DropState::Reading(Lease::Running), by);
            go_on(by, Entry::Drop, course, &[Task::JudgeDrop { current: true }]);
        }
        Task::TakeDrop { current: false } | Task::JudgeDrop { current: false } => plain(course)?,
        Task::TakeDrop { current: true } => {
            world.write_drop(DropState::Reading(Lease::Running), by);
            go_on(by, Entry::Drop, course, &[Task::JudgeDrop { current: true }]);
        }
        Task::JudgeDrop { current: true } if course.is_other() => {
            world.write_drop(DropState::Rejected, by);
            go_on(by, Entry::Drop, course, &[Task::WriteRejection, Task::DeleteMarker(Entry::Drop)]);
        }
        Task::JudgeDrop { current: true } if world.source_deleted => return None,
        Task::JudgeDrop { current: true } => {
            world.write_drop(DropState::Accepted, by);
            go_on_accepted(world, by, Entry::Drop, course);
        }
        Task::WriteRejection => world.drop.rejection = true,
        Task::MakeJob(id) => {
            if world.job(id).entry.is_none() {
                by.plan(&[Task::WriteInput(id), Task::PutJobMarker(id), Task::CreateJob(id)]);
            }
        }
        Task::WriteInput(id) if world.source_deleted && id.previous().is_none() => {
            by.todo.truncate(by.todo.len() - 2);
            by.plan(&[Task::PutJobMarker(id), Task::CreateSourceDeleted(id)]);
        }
        Task::WriteInput(id) => world.job_mut(id).input = protocol.input_of(world, id),
        Task::PutJobMarker(id) => world.job_mut(id).marker = true,
        Task::CreateJob(id) => {
            if world.job(id).entry.is_none() {
                world.write_job(id, JobState::Waiting, by);
                // Bedrock is asked for a first attempt at once. If it were not, each job would need a hint.
                let is_asked = id.previous().is_none() && !protocol.breaks(Rule::MarkersAreTheWorkList);
                if protocol.hints && !is_asked {
                    by.plan(&[Task::PutHint(id)]);
                }
            }
        }
        Task::CreateSourceDeleted(id) => {
            if world.job(id).entry.is_none() {
                world.write_job(id, JobState::SourceDeleted, by);
            }
        }
        Task::ReadJob(id, reason) => read_job(protocol, world, by, id, reason),
        Task::TakeJob { current: false, .. } => plain(course)?,
        Task::TakeJob { id, current: true, may_exist } => {
            world.write_job(id, JobState::Submitting(Lease::Running), by);
            let next = match may_exist {
                true if protocol.breaks(Rule::JobIsLookedUp) => {
                    Task::CreateAtBedrock { id, current: true, asked: Asked::WithAFreshToken }
                }
                true => Task::FindByName { id, current: true, is_refused: false },
                false => Task::CreateAtBedrock { id, current: true, asked: Asked::AsRecorded },
            };
            go_on(by, Entry::Job(id), course, &[next]);
        }
        Task::FindByName { id, current, is_refused } => {
            let exists = world.job(id).at_bedrock != AtBedrock::Unknown;
            let is_adopted = protocol.is_taken(id) && protocol.breaks(Rule::TokensAreCompared);
            by.plan(&[if exists || is_adopted {
                Task::RecordSubmitted { id, current }
            } else if is_refused {
                Task::RecordNameInUse { id, current }
            } else {
                Task::CreateAtBedrock { id, current, asked: Asked::AsRecorded }
            }]);
        }
        // The name is in use, so it is looked up.
        Task::CreateAtBedrock { id, current, .. } if protocol.is_taken(id) => {
            plain(course)?;
            by.plan(&[Task::FindByName { id, current, is_refused: true }]);
        }
        Task::CreateAtBedrock { id, current, asked } => {
            create_at_bedrock(protocol, world, by, id, asked, course)?;
            match (course, asked) {
                (Course::Plain, Asked::BeforeTheRecord) => {
                    by.plan(&[Task::TakeJob { id, current, may_exist: true }]);
                }
                (Course::Plain, _) => by.plan(&[Task::RecordSubmitted { id, current }]),
                (Course::Other, Asked::BeforeTheRecord) | (Course::Lost, _) => {}
                (Course::Other, _) => by.plan(&[Task::RecordRefused { id, current }]),
                (Course::LostOther, _) => by.plan(&[task]),
            }
        }
        Task::RecordSubmitted { id, current } => {
            if current {
                world.write_job(id, JobState::Submitted, by);
            }
            forget_hint(world, by, id);
        }
        Task::RecordRefused { id, current } => {
            if current {
                world.write_job(id, JobState::Waiting, by);
                if protocol.hints && !world.job(id).hint {
                    by.plan(&[Task::PutHint(id)]);
                }
            }
        }
        Task::RecordNameInUse { current: false, .. } => plain(course)?,
        Task::RecordNameInUse { id, current: true } => {
            let retried = course.is_other();
            if retried && id.attempt() + 1 >= protocol.attempts {
                return None;
            }
            let outcome = Outcome { remaining: world.job(id).input, retried };
            world.write_job(id, JobState::Ended(outcome), by);
            forget_hint(world, by, id);
            go_on(by, Entry::Job(id), course, &[]);
        }
        Task::GetFromBedrock { id, current } => {
            if let AtBedrock::Over { done, shown } = world.job(id).at_bedrock {
                let agrees = done == shown || protocol.breaks(Rule::EvidenceAgrees);
                let is_final = world.job(id).entry == Some(JobState::Doubtful(Doubt::Final));
                by.plan(&[if agrees || is_final {
                    Task::RecordEnded { id, current, seen: shown, agrees }
                } else {
                    Task::RecordDoubtful { id, current }
                }]);
            }
        }
        Task::RecordDoubtful { id, current } => {
            if current {
                world.write_job(id, JobState::Doubtful(Doubt::Open), by);
            }
        }
        Task::RecordEnded { current: false, .. } | Task::RecordSettled { current: false, .. } => {
            plain(course)?
        }
        Task::RecordEnded { id, current: true, seen, agrees } => {
            let remaining = world.job(id).input & !seen;
            let retried = course.is_other();
            let is_cancelled = world.job(id).entry == Some(JobState::Stopping);
            let is_last = is_cancelled || id.attempt() + 1 >= protocol.attempts;
            if retried && (remaining == 0 || !agrees || is_last) {
                return None;
            }
            let outcome = Outcome { remaining, retried };
            world.write_job(id, JobState::Ended(outcome), by);
            go_on(by, Entry::Job(id), course, &carry_out(id, outcome));
        }
        Task::WriteResults(id) => {
            if let Some(outcome) = world.job(id).entry.and_then(JobState::outcome) {
                world.job_mut(id).results = world.job(id).input & !outcome.remaining;
            }
        }
        Task::WriteUnprocessed(id) => {
            if let Some(outcome) = world.job(id).entry.and_then(JobState::outcome) {
                world.job_mut(id).unprocessed = outcome.remaining;
            }
        }
        Task::RecordSettled { id, current: true, outcome } => {
            world.write_job(id, JobState::Settled(outcome), by);
            go_on(by, Entry::Job(id), course, &settled(protocol, id));
        }
        // The code first looks for a marker of another job that is not settled. That job is checked here as well.
        Task::FinishDrop(id) => {
            if drop_is == Some(DropState::Accepted) {
                let first = JobId::new(protocol.page_of(id) * protocol.parts_per_page, 0);
                by.plan(&[Task::CheckSettled { id: first, current: true, counted: 0 }]);
            }
        }
        Task::CheckSettled { id, current, counted } => {
            check_settled(protocol, world, by, id, current, counted)
        }
        Task::WriteTally { page, current, counted } => {
            world.drop.tallies[usize::from(page)] = Some(counted);
            if !protocol.breaks(Rule::TallyComesFirst) {
                by.plan(&[Task::ListTallies { current, own: None }]);
            }
        }
        Task::ListTallies { current, own } => {
            let mut tallies = world.drop.tallies.clone();
            if let Some((page, counted)) = own {
                tallies[usize::from(page)] = Some(counted);
            }
            if protocol.breaks(Rule::PagesAreComplete) || tallies.iter().all(Option::is_some) {
                by.plan(&[Task::WriteSummary { current, counted: tallies.iter().flatten().sum() }]);
            }
            if let Some((page, counted)) = own {
                by.plan(&[Task::WriteTally { page, current, counted }]);
            }
        }
        Task::WriteSummary { current, counted } => {
            world.drop.summary = Some(counted);
            by.plan(&[Task::RecordFinished { current }]);
        }
        Task::RecordFinished { current } => {
            if current {
                world.write_drop(DropState::Finished, by);
            }
        }
        Task::DeleteMarker(entry) => world.delete_marker(entry),
        Task::CancelDrop => match drop_is {
            None => {}
            Some(DropState::Rejected | DropState::Finished) => by.plan(&[Task::DeleteCancelMarker]),
            Some(DropState::Reading(_) | DropState::Accepted) => by.plan(&[Task::PutCancelMarker]),
        },
        Task::PutCancelMarker => world.drop.cancel_marker = true,
        Task::DeleteCancelMarker => world.drop.cancel_marker = false,
        Task::ReadCancelledJob(id) => read_cancelled_job(protocol, world, by, id),
        Task::FindToCancel { id, current } => {
            let exists = world.job(id).at_bedrock != AtBedrock::Unknown;
            by.plan(&[if exists && !protocol.breaks(Rule::CancelledJobsAreLookedUp) {
                Task::RecordSubmitted { id, current }
            } else {
                Task::RecordCancelled { id, current }
            }]);
        }
        Task::RecordCancelled { current: false, .. } | Task::RecordStopping { current: false, .. } => {
            plain(course)?
        }
        Task::RecordCancelled { id, current: true } => {
            let outcome = Outcome { remaining: world.job(id).input, retried: false };
            world.write_job(id, JobState::Ended(outcome), by);
            forget_hint(world, by, id);
            go_on(by, Entry::Job(id), course, &carry_out(id, outcome));
        }
        Task::RecordStopping { id, current: true } => {
            world.write_job(id, JobState::Stopping, by);
            go_on(by, Entry::Job(id), course, &[Task::StopAtBedrock(id)]);
        }
        Task::StopAtBedrock(_) => {}
        Task::PutHint(id) => world.job_mut(id).hint = true,
        Task::DeleteHint(id) => world.job_mut(id).hint = false,
    }
    Some(())
}

/// Allows only the plain course: a write whose condition fails has no effect whose answer could be lost, and
/// no other result.
fn plain(course: Course) -> Option<()> {
    (course == Course::Plain).then_some(())
}

/// Deletes the hint of a job that Bedrock has, if the job has one. The code deletes a hint that it did not see as well;
/// here, a hint that is written later stays, so that more of them are stale.
fn forget_hint(world: &World, by: &mut Invocation, id: JobId) {
    if world.job(id).hint {
        by.plan(&[Task::DeleteHint(id)]);
    }
}

fn go_on_accepted(world: &World, by: &mut Invocation, entry: Entry, course: Course) {
    let mut tasks: Vec<_> = world.first_jobs().map(Task::MakeJob).collect();
    tasks.push(Task::DeleteMarker(Entry::Drop));
    go_on(by, entry, course, &tasks);
}

fn read_job(protocol: &Protocol, world: &World, by: &mut Invocation, id: JobId, reason: Reason) {
    let entry = world.job(id).entry;
    match (entry, reason) {
        (Some(JobState::Waiting), Reason::Marker)
            if protocol.breaks(Rule::MarkersAreTheWorkList) && !world.job(id).hint => {}
        (Some(entry), Reason::Hint) if !entry.may_wait() => by.plan(&[Task::DeleteHint(id)]),
        (Some(JobState::Waiting | JobState::Submitting(_)), Reason::StateChange)
        | (Some(JobState::Submitted | JobState::Stopping | JobState::Doubtful(_)), _) => {
            by.plan(&[Task::GetFromBedrock { id, current: true }])
        }
        (Some(JobState::Waiting), Reason::Marker | Reason::Hint)
            if protocol.breaks(Rule::RecordComesFirst) =>
        {
            by.plan(&[Task::CreateAtBedrock { id, current: true, asked: Asked::BeforeTheRecord }]);
        }
        (Some(JobState::Waiting), Reason::Marker | Reason::Hint) => {
            let may_exist = protocol.create == Create::LookedUpFirst;
            by.plan(&[Task::TakeJob { id, current: true, may_exist }]);
        }
        (Some(JobState::Submitting(lease)), Reason::Marker | Reason::Hint) => {
            if lease == Lease::Over || protocol.breaks(Rule::LeasesAreRespected) {
                by.plan(&[Task::TakeJob { id, current: true, may_exist: true }]);
            }
        }
        (Some(JobState::Settled(_) | JobState::SourceDeleted), _) => by.plan(&settled(protocol, id)),
        (Some(JobState::Ended(recorded)), _) => {
            let may_retry = recorded.remaining != 0 && id.next().is_some();
            let retried = recorded.retried != (protocol.breaks(Rule::OutcomeIsDecidedOnce) && may_retry);
            by.plan(&carry_out(id, Outcome { retried, ..recorded }));
        }
        // The marker was put, but the entry does not exist yet.
        (None, _) => {}
    }
}

/// What is done with an open job of a drop that is cancelled.
fn read_cancelled_job(protocol: &Protocol, world: &World, by: &mut Invocation, id: JobId) {
    let may_be_given_up = protocol.breaks(Rule::JobThatMayExistIsKept);
    by.plan(&[match world.job(id).entry {
        Some(JobState::Waiting) => Task::FindToCancel { id, current: true },
        Some(JobState::Submitting(Lease::Over)) if may_be_given_up => {
            Task::RecordCancelled { id, current: true }
        }
        Some(JobState::Submitted) => Task::RecordStopping { id, current: true },
        Some(JobState::Stopping) => Task::StopAtBedrock(id),
        _ => return read_job(protocol, world, by, id, Reason::Marker),
    }]);
}

/// Counts the records of a job on a page that may be done, and goes on with the next one.
fn check_settled(
    protocol: &Protocol,
    world: &World,
    by: &mut Invocation,
    id: JobId,
    current: bool,
    counted: u8,
) {
    let entry = world.job(id).entry;
    let is_counted = entry.is_some_and(JobState::is_settled) || protocol.breaks(Rule::PagesAreSettled);
    if !is_counted {
        return;
    }
    let counted = counted + records_ended_by(protocol, world, id);
    let retried = entry.and_then(JobState::outcome).is_some_and(|outcome| outcome.retried);
    let next = if retried { id.next() } else { Some(JobId::new(id.part() + 1, 0)) };
    let page = protocol.page_of(id);
    let is_on_page = |next: &JobId| usize::from(next.0) < world.jobs.len() && protocol.page_of(*next) == page;
    by.plan(&[match next.filter(is_on_page) {
        Some(id) => Task::CheckSettled { id, current, counted },
        None if !protocol.is_paged() => Task::WriteSummary { current, counted },
        None if protocol.breaks(Rule::TallyComesFirst) => {
            Task::ListTallies { current, own: Some((page, counted)) }
        }
        None => Task::WriteTally { page, current, counted },
    }]);
}

/// How many records are in the results of an attempt, or handed back by it, as its entry says.
fn records_ended_by(protocol: &Protocol, world: &World, id: JobId) -> u8 {
    let records = match world.job(id).entry {
        Some(JobState::SourceDeleted) => protocol.all_records(),
        Some(JobState::Settled(Outcome { remaining, retried: true })) => world.job(id).input & !remaining,
        Some(JobState::Settled(_)) => world.job(id).input,
        _ => 0,
    };
    u8::try_from(records.count_ones()).expect("eight bits")
}

/// Bedrock's side of Create.
fn create_at_bedrock(
    protocol: &Protocol,
    world: &mut World,
    by: &mut Invocation,
    id: JobId,
    asked: Asked,
    course: Course,
) -> Option<()> {
    if course == Course::Other {
        // Throttled, over the quota, or refused for the settings. It is not documented that Bedrock looks for
        // a known token before any of these, so a job that exists can be refused as well.
        return Some(());
    }
    let token = 1 << id.0;
    let sender_lives = by.sent & token != 0 || world.invocations.iter().any(|other| other.sent & token != 0);
    let remembers = protocol.bedrock == Bedrock::RemembersTokens || sender_lives;
    if world.job(id).made > 0 && remembers && asked != Asked::WithAFreshToken {
        return Some(());
    }
    let running = world.jobs.iter().filter(|job| job.at_bedrock == AtBedrock::Running).count();
    if running >= usize::from(protocol.quota) {
        return None;
    }
    if protocol.bedrock == Bedrock::ForgetsTokens {
        by.sent |= token;
    }
    if world.job(id).made > 0 {
        // The promise is broken, so the rest of the second job does not matter.
        world.job_mut(id).made = 2;
        return Some(());
    }
    let is_recorded = matches!(world.job(id).entry, Some(JobState::Submitting(_)));
    if !(is_recorded && by.holds(Entry::Job(id))) {
        world.breaches.job_without_record = true;
    }
    world.job_mut(id).made = 1;
    world.job_mut(id).at_bedrock = AtBedrock::Running;
    Some(())
}

/// The tasks that carry out what was decided, and then record `Settled`.
fn carry_out(id: JobId, outcome: Outcome) -> Vec<Task> {
    let mut tasks = vec![Task::WriteResults(id)];
    match (outcome.remaining, id.next()) {
        (0, _) => {}
        (_, Some(next)) if outcome.retried => tasks.push(Task::MakeJob(next)),
        (_, _) => tasks.push(Task::WriteUnprocessed(id)),
    }
    tasks.push(Task::RecordSettled { id, current: true, outcome });
    tasks
}

/// The tasks for a settled job.
fn settled(protocol: &Protocol, id: JobId) -> [Task; 2] {
    let delete = Task::DeleteMarker(Entry::Job(id));
    if protocol.breaks(Rule::MarkerGoesLast) {
        [delete, Task::FinishDrop(id)]
    } else {
        [Task::FinishDrop(id), delete]
    }
}
