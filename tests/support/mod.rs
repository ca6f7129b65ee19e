//! A pipeline whose events the test delivers itself, and other helpers for many tests.

pub(crate) mod captured;
pub(crate) mod pages;
pub(crate) mod processes;
mod routes;
pub(crate) mod runtime_api;
pub(crate) mod service_model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bedrock_vpc_batch::aws::clients::Clients;
use bedrock_vpc_batch::aws::clock;
use bedrock_vpc_batch::aws::clock::now;
use bedrock_vpc_batch::aws::config::Config;
use bedrock_vpc_batch::aws::error::Error;
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys::{self, Request};
use bedrock_vpc_batch::drop::rejection::Rejection;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::flow::handlers::{Complete, Submit};
use bedrock_vpc_batch::job::ending::EndStatus;
use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::ledger::budget::{Shard, cap};
use bedrock_vpc_batch::ledger::drop::DropEntry;
use bedrock_vpc_batch::ledger::entry::Entry;
use bedrock_vpc_batch::ledger::lease::Invocation;
use bedrock_vpc_batch::ledger::status::Status;
use bedrock_vpc_batch::local::bedrock::{JobStatus, Operation, RecordedRequest, StandIn, StandInOptions};
use bedrock_vpc_batch::local::faults::{Action, Faults};
use bedrock_vpc_batch::local::pump::{notification, object_created_event};
use bedrock_vpc_batch::local::s3::{EmbeddedS3, ObjectCreated};
use bedrock_vpc_batch::local::{ACCOUNT_ID, clients_through};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) const INPUT_BUCKET: &str = "amzn-s3-demo-input";
pub(crate) const OUTPUT_BUCKET: &str = "amzn-s3-demo-output";
pub(crate) const MODEL_ID: &str = "amazon.nova-lite-v1:0";

/// How long a test waits for any condition at most.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A valid environment for the functions.
pub(crate) fn environment() -> BTreeMap<String, String> {
    [
        ("INPUT_BUCKET", INPUT_BUCKET),
        ("OUTPUT_BUCKET", OUTPUT_BUCKET),
        ("JOB_NAME_PREFIX", "demo"),
        ("JOB_ROLE_ARN", &format!("arn:aws:iam::{ACCOUNT_ID}:role/demo-batch")),
        ("MODEL_ID", MODEL_ID),
        ("SUBNET_IDS", "subnet-0b,subnet-0a,subnet-0c"),
        ("SECURITY_GROUP_IDS", "sg-02,sg-01"),
        ("S3_FORCE_PATH_STYLE", "true"),
        // Most tests are about drops that need no padding. Those of `flow::padding` fill small ones up.
        ("SMALL_DROPS", "reject"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Any JSON as an entry of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AnyEntry(pub(crate) Value);

impl Entry for AnyEntry {
    const VERSION: u32 = u32::MAX;

    fn stamp(&mut self, _time: Timestamp, _is_new: bool) {}
}

pub(crate) fn config(changes: &[(&str, &str)]) -> Config {
    let mut vars = environment();
    for (name, value) in changes {
        vars.insert((*name).to_owned(), (*value).to_owned());
    }
    Config::from_vars(|name| vars.get(name).cloned()).unwrap()
}

pub(crate) fn invocation() -> Invocation {
    invocation_after(Duration::ZERO)
}

/// An invocation whose clock is ahead by `later`, so that leases have ended.
pub(crate) fn invocation_after(later: Duration) -> Invocation {
    Invocation {
        started: Timestamp::from(now() + later),
        ..clock::invocation_until(now() + later + FUNCTION_TIMEOUT)
    }
}

/// An invocation that started long ago and has little time left.
pub(crate) fn out_of_time() -> Invocation {
    Invocation {
        started: Timestamp::from(now() - FUNCTION_TIMEOUT),
        ..clock::invocation_until(now() + Duration::from_secs(4))
    }
}

/// Longer than any lease.
pub(crate) const LEASE_OVER: Duration = Duration::from_secs(3_000);

const FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

pub(crate) fn schedule_event() -> Value {
    json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}})
}

