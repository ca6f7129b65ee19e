//! The promises of the protocol, checked in each world, and that everything ends, checked in all worlds
//! together.

use std::collections::{HashMap, HashSet};

use stateright::Property;

use super::protocol::{Protocol, Step};
use super::task::Task;
use super::world::{AtBedrock, DropState, JobId, JobState, Lease, World};

/// No two jobs run over the same record, unless the first one ended without processing it.
pub(crate) const PAID_ONCE: &str = "no record is paid for twice";
/// A finished drop has every record in exactly one of its files, and its summary counts every record once.
pub(crate) const ACCOUNTED: &str = "no record is lost, and none is counted twice";
/// Everything that is left to do has a marker by which the sweep finds it.
pub(crate) const MARKED: &str = "what is open has its marker";
/// Every write of the ledger is a move in the drawing.
pub(crate) const LEGAL: &str = "no entry goes back";
/// Bedrock creates a job only for the invocation whose `Submitting` is in the ledger at that moment.
pub(crate) const RECORDED: &str = "no job is made that was not recorded before";

/// Bedrock runs no job that the ledger says is over. Otherwise its records would be handed back, and paid for again.
pub(crate) const KEPT: &str = "no job runs that was given up";

/// Situations that the exploration must reach. They are not promises.
pub(crate) const SEEN: [&str; 13] = [
    "a doubt is final",
    "output came after a doubt",
    "a version was deleted before all its jobs were made",
    "a drop is rejected",
    "a drop is finished with a second attempt",
    "a drop is finished with unprocessed records",
    "a job exists while its lease has ended",
    "all invocations are at work at once",
    "a job waits without a hint",
    "a job that Bedrock has still has its hint",
    "the last two pages are counted at once",
    "a job is cancelled before Bedrock has it",
    "a job is stopped and has done some of its records",
];

pub(crate) fn properties() -> Vec<Property<Protocol>> {
    let [
        doubt_is_final,
        output_came,
        source_deleted,
        rejected,
        second_attempt,
        unprocessed,
        orphan,
        all_at_work,
        lost_hint,
        stale_hint,
        last_pages,
        never_started,
        stopped,
    ] = SEEN;
    vec![
        Property::always(PAID_ONCE, |_, world| is_paid_once(world)),
        Property::always(ACCOUNTED, is_accounted),
        Property::always(MARKED, |_, world| is_marked(world)),
        Property::always(LEGAL, |_, world: &World| !world.breaches.illegal_write),
        Property::always(RECORDED, |_, world: &World| !world.breaches.job_without_record),
        Property::always(KEPT, |_, world: &World| {
            world.jobs.iter().all(|job| {
                job.at_bedrock != AtBedrock::Running
                    || job.entry.is_some_and(|entry| entry.outcome().is_none())
            })
        }),
        Property::sometimes(never_started, |_, world: &World| {
            world.drop.entry == Some(DropState::Finished)
                && world.jobs.iter().all(|job| job.made == 0)
                && world.jobs.iter().any(|job| matches!(job.entry, Some(JobState::Settled(_))))
        }),
        Property::sometimes(stopped, |_, world: &World| {
            world.jobs.iter().any(|job| {
                job.entry == Some(JobState::Stopping)
                    && matches!(job.at_bedrock, AtBedrock::Over { done, .. } if done != 0)
            })
        }),
        Property::sometimes(doubt_is_final, |_, world: &World| {
            world.drop.entry == Some(DropState::Finished)
                && world.jobs.iter().any(|job| {
                    matches!(job.at_bedrock, AtBedrock::Over { done, .. } if done & job.unprocessed != 0)
                })
        }),
        Property::sometimes(output_came, |_, world: &World| {
            world.jobs.iter().any(|job| {
                matches!(job.entry, Some(JobState::Doubtful(_)))
                    && matches!(job.at_bedrock, AtBedrock::Over { done, shown } if done == shown)
            })
        }),
        Property::sometimes(source_deleted, |_, world: &World| {
            world.drop.entry == Some(DropState::Finished)
                && world.jobs.iter().any(|job| job.entry == Some(JobState::SourceDeleted))
        }),
        Property::sometimes(rejected, |_, world: &World| {
            world.drop.entry == Some(DropState::Rejected) && nothing_is_open(world)
        }),
        Property::sometimes(second_attempt, |_, world: &World| {
            world.drop.entry == Some(DropState::Finished) && world.job(JobId::new(0, 1)).results != 0
        }),
        Property::sometimes(unprocessed, |_, world: &World| {
            world.drop.entry == Some(DropState::Finished) && world.jobs.iter().any(|job| job.unprocessed != 0)
        }),
        Property::sometimes(orphan, |_, world: &World| {
            world.jobs.iter().any(|job| job.made > 0 && job.entry == Some(JobState::Submitting(Lease::Over)))
        }),
        Property::sometimes(all_at_work, |protocol: &Protocol, world: &World| {
            world.invocations.len() == protocol.invocations
        }),
        Property::sometimes(lost_hint, |_, world: &World| {
            world.invocations.is_empty()
                && world.jobs.iter().any(|job| job.entry == Some(JobState::Waiting) && !job.hint)
        }),
        Property::sometimes(stale_hint, |_, world: &World| {
            world.invocations.is_empty()
                && world.jobs.iter().any(|job| job.hint && job.entry == Some(JobState::Submitted))
        }),
        Property::sometimes(last_pages, |_, world: &World| {
            let next = world.invocations.iter().filter_map(|invocation| invocation.todo.last());
            let pages = next.filter_map(|task| match task {
                Task::WriteTally { page, .. } => Some(*page),
                _ => None,
            });
            let open = world.drop.tallies.iter().filter(|tally| tally.is_none()).count();
            open == 2 && pages.collect::<HashSet<_>>().len() == 2
        }),
    ]
}

