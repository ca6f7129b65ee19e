//! A model of the protocol, and every course that it can take in small worlds: one drop, a few records, up to
//! three invocations at once, crashes and lost answers between any two calls, events that come never, twice,
//! or late, leases that end, output that is late or never comes, a drop that is deleted, a name that is taken,
//! and a plan with pages.
//!
//! The model follows the documentation of the ledger and of the two flows, not the code. Another test crashes
//! the code at every call. The table of moves connects the two: a test checks that both have the same one.

use bedrock_vpc_batch::aws::clock;
mod promises;
mod protocol;
mod steps;
mod task;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::plan::{Part, Plan};
use bedrock_vpc_batch::ledger::drop::{DropEntry, DropState, Reading};
use bedrock_vpc_batch::ledger::job::JobEntry;
use bedrock_vpc_batch::ledger::job_state::JobState;
use bedrock_vpc_batch::record::key::KeySum;
use serde_json::json;
use stateright::{Checker, Model};

use crate::support::any_drop;
use promises::{ACCOUNTED, KEPT, MARKED, PAID_ONCE, RECORDED, SEEN, worlds_that_never_end};
use protocol::{Bedrock, Clocks, Create, Protocol, Rule};
use world::{DROP_MOVES, JOB_MOVES};

/// The result of an exploration.
struct Explored {
    states: usize,
    /// The most actions on any path taken. With two threads it differs a little from run to run.
    depth: usize,
    /// The promises that are broken somewhere, each with a path that leads there.
    breaches: BTreeMap<&'static str, String>,
    seen: BTreeSet<&'static str>,
    never_end: usize,
}

impl Explored {
    fn broken(&self) -> Vec<&'static str> {
        self.breaches.keys().copied().collect()
    }
}

/// Visits every state that can be reached.
fn explore(protocol: Protocol) -> Explored {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    let mut breaches = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (name, path) in checker.discoveries() {
        if SEEN.contains(&name) {
            seen.insert(name);
        } else {
            let steps = path.into_actions().into_iter().map(|action| format!("\n  {action:?}"));
            breaches.insert(name, steps.collect());
        }
    }
    let never_end = worlds_that_never_end(&checker.model().steps.lock().unwrap());
    Explored { states: checker.unique_state_count(), depth: checker.max_depth(), breaches, seen, never_end }
}

/// A world that is small enough to be explored in a second, and large enough for every rule.
fn small() -> Protocol {
    Protocol::new(1, 1, 2, 1)
}

/// The small world, with one more fault.
fn with_two_faults() -> Protocol {
    Protocol::new(1, 1, 2, 2)
}

/// A world with two parts, each on a page of its own.
fn paged(faults: u8) -> Protocol {
    Protocol { attempts: 1, parts_per_page: 1, ..Protocol::new(2, 1, 2, faults) }
}

/// The worlds to explore, each with the least number of states that it must have.
fn worlds() -> Vec<(Protocol, usize)> {
    vec![
        // A job can have some records done and others not.
        (Protocol::new(1, 2, 2, 2), 730_000),
        // Two jobs compete for one slot, and either can finish the drop.
        (Protocol { attempts: 1, ..Protocol::new(2, 1, 2, 1) }, 235_000),
        // As above, but each part is on a page of its own.
        (paged(1), 289_000),
        // Three invocations at once.
        (Protocol::new(1, 1, 3, 0), 132_000),
        // Hints that are lost or stale.
        (Protocol { hints: true, ..with_two_faults() }, 555_000),
        // A drop that is cancelled at any time.
        (Protocol { cancels: true, ..small() }, 100_000),
        (Protocol { cancels: true, attempts: 1, ..Protocol::new(2, 1, 1, 1) }, 10_000),
    ]
}

fn larger_worlds() -> Vec<(Protocol, usize)> {
    vec![
        (Protocol::new(1, 1, 3, 1), 940_000),
        (Protocol::new(1, 2, 2, 3), 1_600_000),
        (Protocol::new(2, 1, 2, 1), 4_300_000),
        (Protocol::new(1, 2, 3, 1), 4_000_000),
        // Pages with next attempts.
        (Protocol { parts_per_page: 1, ..Protocol::new(2, 1, 2, 0) }, 450_000),
        // One page with two parts, and one with one.
        (Protocol { attempts: 1, parts_per_page: 2, ..Protocol::new(3, 1, 2, 0) }, 350_000),
    ]
}