/// A drop for tests in which it does not matter which one it is.
pub(crate) fn any_drop() -> DropSource {
    DropSource {
        bucket: "in".into(),
        key: "a.jsonl".into(),
        version_id: None,
        etag: "\"e\"".into(),
        last_modified: Timestamp::from_secs(0),
        size_bytes: 1,
        retry_of: None,
        estimate: None,
    }
}

/// A record in the form that the model wants.
pub(crate) fn record(record_id: &str) -> String {
    let input = json!({
        "schemaVersion": "messages-v1",
        "messages": [{"role": "user", "content": [{"text": format!("Was sagt {record_id}?")}]}],
        "inferenceConfig": {"maxTokens": 16},
    });
    json!({"recordId": record_id, "modelInput": input}).to_string()
}

/// The most memory that this process has had, in bytes. Each test runs in a process of its own.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Checks that a text has nothing that moves a terminal's cursor, sets its title, or reorders characters.
pub(crate) fn assert_is_plain(text: &str) {
    let is_hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    let start: String = text.chars().take(1_000).collect();
    assert!(!text.contains(is_hidden), "{start:?}");
}

/// A drop of `count` records with the ids `r0`, `r1`, ….
pub(crate) fn drop_of(count: usize) -> Vec<u8> {
    (0..count).map(|number| record(&format!("r{number}")) + "\n").collect::<String>().into_bytes()
}

pub(crate) fn ids(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| format!("r{number}")).collect()
}

