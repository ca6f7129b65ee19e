//! A job: its states, the moves between them, and how Get, List, and the events show it.
//!
//! Pure. <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge.html> (read 2026-11).

use aws_smithy_types::DateTime;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::model::Model;
use super::request::CreateRequest;
use super::time;

/// The longest `message` of a job, in characters.
const MAX_MESSAGE_CHARS: usize = 2048;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Queued for validation.
    Submitted,
    /// Buckets, files and records are being checked.
    Validating,
    /// Valid, and waiting for its turn.
    Scheduled,
    /// Records are being processed.
    InProgress,
    /// Ended: every record was processed.
    Completed,
    /// Ended: some records were not processed in time.
    PartiallyCompleted,
    /// Ended: see the message.
    Failed,
    /// A person asked to stop the job.
    Stopping,
    /// Ended: stopped.
    Stopped,
    /// Ended: did not start before its timeout.
    Expired,
}

impl JobStatus {
    /// The status's name in the service model.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "Submitted",
            Self::Validating => "Validating",
            Self::Scheduled => "Scheduled",
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::PartiallyCompleted => "PartiallyCompleted",
            Self::Failed => "Failed",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Expired => "Expired",
        }
    }

    /// Whether a job in this state never changes again.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Submitted | Self::Validating | Self::Scheduled | Self::InProgress | Self::Stopping => false,
            Self::Completed | Self::PartiallyCompleted | Self::Failed | Self::Stopped | Self::Expired => true,
        }
    }

    /// Whether a job in this state may move to `next`.
    pub(super) fn may_become(self, next: Self) -> bool {
        match self {
            Self::Submitted => matches!(next, Self::Validating | Self::Stopping),
            Self::Validating => matches!(next, Self::Scheduled | Self::Failed | Self::Stopping),
            Self::Scheduled => matches!(next, Self::InProgress | Self::Expired | Self::Stopping),
            Self::InProgress => {
                matches!(next, Self::Completed | Self::PartiallyCompleted | Self::Failed | Self::Stopping)
            }
            Self::Stopping => next == Self::Stopped,
            Self::Completed | Self::PartiallyCompleted | Self::Failed | Self::Stopped | Self::Expired => {
                false
            }
        }
    }
}

/// The record counters of a job. All are 0 until it is in progress; processed = success + error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records in the input.
    pub total: u64,
    /// Records that were processed.
    pub processed: u64,
    /// Records that have an answer.
    pub success: u64,
    /// Records that have an error.
    pub error: u64,
}

/// A job as a test sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// The ARN of the job.
    pub arn: String,
    /// `jobName` of the request.
    pub name: String,
    /// `clientRequestToken` of the request.
    pub client_request_token: Option<String>,
    /// Where the job stands.
    pub status: JobStatus,
    /// Why it ended like this, if there is anything to say.
    pub message: Option<String>,
    /// Its record counters.
    pub counts: Counts,
    /// The body of the request that made it.
    pub request: Value,
}

/// A job as the stand-in keeps it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) account_id: String,
    pub(super) region: String,
    pub(super) request: CreateRequest,
    pub(super) model: Model,
    pub(super) status: JobStatus,
    pub(super) message: Option<String>,
    pub(super) counts: Counts,
    pub(super) submit_time: DateTime,
    pub(super) last_modified_time: DateTime,
    /// Set to true when a person stops the job.
    pub(super) stop: watch::Sender<bool>,
}

impl Job {
    /// Moves the job to its next state. Returns false, and changes nothing, if it may not move there.
    pub(super) fn advance(&mut self, next: JobStatus, message: Option<&str>, now: DateTime) -> bool {
        let may = self.status.may_become(next);
        if may {
            self.status = next;
            self.message = message.map(|message| message.chars().take(MAX_MESSAGE_CHARS).collect());
            self.last_modified_time = now;
        }
        may
    }