/// The rules, each with the promises that depend on it. The rules for pages, and three more on which it depends that
/// everything ends, have their own tests.
const RULES: [(Rule, &[&str]); 7] = [
    (Rule::EvidenceAgrees, &[PAID_ONCE]),
    (Rule::RecordComesFirst, &[RECORDED]),
    (Rule::LeasesAreRespected, &[RECORDED]),
    (Rule::MarkerGoesLast, &[MARKED]),
    (Rule::JobIsLookedUp, &[PAID_ONCE]),
    (Rule::OutcomeIsDecidedOnce, &[ACCOUNTED, PAID_ONCE]),
    (Rule::RejectionIsCarriedOut, &[MARKED]),
];

fn explore_without(rule: Rule) -> Explored {
    explore(Protocol { broken: Some(rule), ..small() })
}

/// If `MODEL_DEPTH` is set, as by `make model`, larger worlds are explored as well, and every rule is broken
/// again.
#[test]
fn the_protocol_keeps_its_promises() {
    let started = Instant::now();
    let is_deep = std::env::var_os("MODEL_DEPTH").is_some();
    let (mut states, mut depth, mut seen) = (0, 0, BTreeSet::new());
    let larger = if is_deep { larger_worlds() } else { vec![] };
    for (protocol, least) in worlds().into_iter().chain(larger) {
        let name = format!("{protocol}");
        let explored = explore(protocol);
        println!("model: {name}: {} states", explored.states);
        assert_eq!((explored.breaches, explored.never_end), (BTreeMap::new(), 0), "{name}");
        assert!(explored.states >= least, "{name}: only {} states", explored.states);
        states += explored.states;
        depth = depth.max(explored.depth);
        seen.extend(explored.seen);
    }
    assert_eq!(seen, BTreeSet::from(SEEN), "the exploration missed a situation");
    let found = if is_deep {
        let found =
            RULES.iter().filter(|(rule, promises)| explore_without(*rule).broken() == *promises).count();
        assert_eq!(found, RULES.len());
        format!(", broken rules found {found} of {}", RULES.len())
    } else {
        String::new()
    };
    let seconds = started.elapsed().as_secs();
    println!("model: states {states}, depth {depth}, time {seconds} s, promises broken 0{found}");
}

#[test]
fn finds_a_next_attempt_while_the_output_shows_too_little() {
    assert_eq!(explore_without(Rule::EvidenceAgrees).broken(), [PAID_ONCE]);
}

#[test]
fn finds_a_put_event_that_is_lost() {
    let explored = explore_without(Rule::PutsAreCompared);
    assert_eq!(explored.broken(), Vec::<&str>::new());
    assert!(explored.never_end > 0, "nothing knows of the drop");
}

#[test]
fn finds_a_sweep_that_goes_by_the_hints() {
    let broken = Some(Rule::MarkersAreTheWorkList);
    let with_faults = |faults| explore(Protocol { hints: true, broken, ..Protocol::new(1, 1, 2, faults) });
    assert_eq!(with_faults(0).never_end, 0, "no hint is lost without a fault");
    let explored = with_faults(1);
    assert_eq!(explored.broken(), Vec::<&str>::new());
    assert!(explored.never_end > 0, "a job without a hint waits indefinitely");
}

#[test]
fn finds_a_job_that_may_exist_and_is_given_up_by_a_cancellation() {
    let broken = Some(Rule::JobThatMayExistIsKept);
    let explored = explore(Protocol { cancels: true, broken, ..small() });
    assert!(explored.broken().contains(&KEPT), "{:?}", explored.broken());
}

/// A refusal after a lost answer may not be the truth, so a job that waits may run.
#[test]
fn finds_a_job_that_waits_and_is_cancelled_without_a_look() {
    let cancelled = |broken| {
        let create = Create::SentAgainBySdk;
        explore(Protocol { cancels: true, create, broken, ..with_two_faults() })
    };
    assert_eq!(cancelled(None).broken(), Vec::<&str>::new());
    assert!(cancelled(Some(Rule::CancelledJobsAreLookedUp)).broken().contains(&KEPT));
}

