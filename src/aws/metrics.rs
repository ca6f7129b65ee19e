//! The metrics of the log lines, in CloudWatch's embedded metric format: CloudWatch Logs turns a line into metrics
//! without any call of ours.
//!
//! A field of a log line that is named in [`METRICS`] and has a number is a metric. A string that is named in
//! `DIMENSIONS` is a dimension: the line's metrics are also kept for each of its values. `Route` is a dimension of
//! the metrics in `BY_ROUTE` only, because there can be many routes, and each metric of each of them costs something.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//! (read 2026-11)

use serde_json::{Map, Value, json};

const NAMESPACE: &str = "BedrockVpcBatch";

/// The dimension that every metric has. Its value is the job-name prefix, which is different for each stack.
const PREFIX_DIMENSION: &str = "JobNamePrefix";

/// Fields that are dimensions: `Status` is how a job ended.
const DIMENSIONS: &[&str] = &["Status"];

/// The field that is a dimension of the metrics in `BY_ROUTE`: the prefix of the drop's route.
const ROUTE_DIMENSION: &str = "Route";

/// The metrics that are also kept for each route.
pub(super) const BY_ROUTE: [&str; 11] = [
    "DropsAccepted",
    "DropsRejected",
    "Records",
    "JobsSubmitted",
    "JobsRefused",
    "RecordsSucceeded",
    "RecordsFailed",
    "RecordsUnprocessed",
    "UnprocessedPercent",
    "InputTokens",
    "OutputTokens",
];

/// The longest value of a dimension, in characters.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html>
const MAX_DIMENSION_VALUE: usize = 1024;

/// The unit of a metric, as CloudWatch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A time.
    Seconds,
    /// A share, from 0 to 100.
    Percent,
}

impl Unit {
    /// The unit's name in CloudWatch.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Percent => "Percent",
        }
    }
}

/// The name and unit of every metric, and what its data points are. `docs/operations.md` has the same table. A
/// directive of the format may have 100 metrics, which is more than there are.
pub const METRICS: &[(&str, Unit, &str)] = &[
    ("DropsAccepted", Unit::Count, "a drop is valid and planned; also by `Route`"),
    ("DropsRejected", Unit::Count, "a drop breaks a rule, so no retry can help; also by `Route`"),
    (
        "DropsHeld",
        Unit::Count,
        "a drop is held: a budget is too small for it, or the same file was dropped before",
    ),
    ("ObjectsIgnored", Unit::Count, "an object was put whose name says that it is not a drop"),
    ("Records", Unit::Count, "the records of an accepted drop; also by `Route`"),
    ("JobsWaiting", Unit::Count, "a job has its input and waits to be submitted"),
    ("JobsSubmitted", Unit::Count, "Bedrock has accepted a job; also by `Route`"),
    (
        "JobsRefused",
        Unit::Count,
        "Bedrock has refused a job, and time alone will not fix it; also by `Route`",
    ),
    ("JobsEnded", Unit::Count, "a job has ended; also by `Status`, Bedrock's word for how"),
    ("RecordsSucceeded", Unit::Count, "the records of an ended job that have an answer; also by `Route`"),
    ("RecordsFailed", Unit::Count, "the records of an ended job that were refused for good; also by `Route`"),
    ("AnswersTruncated", Unit::Count, "the answers of an ended job that a limit of tokens cut off"),
    (
        "AnswersRefused",
        Unit::Count,
        "the answers of an ended job that are a refusal, or that a filter or guardrail took away",
    ),
    (
        "TruncatedPercent",
        Unit::Percent,
        "the share of an ended job's answers in `AnswersTruncated`, rounded up",
    ),
    ("RefusedPercent", Unit::Percent, "the share of an ended job's answers in `AnswersRefused`, rounded up"),
    ("RecordsRetried", Unit::Count, "the records of an ended job that go to a next attempt"),
    (
        "RecordsUnprocessed",
        Unit::Count,
        "the records of a finished drop that were given up, in `unprocessed/`; also by `Route`",
    ),
    (
        "UnprocessedPercent",
        Unit::Percent,
        "the share of a finished drop's records in `RecordsUnprocessed`, rounded up; also by `Route`",
    ),
    ("InputTokens", Unit::Count, "the input tokens of an ended job, as Bedrock counts them; also by `Route`"),
    (
        "OutputTokens",
        Unit::Count,
        "the output tokens of an ended job, as Bedrock counts them; also by `Route`",
    ),
    ("OldestWaitingSeconds", Unit::Seconds, "at each sweep, how long the oldest waiting job has waited"),
    ("AccountingMismatches", Unit::Count, "figures of a finished drop that must agree do not"),
    ("DropsFinished", Unit::Count, "all results of a drop are written"),
    (
        "DropsRecovered",
        Unit::Count,
        "the drops whose event was lost, each time the input bucket is compared with the ledger",
    ),
    ("SourcesDeleted", Unit::Count, "a part of a drop was never submitted because its version was deleted"),
    (
        "JobsDoubtful",
        Unit::Count,
        "Bedrock's figures and the output of a job contradict each other; nothing is submitted again",
    ),
    (
        "JobsDiffer",
        Unit::Count,
        "a job at Bedrock is not as it was requested, or a job with another request has the name of ours",
    ),
    ("LedgerEntriesMissing", Unit::Count, "a drop or a job that must have an entry in the ledger has none"),
    ("RoutesRefused", Unit::Count, "`config/routes.json` was refused, and the last good file stays in force"),
];

/// Adds what makes a line a document of the embedded metric format, if it has a metric. `millis` is the time of the
/// line, since 1970.
pub(super) fn embed(line: &mut Map<String, Value>, job_name_prefix: &str, millis: u64) {
    let is_number = |name: &str| line.get(name).is_some_and(Value::is_number);
    let (mut metrics, mut of_route) = (Vec::new(), Vec::new());
    for (name, unit, _) in METRICS.iter().filter(|(name, ..)| is_number(name)) {
        let metric = json!({"Name": name, "Unit": unit.as_str()});
        if BY_ROUTE.contains(name) {
            of_route.push(metric.clone());
        }
        metrics.push(metric);
    }
    if metrics.is_empty() {
        return;
    }
    let is_dimension = |name: &str| line.get(name).and_then(Value::as_str).is_some_and(is_dimension_value);
    let mut dimension_sets = vec![vec![PREFIX_DIMENSION]];
    let further: Vec<&str> = DIMENSIONS.iter().copied().filter(|name| is_dimension(name)).collect();
    if !further.is_empty() {
        dimension_sets.push([&[PREFIX_DIMENSION], further.as_slice()].concat());
    }
    let directive =
        |dimensions, metrics| json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics});
    let mut directives = vec![directive(dimension_sets, metrics)];
    if !of_route.is_empty() && is_dimension(ROUTE_DIMENSION) {
        directives.push(directive(vec![vec![PREFIX_DIMENSION, ROUTE_DIMENSION]], of_route));
    }
    line.insert(PREFIX_DIMENSION.to_owned(), job_name_prefix.into());
    line.insert("_aws".to_owned(), json!({"Timestamp": millis, "CloudWatchMetrics": directives}));
}

/// Returns whether CloudWatch accepts this value of a dimension. Otherwise, it would drop the metric.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html>
fn is_dimension_value(value: &str) -> bool {
    value.len() <= MAX_DIMENSION_VALUE
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !value.trim().is_empty()
        && !value.starts_with(':')
}