    pub(super) fn view(&self) -> JobView {
        JobView {
            arn: self.arn.clone(),
            name: self.request.job_name.clone(),
            client_request_token: self.request.client_request_token.clone(),
            status: self.status,
            message: self.message.clone(),
            counts: self.counts,
            request: self.request.body.clone(),
        }
    }

    /// Writes the job as `GetModelInvocationJob` answers it. A summary in List has the same members.
    ///
    /// As was seen on the real service, the model is a full ARN, and the bucket owner is filled in.
    pub(super) fn describe(&self) -> Value {
        let request = &self.request;
        let mut input = config(&request.body, "/inputDataConfig/s3InputDataConfig");
        let mut output = config(&request.body, "/outputDataConfig/s3OutputDataConfig");
        for config in [&mut input, &mut output] {
            config.entry("s3BucketOwner").or_insert_with(|| json!(self.account_id));
        }
        let expiration = self.submit_time.secs() + request.timeout_duration_in_hours.cast_signed() * 3600;
        let expiration = DateTime::from_secs_and_nanos(expiration, self.submit_time.subsec_nanos());
        let optional = [
            ("clientRequestToken", request.client_request_token.clone().map(Value::String)),
            ("message", self.message.clone().map(Value::String)),
            ("endTime", self.status.is_terminal().then(|| json!(time::iso_8601(self.last_modified_time)))),
            ("vpcConfig", request.body.get("vpcConfig").filter(|vpc| !vpc.is_null()).cloned()),
        ];
        let mut description = json!({
            "jobArn": self.arn,
            "jobName": request.job_name,
            "modelId": self.model.arn,
            "roleArn": request.role_arn,
            "status": self.status.as_str(),
            "submitTime": time::iso_8601(self.submit_time),
            "lastModifiedTime": time::iso_8601(self.last_modified_time),
            "inputDataConfig": {"s3InputDataConfig": input},
            "outputDataConfig": {"s3OutputDataConfig": output},
            "timeoutDurationInHours": request.timeout_duration_in_hours,
            "jobExpirationTime": time::iso_8601(expiration),
            "modelInvocationType": request.invocation_type.as_str(),
            "totalRecordCount": self.counts.total,
            "processedRecordCount": self.counts.processed,
            "successRecordCount": self.counts.success,
            "errorRecordCount": self.counts.error,
        });
        if let Value::Object(members) = &mut description {
            let present = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            members.extend(present);
        }
        description
    }

    /// Writes the complete EventBridge event for the job's current state.
    ///
    /// `creationTime` has the format of the documented sample, and `time` the format that EventBridge
    /// promises.
    pub(super) fn event(&self, event_id: &str) -> Value {
        json!({
            "version": "0",
            "id": event_id,
            "detail-type": "Batch Inference Job State Change",
            "source": "aws.bedrock",
            "account": self.account_id,
            "time": time::iso_8601(self.last_modified_time),
            "region": self.region,
            "resources": [self.arn],
            "detail": {
                "version": "0.0",
                "accountId": self.account_id,
                "batchJobName": self.request.job_name,
                "batchJobArn": self.arn,
                "batchModelId": self.model.arn,
                "status": self.status.as_str(),
                "failureMessage": self.message.as_deref().unwrap_or_default(),
                "creationTime": time::creation_time(self.submit_time),
            },
        })
    }
}

/// A configuration in the request, without its nulls, which mean absent.
fn config(body: &Value, pointer: &str) -> serde_json::Map<String, Value> {
    let mut members = body.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default();
    members.retain(|_, value| !value.is_null());
    members
}

#[cfg(test)]
mod tests {
    use super::super::model::resolve;
    use super::*;

    const ALL: [JobStatus; 10] = [
        JobStatus::Submitted,
        JobStatus::Validating,
        JobStatus::Scheduled,
        JobStatus::InProgress,
        JobStatus::Completed,
        JobStatus::PartiallyCompleted,
        JobStatus::Failed,
        JobStatus::Stopping,
        JobStatus::Stopped,
        JobStatus::Expired,
    ];

