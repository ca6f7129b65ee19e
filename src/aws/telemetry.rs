//! Log lines: each event is one flat JSON object on a line of its own.
//!
//! `timestamp`, `level`, and `message` come first, then the event's fields by their own names. Some fields are
//! metrics, as `metrics` says. `requestId` is that of the Lambda invocation, as in the lines that Lambda itself
//! writes.
//!
//! ```text
//! info!(drop.id = %drop_id, RecordsSucceeded = 150_u64, "job ended");
//!
//! {"timestamp":"2026-11-23T15:05:00.123Z","level":"INFO","message":"job ended",
//!  "JobNamePrefix":"demo","RecordsSucceeded":150,"drop.id":"2050…","requestId":"8476…",
//!  "_aws":{"Timestamp":1795446300123,"CloudWatchMetrics":[{"Namespace":"BedrockVpcBatch",
//!   "Dimensions":[["JobNamePrefix"]],"Metrics":[{"Name":"RecordsSucceeded","Unit":"Count"}]}]}}
//! ```
//!
//! Strings are truncated, and escaped beyond what JSON requires, because people read them on a terminal.
//!
//! No prompt, no answer, and no whole event is ever logged. The SDKs and the runtime, which log these at their finer
//! levels, are limited to warnings here. Levels finer than `info` exist in debug builds only.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use crate::aws::clock::now;
use crate::aws::config::variable;
use crate::aws::error::Chain;
use crate::aws::metrics;
use crate::base::text;
use crate::base::timestamp::Timestamp;

/// The members that every line starts with.
const FIRST: [&str; 3] = ["timestamp", "level", "message"];

/// Makes the process log to standard output, at the level in Lambda's `AWS_LAMBDA_LOG_LEVEL`, or else in `RUST_LOG`, or
/// else at `info`. `job_name_prefix` is the one in the configuration.
pub fn init(job_name_prefix: &str) {
    let subscriber = json_lines(job_name_prefix, levels(variable), io::stdout);
    // This fails only if there is a subscriber already, which then stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Returns the levels in the first variable that can be read. It is a level, such as `info`, or has levels for targets,
/// such as `warn,bedrock_vpc_batch::flow::ask_bedrock=debug`.
fn levels(var: impl Fn(&str) -> Option<String>) -> Targets {
    let parse = |name| {
        let value = var(name)?;
        // An empty item would mean every target at every level.
        let items = value.trim_matches(',');
        if items.is_empty() { None } else { items.parse().ok() }
    };
    let levels = ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"].into_iter().find_map(parse);
    levels.unwrap_or_else(|| Targets::new().with_default(Level::INFO))
}

/// Makes a subscriber that writes JSON lines. `levels` says which lines are written, but lines of other crates are
/// written only if they are warnings or errors, too. A line that cannot be written is lost.
pub fn json_lines<W>(
    job_name_prefix: &str,
    levels: Targets,
    writer: W,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = JsonLines { job_name_prefix: job_name_prefix.to_owned(), writer };
    // The invocation's span has the request id, so it is needed even if only errors are logged.
    let filter = filter_fn(is_invocation).or(levels.and(filter_fn(may_be_logged)));
    Registry::default().with(layer.with_filter(filter))
}

fn is_invocation(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("lambda_runtime")
}

/// Returns whether a line may be logged. The SDKs log requests and responses with their bodies, and the runtime logs
/// whole events.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(env!("CARGO_CRATE_NAME")) || *metadata.level() <= Level::WARN
}

struct JsonLines<W> {
    job_name_prefix: String,
    writer: W,
}

/// The `requestId` of a span that has one.
struct RequestId(Value);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let request_id = fields.0.into_iter().find(|(name, _)| *name == "requestId");
        if let (Some(span), Some((_, request_id))) = (context.span(id), request_id) {
            span.extensions_mut().insert(RequestId(request_id));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(RequestId(request_id)) = span.extensions().get() {
                fields.0.push(("requestId", request_id.clone()));
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = line(&self.job_name_prefix, now(), metadata.level(), fields.0);
        // One call writes the line, so that lines of several threads do not mix. There is nowhere to report a failure.
        let _ = self.writer.make_writer_for(metadata).write_all(json_text(&line).as_bytes());
    }
}

/// The fields of an event, in their order.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, text::truncated(value).to_string());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        self.push(field, Chain(value).to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, text::truncated(format_args!("{value:?}")).to_string());
    }
}