/// S3, Bedrock, and both handlers. Only the test delivers events between them.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) s3: EmbeddedS3,
    pub(crate) stand_in: StandIn,
    pub(crate) config: Config,
    /// The functions' clients. All their calls go through `faults`.
    pub(crate) clients: Clients,
    pub(crate) faults: Faults,
    /// The test's own client of S3.
    pub(crate) own: aws_sdk_s3::Client,
    pub(crate) submit: Submit,
    pub(crate) complete: Complete,
    objects: UnboundedReceiver<ObjectCreated>,
    changes: UnboundedReceiver<Value>,
    /// The ARNs of the jobs whose last state change was received.
    over: BTreeSet<String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(changes: &[(&str, &str)]) -> Self {
        Self::build(changes, |_| ()).await
    }

    /// Starts everything with these settings of the functions and of the stand-in.
    pub(crate) async fn build(changes: &[(&str, &str)], adjust: impl FnOnce(&mut StandInOptions)) -> Self {
        let config = config(changes);
        let folder = tempfile::tempdir().unwrap();
        let s3 = EmbeddedS3::start(folder.path().join("s3")).await.unwrap();
        s3.create_bucket(&config.input_bucket, true).unwrap();
        s3.create_bucket(&config.output_bucket, false).unwrap();
        let mut options = StandInOptions::new(s3.client());
        options.roles = Some(vec![config.job_role_arn.clone()]);
        options.subnet_ids = Some(config.vpc.subnet_ids().to_vec());
        options.security_group_ids = Some(config.vpc.security_group_ids().to_vec());
        options.quotas.min_records = usize::try_from(config.quotas.min_records).unwrap();
        options.seed = 7;
        adjust(&mut options);
        let stand_in = StandIn::start(options).await.unwrap();
        let faults = Faults::new();
        let clients = clients_through(&config, s3.key(), s3.endpoint(), stand_in.endpoint(), &faults);
        Self {
            own: s3.client(),
            over: BTreeSet::new(),
            objects: s3.subscribe(),
            changes: stand_in.subscribe(),
            submit: Submit::new(config.clone(), &clients),
            complete: Complete::new(config.clone(), &clients),
            folder,
            s3,
            stand_in,
            config,
            clients,
            faults,
        }
    }

    /// Drops these bytes, and returns the notification that S3 sends.
    pub(crate) async fn put(&mut self, key: &str, body: impl Into<Vec<u8>>) -> Value {
        self.put_stream(key, body.into().into()).await
    }

    /// Drops a file, and returns the notification that S3 sends.
    pub(crate) async fn put_file(&mut self, key: &str, file: &Path) -> Value {
        self.put_stream(key, ByteStream::from_path(file).await.unwrap()).await
    }

    async fn put_stream(&mut self, key: &str, body: ByteStream) -> Value {
        let request = self.own.put_object().bucket(&self.config.input_bucket).key(key);
        request.body(body).send().await.unwrap();
        loop {
            let object = tokio::time::timeout(BOUND, self.objects.recv()).await.unwrap().unwrap();
            if object.bucket == self.config.input_bucket {
                assert_eq!(object.key, key);
                return notification(&object);
            }
        }
    }

    /// Returns every object of the output bucket, except for how far the sweep has compared the input bucket.
    pub(crate) async fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        for key in self.output_keys().await {
            if key != keys::SWEEP_ENTRY {
                objects.insert(key.clone(), self.read_output(&key).await);
            }
        }
        objects
    }

    /// Puts what an operator asks for, and returns the event that S3 sends to EventBridge.
    pub(crate) async fn ask(&mut self, key: &str) -> Value {
        let request = self.own.put_object().bucket(&self.config.output_bucket).key(key);
        request.send().await.unwrap();
        loop {
            let object = tokio::time::timeout(BOUND, self.objects.recv()).await.unwrap().unwrap();
            if object.key == key {
                return object_created_event(&object);
            }
        }
    }

    /// The key of the object that asks for the drop of a put to be cancelled. `key` is that of the drop.
    pub(crate) fn cancellation_of(&self, key: &str, put: &Value) -> String {
        keys::request(&Request::Cancel(self.drop_id_of(key, put)))
    }

    /// The key of the object that asks for the drop of a put to be approved. `key` is that of the drop.
    pub(crate) fn approval_of(&self, key: &str, put: &Value) -> String {
        keys::request(&Request::Approve(self.drop_id_of(key, put)))
    }

    /// The ledger's entry of a drop.
    pub(crate) async fn drop_entry(&self, drop_id: &DropId) -> DropEntry {
        self.read_json(&keys::drop_entry(drop_id)).await
    }

    /// What is reserved in the shards of all budgets, by day and budget, in millionths of a dollar. Fails if a shard has more than
    /// its share of the budget that is given for it.
    pub(crate) async fn reserved(&self, budget: impl Fn(&str) -> u64) -> BTreeMap<String, u64> {
        let mut reserved = BTreeMap::new();
        for key in self.output_keys_below("ledger/budgets/").await {
            let (name, shard) = key.rsplit_once('/').unwrap();
            let name = name.strip_prefix("ledger/budgets/").unwrap();
            let entry: Shard = self.read_json(&key).await;
            let sum: u64 = entry.reserved.values().map(|reserved| reserved.amount).sum();
            let number: u8 = shard.strip_suffix(".json").unwrap().parse().unwrap();
            assert!(sum <= cap(budget(name), number), "{key} has {sum}");
            *reserved.entry(name.to_owned()).or_default() += sum;
        }
        reserved
    }

    /// The key of the object that asks for the drop of a put to be erased. `key` is that of the drop.
    pub(crate) fn erasure_of(&self, key: &str, put: &Value) -> String {
        keys::request(&Request::Erase(self.drop_id_of(key, put)))
    }

    /// The id of the drop of a put. `key` is that of the drop.
    pub(crate) fn drop_id_of(&self, key: &str, put: &Value) -> DropId {
        let version_id = put["Records"][0]["s3"]["object"]["versionId"].as_str();
        let source = DropSource {
            bucket: self.config.input_bucket.clone(),
            key: key.to_owned(),
            version_id: version_id.map(str::to_owned),
            ..any_drop()
        };
        DropId::derive(&source)
    }

    /// Waits until no job is about to start.
    pub(crate) async fn jobs_in_progress(&mut self) {
        use JobStatus::{Scheduled, Submitted, Validating};
        self.no_job_is(&[Submitted, Validating, Scheduled]).await;
    }

    /// Waits until no job is being stopped.
    pub(crate) async fn stopping_jobs_over(&mut self) {
        self.no_job_is(&[JobStatus::Stopping]).await;
    }

    async fn no_job_is(&mut self, statuses: &[JobStatus]) {
        while self.stand_in.jobs().iter().any(|job| statuses.contains(&job.status)) {
            let event = tokio::time::timeout(BOUND, self.changes.recv()).await.unwrap().unwrap();
            self.note_end(&event);
        }
    }

    /// Returns whether a state change ends its job.
    fn note_end(&mut self, event: &Value) -> bool {
        let is_end = EndStatus::parse(event["detail"]["status"].as_str().unwrap()).is_some();
        if is_end {
            self.over.insert(event["detail"]["batchJobArn"].as_str().unwrap().to_owned());
        }
        is_end
    }

    /// Deploys the functions again with other settings.
    pub(crate) fn reconfigure(&mut self, changes: &[(&str, &str)]) {
        let config = config(changes);
        self.submit = Submit::new(config.clone(), &self.clients);
        self.complete = Complete::new(config, &self.clients);
    }

    /// Runs the sweep with a clock that is ahead by `later`.
    pub(crate) async fn sweep_after(&self, later: Duration) -> Result<(), Error> {
        self.complete.handle(schedule_event(), &invocation_after(later)).await.map(drop)
    }

    pub(crate) async fn submit(&self, event: Value) -> Result<(), Error> {
        self.submit.handle(event, &invocation()).await.map(drop)
    }

    pub(crate) async fn submit_after(&self, later: Duration, event: Value) -> Result<(), Error> {
        self.submit.handle(event, &invocation_after(later)).await.map(drop)
    }

    pub(crate) async fn complete(&self, event: Value) -> Result<(), Error> {
        self.complete.handle(event, &invocation()).await.map(drop)
    }

    /// Waits for the next state change that ends a job.
    pub(crate) async fn ended(&mut self) -> Value {
        loop {
            let event = tokio::time::timeout(BOUND, self.changes.recv()).await.unwrap().unwrap();
            if self.note_end(&event) {
                return event;
            }
        }
    }

    /// Waits for the next state change that ends a job, and delivers it.
    pub(crate) async fn complete_next(&mut self) {
        let event = self.ended().await;
        self.complete(event).await.unwrap();
    }

    /// Has Bedrock accept one more job, and then no more.
    pub(crate) fn free_one_slot(&self) {
        let is_free = std::sync::atomic::AtomicBool::new(true);
        self.faults.set(move |call| match call.operation {
            "CreateModelInvocationJob" if !is_free.swap(false, std::sync::atomic::Ordering::Relaxed) => {
                Action::Refuse { status: 400, code: "ServiceQuotaExceededException" }
            }
            _ => Action::Pass,
        });
    }

    /// How often Bedrock was asked to create a job.
    pub(crate) fn creates(&self) -> usize {
        let is_create =
            |request: &&RecordedRequest| request.operation == Some(Operation::CreateModelInvocationJob);
        self.stand_in.requests().iter().filter(is_create).count()
    }

    /// Waits until every job is over, and drops their events.
    pub(crate) async fn all_jobs_over(&mut self) {
        while !self.stand_in.jobs().iter().all(|job| self.over.contains(&job.arn)) {
            self.ended().await;
        }
    }

    /// Drops a file and delivers each event once, until its results are there.
    pub(crate) async fn run(&mut self, key: &str, body: impl Into<Vec<u8>>) -> Results {
        let event = self.put(key, body).await;
        self.submit(event).await.unwrap();
        self.complete_next().await;
        self.results().await
    }

    /// The keys of all objects in the output bucket.
    pub(crate) async fn output_keys(&self) -> Vec<String> {
        self.output_keys_below("").await
    }

    pub(crate) async fn output_keys_below(&self, prefix: &str) -> Vec<String> {
        Store::new(self.own.clone(), &self.config.output_bucket).list(prefix).await.unwrap()
    }

    pub(crate) async fn read_output(&self, key: &str) -> Vec<u8> {
        let request = self.own.get_object().bucket(&self.config.output_bucket).key(key);
        request.send().await.unwrap().body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn read_json<T: DeserializeOwned>(&self, key: &str) -> T {
        serde_json::from_slice(&self.read_output(key).await).unwrap()
    }

    /// The objects below `results/`.
    pub(crate) async fn results(&self) -> Results {
        let mut files = BTreeMap::new();
        for key in self.output_keys_below("results/").await {
            files.insert(key.clone(), self.read_output(&key).await);
        }
        Results { files }
    }

    /// The keys of the hints of all jobs that wait.
    pub(crate) async fn hints(&self) -> Vec<String> {
        self.output_keys_below("ledger/waiting/").await
    }

    /// The keys of the markers of all that is open.
    pub(crate) async fn markers(&self) -> Vec<String> {
        self.output_keys_below("ledger/open/").await
    }
}