    fn job(body: Value) -> Job {
        let request = CreateRequest::parse(body).unwrap();
        Job {
            id: "abcdefghwxyz".to_owned(),
            arn: "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz".to_owned(),
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            model: resolve(&request.model_id, "us-east-1", "123456789012").unwrap(),
            request,
            status: JobStatus::Submitted,
            message: None,
            counts: Counts::default(),
            submit_time: DateTime::from_millis(1_724_885_273_012),
            last_modified_time: DateTime::from_millis(1_724_885_273_012),
            stop: watch::Sender::new(false),
        }
    }

    fn body() -> Value {
        json!({
            "jobName": "dummy-batch-job-name",
            "roleArn": "arn:aws:iam::123456789012:role/r",
            "modelId": "amazon.nova-lite-v1:0",
            "clientRequestToken": "t1",
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bkt/a.jsonl", "s3InputFormat": "JSONL"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://out/p/", "s3BucketOwner": "111122223333"}},
            "vpcConfig": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
        })
    }

    #[test]
    fn moves_only_as_the_service_does() {
        let moves: Vec<String> = ALL
            .iter()
            .flat_map(|from| ALL.iter().map(move |to| (from, to)))
            .filter(|(from, to)| from.may_become(**to))
            .map(|(from, to)| format!("{}>{}", from.as_str(), to.as_str()))
            .collect();
        assert_eq!(
            moves.join(" "),
            "Submitted>Validating Submitted>Stopping Validating>Scheduled Validating>Failed \
             Validating>Stopping Scheduled>InProgress Scheduled>Stopping Scheduled>Expired \
             InProgress>Completed InProgress>PartiallyCompleted InProgress>Failed InProgress>Stopping \
             Stopping>Stopped"
        );
    }

    #[test]
    fn describes_a_job_as_get_does() {
        assert_eq!(
            job(body()).describe(),
            json!({
                "jobArn": "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz",
                "jobName": "dummy-batch-job-name",
                "clientRequestToken": "t1",
                "modelId": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                "roleArn": "arn:aws:iam::123456789012:role/r",
                "status": "Submitted",
                "submitTime": "2024-08-28T22:47:53.012Z",
                "lastModifiedTime": "2024-08-28T22:47:53.012Z",
                "inputDataConfig": {"s3InputDataConfig": {
                    "s3Uri": "s3://bkt/a.jsonl", "s3InputFormat": "JSONL", "s3BucketOwner": "123456789012"}},
                "outputDataConfig": {"s3OutputDataConfig": {
                    "s3Uri": "s3://out/p/", "s3BucketOwner": "111122223333"}},
                "vpcConfig": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
                "timeoutDurationInHours": 24,
                "jobExpirationTime": "2024-08-29T22:47:53.012Z",
                "modelInvocationType": "InvokeModel",
                "totalRecordCount": 0,
                "processedRecordCount": 0,
                "successRecordCount": 0,
                "errorRecordCount": 0,
            })
        );
    }

    #[test]
    fn writes_the_documented_event() {
        let mut job = job(body());
        let later = DateTime::from_millis(1_724_885_910_000);
        assert!(job.advance(JobStatus::Validating, None, later));
        assert!(!job.advance(JobStatus::Completed, None, later));
        assert!(job.advance(JobStatus::Failed, Some("too few"), later));
        assert_eq!(
            job.event("a1b2c3d4"),
            json!({
                "version": "0",
                "id": "a1b2c3d4",
                "detail-type": "Batch Inference Job State Change",
                "source": "aws.bedrock",
                "account": "123456789012",
                "time": "2024-08-28T22:58:30.000Z",
                "region": "us-east-1",
                "resources": ["arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz"],
                "detail": {
                    "version": "0.0",
                    "accountId": "123456789012",
                    "batchJobName": "dummy-batch-job-name",
                    "batchJobArn": "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghwxyz",
                    "batchModelId": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                    "status": "Failed",
                    "failureMessage": "too few",
                    "creationTime": "Aug 28, 2024, 10:47:53 PM",
                },
            })
        );
    }
}
