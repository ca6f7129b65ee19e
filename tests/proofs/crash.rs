//! Every crash point. For each call that the flows make to S3 and to Bedrock and that writes, a function dies once before
//! the call and once after it. And for each call, its answer is lost once. Then the sweep runs. In half of the cases
//! the event comes again before that, and in half of the cases the settings have changed. Whatever happens, every
//! record is accounted for exactly once, and no record is given to Bedrock twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::ledger::job_state::DOUBT;
use bedrock_vpc_batch::local::bedrock::{
    Ending, Fault, JobView, Lie, LieKind, Operation, Processed, RecordFailure, TerminalStatus,
};
use bedrock_vpc_batch::local::faults::{Action, Call};
use serde_json::Value;

use crate::support::{LEASE_OVER, World, drop_of, record};

mod erasing;
mod held;

/// The event with which a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The notification for the drop.
    Submit,
    /// The state change of the next job that ends.
    Complete,
    /// An operator cancels the drop, while the jobs that Bedrock has are in progress.
    Cancel,
    /// The schedule, after all leases have ended.
    Sweep,
    /// The schedule, after every doubt has become final.
    LastSweep,
}

struct Scenario {
    name: &'static str,
    /// Settings other than those of most tests.
    settings: &'static [(&'static str, &'static str)],
    body: fn() -> Vec<u8>,
    /// The ending of a job over this number of records.
    ending: fn(usize) -> Ending,
    /// Whether its output permanently shows less than manifest and counters say.
    lies: bool,
    /// The faults of the first requests for a job.
    create_faults: &'static [Fault],
    steps: &'static [Step],
}

const KEY: &str = "in/a b.jsonl";
const COUNT: usize = 300;

fn completed(_: usize) -> Ending {
    Ending::new(TerminalStatus::Completed)
}

fn expired(_: usize) -> Ending {
    Ending::new(TerminalStatus::Expired)
}

/// The first attempt processes half of the records, some of them with an error, and the next attempt the
/// rest.
fn half(records: usize) -> Ending {
    if records < COUNT {
        return completed(records);
    }
    let failure = |(position, code)| RecordFailure { position, code, message: "no".into() };
    let failing = [(0, 400), (1, 503), (2, 429), (3, 424)].map(failure).to_vec();
    let processed = Processed::First(COUNT / 2);
    Ending { processed, failing, ..Ending::new(TerminalStatus::PartiallyCompleted) }
}

/// Half of the minimum, so that all records of a small drop need two jobs.
fn fifty(_: usize) -> Ending {
    let failing =
        [0, 30].map(|position| RecordFailure { position, code: 400, message: "no".into() }).to_vec();
    Ending { processed: Processed::First(50), failing, ..Ending::new(TerminalStatus::PartiallyCompleted) }
}

/// A drop in which every tenth record has no id, so that the job's input is written and not copied.
fn some_without_id() -> Vec<u8> {
    let line = |number: usize| {
        let record = record(&format!("r{number}"));
        let id = format!(",\"recordId\":\"r{number}\"");
        (if number.is_multiple_of(10) { record.replace(&id, "") } else { record }) + "\n"
    };
    (0..COUNT).map(line).collect::<String>().into_bytes()
}

/// An ending after which a third of what was processed is not in the output.
fn lying(_: usize) -> Ending {
    let lie = Lie { kind: LieKind::Hidden, records: COUNT / 3, truth_after: None };
    Ending { lie: Some(lie), ..Ending::new(TerminalStatus::Completed) }
}

