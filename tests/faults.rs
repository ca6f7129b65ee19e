//! The faults themselves: each does what it says, to calls, to events, to jobs, and by the command line.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};
use bedrock_vpc_batch::aws::clients::Clients;
use bedrock_vpc_batch::aws::config::Config;
use bedrock_vpc_batch::aws::error::Chain;
use bedrock_vpc_batch::aws::store::Store;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::local::bedrock::{
    Ending, EndingRates, JobStatus, Processed, StandIn, StandInOptions, TerminalStatus,
};
use bedrock_vpc_batch::local::faults::{Action, Call, EventFaults, FAULTS, Faults, Service};
use bedrock_vpc_batch::local::pump::{self, EventCounts};
use bedrock_vpc_batch::local::s3::EmbeddedS3;
use bedrock_vpc_batch::local::{Local, LocalOptions, clients, clients_through};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stand_in::create;
use crate::support::{BOUND, INPUT_BUCKET, OUTPUT_BUCKET, World, config, drop_of, ids, invocation};

const SLOW_DOWN: Action = Action::Refuse { status: 503, code: "SlowDown" };

/// Both services, a store whose calls go through the faults, and one whose calls do not.
struct Rig {
    s3: EmbeddedS3,
    stand_in: StandIn,
    faults: Faults,
    clients: Clients,
    store: Store,
    plain: Store,
    _folder: TempDir,
}

impl Rig {
    async fn start() -> Self {
        let config = config(&[]);
        let folder = tempfile::tempdir().unwrap();
        let s3 = EmbeddedS3::start(folder.path()).await.unwrap();
        s3.create_bucket(INPUT_BUCKET, true).unwrap();
        s3.create_bucket(OUTPUT_BUCKET, false).unwrap();
        let slow = StandInOptions { pace: Duration::from_secs(3600), ..StandInOptions::new(s3.client()) };
        let stand_in = StandIn::start(slow).await.unwrap();
        let faults = Faults::new();
        let clients = clients_through(&config, s3.key(), s3.endpoint(), stand_in.endpoint(), &faults);
        let store = Store::new(clients.s3.clone(), OUTPUT_BUCKET);
        let plain = Store::new(s3.client(), OUTPUT_BUCKET);
        Self { s3, stand_in, faults, clients, store, plain, _folder: folder }
    }

    async fn put(&self, key: &str) -> Result<(), String> {
        let put = self.store.put(key, b"content".to_vec(), "text/plain").await;
        put.map_err(|error| Chain(&error).to_string())
    }

    async fn keys(&self) -> Vec<String> {
        self.plain.list("").await.unwrap()
    }

    fn calls(&self) -> Vec<String> {
        self.faults.calls().iter().map(Call::to_string).collect()
    }
}

/// Only the first call has this fault.
fn first(action: Action) -> impl Fn(&Call) -> Action {
    move |call| if call.number == 1 { action.clone() } else { Action::Pass }
}

