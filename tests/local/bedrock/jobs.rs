//! Whole jobs of the stand-in on the embedded S3: endings, outputs, validation, and the order of events.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_bedrock::types::{
    ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
    ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, ModelInvocationType,
};
use aws_sdk_s3::primitives::ByteStream;
use bedrock_vpc_batch::local::bedrock::{
    Counts, Ending, JobStatus, JobView, Processed, Quotas, RecordFailure, StandIn, StandInOptions,
    TerminalStatus,
};
use bedrock_vpc_batch::local::s3::EmbeddedS3;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{client, create, events_until, statuses};

/// A stand-in and its S3, with the buckets that [`create`] names.
struct Rig {
    s3: EmbeddedS3,
    stand_in: StandIn,
    events: UnboundedReceiver<Value>,
    _folder: TempDir,
}

impl Rig {
    async fn start(change: impl FnOnce(StandInOptions) -> StandInOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = EmbeddedS3::start(folder.path()).await.unwrap();
        s3.create_bucket("in-bucket", true).unwrap();
        s3.create_bucket("out-bucket", false).unwrap();
        let stand_in = StandIn::start(change(StandInOptions::new(s3.client()))).await.unwrap();
        let events = stand_in.subscribe();
        Self { s3, stand_in, events, _folder: folder }
    }

    async fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        let request = self.s3.client().put_object().bucket("in-bucket").key(key);
        request.body(ByteStream::from(content.into())).send().await.unwrap();
    }

    /// Runs a job over `s3://in-bucket/a.jsonl` up to this status; gives the statuses of its events.
    async fn run(&mut self, status: &str) -> Vec<String> {
        create(&client(&self.stand_in), &format!("job-{}", self.stand_in.jobs().len())).send().await.unwrap();
        self.until(status).await
    }

    async fn until(&mut self, status: &str) -> Vec<String> {
        let events = events_until(&mut self.events, status).await;
        statuses(&events).into_iter().map(str::to_owned).collect()
    }

    fn job(&self) -> JobView {
        self.stand_in.jobs().pop().unwrap()
    }

    /// All objects in the output bucket, with the newest job's id replaced by `ID`.
    async fn outputs(&self) -> BTreeMap<String, String> {
        let s3 = self.s3.client();
        let listed = s3.list_objects_v2().bucket("out-bucket").send().await.unwrap();
        let mut outputs = BTreeMap::new();
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let object = s3.get_object().bucket("out-bucket").key(key).send().await.unwrap();
            let content = object.body.collect().await.unwrap().to_vec();
            let id = self.job().arn.rsplit('/').next().unwrap().to_owned();
            outputs.insert(key.replace(&id, "ID"), String::from_utf8(content).unwrap());
        }
        outputs
    }

    async fn output_ids(&self) -> Vec<String> {
        ids(&self.outputs().await["dir/ID/a.jsonl.out"])
    }
}

const PROBE: &str = "dir/.write_access_check_file.tmp";
const OUTPUT: &str = "dir/ID/a.jsonl.out";
const MANIFEST: &str = "dir/ID/manifest.json.out";

fn id(number: usize) -> String {
    format!("REC{number:08}")
}