/// The objects below `results/`. Most methods expect those of a single drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Results {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Results {
    fn named(&self, end: &str) -> Option<&Vec<u8>> {
        let mut found = self.files.iter().filter(|(key, _)| key.ends_with(end));
        let first = found.next();
        assert!(found.next().is_none(), "several {end} in {:?}", self.files.keys());
        first.map(|(_, bytes)| bytes)
    }

    pub(crate) fn summary(&self) -> Summary {
        serde_json::from_slice(self.named("/summary.json").expect("a summary")).unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        serde_json::from_slice(self.named("/status.json").expect("a status")).unwrap()
    }

    /// Checks that each drop has one status, that it is the last one, that it agrees with the report, and that there is a page.
    pub(crate) fn assert_statuses_are_final(&self) {
        let reports = self
            .files
            .keys()
            .filter(|key| key.ends_with("/summary.json") || key.ends_with("/rejection.json"));
        assert_eq!(reports.count(), self.files.keys().filter(|key| key.ends_with("/status.json")).count());
        for (key, bytes) in self.files.iter().filter(|(key, _)| key.ends_with("/status.json")) {
            let status: Value = serde_json::from_slice(bytes).unwrap();
            let report = |name| self.files.get(&key.replace("/status.json", name));
            let page = report("/report.html").unwrap_or_else(|| panic!("{key} has no page"));
            pages::assert_is_safe(std::str::from_utf8(page).unwrap());
            if report("/rejection.json").is_some() {
                assert_eq!(status["state"], "Rejected", "{key}");
                continue;
            }
            let summary: Value = serde_json::from_slice(report("/summary.json").unwrap()).unwrap();
            assert_eq!(
                (&status["state"], &status["results"]),
                (&json!("Finished"), &summary["records"]),
                "{key}"
            );
        }
    }

    pub(crate) fn rejection(&self) -> Rejection {
        serde_json::from_slice(self.named("/rejection.json").expect("a rejection")).unwrap()
    }

    /// The record ids in the files of one folder. No id may be there twice.
    pub(crate) fn ids_in(&self, folder: &str) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for (key, bytes) in &self.files {
            if !key.contains(&format!("/{folder}/part-")) {
                continue;
            }
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let record: Value = serde_json::from_slice(line).unwrap();
                let is_new = ids.insert(record["recordId"].as_str().unwrap().to_owned());
                assert!(is_new, "{record} is in {folder} twice");
            }
        }
        ids
    }

    /// The ids that succeeded, failed, and were not processed. Their numbers must match the summary.
    pub(crate) fn ids(&self) -> [BTreeSet<String>; 3] {
        let ids = ["succeeded", "errors", "unprocessed"].map(|folder| self.ids_in(folder));
        let counts = self.summary().records;
        let counted = [counts.succeeded, counts.failed, counts.unprocessed];
        assert_eq!(ids.each_ref().map(|ids| ids.len() as u64), counted);
        ids
    }
}