#[tokio::test]
async fn every_call_is_written_down_as_the_server_knows_it() {
    let rig = Rig::start().await;
    let (store, input) = (&rig.store, S3Uri::new(INPUT_BUCKET, "a b+ü.jsonl"));
    let body = b"line\n".to_vec().into();
    let put = rig.clients.s3.put_object().bucket(INPUT_BUCKET).key(input.key()).body(body).send().await;
    let drop: DropSource = store.head(&input, put.unwrap().version_id()).await.unwrap().unwrap();
    store.read_drop(&drop, &drop.whole()).await.unwrap().unwrap().next().await.unwrap();
    store.copy_drop(&drop, &drop.whole(), "copy").await.unwrap();
    let entry = store.create("entry", json!(1)).await.unwrap().unwrap();
    store.replace("entry", json!(2), &entry.etag).await.unwrap().unwrap();
    store.list("").await.unwrap();
    store.delete("entry").await.unwrap();
    let mut writer = store.writer("large");
    writer.write(&vec![0; 5 << 20]).await.unwrap();
    writer.finish().await.unwrap();
    let mut writer = store.writer("given up");
    writer.write(&vec![0; 5 << 20]).await.unwrap();
    writer.abandon(bedrock_vpc_batch::aws::error::Error::Internal("cause".into())).await;

    let calls: Vec<_> = rig
        .faults
        .calls()
        .into_iter()
        .map(|call| (call.operation.to_owned(), call.bucket, call.subject))
        .collect();
    let requests: Vec<_> = rig
        .s3
        .requests()
        .into_iter()
        .map(|request| (request.operation, request.bucket, request.key.unwrap_or_default()))
        .collect();
    assert_eq!(calls, requests);
    assert_eq!(
        rig.calls(),
        [
            "S3 PutObject a b+ü.jsonl",
            "S3 HeadObject a b+ü.jsonl",
            "S3 GetObject if-match a b+ü.jsonl",
            "S3 CopyObject copy",
            "S3 PutObject if-none-match entry",
            "S3 PutObject if-match entry",
            "S3 ListObjectsV2",
            "S3 DeleteObject entry",
            "S3 CreateMultipartUpload large",
            "S3 UploadPart large",
            "S3 CompleteMultipartUpload large",
            "S3 CreateMultipartUpload given up",
            "S3 UploadPart given up",
            "S3 AbortMultipartUpload given up",
        ]
    );

    rig.faults.reset();
    let bedrock = &rig.clients.bedrock;
    let arn = create(bedrock, "job-1").send().await.unwrap().job_arn;
    bedrock.get_model_invocation_job().job_identifier(&arn).send().await.unwrap();
    bedrock.list_model_invocation_jobs().name_contains("job-1").send().await.unwrap();
    bedrock.stop_model_invocation_job().job_identifier(&arn).send().await.unwrap();
    let expected = [
        "Bedrock CreateModelInvocationJob job-1".to_owned(),
        format!("Bedrock GetModelInvocationJob {arn}"),
        "Bedrock ListModelInvocationJobs job-1".to_owned(),
        format!("Bedrock StopModelInvocationJob {arn}"),
    ];
    assert_eq!(rig.calls(), expected);
    let requests = rig.stand_in.requests();
    let operations: Vec<_> = requests.iter().map(|request| request.operation.unwrap().as_str()).collect();
    let called: Vec<_> = rig.faults.calls().iter().map(|call| call.operation).collect();
    assert_eq!(operations, called);
}

#[tokio::test]
async fn whole_run_goes_through_the_faults() {
    let mut world = World::new().await;
    let faults = Faults::new();
    let through = clients_through(
        &world.config,
        world.s3.key(),
        world.s3.endpoint(),
        world.stand_in.endpoint(),
        &faults,
    );
    world.submit = bedrock_vpc_batch::flow::submit::Submit::new(world.config.clone(), &through);
    world.complete = bedrock_vpc_batch::flow::complete::Complete::new(world.config.clone(), &through);
    let results = world.run("in/a.jsonl", drop_of(100)).await;
    assert_eq!(results.ids(), [ids(100), BTreeSet::new(), BTreeSet::new()]);
    let calls = faults.calls();
    let numbers: Vec<u64> = calls.iter().map(|call| call.number).collect();
    assert_eq!(numbers, (1..=calls.len() as u64).collect::<Vec<_>>());
    let to_bedrock = calls.iter().filter(|call| call.service == Service::Bedrock).count();
    assert_eq!(to_bedrock, world.stand_in.requests().len());
    let job = world.stand_in.jobs().remove(0);
    let names: BTreeSet<String> = calls.iter().map(Call::to_string).collect();
    let token = job.client_request_token.unwrap();
    for expected in [
        "S3 HeadObject in/a.jsonl".to_owned(),
        format!("S3 PutObject if-none-match ledger/jobs/{token}.json"),
        format!("S3 PutObject if-match ledger/jobs/{token}.json"),
        format!("Bedrock CreateModelInvocationJob {}", job.name),
        format!("Bedrock GetModelInvocationJob {}", job.arn),
    ] {
        assert!(names.contains(&expected), "no {expected} in {names:#?}");
    }
}