#[test]
fn a_taken_name_costs_an_attempt() {
    let taken = || Protocol { name_is_taken: true, ..small() };
    let explored = explore(taken());
    assert_eq!((explored.broken(), explored.never_end), (vec![], 0));
    assert!(explored.seen.contains("a drop is finished with a second attempt"));
    let explored = explore(Protocol { broken: Some(Rule::TokensAreCompared), ..taken() });
    assert!(explored.never_end > 0, "the job of another request is waited for");
}

#[test]
fn finds_a_create_before_the_conditional_write() {
    assert_eq!(explore_without(Rule::RecordComesFirst).broken(), [RECORDED]);
}

#[test]
fn finds_a_takeover_of_a_lease_that_has_not_ended() {
    assert_eq!(explore_without(Rule::LeasesAreRespected).broken(), [RECORDED]);
}

#[test]
fn finds_a_marker_deleted_before_the_work_is_done() {
    let explored = explore_without(Rule::MarkerGoesLast);
    assert_eq!(explored.broken(), [MARKED]);
    assert!(explored.never_end > 0, "a drop without a marker stays open");
}

#[test]
fn finds_tallies_that_are_listed_before_the_own_one_is_written() {
    let explored = explore(Protocol { broken: Some(Rule::TallyComesFirst), ..paged(0) });
    assert_eq!(explored.broken(), [MARKED]);
    assert!(explored.never_end > 0, "each of two invocations leaves the drop to the other");
}

#[test]
fn finds_a_marker_deleted_before_the_page_is_counted() {
    let explored = explore(Protocol { broken: Some(Rule::MarkerGoesLast), ..paged(1) });
    assert_eq!(explored.broken(), [MARKED]);
    assert!(explored.never_end > 0, "a page without a tally keeps its drop open");
}

#[test]
fn finds_a_drop_summed_up_without_one_of_its_pages() {
    let explored = explore(Protocol { broken: Some(Rule::PagesAreComplete), ..paged(0) });
    assert_eq!(explored.broken(), [ACCOUNTED]);
}

#[test]
fn finds_a_page_counted_before_its_jobs_are_settled() {
    // Both jobs are on the first page.
    let explored = explore(Protocol { broken: Some(Rule::PagesAreSettled), parts_per_page: 2, ..paged(0) });
    assert_eq!(explored.broken(), [ACCOUNTED]);
}

#[test]
fn finds_a_fresh_token_sent_without_looking_up_the_name() {
    assert_eq!(explore_without(Rule::JobIsLookedUp).broken(), [PAID_ONCE]);
}

#[test]
fn finds_an_outcome_that_is_decided_again() {
    // Records that were handed back because they may have been processed go to a next attempt nevertheless.
    assert_eq!(explore_without(Rule::OutcomeIsDecidedOnce).broken(), [ACCOUNTED, PAID_ONCE]);
}

#[test]
fn finds_a_rejection_that_is_recorded_but_not_carried_out() {
    let explored = explore_without(Rule::RejectionIsCarriedOut);
    assert_eq!(explored.broken(), [MARKED]);
    assert!(explored.never_end > 0, "the user is never told");
}

#[test]
fn the_token_protects_where_clocks_differ_by_more_than_the_margin() {
    let explored = explore(Protocol { clocks: Clocks::BeyondMargin, ..with_two_faults() });
    assert_eq!((explored.broken(), explored.never_end), (vec![RECORDED], 0));
}

#[test]
fn the_record_protects_where_bedrock_forgets_tokens() {
    for create in [Create::SentOnce, Create::LookedUpFirst] {
        let explored = explore(Protocol { bedrock: Bedrock::ForgetsTokens, create, ..with_two_faults() });
        assert_eq!((explored.broken(), explored.never_end), (vec![], 0), "{create:?}");
    }
}