/// In progress until it is stopped, with half of its records done.
fn until_stopped(_: usize) -> Ending {
    Ending { until_stopped: true, ..Ending::default() }
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "a next attempt over the rest",
        settings: &[],
        body: some_without_id,
        ending: half,
        lies: false,
        create_faults: &[],
        steps: &[Step::Submit, Step::Complete, Step::Complete, Step::Sweep],
    },
    Scenario {
        name: "all in one job",
        settings: &[],
        body: || drop_of(120),
        ending: completed,
        lies: false,
        create_faults: &[],
        steps: &[Step::Submit, Step::Complete, Step::Submit, Step::Sweep],
    },
    Scenario {
        name: "a drop that is refused",
        settings: &[],
        body: || drop_of(99),
        ending: completed,
        lies: false,
        create_faults: &[],
        steps: &[Step::Submit, Step::Submit, Step::Sweep],
    },
    Scenario {
        name: "waiting for a place, then lost events",
        settings: &[],
        body: || drop_of(120),
        ending: completed,
        lies: false,
        create_faults: &[Fault::ServiceQuotaExceeded],
        steps: &[Step::Submit, Step::Sweep, Step::Sweep],
    },
    Scenario {
        name: "a job that may exist, and one that expires",
        settings: &[],
        body: || drop_of(120),
        ending: expired,
        lies: false,
        // All three attempts of one call. After that, the job is found by its name.
        create_faults: &[Fault::LoseAnswer, Fault::LoseAnswer, Fault::LoseAnswer],
        steps: &[Step::Submit, Step::Sweep, Step::Sweep, Step::Sweep, Step::Sweep, Step::Sweep, Step::Sweep],
    },
    Scenario {
        name: "evidence that contradicts itself",
        settings: &[],
        body: || drop_of(COUNT),
        ending: lying,
        lies: true,
        create_faults: &[],
        steps: &[Step::Submit, Step::Complete, Step::Sweep, Step::LastSweep],
    },
    Scenario {
        name: "a put whose event is lost",
        settings: &[],
        body: || drop_of(120),
        ending: completed,
        lies: false,
        create_faults: &[],
        steps: &[Step::Sweep, Step::Sweep],
    },
    Scenario {
        name: "a cancelled drop with two jobs in progress",
        settings: &[("MAX_RECORDS_PER_JOB", "150")],
        body: || drop_of(COUNT),
        ending: until_stopped,
        lies: false,
        create_faults: &[],
        steps: &[Step::Submit, Step::Cancel, Step::Complete, Step::Sweep, Step::Sweep],
    },
    Scenario {
        name: "a cancelled drop with a job in progress and one that waits",
        settings: &[("MAX_RECORDS_PER_JOB", "150")],
        body: || drop_of(COUNT),
        ending: until_stopped,
        lies: false,
        create_faults: &[Fault::ServiceQuotaExceeded],
        steps: &[Step::Submit, Step::Cancel, Step::Sweep, Step::Sweep],
    },
    Scenario {
        name: "a cancelled drop whose job may exist",
        settings: &[],
        body: || drop_of(120),
        ending: until_stopped,
        lies: false,
        create_faults: &[Fault::LoseAnswer, Fault::LoseAnswer, Fault::LoseAnswer],
        steps: &[Step::Submit, Step::Cancel, Step::Sweep, Step::Sweep, Step::Sweep],
    },
    Scenario {
        name: "a small drop, and what is left of it",
        settings: &[("SMALL_DROPS", "pad")],
        body: || drop_of(60),
        ending: fifty,
        lies: false,
        create_faults: &[],
        steps: &[Step::Submit, Step::Complete, Step::Complete, Step::Sweep],
    },
];

/// What happens after a crash.
#[derive(Debug, Clone, Copy, Default)]
struct After {
    other_settings: bool,
    /// Whether the event comes again.
    redelivery: bool,
}

/// Runs a scenario until call `hit.0` has the fault `hit.1`, and then what happens after a crash. Gives the
/// calls of the scenario.
async fn run(scenario: &Scenario, hit: Option<(u64, Action)>, after: After) -> Vec<Call> {
    let mut world = Box::pin(World::with(scenario.settings)).await;
    let ending = scenario.ending;
    world.stand_in.script_with(move |_, job: &JobView| ending(usize::try_from(job.counts.total).unwrap()));
    for fault in scenario.create_faults {
        world.stand_in.fail_next(Operation::CreateModelInvocationJob, fault.clone());
    }
    // The first sweep comes before the drop, because sweeps ignore what was there earlier.
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.faults.reset();
    let put = world.put(KEY, (scenario.body)()).await;
    if let Some((number, action)) = hit.clone() {
        world.faults.set(move |call| if call.number == number { action.clone() } else { Action::Pass });
    }
    for step in scenario.steps {
        let event = match step {
            Step::Submit => put.clone(),
            Step::Complete => world.ended().await,
            Step::Cancel => {
                world.jobs_in_progress().await;
                world.ask(&world.cancellation_of(KEY, &put)).await
            }
            Step::Sweep | Step::LastSweep => Value::Null,
        };
        let faults = world.faults.clone();
        let work = async {
            match step {
                Step::Submit => world.submit(event.clone()).await,
                Step::Complete | Step::Cancel => world.complete(event.clone()).await,
                Step::Sweep => world.sweep_after(LEASE_OVER).await,
                Step::LastSweep => world.sweep_after(2 * DOUBT).await,
            }
        };
        let outcome = faults.until_stopped(work).await;
        let is_hit = hit.as_ref().is_some_and(|(number, _)| world.faults.calls().len() as u64 >= *number);
        if is_hit {
            // Lambda delivers the event again while leases still hold, after an error or without one.
            let again = if event.is_null() { put.clone() } else { event };
            assert!(
                outcome.is_err() || hit.as_ref().is_some_and(|(_, action)| *action == Action::LoseAnswer)
            );
            Box::pin(recover(&mut world, &put, again, after, scenario)).await;
            break;
        }
        if [Step::Sweep, Step::LastSweep].contains(step) {
            world.all_jobs_over().await;
        }
    }
    let calls = world.faults.calls();
    Box::pin(verify(&world, scenario)).await;
    calls
}

