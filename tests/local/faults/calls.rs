//! Faults of calls: refusals, conflicts, lost answers, delays, and the death of the caller.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_bedrock::error::{ProvideErrorMetadata, SdkError};
use bedrock_vpc_batch::aws::clients::Clients;
use bedrock_vpc_batch::aws::error::Chain;
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::local::bedrock::{StandIn, StandInOptions};
use bedrock_vpc_batch::local::clients_through;
use bedrock_vpc_batch::local::faults::{Action, Call, Faults, Service};
use bedrock_vpc_batch::local::s3::EmbeddedS3;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::local::bedrock::create;
use crate::support::{AnyEntry, INPUT_BUCKET, OUTPUT_BUCKET, World, config, drop_of, ids, invocation};

const SLOW_DOWN: Action = Action::Refuse { status: 503, code: "SlowDown" };

/// Both services, a store whose calls go through the faults, and a store whose calls do not.
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

    /// Makes calls that do not go through the faults, during which the call under test must not get through.
    async fn twenty_other_calls(&self) {
        for _ in 0..20 {
            self.plain.list("").await.unwrap();
        }
    }

    fn calls(&self) -> Vec<String> {
        self.faults.calls().iter().map(Call::to_string).collect()
    }
}

/// Gives this fault to the first call only.
fn first(action: Action) -> impl Fn(&Call) -> Action {
    move |call| if call.number == 1 { action.clone() } else { Action::Pass }
}

#[tokio::test]
async fn every_call_is_recorded_as_the_server_sees_it() {
    let rig = Rig::start().await;
    let (store, input) = (&rig.store, S3Uri::new(INPUT_BUCKET, "a b+ü.jsonl"));
    let body = b"line\n".to_vec().into();
    let put = rig.clients.s3.put_object().bucket(INPUT_BUCKET).key(input.key()).body(body).send().await;
    let drop: DropSource = store.head(&input, put.unwrap().version_id()).await.unwrap().unwrap();
    store.read_drop(&drop, &drop.whole()).await.unwrap().unwrap().next().await.unwrap();
    store.copy_drop(&drop, &drop.whole(), "copy").await.unwrap();
    let entry = store.create("entry", AnyEntry(json!({"n": 1}))).await.unwrap().unwrap();
    store.replace("entry", AnyEntry(json!({"n": 2})), &entry.etag).await.unwrap().unwrap();
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
    let results = world.run("in/a.jsonl", drop_of(100)).await;
    assert_eq!(results.ids(), [ids(100), BTreeSet::new(), BTreeSet::new()]);
    let calls = world.faults.calls();
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
async fn refused_call_has_no_effect_and_gets_the_error_of_s3() {
    let rig = Rig::start().await;
    for (status, code, attempts) in [
        (503, "SlowDown", 3),
        (500, "InternalError", 3),
        (409, "ConditionalRequestConflict", 1),
        (403, "AccessDenied", 1),
    ] {
        rig.faults.reset();
        rig.faults.set(move |_| Action::Refuse { status, code });
        let refused = format!("{code} (HTTP {status}, request INJECTED): Injected.");
        let said = format!("S3 PutObject s3://{OUTPUT_BUCKET}/a failed: {refused}");
        assert_eq!(rig.put("a").await, Err(said));
        let made: Vec<u32> = rig.faults.calls().iter().map(|call| call.attempt).collect();
        assert_eq!(made, (1..=attempts).collect::<Vec<_>>(), "{code}");
        assert_eq!(rig.faults.counts(), [(code, u64::from(attempts))].into());
    }
    assert_eq!(rig.s3.requests(), []);

    // An answer to HEAD has no body, and so no code.
    rig.faults.set(|_| SLOW_DOWN);
    let error = rig.store.head(&S3Uri::new(INPUT_BUCKET, "a"), None).await.unwrap_err();
    assert!(
        Chain(&error).to_string().ends_with("(HTTP 503, request INJECTED): no message"),
        "{}",
        Chain(&error)
    );
}

#[tokio::test]
async fn conflict_is_tried_again_and_so_is_a_failed_condition_without_a_winner() {
    let rig = Rig::start().await;
    let conflict = Action::Refuse { status: 409, code: "ConditionalRequestConflict" };
    rig.faults.set(move |call| if call.number < 3 { conflict.clone() } else { Action::Pass });
    assert!(rig.store.create("a", AnyEntry(json!({"n": 1}))).await.unwrap().is_some());
    assert_eq!(rig.calls(), ["S3 PutObject if-none-match a"; 3]);

    rig.faults.reset();
    rig.faults.set(first(Action::Refuse { status: 412, code: "PreconditionFailed" }));
    assert!(rig.store.create("b", AnyEntry(json!({"n": 1}))).await.unwrap().is_some());
    let put = "S3 PutObject if-none-match b";
    assert_eq!(rig.calls(), [put, "S3 GetObject b", put]);
    assert_eq!(rig.keys().await, ["a", "b"]);

    rig.faults.clear();
    rig.faults.reset();
    assert_eq!(rig.store.create("b", AnyEntry(json!({"n": 2}))).await.unwrap(), None);
    assert_eq!(rig.calls(), [put, "S3 GetObject b"]);
}

#[tokio::test]
async fn refused_call_gets_the_error_of_bedrock() {
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
    let created = rig.store.create("a", AnyEntry(json!({"n": 1}))).await.unwrap();
    assert!(created.is_some(), "our own write is recognized");
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
async fn delayed_call_reaches_the_server_only_after_its_delay() {
    let rig = Rig::start().await;
    rig.faults.set(|_| Action::Delay(Duration::from_secs(3_600)));
    tokio::select! {
        put = rig.put("a") => panic!("the call was not delayed: {put:?}"),
        () = rig.twenty_other_calls() => {}
    }
    assert_eq!((rig.calls(), rig.keys().await), (vec!["S3 PutObject a".to_owned()], vec![]));
    assert_eq!(rig.faults.counts(), [("delay", 1)].into());

    rig.faults.set(|_| Action::Delay(Duration::from_millis(1)));
    rig.put("a").await.unwrap();
    assert_eq!((rig.keys().await, rig.faults.counts()), (vec!["a".to_owned()], [("delay", 2)].into()));
}

#[tokio::test]
async fn kill_comes_before_or_after_the_effect_and_no_call_gets_through_afterwards() {
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
        tokio::select! {
            put = rig.put("c") => panic!("the killed process made another call: {put:?}"),
            () = rig.twenty_other_calls() => {}
        }
        assert_eq!(rig.keys().await, effect);
        assert_eq!(rig.calls(), ["S3 PutObject a", "S3 DeleteObject a", "S3 PutObject b"]);
        rig.faults.clear();
        assert_eq!(rig.faults.until_stopped(rig.put("b")).await, Ok(Ok(())));
        rig.plain.delete("b").await.unwrap();
    }
}

#[tokio::test]
async fn handler_killed_after_creating_the_job_does_nothing_more() {
    let mut world = World::new().await;
    let event = world.put("in/a.jsonl", drop_of(100)).await;
    world.faults.set(|call| match call.operation {
        "CreateModelInvocationJob" => Action::StopAfter,
        _ => Action::Pass,
    });
    let by = invocation();
    let stop = world.faults.until_stopped(world.submit.handle(event, &by)).await.unwrap_err();
    let job = world.stand_in.jobs().remove(0);
    assert_eq!(stop.to_string(), format!("Bedrock CreateModelInvocationJob {}", job.name));
    let token = job.client_request_token.unwrap();
    let entry: Value = world.read_json(&format!("ledger/jobs/{token}.json")).await;
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