#[tokio::test]
async fn refused_call_has_no_effect_and_the_words_of_s3() {
    let rig = Rig::start().await;
    for (status, code, attempts) in [
        (503, "SlowDown", 3),
        (500, "InternalError", 3),
        (409, "ConditionalRequestConflict", 1),
        (403, "AccessDenied", 1),
    ] {
        rig.faults.reset();
        rig.faults.set(move |_| Action::Refuse { status, code });
        let said = format!("S3 PutObject s3://{OUTPUT_BUCKET}/a failed: {code} (HTTP {status}): Injected.");
        assert_eq!(rig.put("a").await, Err(said));
        let made: Vec<u32> = rig.faults.calls().iter().map(|call| call.attempt).collect();
        assert_eq!(made, (1..=attempts).collect::<Vec<_>>(), "{code}");
        assert_eq!(rig.faults.counts(), [(code, u64::from(attempts))].into());
    }
    assert_eq!(rig.s3.requests(), []);

    // An answer to HEAD has no body to tell the code.
    rig.faults.set(|_| SLOW_DOWN);
    let error = rig.store.head(&S3Uri::new(INPUT_BUCKET, "a"), None).await.unwrap_err();
    assert!(Chain(&error).to_string().ends_with("(HTTP 503): no message"), "{}", Chain(&error));
}

#[tokio::test]
async fn conflict_is_tried_again_and_so_is_a_failed_condition_that_nobody_has_won() {
    let rig = Rig::start().await;
    let conflict = Action::Refuse { status: 409, code: "ConditionalRequestConflict" };
    rig.faults.set(move |call| if call.number < 3 { conflict.clone() } else { Action::Pass });
    assert!(rig.store.create("a", json!(1)).await.unwrap().is_some());
    assert_eq!(rig.calls(), ["S3 PutObject if-none-match a"; 3]);

    rig.faults.reset();
    rig.faults.set(first(Action::Refuse { status: 412, code: "PreconditionFailed" }));
    assert!(rig.store.create("b", json!(1)).await.unwrap().is_some());
    let put = "S3 PutObject if-none-match b";
    assert_eq!(rig.calls(), [put, "S3 GetObject b", put]);
    assert_eq!(rig.keys().await, ["a", "b"]);

    rig.faults.clear();
    rig.faults.reset();
    assert_eq!(rig.store.create("b", json!(2)).await.unwrap(), None);
    assert_eq!(rig.calls(), [put, "S3 GetObject b"]);
}

#[tokio::test]
async fn refused_call_has_the_words_of_bedrock() {
    let rig = Rig::start().await;
    for (status, code, attempts) in [
        (429, "ThrottlingException", 3),
        (400, "ServiceQuotaExceededException", 1),
        (403, "AccessDeniedException", 1),
        (500, "InternalServerException", 3),
        (503, "ServiceUnavailableException", 3),
    ] {
        rig.faults.reset();
        rig.faults.set(move |_| Action::Refuse { status, code });
        let error = create(&rig.clients.bedrock, "job-1").send().await.unwrap_err();
        let SdkError::ServiceError(answer) = &error else { panic!("{error:?}") };
        assert_eq!((answer.raw().status().as_u16(), answer.err().code()), (status, Some(code)));
        assert_eq!(answer.err().message(), Some("Injected."));
        assert_eq!(rig.faults.calls().len(), attempts, "{code}");
    }
    assert_eq!(rig.stand_in.requests(), []);
}