/// Delivers the event again, or not, and then sweeps, each time after all leases have ended. An operator who cancels the
/// drop does so until it is over.
async fn recover(world: &mut World, put: &Value, event: Value, after: After, scenario: &Scenario) {
    let settings = scenario.settings;
    let is_cancelled = scenario.steps.contains(&Step::Cancel);
    world.faults.clear();
    if after.other_settings {
        let others = [
            ("MAX_ATTEMPTS", "1"),
            ("MIN_RECORDS_PER_JOB", "5"),
            ("MAX_RECORDS_PER_JOB", "110"),
            ("MODEL_ID", "amazon.nova-micro-v1:0"),
            ("TIMEOUT_DURATION_IN_HOURS", "99"),
        ];
        world.reconfigure(&[settings, &others].concat());
    }
    if after.redelivery {
        let delivered = match event.get("Records") {
            Some(_) => world.submit(event).await,
            None => world.complete(event).await,
        };
        if let Err(error) = delivered {
            assert_eq!(error.kind(), bedrock_vpc_batch::aws::error::ErrorKind::Unavailable, "{error:?}");
        }
    }
    for round in 1..10 {
        if is_cancelled {
            world.stopping_jobs_over().await;
        } else {
            world.all_jobs_over().await;
        }
        if round > 1 && world.markers().await.is_empty() {
            return;
        }
        if is_cancelled {
            world.ask(&world.cancellation_of(KEY, put)).await;
        }
        // A call that loses all three answers is an error like any other.
        if let Err(error) = world.sweep_after(LEASE_OVER * round).await {
            assert_eq!(error.kind(), bedrock_vpc_batch::aws::error::ErrorKind::Unavailable, "{error:?}");
        }
    }
    panic!("still open: {:?}", world.markers().await);
}

/// The ids of the records in a JSONL object, and whether each is final: it has an answer or a permanent
/// error.
fn records(bytes: &[u8]) -> BTreeMap<String, bool> {
    let mut records = BTreeMap::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line).unwrap();
        let code = record["error"]["errorCode"].as_u64();
        let is_final = record.get("modelOutput").is_some()
            || code.is_some_and(|code| (400..500).contains(&code) && code != 429);
        let id = record["recordId"].as_str().unwrap().to_owned();
        assert_eq!(records.insert(id, is_final), None);
    }
    records
}