/// A record that is good for Nova and for Converse.
fn line(number: usize) -> String {
    let body = format!(r#"{{ "messages":[{{"role":"user","content":[{{"text":"Say {number}"}}]}}]}}"#);
    format!("{{\"recordId\":\"{}\",\"modelInput\":{body}}}\n", id(number))
}

fn lines(count: usize) -> String {
    (0..count).map(line).collect()
}

fn ids(output: &str) -> Vec<String> {
    let record_id =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["recordId"].as_str().unwrap().to_owned();
    output.lines().map(record_id).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[tokio::test]
async fn a_job_answers_every_record_in_another_order() {
    let mut rig = Rig::start(|options| options).await;
    rig.put("a.jsonl", lines(150)).await;
    let statuses = rig.run("Completed").await;
    assert_eq!(statuses, ["Submitted", "Validating", "Scheduled", "InProgress", "Completed"]);
    let counts = Counts { total: 150, processed: 150, success: 150, error: 0 };
    assert_eq!((rig.job().counts, rig.job().status), (counts, JobStatus::Completed));

    let outputs = rig.outputs().await;
    assert_eq!(outputs.keys().collect::<Vec<_>>(), [PROBE, OUTPUT, MANIFEST]);
    assert_eq!(outputs[PROBE], "");
    let expected: Vec<_> = (0..150).map(id).collect();
    let output_ids = ids(&outputs[OUTPUT]);
    assert_ne!(output_ids, expected);
    assert_eq!(sorted(output_ids), expected);
    let mut total = (0, 0);
    for line in outputs[OUTPUT].lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let number: usize = record["recordId"].as_str().unwrap()[3..].parse().unwrap();
        let input = format!(
            r#","modelInput":{{ "messages":[{{"role":"user","content":[{{"text":"Say {number}"}}]}}]}},"#
        );
        assert!(line.contains(&input), "{line}");
        let text = format!("[local stand-in] no model was called; record {}", id(number));
        assert_eq!(record["modelOutput"]["output"]["message"]["content"], json!([{"text": text}]));
        let usage = &record["modelOutput"]["usage"];
        total.0 += usage["inputTokens"].as_u64().unwrap();
        total.1 += usage["outputTokens"].as_u64().unwrap();
    }
    assert_eq!(
        serde_json::from_str::<Value>(&outputs[MANIFEST]).unwrap(),
        json!({
            "totalRecordCount": 150,
            "processedRecordCount": 150,
            "successRecordCount": 150,
            "errorRecordCount": 0,
            "inputTokenCount": total.0,
            "outputTokenCount": total.1,
        })
    );
    let reads =
        rig.s3.requests().into_iter().filter(|request| {
            request.operation == "GetObject" && request.bucket.as_deref() == Some("in-bucket")
        });
    assert_eq!(reads.count(), 2, "one read for Validating, one for InProgress");
}

#[tokio::test]
async fn the_seed_decides_the_order() {
    let mut orders = Vec::new();
    for seed in [1, 1, 2] {
        let mut rig = Rig::start(|options| StandInOptions { seed, ..options }).await;
        rig.put("a.jsonl", lines(100)).await;
        rig.run("Completed").await;
        orders.push(rig.output_ids().await);
    }
    assert_eq!(orders[0], orders[1]);
    assert_ne!(orders[0], orders[2]);
}

#[tokio::test]
async fn records_fail_for_their_body_or_as_scripted() {
    let mut rig = Rig::start(|options| options).await;
    let bad = "{\"modelInput\":{\"messages\":[],\"max_tokens\":1}}\n";
    rig.put("a.jsonl", lines(110) + bad).await;
    let failing = vec![RecordFailure { position: 7, code: 500, message: "model error".to_owned() }];
    rig.stand_in.script(Ending { failing, ..Ending::default() });
    rig.run("Completed").await;
    assert_eq!(rig.job().counts, Counts { total: 111, processed: 111, success: 109, error: 2 });
    let outputs = rig.outputs().await;
    let mut errors: Vec<Value> = outputs[OUTPUT]
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line.get("error").is_some())
        .collect();
    errors.sort_by_key(|error| error["recordId"].to_string());
    let message = "Malformed input request: #: extraneous key [max_tokens] is not permitted, please reformat \
                   your input and try again.";
    assert_eq!(
        errors,
        [
            json!({
                "recordId": "R0000000111",
                "modelInput": {"messages": [], "max_tokens": 1},
                "error": {"errorCode": 400, "errorMessage": message},
            }),
            json!({
                "recordId": id(7),
                "modelInput": {"messages": [{"role": "user", "content": [{"text": "Say 7"}]}]},
                "error": {"errorCode": 500, "errorMessage": "model error"},
            }),
        ]
    );
    let manifest: Value = serde_json::from_str(&outputs[MANIFEST]).unwrap();
    assert_eq!((&manifest["successRecordCount"], &manifest["errorRecordCount"]), (&json!(109), &json!(2)));
}

#[tokio::test]
async fn every_ending_comes_with_and_without_its_files() {
    let processing = ["Submitted", "Validating", "Scheduled", "InProgress"];
    for (terminal, processed, before) in [
        (TerminalStatus::Completed, Processed::All, &processing[..]),
        (TerminalStatus::PartiallyCompleted, Processed::First(40), &processing[..]),
        (TerminalStatus::Failed, Processed::First(3), &processing[..]),
        (TerminalStatus::Failed, Processed::None, &processing[..]),
        (
            TerminalStatus::Stopped,
            Processed::First(60),
            &["Submitted", "Validating", "Scheduled", "InProgress", "Stopping"],
        ),
        (TerminalStatus::Expired, Processed::None, &processing[..3]),
    ] {
        let status = JobStatus::from(terminal);
        let mut rig = Rig::start(|options| options).await;
        rig.put("a.jsonl", lines(100)).await;
        for (write_output, write_manifest) in [(false, false), (true, false), (false, true), (true, true)] {
            let message = Some(format!("ended as {}", status.as_str()));
            let ending = Ending { processed, write_output, write_manifest, message, ..Ending::new(terminal) };
            rig.stand_in.script(ending);
            let statuses = rig.run(status.as_str()).await;
            assert_eq!(statuses, [before, &[status.as_str()]].concat());
            let job = rig.job();
            assert_eq!(job.message, Some(format!("ended as {}", status.as_str())));
            let success = match processed {
                Processed::All => 100,
                Processed::First(count) => count as u64,
                Processed::None => 0,
            };
            let total = if terminal == TerminalStatus::Expired && success == 0 { 0 } else { 100 };
            assert_eq!(job.counts, Counts { total, processed: success, success, error: 0 });
            let outputs = rig.outputs().await;
            let found = (outputs.contains_key(OUTPUT), outputs.contains_key(MANIFEST));
            assert_eq!(found, (write_output, write_manifest), "{terminal:?}");
            if write_output {
                let expected: Vec<_> = (0..usize::try_from(success).unwrap()).map(id).collect();
                assert_eq!(sorted(ids(&outputs[OUTPUT])), expected);
            }
            if write_manifest {
                let manifest: Value = serde_json::from_str(&outputs[MANIFEST]).unwrap();
                assert_eq!(manifest["totalRecordCount"], 100);
                assert_eq!(manifest["processedRecordCount"], success);
            }
        }
    }
}