/// An answer to Create is lost. The SDK sends the request again and is refused, because the job that now
/// exists took the last slot, so the entry goes back to `Waiting`. Sending the request again is safe only
/// while Bedrock remembers the token, and how long that is is not documented.
#[test]
fn a_refusal_after_a_lost_answer_is_not_definite_where_bedrock_forgets_tokens() {
    let explored = explore(Protocol {
        bedrock: Bedrock::ForgetsTokens,
        create: Create::SentAgainBySdk,
        ..with_two_faults()
    });
    assert_eq!((explored.broken(), explored.never_end), (vec![PAID_ONCE], 0));
}

#[test]
fn nothing_protects_where_bedrock_forgets_tokens_and_clocks_differ_by_more_than_the_margin() {
    let explored = explore(Protocol {
        bedrock: Bedrock::ForgetsTokens,
        create: Create::SentOnce,
        clocks: Clocks::BeyondMargin,
        ..small()
    });
    assert_eq!(explored.broken(), [RECORDED, PAID_ONCE]);
}

#[test]
fn the_moves_of_the_model_are_those_of_the_code() {
    let by = clock::invocation_until(std::time::SystemTime::UNIX_EPOCH);
    let source = any_drop();
    let drop_id = DropId::derive(&source);
    let job_id = JobId::derive(&drop_id, 1, 1);
    let part = Part {
        number: 1,
        job_id,
        bytes: 0..1,
        first_line: 1,
        records: 1,
        without_id: 0,
        repaired: 0,
        id_sum: KeySum::default(),
    };
    let job = JobEntry::waiting(&drop_id, &source, &part, 1, &by, by.started);
    let drop = DropEntry::claim(drop_id, source, &by);

    let drops = drop_states();
    let mut moves = Vec::new();
    for (from, to) in drops.iter().flat_map(|from| drops.iter().map(move |to| (from, to))) {
        if (DropEntry { state: from.clone(), ..drop.clone() }).advance(to.clone(), &by).is_ok() {
            moves.push((from.name(), to.name()));
        }
    }
    assert_eq!(BTreeSet::from_iter(moves), BTreeSet::from(DROP_MOVES));

    let jobs = job_states();
    let mut moves = Vec::new();
    for (from, to) in jobs.iter().flat_map(|from| jobs.iter().map(move |to| (from, to))) {
        if (JobEntry { state: from.clone(), ..job.clone() }).advance(to.clone(), &by).is_ok() {
            moves.push((from.name(), to.name()));
        }
    }
    assert_eq!(BTreeSet::from_iter(moves), BTreeSet::from(JOB_MOVES));
}

fn drop_states() -> Vec<DropState> {
    let by = clock::invocation_until(std::time::SystemTime::UNIX_EPOCH);
    vec![
        DropState::Reading(Reading::first(&by)),
        DropState::Accepted { settings: None, repairs: None, plan: Plan::Whole { parts: vec![] } },
        DropState::Rejected { problems: vec![], stopped_early: false },
        DropState::Finished { plan: Plan::Whole { parts: vec![] } },
        DropState::Erased,
    ]
}

/// A job's entry in each of its states.
fn job_states() -> Vec<JobState> {
    let request = json!({
        "job_name": "n", "client_request_token": "t", "role_arn": "r", "model_id": "m",
        "model_invocation_type": "InvokeModel", "input_s3_uri": "s3://b/i", "output_s3_uri": "s3://b/o",
        "subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"], "timeout_duration_in_hours": 24, "tags": {},
    });
    let outcome = json!({
        "status": "Completed", "model_id": "m", "submit_time": "t", "mismatches": [],
        "records": { "succeeded": 0, "failed": 0, "retried": 0, "unprocessed": 0 },
    });
    let states = json!([
        { "name": "Waiting" },
        { "name": "Submitting", "lease_until": "2026-11-23T15:05:00Z", "request": request },
        { "name": "Submitted", "request": request, "job_arn": "a" },
        { "name": "Stopping", "request": request, "job_arn": "a" },
        { "name": "Doubtful", "request": request, "job_arn": "a", "since": "2026-11-23T15:05:00Z", "looks": 1,
          "contradictions": [] },
        { "name": "Ended", "request": request, "job_arn": "a", "outcome": outcome },
        { "name": "Settled", "request": request, "job_arn": "a", "outcome": outcome },
        { "name": "SourceDeleted" },
    ]);
    serde_json::from_value(states).unwrap()
}