async fn verify(world: &World, scenario: &Scenario) {
    assert_eq!(world.markers().await, Vec::<String>::new());
    assert_eq!(world.hints().await, Vec::<String>::new());
    let results = world.results().await;
    results.assert_statuses_are_final();
    let is_summed_up = results.files.keys().any(|key| key.ends_with("/summary.json"));
    let is_rejected = results.files.keys().any(|key| key.ends_with("/rejection.json"));
    // The changed quota may have changed the verdict, if none was recorded before the crash.
    assert!(is_summed_up != is_rejected, "{:?}", results.files.keys());
    let jobs = world.stand_in.jobs();
    if is_rejected {
        assert_eq!(jobs.len(), 0);
        assert_eq!(results.files.len(), 3);
        return;
    }

    // Every record of the drop is in exactly one result.
    let drop = (scenario.body)();
    let count = drop.iter().filter(|byte| **byte == b'\n').count();
    let [succeeded, failed, unprocessed] = results.ids();
    let all: BTreeSet<String> = &(&succeeded | &failed) | &unprocessed;
    assert!(!all.iter().any(|id| id.contains("-padding-")), "padding is in the results");
    assert_eq!((all.len(), succeeded.len() + failed.len() + unprocessed.len()), (count, count));
    let summary = results.summary();
    assert_eq!(summary.records.total, count as u64);
    if scenario.lies {
        assert!(!summary.balanced);
    } else {
        assert_eq!((summary.balanced, &summary.mismatches), (true, &vec![]));
    }

    // No record goes to a second job if the first one has processed it.
    let (mut dealt_with, mut given, mut padding) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for job in &jobs {
        let uri = job.request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"].as_str().unwrap();
        let input: BTreeSet<String> =
            records(&world.read_output(S3Uri::parse(uri).unwrap().key()).await).into_keys().collect();
        let own_padding = format!("{}-padding-", job.name.strip_prefix("demo-").unwrap());
        padding.extend(input.iter().filter(|id| id.starts_with(&own_padding)).cloned());
        assert!(input.is_disjoint(&dealt_with), "a record is paid for twice");
        if scenario.lies {
            assert!(input.is_disjoint(&given), "a processed record is given to Bedrock again");
            given.extend(input);
        }
        let bedrock_id = job.arn.rsplit('/').next().unwrap();
        let outputs = world.output_keys().await;
        for output in outputs.iter().filter(|key| key.contains(bedrock_id) && key.ends_with(".jsonl.out")) {
            let answered = records(&world.read_output(output).await);
            dealt_with.extend(answered.into_iter().filter(|(_, is_final)| *is_final).map(|(id, _)| id));
        }
    }
    assert_eq!(&dealt_with - &padding, &succeeded | &failed);
    assert_eq!(summary.padding.as_ref().map_or(0, |padding| padding.records), padding.len() as u64);
    let names: BTreeSet<&String> = jobs.iter().map(|job| &job.name).collect();
    let created = summary.jobs.iter().filter(|job| job.outcome.status.was_created()).count();
    assert_eq!(names.len(), created, "every job is in the summary");
    assert_eq!(names.len(), jobs.len());

    let uploads =
        world.own.list_multipart_uploads().bucket(&world.config.output_bucket).send().await.unwrap();
    assert_eq!(uploads.uploads(), []);
}

/// The faults to try at a call. What a function has read leaves no trace: if it dies there, that is as if it died before
/// the next call that writes.
fn faults_at(call: &Call) -> &'static [Action] {
    let only_reads = ["Get", "Head", "List"].iter().any(|verb| call.operation.starts_with(verb));
    if only_reads {
        &[Action::LoseAnswer]
    } else {
        &[Action::StopBefore, Action::StopAfter, Action::LoseAnswer]
    }
}

/// Runs `run` without a fault, and then once for each fault at each call that it has made.
async fn at_every_call(name: &str, run: impl AsyncFn(Option<(u64, Action)>, After) -> Vec<Call>) {
    let calls = Box::pin(run(None, After::default())).await;
    let mut tried = 0;
    for call in &calls {
        for (index, action) in faults_at(call).iter().enumerate() {
            let variant = call.number + index as u64;
            let after = After { other_settings: variant & 1 == 0, redelivery: variant & 2 == 0 };
            eprintln!("{name}: {action:?} at {call}, {after:?}");
            Box::pin(run(Some((call.number, action.clone())), after)).await;
            tried += 1;
        }
    }
    assert!(!calls.is_empty());
    println!("crash points in {name:?}: {} calls, {tried} tried, 0 skipped", calls.len());
}

async fn every_crash_point_of(scenario: &Scenario) {
    at_every_call(scenario.name, async |hit, after| Box::pin(run(scenario, hit, after)).await).await;
}

#[tokio::test]
async fn next_attempt_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[0]).await;
}

#[tokio::test]
async fn single_job_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[1]).await;
}

#[tokio::test]
async fn rejection_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[2]).await;
}

#[tokio::test]
async fn waiting_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[3]).await;
}

#[tokio::test]
async fn doubt_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[5]).await;
}

#[tokio::test]
async fn lost_put_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[6]).await;
}

#[tokio::test]
async fn padding_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[10]).await;
}

#[tokio::test]
async fn cancellation_of_running_jobs_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[7]).await;
}

#[tokio::test]
async fn cancellation_of_a_waiting_job_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[8]).await;
}

#[tokio::test]
async fn cancellation_of_a_job_that_may_exist_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[9]).await;
}

#[tokio::test]
async fn adoption_survives_every_crash() {
    every_crash_point_of(&SCENARIOS[4]).await;
}