#[tokio::test]
async fn invalid_inputs_fail_in_validating() {
    let small =
        Quotas { max_file_bytes: 20_000, max_job_bytes: 30_000, max_records: 150, ..Quotas::default() };
    let bad_line = |bad: &str| format!("{}{bad}\n{}", lines(60), lines(60));
    let uri = "s3://in-bucket/a.jsonl";
    for (content, message) in [
        (lines(99), "The input has 99 records; a job must have 100 to 150".to_owned()),
        (lines(151), "The input has 151 records; a job must have 100 to 150".to_owned()),
        (String::new(), "The input has 0 records; a job must have 100 to 150".to_owned()),
        (lines(250), format!("{uri} has {} bytes; an input file may have at most 20000", lines(250).len())),
        (bad_line(""), format!("Invalid record at line 61 of {uri}: the line is not a JSON object")),
        (bad_line("[]"), format!("Invalid record at line 61 of {uri}: the line is not a JSON object")),
        (
            bad_line("{\"recordId\":\"x\"}"),
            format!("Invalid record at line 61 of {uri}: modelInput is missing"),
        ),
        (
            bad_line("{\"recordId\":1,\"modelInput\":{}}"),
            format!("Invalid record at line 61 of {uri}: recordId is not a string"),
        ),
    ] {
        let mut rig = Rig::start(|options| StandInOptions { quotas: small.clone(), ..options }).await;
        rig.put("a.jsonl", content).await;
        assert_eq!(rig.run("Failed").await, ["Submitted", "Validating", "Failed"]);
        assert_eq!(rig.job().message, Some(message));
        assert_eq!(rig.job().counts, Counts::default());
        assert_eq!(rig.outputs().await, BTreeMap::new());
    }
}

#[tokio::test]
async fn buckets_that_cannot_be_used_fail_in_validating() {
    let mut rig = Rig::start(|options| options).await;
    rig.put("a.jsonl", lines(100)).await;
    rig.put("folder/readme.txt", "no records").await;
    let client = client(&rig.stand_in);
    for (number, (input, output, message)) in [
        ("s3://in-bucket/b.jsonl", "s3://out-bucket/",
         "Could not validate GetObject permissions to access Amazon S3 bucket in-bucket: "),
        ("s3://no-bucket/a.jsonl", "s3://out-bucket/",
         "Could not validate GetObject permissions to access Amazon S3 bucket no-bucket: "),
        ("s3://no-bucket/folder/", "s3://out-bucket/",
         "Could not validate ListBucket permissions for S3URI s3://no-bucket/folder/: "),
        ("s3://in-bucket/folder/", "s3://out-bucket/", "No file that ends in .jsonl at s3://in-bucket/folder/"),
        ("s3://in-bucket/a.jsonl", "s3://no-bucket/dir/",
         "Amazon S3 perms missing (PutObject): Could not validate PutObject permissions to access S3 bucket: \
          no-bucket at key dir/.write_access_check_file.tmp: "),
    ]
    .into_iter()
    .enumerate()
    {
        create_over(&client, &format!("bad-{number}"), input, output).send().await.unwrap();
        assert_eq!(rig.until("Failed").await, ["Submitted", "Validating", "Failed"]);
        let job = rig.job();
        let told = job.message.unwrap();
        assert!(told.starts_with(message), "{told}");
        // The message of S3, without the SDK's debug output.
        assert!(!told.contains(['{', '"']) && !told.contains("service error"), "{told}");
        assert!(!message.contains("no-bucket") || told.contains("NoSuchBucket (HTTP 404): "), "{told}");
    }
}

