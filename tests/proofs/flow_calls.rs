//! Records every call that the flows make: which function, which operation, and on what, but no content.
//! `make policies` asks a simulator whether the template's policies allow each of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use bedrock_vpc_batch::local::bedrock::{Ending, Fault, Operation, Processed, RecordFailure, TerminalStatus};
use bedrock_vpc_batch::local::faults::{Action, Call, Faults, Service};
use serde_json::{Value, json};

use crate::support::{LEASE_OVER, World, drop_of, invocation_after, record, schedule_event};

/// A pipeline that records who calls what.
struct Flow {
    world: World,
    /// The calls of the stand-in, made with the role of the job.
    job: Faults,
    calls: BTreeSet<String>,
    time: Duration,
}

impl Flow {
    async fn new(changes: &[(&str, &str)]) -> Self {
        let job = Faults::new();
        let world = World::build(changes, |options| {
            let config = options.s3.config();
            let client = job.wrap(config.http_client().unwrap());
            options.s3 = Client::from_conf(config.to_builder().http_client(client).build());
        });
        Self { world: Box::pin(world).await, job, calls: BTreeSet::new(), time: Duration::ZERO }
    }

    /// Calls the function that the event is for, after all leases have ended. It may fail; only its calls
    /// matter.
    async fn deliver(&mut self, event: &Value) {
        self.time += LEASE_OVER;
        let (by, faults, event) = (invocation_after(self.time), self.world.faults.clone(), event.clone());
        let function = if event.get("Records").is_some() { "submit" } else { "complete" };
        let handled = async {
            match function {
                "submit" => self.world.submit.handle(event, &by).await,
                _ => self.world.complete.handle(event, &by).await,
            }
        };
        drop(faults.until_stopped(handled).await);
        self.calls.extend(faults.calls().iter().map(|call| line(function, call)));
        faults.reset();
    }

    async fn sweep(&mut self) {
        self.world.all_jobs_over().await;
        self.deliver(&schedule_event()).await;
    }

    /// In the next delivery, does `action` to each call of `operation` on a key that contains `part`.
    fn meet(&self, action: Action, operation: &'static str, part: &'static str) {
        self.world.faults.set(move |call| {
            let is_it = call.operation == operation && call.subject.contains(part);
            if is_it { action.clone() } else { Action::Pass }
        });
    }

    /// Sweeps once more, and gives all calls.
    async fn finish(mut self) -> BTreeSet<String> {
        self.sweep().await;
        self.calls.extend(self.job.calls().iter().map(|call| line("job", call)));
        self.calls
    }
}

fn line(by: &str, call: &Call) -> String {
    json!({
        "by": by,
        "service": match call.service { Service::S3 => "s3", Service::Bedrock => "bedrock" },
        "operation": call.operation,
        "bucket": call.bucket,
        "subject": call.subject,
        "copySource": call.copy_source,
        "condition": call.condition.map(|condition| format!("{condition:?}")),
        "parameters": call.parameters,
    })
    .to_string()
}