fn is_paid_once(world: &World) -> bool {
    world.job_ids().all(|id| {
        let job = world.job(id);
        let repeats_open_work = id.previous().is_some_and(|previous| match world.job(previous).at_bedrock {
            AtBedrock::Over { done, .. } => done & job.input != 0,
            AtBedrock::Running => true,
            // A job of another request had its name.
            AtBedrock::Unknown => world.job(previous).made > 0,
        });
        job.made == 0 || (job.made == 1 && !repeats_open_work)
    })
}

fn is_accounted(protocol: &Protocol, world: &World) -> bool {
    if world.drop.entry != Some(DropState::Finished) {
        return true;
    }
    let is_once = |part: u8, record: u8| {
        let files = world.job_ids().filter(|id| id.part() == part).map(|id| world.job(id));
        if world.job(JobId::new(part, 0)).entry == Some(JobState::SourceDeleted) {
            return files.map(|job| job.results | job.unprocessed).all(|records| records == 0);
        }
        let places: u32 = files
            .map(|job| u32::from((job.results >> record) & 1) + u32::from((job.unprocessed >> record) & 1))
            .sum();
        places == 1
    };
    let all_settled = world.jobs.iter().all(|job| job.entry.is_none_or(JobState::is_settled));
    let parts_are_once =
        (0..protocol.parts).all(|part| (0..protocol.records).all(|record| is_once(part, record)));
    let all_counted = world.drop.summary == Some(protocol.parts * protocol.records);
    all_counted && all_settled && parts_are_once
}

fn is_marked(world: &World) -> bool {
    let drop_is_marked = world.drop.marker
        || match world.drop.entry {
            None | Some(DropState::Finished) => true,
            Some(DropState::Reading(_)) => false,
            Some(DropState::Rejected) => world.drop.rejection,
            Some(DropState::Accepted) => {
                world.first_jobs().all(|id| world.job(id).entry.is_some())
                    && world.jobs.iter().any(|job| job.marker && job.entry.is_some())
            }
        };
    let jobs_are_marked =
        world.jobs.iter().all(|job| job.marker || job.entry.is_none_or(JobState::is_settled));
    drop_is_marked && jobs_are_marked
}

/// Whether everything that was dropped has ended, and there are no markers.
pub(crate) fn nothing_is_open(world: &World) -> bool {
    let drop_has_ended = match world.drop.entry {
        Some(DropState::Finished) => world.drop.summary.is_some(),
        Some(DropState::Rejected) => world.drop.rejection,
        // Nothing knows of the drop.
        None => world.source_deleted,
        Some(DropState::Reading(_) | DropState::Accepted) => false,
    };
    drop_has_ended
        && !world.drop.cancel_marker
        && !world.entries().any(|entry| world.has_marker(entry))
        && !world.jobs.iter().any(|job| job.hint)
        && world.invocations.is_empty()
}

/// How many of the worlds in these steps cannot reach an end only by work that continues, time, and the
/// sweep.
///
/// Stateright's `eventually` is not used: it stops at the first world that it has seen before, so it
/// overlooks cycles and paths that join. This check is sound on the explored graph: if there is a path to an
/// end from every world without a fault and without an event, then sweeps that keep running get there, unless
/// the same choice always has the same result (for example, Bedrock refuses indefinitely).
pub(crate) fn worlds_that_never_end(steps: &[Step]) -> usize {
    let mut worlds = HashSet::new();
    let mut ending = Vec::new();
    let mut ends = HashSet::new();
    let mut before: HashMap<u64, Vec<u64>> = HashMap::new();
    for step in steps {
        worlds.extend([step.from, step.to]);
        if step.ends && ends.insert(step.to) {
            ending.push(step.to);
        }
        if step.is_sweep {
            before.entry(step.to).or_default().push(step.from);
        }
    }
    while let Some(world) = ending.pop() {
        for from in before.remove(&world).unwrap_or_default() {
            if ends.insert(from) {
                ending.push(from);
            }
        }
    }
    worlds.len() - ends.len()
}