fn create_over(
    client: &aws_sdk_bedrock::Client,
    name: &str,
    input: &str,
    output: &str,
) -> aws_sdk_bedrock::operation::create_model_invocation_job::builders::CreateModelInvocationJobFluentBuilder
{
    let input = ModelInvocationJobS3InputDataConfig::builder().s3_uri(input).build().unwrap();
    let output = ModelInvocationJobS3OutputDataConfig::builder().s3_uri(output).build().unwrap();
    create(client, name)
        .input_data_config(ModelInvocationJobInputDataConfig::S3InputDataConfig(input))
        .output_data_config(ModelInvocationJobOutputDataConfig::S3OutputDataConfig(output))
}

#[tokio::test]
async fn a_folder_is_one_job_over_all_its_files() {
    let mut rig = Rig::start(|options| options).await;
    rig.put("in/a.jsonl", lines(70)).await;
    rig.put("in/deep/b.jsonl", (70..120).map(line).collect::<String>()).await;
    rig.put("in/c.txt", "no records").await;
    rig.put("in2/d.jsonl", "no record").await;
    let client = client(&rig.stand_in);
    create_over(&client, "job", "s3://in-bucket/in", "s3://out-bucket").send().await.unwrap();
    rig.until("Completed").await;
    let outputs = rig.outputs().await;
    let expected =
        [".write_access_check_file.tmp", "ID/a.jsonl.out", "ID/deep/b.jsonl.out", "ID/manifest.json.out"];
    assert_eq!(outputs.keys().collect::<Vec<_>>(), expected);
    assert_eq!(sorted(ids(&outputs["ID/a.jsonl.out"])), (0..70).map(id).collect::<Vec<_>>());
    assert_eq!(sorted(ids(&outputs["ID/deep/b.jsonl.out"])), (70..120).map(id).collect::<Vec<_>>());
    assert_eq!(rig.job().counts.success, 120);
}

#[tokio::test]
async fn a_converse_job_answers_as_converse_does() {
    let mut rig = Rig::start(|options| options).await;
    rig.put("a.jsonl", lines(100)).await;
    let client = client(&rig.stand_in);
    let claude = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let job = create(&client, "job").model_id(claude).model_invocation_type(ModelInvocationType::Converse);
    job.send().await.unwrap();
    rig.until("Completed").await;
    let outputs = rig.outputs().await;
    assert_eq!(rig.job().counts.success, 100);
    let first: Value = serde_json::from_str(outputs[OUTPUT].lines().next().unwrap()).unwrap();
    let answer = &first["modelOutput"];
    assert!(answer["output"]["message"]["content"][0]["text"].as_str().unwrap().contains("[local stand-in]"));
    assert_eq!(answer["output"]["message"]["content"][0]["toolUse"], Value::Null);
    assert_eq!(crate::support::service_model::converse_output_violations(answer), Vec::<String>::new());
}

#[tokio::test]
async fn an_output_too_large_for_one_request_is_uploaded_in_parts() {
    let mut rig = Rig::start(|options| options).await;
    let text = "x".repeat(100_000);
    let large = |number| line(number).replace("Say", &text);
    let input: String = (0..100).map(large).collect();
    rig.put("a.jsonl", input).await;
    rig.run("Completed").await;
    let expected: Vec<_> = (0..100).map(id).collect();
    assert_eq!(sorted(rig.output_ids().await), expected);
    let parts = rig.s3.requests().into_iter().filter(|request| request.operation == "UploadPart").count();
    assert_eq!(parts, 2);
}

#[tokio::test]
async fn a_job_stopped_in_progress_keeps_its_first_half() {
    let pace = Duration::from_millis(100);
    let mut rig = Rig::start(|options| StandInOptions { pace, ..options }).await;
    rig.put("a.jsonl", lines(100)).await;
    let client = client(&rig.stand_in);
    let job_arn = create(&client, "job").send().await.unwrap().job_arn;
    rig.until("InProgress").await;
    let job = client.get_model_invocation_job().job_identifier(&job_arn).send().await.unwrap();
    assert_eq!((job.total_record_count, job.processed_record_count), (Some(100), Some(0)));
    client.stop_model_invocation_job().job_identifier(&job_arn).send().await.unwrap();
    assert_eq!(rig.until("Stopped").await, ["Stopping", "Stopped"]);
    assert_eq!(rig.job().counts, Counts { total: 100, processed: 50, success: 50, error: 0 });
    assert_eq!(sorted(rig.output_ids().await), (0..50).map(id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_dropped_stand_in_ends_its_jobs() {
    let pace = Duration::from_secs(3600);
    let mut rig = Rig::start(|options| StandInOptions { pace, ..options }).await;
    create(&client(&rig.stand_in), "job").send().await.unwrap();
    rig.until("Submitted").await;
    drop(rig.stand_in);
    // The channel closes when the last task that could send is gone.
    let next = tokio::time::timeout(Duration::from_secs(60), rig.events.recv()).await;
    assert_eq!(next, Ok(None));
}