/// Records of `bytes` bytes. Every tenth has no id, so that the input of their job is written and not copied.
fn some_without_id(count: usize, bytes: usize) -> Vec<u8> {
    let line = |number: usize| {
        let id = format!("r{number}");
        let record = record(&id).replace("Was sagt", &"w".repeat(bytes));
        let without = record.replace(&format!(",\"recordId\":\"{id}\""), "");
        (if number.is_multiple_of(10) { without } else { record }) + "\n"
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

fn partly(status: TerminalStatus, processed: usize) -> Ending {
    let failing = vec![RecordFailure { position: 0, code: 400, message: "no".into() }];
    Ending {
        processed: Processed::First(processed),
        failing,
        write_output: true,
        write_manifest: true,
        ..Ending::new(status)
    }
}

const REFUSED: Action = Action::Refuse { status: 403, code: "AccessDenied" };

/// Makes each of the five endings, with the next attempt if there is one, for odd keys and with these tags.
async fn endings(tags: &str) -> BTreeSet<String> {
    use TerminalStatus::{Completed, Expired, Failed, PartiallyCompleted, Stopped};
    let mut flow = Flow::new(&[("JOB_TAGS", tags)]).await;
    let endings = [Completed, PartiallyCompleted, Failed, Stopped].map(|status| partly(status, 150));
    let endings = endings.into_iter().chain([Completed, Failed, Expired].map(Ending::new));
    let keys = ["in/a b+c%.jsonl", "in/a?versionId=1&b.jsonl", "in/日本語//é.jsonl"];
    for (ending, key) in endings.zip(keys.into_iter().cycle()) {
        flow.world.stand_in.script(ending);
        let put = flow.world.put(key, drop_of(300)).await;
        flow.deliver(&put).await;
        let ended = flow.world.ended().await;
        flow.deliver(&ended).await;
        flow.sweep().await;
    }
    flow.finish().await
}

/// Lets submit die after it wrote its marker, after it claimed the drop, or not at all, and complete before it wrote the
/// last status; the sweep takes over.
async fn deaths() -> BTreeSet<String> {
    let mut flow = Flow::new(&[]).await;
    for body in [drop_of(99), drop_of(120), some_without_id(120, 1)] {
        for written in ["ledger/open/", "drop.json", "nothing of that kind"] {
            let put = flow.world.put("in/a.jsonl", body.clone()).await;
            flow.meet(Action::StopAfter, "PutObject", written);
            flow.deliver(&put).await;
        }
        flow.sweep().await;
    }
    let put = flow.world.put("in/a.jsonl", drop_of(120)).await;
    flow.deliver(&put).await;
    let ended = flow.world.ended().await;
    flow.meet(Action::StopBefore, "PutObject", "/status.json");
    flow.deliver(&ended).await;
    flow.finish().await
}

/// Leaves a job that may exist, which the sweep looks up, or a notification that comes again.
async fn adoption() -> BTreeSet<String> {
    let mut flow = Flow::new(&[]).await;
    for is_swept in [true, false] {
        for _ in 0..3 {
            flow.world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::LoseAnswer);
        }
        let put = flow.world.put("in/a.jsonl", drop_of(120)).await;
        flow.deliver(&put).await;
        let again = if is_swept { schedule_event() } else { put };
        flow.deliver(&again).await;
        flow.sweep().await;
    }
    flow.finish().await
}

/// Leaves jobs waiting, for a slot and for a cause, until the notification comes again, a job ends, or the sweep runs.
/// The sweep finds six jobs at Bedrock, which it lists instead of asking about each.
async fn waiting() -> BTreeSet<String> {
    let mut flow = Flow::new(&[]).await;
    for fault in [Fault::ServiceQuotaExceeded, Fault::Validation("no".into())] {
        for is_repeated in [true, false] {
            let first = flow.world.put("in/a.jsonl", drop_of(120)).await;
            flow.deliver(&first).await;
            let put = flow.world.put("in/a.jsonl", drop_of(120)).await;
            flow.world.stand_in.fail_next(Operation::CreateModelInvocationJob, fault.clone());
            flow.deliver(&put).await;
            let ended = flow.world.ended().await;
            let next = if is_repeated { put } else { ended };
            flow.deliver(&next).await;
        }
    }
    flow.world.stand_in.set_max_jobs_in_flight(0);
    for number in 0..2 {
        let put = flow.world.put(&format!("in/{number}.jsonl"), drop_of(120)).await;
        flow.deliver(&put).await;
    }
    // A hint that is lost, and a stale one.
    let hint = flow.world.hints().await.pop().unwrap();
    let bucket = &flow.world.config.output_bucket;
    flow.world.own.delete_object().bucket(bucket).key(&hint).send().await.unwrap();
    let stale = hint.replace("/2", "/1");
    flow.world.own.put_object().bucket(bucket).key(stale).body(b"{}".to_vec().into()).send().await.unwrap();
    flow.sweep().await;
    flow.world.stand_in.set_max_jobs_in_flight(100);
    for number in 0..6 {
        let put = flow.world.put(&format!("in/{number}.jsonl"), drop_of(120)).await;
        flow.deliver(&put).await;
    }
    flow.finish().await
}

/// Lets an operator cancel a drop with a job in progress, one with a job that Bedrock has refused, and one that is over.
async fn cancellations() -> BTreeSet<String> {
    let mut flow = Flow::new(&[]).await;
    flow.world.stand_in.script_with(|_, _| Ending { until_stopped: true, ..Ending::default() });
    for (key, fault) in [("in/a.jsonl", None), ("in/b.jsonl", Some(Fault::ServiceQuotaExceeded))] {
        if let Some(fault) = fault {
            flow.world.stand_in.fail_next(Operation::CreateModelInvocationJob, fault);
        }
        let put = flow.world.put(key, drop_of(120)).await;
        flow.deliver(&put).await;
        flow.world.jobs_in_progress().await;
        for _ in 0..2 {
            let request = flow.world.ask(&flow.world.cancellation_of(key, &put)).await;
            flow.deliver(&request).await;
            flow.sweep().await;
        }
    }
    flow.finish().await
}

/// Lets an operator erase a drop that is over, and one of several pages of parts.
async fn erasures() -> BTreeSet<String> {
    let mut flow = Flow::new(&[("MIN_RECORDS_PER_JOB", "1"), ("MAX_RECORDS_PER_JOB", "1")]).await;
    for (key, records) in [("in/a b+c%.jsonl", 1), ("in/b.jsonl", 101)] {
        let put = flow.world.put(key, drop_of(records)).await;
        flow.deliver(&put).await;
        while !flow.world.markers().await.is_empty() {
            flow.sweep().await;
        }
        for _ in 0..2 {
            let request = flow.world.ask(&flow.world.erasure_of(key, &put)).await;
            flow.deliver(&request).await;
            flow.sweep().await;
        }
    }
    flow.finish().await
}

/// Drops are held by a budget and because they were dropped before, and are approved, cancelled, or released.
async fn holds() -> BTreeSet<String> {
    let settings =
        [("DUPLICATE_DROPS", "hold"), ("MAX_USD_PER_DAY", "0.001"), ("MAX_RECORDS_PER_JOB", "100")];
    let mut flow = Box::pin(Flow::new(&settings)).await;
    let key = "in/a.jsonl";
    let mut puts = Vec::new();
    for records in [100, 100, 200, 300] {
        let put = flow.world.put(key, drop_of(records)).await;
        flow.deliver(&put).await;
        puts.push(put);
    }
    // The first one is over, so the summary says whether it was cancelled.
    flow.sweep().await;
    let put = flow.world.put(key, drop_of(100)).await;
    flow.deliver(&put).await;
    let requests = [flow.world.approval_of(key, &puts[1]), flow.world.cancellation_of(key, &puts[2])];
    for request in requests {
        let request = flow.world.ask(&request).await;
        flow.deliver(&request).await;
    }
    flow.time += Duration::from_secs(86_400);
    flow.finish().await
}

/// Routes come, are refused, and go, and a drop has one.
async fn routes() -> BTreeSet<String> {
    let mut flow = Box::pin(Flow::new(&[])).await;
    for file in [r#"{"routes": [{"prefix": "in/", "max_attempts": 1}]}"#, "no"] {
        let event = flow.world.put_routes(file).await;
        flow.deliver(&event).await;
    }
    let put = flow.world.put("in/a.jsonl", drop_of(120)).await;
    flow.deliver(&put).await;
    let event = flow.world.delete_routes().await;
    flow.deliver(&event).await;
    flow.finish().await
}

/// Makes objects that are written in parts, and abandoned at the first attempt.
async fn parts() -> BTreeSet<String> {
    let mut flow = Flow::new(&[("MIN_RECORDS_PER_JOB", "10"), ("MAX_ATTEMPTS", "2")]).await;
    flow.world.stand_in.script(partly(TerminalStatus::PartiallyCompleted, 11));
    flow.world.stand_in.script(partly(TerminalStatus::Failed, 1));
    let mut event = flow.world.put("in/a.jsonl", some_without_id(22, 900_000)).await;
    for _ in 0..3 {
        flow.meet(REFUSED, "UploadPart", "");
        flow.deliver(&event).await;
        flow.meet(REFUSED, "UploadPart", "/unprocessed/");
        flow.deliver(&event).await;
        flow.deliver(&event).await;
        if flow.world.markers().await.is_empty() {
            break;
        }
        event = flow.world.ended().await;
    }
    flow.finish().await
}

/// Makes a drop of several parts, which S3 copies as ranges, and which are abandoned at the first two
/// attempts.
async fn ranges() -> BTreeSet<String> {
    let mut flow = Flow::new(&[("MAX_INPUT_FILE_BYTES", "11000000")]).await;
    let line = |number: usize| record(&format!("r{number}")).replace("Was sagt", &"w".repeat(50_000)) + "\n";
    let put = flow.world.put("in/a.jsonl", (0..400).map(line).collect::<String>()).await;
    for event in [&put, &schedule_event()] {
        flow.meet(REFUSED, "UploadPartCopy", "");
        flow.deliver(event).await;
    }
    flow.deliver(&put).await;
    while !flow.world.markers().await.is_empty() {
        let ended = flow.world.ended().await;
        flow.deliver(&ended).await;
    }
    flow.finish().await
}

/// The operations that the adapters call: `client.get_object()` is `GetObject`. Each has a name of several
/// words.
fn operations_in_the_code() -> BTreeSet<String> {
    let mut code = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                // A chain of calls may be wrapped anywhere.
                code.extend(std::fs::read_to_string(path).unwrap().split_whitespace());
            }
        }
    }
    let methods =
        code.split("client.").skip(1).filter_map(|rest| rest.split_once("()")).map(|(name, _)| name);
    let is_operation = |name: &&str| {
        name.contains('_') && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    methods.filter(is_operation).map(|name| name.split('_').map(capital).collect()).collect()
}

#[tokio::test]
async fn every_call_is_recorded() {
    let mut calls = endings("{}").await;
    calls.extend(endings("{\"team\":\"search\"}").await);
    for more in [deaths().await, adoption().await, waiting().await] {
        calls.extend(more);
    }
    for more in [holds().await, cancellations().await, erasures().await] {
        calls.extend(more);
    }
    for more in [routes().await, parts().await, ranges().await] {
        calls.extend(more);
    }
    let calls: Vec<Value> = calls.iter().map(|call| serde_json::from_str(call).unwrap()).collect();
    let by_functions = calls.iter().filter(|call| call["by"] != "job");
    let operations: BTreeSet<String> =
        by_functions.map(|call| call["operation"].as_str().unwrap().to_owned()).collect();
    let mut expected = operations_in_the_code();
    // This one is sent by its input, in `src/aws/bedrock.rs`.
    expected.insert("CreateModelInvocationJob".into());
    assert_eq!(operations, expected, "the code has an operation that no flow calls here");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("flow-calls.json"), serde_json::to_vec_pretty(&calls).unwrap()).unwrap();
    println!("flow calls: {} different calls of {} operations", calls.len(), operations.len());
}
