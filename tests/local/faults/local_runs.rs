//! Faults of a local run: events that are dropped, duplicated, or delayed, and the options that reach
//! Bedrock.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_vpc_batch::local::bedrock::{EndingRates, JobStatus};
use bedrock_vpc_batch::local::faults::EventFaults;
use bedrock_vpc_batch::local::pump::{self, EventCounts};
use bedrock_vpc_batch::local::{Local, LocalOptions};
use tempfile::TempDir;

use super::create_in_world;
use crate::support::{BOUND, INPUT_BUCKET, config, drop_of};

async fn local(change: impl FnOnce(&mut LocalOptions)) -> (Local, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LocalOptions::new(config(&[]));
    change(&mut options);
    (Local::start(folder.path(), options).await.unwrap(), folder)
}

/// Drops files, and waits until `reports` of them have a report. Gives the number of lost events.
async fn drop_files(local: &Local, files: usize, reports: usize) -> usize {
    let mut endings = local.endings();
    for number in 0..files {
        let key = format!("{number}.jsonl");
        let put = local.s3().client().put_object().bucket(INPUT_BUCKET).key(key);
        put.body(drop_of(100).into()).send().await.unwrap();
    }
    let (mut reported, mut lost) = (BTreeSet::new(), 0);
    while reported.len() < reports {
        match tokio::time::timeout(BOUND, endings.recv()).await.unwrap().unwrap() {
            pump::DropEnding::Reported(key) => {
                reported.insert(key);
            }
            pump::DropEnding::GivenUp { error, .. } if error.contains("the event was lost") => lost += 1,
            pump::DropEnding::GivenUp { event, error } => panic!("{error}: {event}"),
        }
    }
    lost
}

#[tokio::test]
async fn dropped_notifications_make_no_jobs() {
    let (local, _folder) = local(|options| {
        options.seed = 5;
        options.faults.notifications = EventFaults { dropped: 0.5, ..EventFaults::default() };
    })
    .await;
    // The seed determines the number.
    let dropped = 4;
    assert_eq!(
        drop_files(&local, 8, 8 - dropped).await,
        dropped,
        "nothing looks for them, so each loss is reported"
    );
    let expected = EventCounts { events: 8, dropped: dropped as u64, ..EventCounts::default() };
    assert_eq!(local.pump().notifications(), expected);
    assert_eq!(local.stand_in().jobs().len(), 8 - dropped);
    let changes = local.pump().state_changes();
    assert_eq!(changes, EventCounts { events: changes.events, ..EventCounts::default() });
}

#[tokio::test]
async fn dropped_state_changes_leave_jobs_without_results() {
    let (local, _folder) = local(|options| {
        options.faults.state_changes = EventFaults { dropped: 1.0, ..EventFaults::default() };
    })
    .await;
    drop_files(&local, 1, 0).await;
    let ended = async {
        while local.pump().state_changes().events < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, ended).await.unwrap();
    let expected = EventCounts { events: 5, dropped: 5, ..EventCounts::default() };
    assert_eq!(local.pump().state_changes(), expected);
    assert_eq!(local.stand_in().jobs()[0].status, JobStatus::Completed);
    assert!(local.faults().calls().iter().all(|call| call.operation != "GetModelInvocationJob"));
}

#[tokio::test]
async fn duplicated_and_delayed_events_arrive_twice_and_late() {
    let (local, _folder) = local(|options| {
        let delay = Duration::from_millis(200);
        let twice = EventFaults { duplicated: 1.0, delayed: 1.0, delay, ..EventFaults::default() };
        options.faults.notifications = twice.clone();
        options.faults.state_changes = twice;
    })
    .await;
    drop_files(&local, 3, 3).await;
    assert_eq!(local.stand_in().jobs().len(), 3);
    let both = [local.pump().notifications(), local.pump().state_changes()];
    let expected = |events| EventCounts { events, dropped: 0, duplicated: events, delayed: 2 * events };
    assert_eq!(both, [expected(3), expected(15)]);
    let heads = local.faults().calls().iter().filter(|call| call.operation == "HeadObject").count();
    assert!(heads >= 6, "each of the six notifications was handled: {heads}");
}

#[tokio::test]
async fn options_of_a_local_run_reach_bedrock_and_the_calls() {
    // What is refused for an hour is refused during the test.
    let hour = Duration::from_secs(3_600);
    for (role, subnet, problem) in [
        (hour, Duration::ZERO, "is not authorized to perform: iam:PassRole"),
        (Duration::ZERO, hour, "The subnet ID 'subnet-0b' does not exist"),
    ] {
        let (local, _folder) = local(|options| {
            options.faults.refuse_role = role;
            options.faults.refuse_subnet = subnet;
        })
        .await;
        let refused = create_in_world(&local.clients().bedrock, local.config(), "job-1").await.unwrap_err();
        assert!(refused.contains(problem), "{refused}");
    }

    // What is refused for a millisecond is accepted after a while.
    let (lasting, _folder) = local(|options| {
        options.pace = hour;
        options.faults.jobs_in_flight = Some(1);
        options.faults.refuse_subnet = Duration::from_millis(1);
        options.faults.refuse_role = Duration::from_millis(1);
    })
    .await;
    let client = &lasting.clients().bedrock;
    let accepted = async { while create_in_world(client, lasting.config(), "job-1").await.is_err() {} };
    tokio::time::timeout(BOUND, accepted).await.unwrap();
    let most = "At most 1 batch inference jobs of this model may be in progress.";
    assert_eq!(create_in_world(client, lasting.config(), "job-2").await, Err(most.into()));

    let (ending, _folder) = local(|options| {
        options.faults.endings = EndingRates { stopped: 1.0, ..EndingRates::default() };
        options.faults.calls.slow = Duration::from_millis(2);
    })
    .await;
    let put = ending.s3().client().put_object().bucket(INPUT_BUCKET).key("a.jsonl").body(drop_of(100).into());
    put.send().await.unwrap();
    create_in_world(&ending.clients().bedrock, ending.config(), "job-1").await.unwrap();
    let stopped = async {
        while ending.stand_in().jobs()[0].status != JobStatus::Stopped {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, stopped).await.unwrap();
    assert!(ending.faults().counts()["delay"] > 0);
}