#[tokio::test]
async fn lost_answer_comes_after_the_effect() {
    let rig = Rig::start().await;
    rig.faults.set(first(Action::LoseAnswer));
    let created = rig.store.create("a", json!(1)).await.unwrap();
    assert!(created.is_some(), "the own write is known again");
    assert_eq!(
        rig.calls(),
        ["S3 PutObject if-none-match a", "S3 PutObject if-none-match a", "S3 GetObject a"]
    );

    rig.faults.reset();
    rig.faults.set(|_| Action::LoseAnswer);
    let said = rig.put("b").await.unwrap_err();
    assert!(
        said.starts_with(&format!("S3 PutObject s3://{OUTPUT_BUCKET}/b failed: dispatch failure")),
        "{said}"
    );
    assert!(said.ends_with("the answer was lost (injected)"), "{said}");
    assert_eq!(rig.keys().await, ["a", "b"]);
    assert_eq!(rig.faults.counts(), [("lost answer", 3)].into());

    let error = create(&rig.clients.bedrock, "job-1").send().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(rig.stand_in.jobs().len(), 1);
}

#[tokio::test]
async fn delayed_call_waits() {
    let rig = Rig::start().await;
    let pause = Duration::from_millis(300);
    rig.faults.set(move |_| Action::Delay(pause));
    let started = Instant::now();
    rig.put("a").await.unwrap();
    assert!(started.elapsed() >= pause);
    rig.faults.clear();
    let started = Instant::now();
    rig.put("b").await.unwrap();
    assert!(started.elapsed() < pause);
    assert_eq!(rig.faults.counts(), [("delay", 1)].into());
}

#[tokio::test]
async fn kill_is_before_or_after_the_effect_and_nothing_gets_through_any_more() {
    let rig = Rig::start().await;
    for (action, effect) in [(Action::StopBefore, vec![]), (Action::StopAfter, vec!["b".to_owned()])] {
        rig.faults.reset();
        rig.faults.set(move |call| if call.subject == "b" { action.clone() } else { Action::Pass });
        let work = async {
            rig.put("a").await.unwrap();
            rig.store.delete("a").await.unwrap();
            rig.put("b").await.unwrap();
            rig.put("c").await.unwrap();
        };
        let stop = rig.faults.until_stopped(work).await.unwrap_err();
        assert_eq!((stop.number, stop.to_string().as_str()), (3, "S3 PutObject b"));
        assert_eq!(rig.faults.stopped().await, stop);
        // Another call of the killed process, for as long as twenty calls of somebody else take.
        let others = async {
            for _ in 0..20 {
                rig.plain.list("").await.unwrap();
            }
        };
        tokio::select! {
            _ = rig.put("c") => panic!("a killed process has no calls"),
            () = others => {}
        }
        assert_eq!(rig.keys().await, effect);
        assert_eq!(rig.calls(), ["S3 PutObject a", "S3 DeleteObject a", "S3 PutObject b"]);
        rig.faults.clear();
        assert_eq!(rig.faults.until_stopped(rig.put("b")).await, Ok(Ok(())));
        rig.plain.delete("b").await.unwrap();
    }
}

#[tokio::test]
async fn handler_killed_after_the_job_was_made_is_dropped_there() {
    let mut world = World::new().await;
    let faults = Faults::new();
    let through = clients_through(
        &world.config,
        world.s3.key(),
        world.s3.endpoint(),
        world.stand_in.endpoint(),
        &faults,
    );
    let submit = bedrock_vpc_batch::flow::submit::Submit::new(world.config.clone(), &through);
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::StopAfter,
        _ => Action::Pass,
    });
    let by = invocation();
    let stop = faults.until_stopped(submit.handle(event, &by)).await.unwrap_err();
    let job = world.stand_in.jobs().remove(0);
    assert_eq!(stop.to_string(), format!("Bedrock CreateModelInvocationJob {}", job.name));
    let token = job.client_request_token.unwrap();
    let entry: Value =
        serde_json::from_slice(&world.read_output(&format!("ledger/jobs/{token}.json")).await).unwrap();
    assert_ne!(entry.to_string().find("Submitting"), None, "{entry}");
}