/// Makes the members of an event's line.
fn line(
    job_name_prefix: &str,
    time: SystemTime,
    level: &Level,
    fields: Vec<(&str, Value)>,
) -> Map<String, Value> {
    let mut line = Map::new();
    for (name, value) in fields {
        line.insert(name.to_owned(), value);
    }
    let millis = u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis());
    let millis = millis.unwrap_or(u64::MAX);
    let seconds = Timestamp::from(time).to_string();
    line.insert(
        "timestamp".to_owned(),
        format!("{}.{:03}Z", seconds.trim_end_matches('Z'), millis % 1000).into(),
    );
    line.insert("level".to_owned(), level.as_str().into());
    metrics::embed(&mut line, job_name_prefix, millis);
    line
}

fn json_text(line: &Map<String, Value>) -> String {
    let first = FIRST.iter().filter_map(|name| line.get_key_value(*name));
    let rest = line.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let members: Vec<String> =
        first.chain(rest).map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{{}}}\n", text::escape_json(&members.join(",")))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use serde_json::json;
    use tracing::{Span, error, info, info_span, trace, warn};

    use super::*;
    use crate::aws::metrics::{BY_ROUTE, METRICS};

    /// 2026-11-23T15:05:00.007Z.
    fn time() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_795_446_300_007)
    }

    fn line_of(fields: Vec<(&str, Value)>) -> Value {
        Value::Object(line("demo", time(), &Level::INFO, fields))
    }

    /// A line with these members, and those that every line has.
    fn plain(members: Value) -> Value {
        let mut line = json!({"timestamp": "2026-11-23T15:05:00.007Z", "level": "INFO"});
        line.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        line
    }

    /// A line with these members, and with metrics, which are given with their units.
    fn measured(dimensions: Value, metrics: &[(&str, &str)], members: Value) -> Value {
        let metrics: Vec<Value> =
            metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
        let mut line = plain(members);
        line["JobNamePrefix"] = "demo".into();
        line["_aws"] = json!({
            "Timestamp": 1_795_446_300_007_u64,
            "CloudWatchMetrics": [
                {"Namespace": "BedrockVpcBatch", "Dimensions": dimensions, "Metrics": metrics}
            ],
        });
        line
    }

    #[test]
    fn each_field_becomes_a_member_a_metric_or_a_dimension() {
        let one = || json!([["JobNamePrefix"]]);
        let two = || json!([["JobNamePrefix"], ["JobNamePrefix", "Status"]]);
        let table: Vec<(Vec<(&str, Value)>, Value)> = vec![
            (vec![], plain(json!({}))),
            (
                vec![
                    ("message", "job waiting".into()),
                    ("drop.id", "2050".into()),
                    ("record.count", 150.into()),
                    ("balanced", true.into()),
                ],
                plain(
                    json!({"message": "job waiting", "drop.id": "2050", "record.count": 150, "balanced": true}),
                ),
            ),
            // A field cannot overwrite the line's own members.
            (vec![("level", "x".into()), ("timestamp", 1.into())], plain(json!({}))),
            (
                vec![("Records", 150.into()), ("job.id", "1".into())],
                measured(one(), &[("Records", "Count")], json!({"Records": 150, "job.id": "1"})),
            ),
            (
                vec![("OldestWaitingSeconds", 7.into()), ("Records", 0.5.into())],
                measured(
                    one(),
                    &[("Records", "Count"), ("OldestWaitingSeconds", "Seconds")],
                    json!({"OldestWaitingSeconds": 7, "Records": 0.5}),
                ),
            ),
            (
                vec![("JobsEnded", 1.into()), ("Status", "Completed".into())],
                measured(two(), &[("JobsEnded", "Count")], json!({"JobsEnded": 1, "Status": "Completed"})),
            ),
            (vec![("Status", "Completed".into())], plain(json!({"Status": "Completed"}))),
            (vec![("Route", "team/".into())], plain(json!({"Route": "team/"}))),
            (
                vec![("JobsWaiting", 1.into()), ("Route", "team/".into())],
                measured(one(), &[("JobsWaiting", "Count")], json!({"JobsWaiting": 1, "Route": "team/"})),
            ),
            // A metric is a number, and has a name in the table.
            (vec![("Records", "many".into())], plain(json!({"Records": "many"}))),
            (vec![("Records", true.into())], plain(json!({"Records": true}))),
            (vec![("Records", f64::NAN.into())], plain(json!({"Records": null}))),
            (vec![("Unknown", 1.into())], plain(json!({"Unknown": 1}))),
        ];
        for (fields, expected) in table {
            assert_eq!(line_of(fields.clone()), expected, "{fields:?}");
        }
        let no_values = ["", " ", "é", "a\nb", ":a", &"x".repeat(1025)].map(Value::from);
        for value in no_values.into_iter().chain([1.into()]) {
            let fields = vec![("JobsEnded", 1.into()), ("Status", Value::clone(&value))];
            let expected =
                measured(one(), &[("JobsEnded", "Count")], json!({"JobsEnded": 1, "Status": value}));
            assert_eq!(line_of(fields), expected, "{value:?}");
            let fields = vec![("Records", 1.into()), ("Route", Value::clone(&value))];
            let expected = measured(one(), &[("Records", "Count")], json!({"Records": 1, "Route": value}));
            assert_eq!(line_of(fields), expected, "{value:?}");
        }
    }

    #[test]
    fn some_metrics_are_also_kept_by_route_and_not_by_route_and_status() {
        let fields = vec![
            ("JobsEnded", 1.into()),
            ("InputTokens", 7.into()),
            ("Status", "Completed".into()),
            ("Route", "team/".into()),
        ];
        let directives = &line_of(fields)["_aws"]["CloudWatchMetrics"];
        assert_eq!(
            directives,
            &json!([
                {
                    "Namespace": "BedrockVpcBatch",
                    "Dimensions": [["JobNamePrefix"], ["JobNamePrefix", "Status"]],
                    "Metrics": [
                        {"Name": "JobsEnded", "Unit": "Count"},
                        {"Name": "InputTokens", "Unit": "Count"},
                    ],
                },
                {
                    "Namespace": "BedrockVpcBatch",
                    "Dimensions": [["JobNamePrefix", "Route"]],
                    "Metrics": [{"Name": "InputTokens", "Unit": "Count"}],
                },
            ])
        );
    }

    #[test]
    fn the_metrics_by_route_are_those_that_say_so() {
        let said = METRICS.iter().filter(|(.., meaning)| meaning.ends_with("; also by `Route`"));
        assert!(said.map(|(name, ..)| *name).eq(BY_ROUTE), "{BY_ROUTE:?}");
    }

    fn name(value: &Value, max: usize) -> &str {
        let name = value.as_str().expect("a string");
        assert!((1..=max).contains(&name.chars().count()), "{name:?}");
        name
    }

    fn assert_members(object: &Value, required: &[&str]) {
        let names: Vec<&String> = object.as_object().expect("an object").keys().collect();
        assert_eq!(names, required, "these members and no others");
    }

    /// Checks what the specification and its JSON schema require of a document. Returns its number of metrics.
    fn assert_embedded_metric_format(line: &Value) -> usize {
        const UNITS: [&str; 3] = ["Count", "Seconds", "Percent"];
        let metadata = &line["_aws"];
        assert_members(metadata, &["CloudWatchMetrics", "Timestamp"]);
        assert!(metadata["Timestamp"].is_u64());
        let mut count = 0;
        for directive in metadata["CloudWatchMetrics"].as_array().unwrap() {
            assert_members(directive, &["Dimensions", "Metrics", "Namespace"]);
            name(&directive["Namespace"], 1024);
            let dimension_sets = directive["Dimensions"].as_array().unwrap();
            assert!(!dimension_sets.is_empty());
            for dimensions in dimension_sets {
                let dimensions = dimensions.as_array().unwrap();
                assert!(dimensions.len() <= 30);
                for dimension in dimensions {
                    let value = name(&line[name(dimension, 250)], 1024);
                    assert!(value.is_ascii() && !value.trim().is_empty(), "{value:?}");
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()), "{} metrics", metrics.len());
            for metric in metrics {
                assert_members(metric, &["Name", "Unit"]);
                assert!(line[name(&metric["Name"], 1024)].is_number(), "{metric}");
                assert!(UNITS.contains(&metric["Unit"].as_str().unwrap()), "{metric}");
            }
            count += metrics.len();
        }
        count
    }

    #[test]
    fn every_line_with_metrics_is_embedded_metric_format() {
        for count in 1..=METRICS.len() {
            let mut fields: Vec<(&str, Value)> =
                METRICS.iter().take(count).map(|(name, ..)| (*name, 1.into())).collect();
            assert_eq!(assert_embedded_metric_format(&line_of(fields.clone())), count);
            fields.push(("Status", "Failed".into()));
            assert_eq!(assert_embedded_metric_format(&line_of(fields.clone())), count);
            fields.push(("Route", "team/".into()));
            assert!(assert_embedded_metric_format(&line_of(fields)) > count);
        }
    }

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Runs `log`, and returns what it logs: the text, and the lines without their timestamps.
    fn captured(levels: &str, log: impl FnOnce()) -> (String, Vec<Value>) {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = json_lines("demo", levels.parse().unwrap(), move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            let timestamp = timestamp.as_str().unwrap();
            assert_eq!((timestamp.len(), timestamp.find('.')), (24, Some(19)), "{timestamp}");
            line
        });
        let lines = lines.collect();
        (text, lines)
    }

    #[test]
    fn events_are_flat_objects_of_json_values() {
        let (text, lines) = captured("info", || {
            info!(
                drop.id = %"2050", count = 3_usize, delta = -1_i32, share = 0.5, balanced = false,
                quoted = "two\nlines \"x\"", debug = ?Some(1), "job {}", "waiting"
            );
            let error = io::Error::other(fmt::Error);
            warn!(error = &error as &(dyn StdError + 'static));
            info!(JobsEnded = 1_u64, Status = "Stopped", "job ended");
        });
        assert_eq!(
            lines.iter().take(2).collect::<Vec<_>>(),
            [
                &json!({
                    "level": "INFO", "message": "job waiting", "drop.id": "2050", "count": 3, "delta": -1,
                    "share": 0.5, "balanced": false, "quoted": "two\nlines \"x\"", "debug": "Some(1)",
                }),
                &json!({
                    "level": "WARN",
                    "error": Chain(&io::Error::other(fmt::Error)).to_string(),
                }),
            ]
        );
        assert_eq!(assert_embedded_metric_format(&lines[2]), 1);
        assert_eq!((lines.len(), text.matches('\n').count()), (3, 3));
        assert!(text.starts_with("{\"timestamp\":\"20"), "{text}");
        assert!(text.contains("Z\",\"level\":\"INFO\",\"message\":\"job waiting\",\""), "{text}");
    }

    #[test]
    fn no_line_has_a_character_that_a_terminal_obeys_or_is_longer_than_it_should_be() {
        let key = "\u{9b}2J\u{1b}]0;x\u{7}\u{202e}\u{7f}\u{e0041}";
        let long = "x".repeat(1 << 20);
        let (text, lines) =
            captured("info", || info!(key, shown = %key, long, long_too = %long, "drop rejected"));
        assert_eq!((&lines[0]["key"], &lines[0]["shown"]), (&json!(key), &json!(key)));
        assert!(text.len() < 3 * text::LINE_CHARS, "{}", text.len());
        assert_eq!(text::lines(&text).to_string(), text);
    }

    #[test]
    fn levels_are_those_of_the_first_variable_that_can_be_read() {
        let table = [
            (None, None, "info"),
            (Some("ERROR"), Some("trace"), "error"),
            (None, Some("warn,demo=debug"), "warn,demo=debug"),
            (Some("a=b"), Some("debug"), "debug"),
            (Some("a=b"), Some("demo=info=warn"), "info"),
            (Some(""), Some(","), "info"),
            (Some("warn,"), None, "warn"),
        ];
        for (lambda, rust, expected) in table {
            let var = |name: &str| match name {
                "AWS_LAMBDA_LOG_LEVEL" => lambda.map(str::to_owned),
                _ => rust.map(str::to_owned),
            };
            assert_eq!(levels(var), expected.parse().unwrap(), "{lambda:?} {rust:?}");
        }
    }

    #[test]
    fn other_crates_log_only_warnings_and_errors_at_any_level() {
        let log = || {
            trace!("ours");
            trace!(target: "aws_smithy_runtime::client", "theirs");
            info!(target: "hyper_util", "theirs");
            warn!(target: "aws_smithy_runtime::client", "theirs");
        };
        let messages = |levels| -> Vec<String> {
            captured(levels, log).1.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(messages("trace"), ["ours", "theirs"]);
        assert_eq!(messages("info"), ["theirs"]);
        assert_eq!(messages("error"), Vec::<String>::new());
        assert_eq!(messages("aws_smithy_runtime=trace,hyper_util=trace"), ["theirs"]);
    }

    #[test]
    fn lines_of_an_invocation_have_its_id_at_every_level() {
        let invocation = || -> Span {
            info_span!(target: "lambda_runtime::layers::trace", "Lambda runtime invoke", requestId = "8476", xrayTraceId = "1")
        };
        let (_, lines) = captured("error", || {
            invocation().in_scope(|| error!("in"));
            error!("out");
        });
        assert_eq!(
            lines,
            [
                json!({"level": "ERROR", "message": "in", "requestId": "8476"}),
                json!({"level": "ERROR", "message": "out"}),
            ]
        );
    }
}