#[tokio::test]
async fn only_the_newest_calls_are_kept_if_the_log_is_limited_and_all_are_counted() {
    let rig = Rig::start().await;
    rig.faults.limit_log(2);
    rig.faults.set(|call| match call.number {
        1 => Action::Refuse { status: 403, code: "AccessDenied" },
        _ => Action::Pass,
    });
    for key in ["a", "b", "c"] {
        let _ = rig.clients.s3.head_object().bucket("bucket").key(key).send().await;
    }
    let calls: Vec<_> = rig.faults.calls().into_iter().map(|call| (call.number, call.subject)).collect();
    assert_eq!(calls, [(2, "b".to_owned()), (3, "c".to_owned())]);
    assert_eq!(rig.faults.counts(), [("AccessDenied", 1)].into());
}

async fn local(change: impl FnOnce(&mut LocalOptions)) -> (Local, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LocalOptions::new(config(&[]));
    change(&mut options);
    (Local::start(folder.path(), options).await.unwrap(), folder)
}

/// Drops files, and waits until so many have a report.
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
    // What the seed says.
    let dropped = 4;
    assert_eq!(drop_files(&local, 8, 8 - dropped).await, dropped, "nothing looks for them, so it is said");
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
async fn duplicated_and_delayed_events_come_twice_and_late() {
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
async fn jobs_end_as_the_script_says_that_was_asked_for_each() {
    let mut world = World::new().await;
    world.stand_in.script(Ending::new(TerminalStatus::Failed));
    world.stand_in.script_with(|number, job| {
        assert_eq!(job.status, JobStatus::Validating);
        let processed = Processed::First(usize::try_from(number * 10 + job.counts.total / 2).unwrap());
        Ending { processed, ..Ending::new(TerminalStatus::Stopped) }
    });
    let client =
        clients(&world.config, world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint()).bedrock;
    world.put("a.jsonl", drop_of(200)).await;
    for name in ["job-0", "job-1", "job-2"] {
        create_in_world(&client, &world.config, name).await.unwrap();
        world.ended().await;
    }
    let ended: Vec<_> = world.stand_in.jobs().iter().map(|job| (job.status, job.counts.processed)).collect();
    assert_eq!(ended, [(JobStatus::Failed, 0), (JobStatus::Stopped, 110), (JobStatus::Stopped, 120)]);
}

/// A job over `a.jsonl` of the world's input bucket.
async fn create_in_world(
    client: &aws_sdk_bedrock::Client,
    config: &Config,
    name: &str,
) -> Result<String, String> {
    use aws_sdk_bedrock::types::{
        ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
        ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, VpcConfig,
    };
    let input = ModelInvocationJobS3InputDataConfig::builder().s3_uri(format!("s3://{INPUT_BUCKET}/a.jsonl"));
    let output = ModelInvocationJobS3OutputDataConfig::builder().s3_uri(format!("s3://{OUTPUT_BUCKET}/o/"));
    let vpc = VpcConfig::builder()
        .set_subnet_ids(Some(config.vpc.subnet_ids().to_vec()))
        .set_security_group_ids(Some(config.vpc.security_group_ids().to_vec()));
    let request = create(client, name)
        .role_arn(&config.job_role_arn)
        .model_id(crate::support::MODEL_ID)
        .input_data_config(ModelInvocationJobInputDataConfig::S3InputDataConfig(input.build().unwrap()))
        .output_data_config(ModelInvocationJobOutputDataConfig::S3OutputDataConfig(output.build().unwrap()))
        .vpc_config(vpc.build().unwrap());
    let sent = request.send().await;
    sent.map(|answer| answer.job_arn).map_err(|error| error.message().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn what_bedrock_refuses_is_switched_while_it_runs() {
    let world = World::new().await;
    let client =
        clients(&world.config, world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint()).bedrock;
    let create = async |name: &str| create_in_world(&client, &world.config, name).await;
    world.stand_in.set_known_roles(Some(Vec::new()));
    assert!(create("job-1").await.unwrap_err().contains("not authorized to perform: iam:PassRole"));
    world.stand_in.set_known_roles(None);
    world.stand_in.set_known_subnets(Some(vec!["subnet-0a".into(), "subnet-0b".into()]));
    assert_eq!(create("job-1").await, Err("The subnet ID 'subnet-0c' does not exist".into()));
    world.stand_in.set_known_subnets(Some(world.config.vpc.subnet_ids().to_vec()));
    world.stand_in.set_max_jobs_in_flight(0);
    let most = "At most 0 batch inference jobs of this model may be in progress.";
    assert_eq!(create("job-1").await, Err(most.into()));
    world.stand_in.set_max_jobs_in_flight(1);
    create("job-1").await.unwrap();
}

#[tokio::test]
async fn options_of_a_local_run_reach_bedrock_and_the_calls() {
    let (local, _folder) = local(|options| {
        options.pace = Duration::from_millis(100);
        options.faults.jobs_in_flight = Some(1);
        options.faults.endings = EndingRates { stopped: 1.0, ..EndingRates::default() };
        options.faults.refuse_subnet = Duration::from_millis(1);
        options.faults.refuse_role = Duration::from_millis(300);
        options.faults.calls.slow = Duration::from_millis(2);
    })
    .await;
    let client = &local.clients().bedrock;
    let put = local.s3().client().put_object().bucket(INPUT_BUCKET).key("a.jsonl").body(drop_of(100).into());
    let refused = create_in_world(client, local.config(), "job-1").await.unwrap_err();
    assert!(refused.contains("iam:PassRole"), "{refused}");
    put.send().await.unwrap();
    let cured = async { while create_in_world(client, local.config(), "job-1").await.is_err() {} };
    tokio::time::timeout(BOUND, cured).await.unwrap();
    let most = "At most 1 batch inference jobs of this model may be in progress.";
    assert_eq!(create_in_world(client, local.config(), "job-2").await, Err(most.into()));
    let ended = async {
        while local.stand_in().jobs()[0].status != JobStatus::Stopped {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, ended).await.unwrap();
    assert!(local.faults().counts()["delay"] > 0);
}

fn command_line(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), drop_of(150)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bedrock-vpc-batch"))
        .arg("local")
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn command_line_injects_what_it_is_asked_for() {
    let faults = ["s3-503=0.1", "s3-409=0.2", "lost-answers=0.05", "slow=5ms", "events-duplicated=1"];
    let mut arguments = vec!["a.jsonl", "--pace-ms", "0", "--seed", "3"];
    arguments.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let (code, said, errors) = command_line(&arguments);
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(said.contains("a.jsonl: 150 records = 150 succeeded + 0 failed + 0 unprocessed"), "{said}");
    let injected = said.lines().find_map(|line| line.strip_prefix("injected: ")).unwrap();
    for fault in ["SlowDown", "delay", "event duplicated"] {
        assert!(injected.contains(fault), "no {fault} in {injected}");
    }
}

#[test]
fn command_line_lists_its_faults_and_refuses_others() {
    let (code, help, _) = command_line(&["--help"]);
    assert_eq!(code, Some(0));
    for (name, form, meaning, _) in FAULTS {
        let line = format!("{name}={form}");
        assert!(
            help.lines().any(|found| found.trim().starts_with(&line) && found.ends_with(meaning)),
            "{line}"
        );
    }
    for (fault, problem) in [
        ("slow", "is not NAME=VALUE"),
        ("slower=5", "unknown fault; --help lists them"),
        ("s3-503=2", "the value is not a number from 0 to 1"),
        ("jobs-in-flight=x", "the value is not a whole number of at least 1"),
        ("slow=fast", "the value is not a whole number of milliseconds, such as 500ms"),
    ] {
        let (code, _, said) = command_line(&["a.jsonl", "--fault", fault]);
        assert_eq!((code, said), (Some(2), format!("error: --fault {fault}: {problem}\n")));
    }
}
