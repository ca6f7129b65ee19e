//! Routes: which settings a drop has, by the prefix of its key. Pure.
//!
//! A route names the settings that differ from those of the stack. The longest prefix wins; a drop whose key starts with
//! none of them has the settings of the stack. The file with the routes is good as a whole, or refused as a whole.
//!
//! Only the models that the stack allows can be named. The policies of the stack have the same list, so a file alone never
//! opens a model.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::arn;
use crate::base::json::{Members, array, offset_in, string};
use crate::base::text;
use crate::base::usd::Usd;
use crate::drop::limits::{DuplicateDrops, Limits};
use crate::drop::padding::SmallDrops;
use crate::drop::quotas::Quotas;
use crate::drop::settings::{
    MAX_ATTEMPTS, MODEL_INVOCATION_TYPES, Settings, TIMEOUT_DURATION_IN_HOURS, is_model_id, refused_tags,
};
use crate::record::json_fault::{JsonFault, first_fault};
use crate::record::recent_ids::MAX_LINES;

/// The largest file of routes, in bytes. It is kept in memory, and in one entry of the ledger.
pub const MAX_BYTES: usize = 256 * 1024;

/// The largest number of routes.
const MAX_ROUTES: usize = 1_000;

/// The longest prefix: that of a key.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html> (read 2026-11)
const MAX_PREFIX_BYTES: usize = 1_024;

/// How many turns the waiting jobs of a route have for each turn of a route of weight 1.
const WEIGHT: RangeInclusive<u32> = 1..=100;

/// The members of a route in the file.
pub const MEMBERS: [&str; 15] = [
    "prefix",
    "model_id",
    "model_invocation_type",
    "timeout_duration_in_hours",
    "job_tags",
    "min_records_per_job",
    "max_records_per_job",
    "max_input_file_bytes",
    "small_drops",
    "max_attempts",
    "weight",
    "paused",
    "max_drop_usd",
    "max_usd_per_day",
    "duplicate_drops",
];

/// The settings of the drops whose keys start with a prefix. `None` is the setting of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    /// What the keys start with.
    pub prefix: String,
    /// The model, or an inference profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The shape of `modelInput`: `InvokeModel` or `Converse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_invocation_type: Option<String>,
    /// When Bedrock gives up on a job, in hours: 24 to 168.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_duration_in_hours: Option<i32>,
    /// Tags of every job, besides those of the stack. One with the same name takes the place of the stack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_tags: Option<BTreeMap<String, String>>,
    /// Bedrock's quota: records per job, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_records_per_job: Option<u64>,
    /// Bedrock's quota: records per job, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_records_per_job: Option<u64>,
    /// Bedrock's quota: the size of a job's input file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_file_bytes: Option<u64>,
    /// What happens to fewer records than a job needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub small_drops: Option<SmallDrops>,
    /// How often a record is given to Bedrock before it is reported as unprocessed: 1 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// How many turns its waiting jobs have for each turn of a route of weight 1: 1 to 100. It is not a setting of a drop:
    /// what counts is the weight in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Whether its jobs are not submitted for now, whenever they were accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// What a drop may cost, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_drop_usd: Option<Usd>,
    /// What the drops of the route may cost on one day, besides the stack's budget; `None` if the route has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usd_per_day: Option<Usd>,
    /// What happens to a file that is dropped twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_drops: Option<DuplicateDrops>,
}

/// What routes are judged against: the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The settings of a drop without a route.
    pub settings: Settings,
    /// The ids and ARNs of the models that a route may name, besides the model of the stack; `None` if that is not known, so
    /// that it may name any.
    pub route_models: Option<Vec<String>>,
    /// What the keys of all drops start with.
    pub input_prefix: String,
}

/// All routes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Routes {
    /// In the order of the file.
    pub routes: Vec<Route>,
}

/// Something wrong with a file of routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, as a clause.
    pub what: String,
}

impl fmt::Display for RouteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Route {
    /// Returns the settings of a drop of this route.
    #[must_use]
    pub fn settings(&self, stack: &Settings) -> Settings {
        let mut tags = stack.tags.clone();
        tags.extend(self.job_tags.iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        let invocation_type = self.model_invocation_type.as_ref().unwrap_or(&stack.model_invocation_type);
        Settings {
            model_id: self.model_id.as_ref().unwrap_or(&stack.model_id).clone(),
            model_invocation_type: invocation_type.clone(),
            quotas: Quotas {
                min_records: self.min_records_per_job.unwrap_or(stack.quotas.min_records),
                max_records: self.max_records_per_job.unwrap_or(stack.quotas.max_records),
                max_file_bytes: self.max_input_file_bytes.unwrap_or(stack.quotas.max_file_bytes),
            },
            small_drops: self.small_drops.unwrap_or(stack.small_drops),
            max_attempts: self.max_attempts.unwrap_or(stack.max_attempts),
            timeout_duration_in_hours: self
                .timeout_duration_in_hours
                .unwrap_or(stack.timeout_duration_in_hours),
            tags,
            route: Some(self.prefix.clone()),
        }
    }

    /// Returns what holds a drop of this route back.
    #[must_use]
    pub fn limits(&self, stack: &Limits) -> Limits {
        Limits {
            max_drop_usd: self.max_drop_usd.or(stack.max_drop_usd),
            max_usd_per_day: stack.max_usd_per_day,
            max_route_usd_per_day: self.max_usd_per_day,
            duplicate_drops: self.duplicate_drops.unwrap_or(stack.duplicate_drops),
        }
    }

    /// Returns what is wrong with this route by itself, each with the member that it is about.
    fn faults(&self, stack: &Stack) -> Vec<(&'static str, String)> {
        let mut faults = Faults(Vec::new());
        let prefix = &self.prefix;
        faults.if_(
            prefix.is_empty(),
            "prefix",
            "is missing or empty; without a route, a drop has the settings of the stack",
        );
        faults.if_(
            prefix.len() > MAX_PREFIX_BYTES,
            "prefix",
            format_args!("has more than {MAX_PREFIX_BYTES} bytes"),
        );
        let (own, all) = (prefix.as_str(), stack.input_prefix.as_str());
        faults.if_(
            !own.starts_with(all) && !all.starts_with(own),
            "prefix",
            format_args!(
                "is one that no drop has: the keys of all drops start with {:?}",
                text::name(all).to_string()
            ),
        );
        if let Some(model) = &self.model_id {
            faults.if_(
                !stack.allows(model),
                "model_id",
                format_args!(
                    "is not a model that the stack allows: {:?}; add its ARN to the parameter RouteModelArns",
                    text::name(model).to_string()
                ),
            );
        }
        if let Some(kind) = &self.model_invocation_type {
            faults.if_(
                !MODEL_INVOCATION_TYPES.contains(&kind.as_str()),
                "model_invocation_type",
                "is neither InvokeModel nor Converse",
            );
        }
        faults.outside(
            "timeout_duration_in_hours",
            self.timeout_duration_in_hours,
            &TIMEOUT_DURATION_IN_HOURS,
        );
        faults.outside("max_attempts", self.max_attempts, &MAX_ATTEMPTS);
        faults.outside("weight", self.weight, &WEIGHT);
        faults.outside("max_records_per_job", self.max_records_per_job, &(1..=MAX_LINES));
        faults.if_(self.min_records_per_job == Some(0), "min_records_per_job", "is 0");
        faults.if_(self.max_input_file_bytes == Some(0), "max_input_file_bytes", "is 0");
        let settings = self.settings(&stack.settings);
        let Quotas { min_records, max_records, .. } = settings.quotas;
        if max_records > 0 {
            let named = if self.min_records_per_job.is_some() {
                "min_records_per_job"
            } else {
                "max_records_per_job"
            };
            faults.if_(
                min_records > max_records,
                named,
                format_args!(
                    "does not fit: a job has at least {min_records} records, and at most {max_records}"
                ),
            );
        }
        if self.job_tags.is_some() {
            refused_tags(&settings.tags).into_iter().for_each(|what| faults.if_(true, "job_tags", what));
        }
        faults.0
    }
}

/// Collects faults.
struct Faults(Vec<(&'static str, String)>);

impl Faults {
    fn if_(&mut self, is_wrong: bool, member: &'static str, what: impl fmt::Display) {
        if is_wrong {
            self.0.push((member, format!("{member} {what}")));
        }
    }

    fn outside<N: PartialOrd + fmt::Display>(
        &mut self,
        member: &'static str,
        value: Option<N>,
        range: &RangeInclusive<N>,
    ) {
        if let Some(value) = value.filter(|value| !range.contains(value)) {
            self.if_(
                true,
                member,
                format_args!("is not between {} and {}: {value}", range.start(), range.end()),
            );
        }
    }
}

impl Stack {
    /// Returns whether a route may name this model. The id that ends an ARN of the list counts, too.
    fn allows(&self, model: &str) -> bool {
        let is_known = |known: &String| known == model || arn::id_of(known) == model;
        let is_listed = self.route_models.as_ref().is_none_or(|models| models.iter().any(is_known));
        is_model_id(model) && (self.settings.model_id == model || is_listed)
    }
}

impl Routes {
    /// Reads the file with the routes.
    ///
    /// # Errors
    /// Returns all problems, in the order of their lines. One that makes the file no JSON hides the others.
    pub fn parse(file: &[u8], stack: &Stack) -> Result<Self, Vec<RouteProblem>> {
        let mut reader = Reader { file: "", problems: Vec::new() };
        let routes = reader.read(file, stack);
        let mut problems = reader.problems;
        if problems.is_empty() {
            return Ok(Self { routes });
        }
        problems.sort_by_key(|problem| problem.line);
        Err(problems)
    }

    /// Returns what is wrong with these routes for this stack, which may have changed since they were read.
    #[must_use]
    pub fn faults(&self, stack: &Stack) -> Vec<String> {
        let of_route = |route: &Route| {
            let prefix = text::name(&route.prefix).to_string();
            let faults = route.faults(stack).into_iter();
            faults.map(|(_, what)| format!("route {prefix:?}: {what}")).collect::<Vec<_>>()
        };
        self.routes.iter().flat_map(of_route).collect()
    }

    /// Returns the route of a drop with this key: the one with the longest prefix.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<&Route> {
        let matching = self.routes.iter().filter(|route| key.starts_with(&route.prefix));
        matching.max_by_key(|route| route.prefix.len())
    }

    /// Returns what holds a drop back whose settings come from the route with this prefix. If that route is gone, it is what
    /// holds any drop of the stack back.
    #[must_use]
    pub fn limits(&self, route: Option<&str>, stack: &Limits) -> Limits {
        let route = self.routes.iter().find(|known| Some(known.prefix.as_str()) == route);
        route.map_or(*stack, |route| route.limits(stack))
    }

    /// Returns the settings of a drop with this key.
    #[must_use]
    pub fn settings(&self, key: &str, stack: &Settings) -> Settings {
        self.of(key).map_or_else(|| stack.clone(), |route| route.settings(stack))
    }
}

/// Reads a file, and collects its problems.
struct Reader<'a> {
    file: &'a str,
    problems: Vec<RouteProblem>,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, line: usize, what: impl fmt::Display) {
        self.problems.push(RouteProblem { line, what: what.to_string() });
    }

    /// Returns the line of a piece of the file.
    fn line_of(&self, piece: &str) -> usize {
        let before = self.file.get(..offset_in(self.file, piece)).unwrap_or_default();
        1 + before.matches('\n').count()
    }

    fn read(&mut self, file: &'a [u8], stack: &Stack) -> Vec<Route> {
        if file.len() > MAX_BYTES {
            self.problem(
                1,
                format_args!("the file has {} bytes; at most {MAX_BYTES} are allowed", file.len()),
            );
            return Vec::new();
        }
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        match str::from_utf8(file) {
            Ok(text) => self.file = text,
            Err(error) => {
                let line = 1 + file.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
                self.problem(line, "the file is not UTF-8 from here on");
                return Vec::new();
            }
        }
        let Some(whole) = self.members(self.file) else { return Vec::new() };
        let Some(routes) = whole.get("routes") else {
            self.problem(1, r#"the file is not like {"routes": [{"prefix": "team/", "model_id": "…"}]}"#);
            return Vec::new();
        };
        for (name, value) in whole.iter().filter(|(name, _)| *name != "routes") {
            let line = self.line_of(value);
            self.problem(line, format_args!("{} is not known; the file has only routes", text::name(name)));
        }
        let Some(elements) = array(routes) else {
            let line = self.line_of(routes);
            self.problem(line, "routes is not a list");
            return Vec::new();
        };
        if elements.len() > MAX_ROUTES {
            let line = self.line_of(routes);
            self.problem(
                line,
                format_args!("there are {} routes; at most {MAX_ROUTES} are allowed", elements.len()),
            );
            return Vec::new();
        }
        let mut lines_of_prefixes: BTreeMap<String, usize> = BTreeMap::new();
        let mut read = Vec::new();
        for element in elements {
            let Some(route) = self.route(element, stack) else { continue };
            let line = self.line_of(element);
            match lines_of_prefixes.get(&route.prefix) {
                Some(first) => {
                    let prefix = text::name(&route.prefix).to_string();
                    self.problem(
                        line,
                        format_args!("the prefix {prefix:?} has a route already, in line {first}"),
                    );
                }
                None => _ = lines_of_prefixes.insert(route.prefix.clone(), line),
            }
            read.push(route);
        }
        read
    }

    /// Takes an object apart. Reports a problem if it is none.
    fn members(&mut self, json: &'a str) -> Option<Members<'a>> {
        match Members::parse(json) {
            Ok(members) => Some(members),
            Err(error) if error.is_data() => {
                let line = self.line_of(json) + error.line().saturating_sub(1);
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                self.problem(
                    line,
                    if what.starts_with("duplicate") { what } else { "this is not an object" },
                );
                None
            }
            Err(error) => {
                let (at, fault) = first_fault(json).unwrap_or((0, JsonFault::Other));
                let line = self.line_of(json.get(at..).unwrap_or_default());
                match fault {
                    _ if error.is_eof() => self
                        .problem(error.line(), "the file ends too early: a bracket or a quote is not closed"),
                    JsonFault::SecondRecord | JsonFault::AfterRecord | JsonFault::CommaAfterRecord => {
                        self.problem(line, "there is something after the last bracket");
                    }
                    fault => self.problem(line, fault),
                }
                None
            }
        }
    }

    fn route(&mut self, json: &'a str, stack: &Stack) -> Option<Route> {
        let members = self.members(json)?;
        let mut route = Route::default();
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        let before = self.problems.len();
        for (name, value) in members.iter() {
            let line = self.line_of(value);
            lines.insert(name, line);
            match name {
                "prefix" => match string(value) {
                    Some(prefix) => route.prefix = prefix.into_owned(),
                    None => self.problem(line, "prefix is not a text"),
                },
                "model_id" => self.value(value, &mut route.model_id, name, "a text"),
                "model_invocation_type" => {
                    self.value(value, &mut route.model_invocation_type, name, "a text")
                }
                "timeout_duration_in_hours" => {
                    self.value(value, &mut route.timeout_duration_in_hours, name, "a whole number");
                }
                "job_tags" => self.value(value, &mut route.job_tags, name, "an object of texts"),
                "min_records_per_job" => {
                    self.value(value, &mut route.min_records_per_job, name, "a whole number")
                }
                "max_records_per_job" => {
                    self.value(value, &mut route.max_records_per_job, name, "a whole number")
                }
                "max_input_file_bytes" => {
                    self.value(value, &mut route.max_input_file_bytes, name, "a whole number")
                }
                "small_drops" => self.value(value, &mut route.small_drops, name, "\"pad\" or \"reject\""),
                "max_attempts" => self.value(value, &mut route.max_attempts, name, "a whole number"),
                "weight" => self.value(value, &mut route.weight, name, "a whole number"),
                "paused" => self.value(value, &mut route.paused, name, "true or false"),
                "max_drop_usd" => self.value(value, &mut route.max_drop_usd, name, Usd::EXPECTED),
                "max_usd_per_day" => self.value(value, &mut route.max_usd_per_day, name, Usd::EXPECTED),
                "duplicate_drops" => {
                    self.value(value, &mut route.duplicate_drops, name, "\"accept\" or \"hold\"");
                }
                other => self.problem(
                    line,
                    format_args!(
                        "{} is not a setting of a route; those are {}",
                        text::name(other),
                        MEMBERS.join(", ")
                    ),
                ),
            }
        }
        // What could not be read looks like what is not there.
        if self.problems.len() == before {
            for (member, what) in route.faults(stack) {
                let line = lines.get(member).copied().unwrap_or_else(|| self.line_of(json));
                self.problem(line, what);
            }
        }
        Some(route)
    }

    fn value<T: DeserializeOwned>(&mut self, value: &'a str, slot: &mut Option<T>, name: &str, wanted: &str) {
        match serde_json::from_str::<T>(value) {
            Ok(read) => *slot = Some(read),
            Err(_) => {
                let line = self.line_of(value);
                self.problem(line, format_args!("{name} is not {wanted}: {}", text::name(value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: &str = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0";

    fn stack() -> Stack {
        Stack {
            settings: Settings {
                tags: BTreeMap::from([("team".into(), "all".into())]),
                ..Settings::example()
            },
            route_models: Some(vec![CLAUDE.into()]),
            input_prefix: String::new(),
        }
    }

    fn problems(file: &str) -> Vec<String> {
        let problems = Routes::parse(file.as_bytes(), &stack()).unwrap_err();
        problems.iter().map(RouteProblem::to_string).collect()
    }

    #[test]
    fn longest_prefix_wins_and_the_rest_is_the_stacks() {
        let file = br#"{"routes": [
            {"prefix": "a/", "model_id": "anthropic.claude-3-haiku-20240307-v1:0", "max_attempts": 1},
            {"prefix": "a/big/", "max_records_per_job": 50000, "job_tags": {"cost": "big"}, "small_drops": "reject"}
        ]}"#;
        let routes = Routes::parse(file, &stack()).unwrap();
        let stack = stack().settings;
        let of = |key| routes.settings(key, &stack);
        assert_eq!(of("b/x.jsonl"), stack);
        assert_eq!(of("a"), stack);
        let small = of("a/x.jsonl");
        assert_eq!((small.route.as_deref(), small.max_attempts), (Some("a/"), 1));
        assert_eq!(small.model_id, "anthropic.claude-3-haiku-20240307-v1:0");
        let big = of("a/big/x.jsonl");
        assert_eq!(
            big,
            Settings {
                quotas: Quotas { max_records: 50_000, ..stack.quotas },
                small_drops: SmallDrops::Reject,
                tags: [("cost", "big"), ("team", "all")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
                route: Some("a/big/".into()),
                ..stack.clone()
            }
        );
        let again: Routes = serde_json::from_str(&serde_json::to_string(&routes).unwrap()).unwrap();
        assert_eq!(again, routes);
    }

    #[test]
    fn limits_are_those_of_the_route_and_the_days_are_two() {
        let file = br#"{"routes": [
            {"prefix": "a/", "max_drop_usd": 2.5, "max_usd_per_day": 40, "duplicate_drops": "hold"},
            {"prefix": "b/"}
        ]}"#;
        let routes = Routes::parse(file, &stack()).unwrap();
        let usd = |text| Usd::parse(text);
        let of_stack = Limits { max_drop_usd: usd("7"), max_usd_per_day: usd("90"), ..Limits::default() };
        let expected = Limits {
            max_drop_usd: usd("2.5"),
            max_usd_per_day: usd("90"),
            max_route_usd_per_day: usd("40"),
            duplicate_drops: DuplicateDrops::Hold,
        };
        assert_eq!(routes.limits(Some("a/"), &of_stack), expected);
        for route in [None, Some("b/"), Some("gone/")] {
            assert_eq!(routes.limits(route, &of_stack), of_stack);
        }
        assert!(!Limits::default().hold_anything() && expected.hold_anything());
        assert!(Limits { max_drop_usd: None, ..of_stack }.hold_anything());
        let bad = "{\"routes\": [\n{\"prefix\": \"a/\", \"max_drop_usd\": -1,\n\"max_usd_per_day\": \"9\",\n\"duplicate_drops\": \"no\"}]}";
        assert_eq!(
            problems(bad),
            [
                "line 2: max_drop_usd is not an amount of US dollars such as 12.50: -1",
                "line 3: max_usd_per_day is not an amount of US dollars such as 12.50: \"9\"",
                "line 4: duplicate_drops is not \"accept\" or \"hold\": \"no\"",
            ]
        );
    }

    #[test]
    fn every_problem_has_the_line_of_its_member() {
        let file = "{\"routes\": [\n\
            {\"prefix\": \"a/\", \"model_id\": \"amazon.nova-pro-v1:0\"},\n\
            {\"prefix\": \"a/\",\n \"max_attempts\": 11,\n \"modelid\": \"x\"},\n\
            {\"model_id\": 7},\n\
            {\"prefix\": \"b/\",\n \"timeout_duration_in_hours\": 12,\n \"max_records_per_job\": 0,\n\
            \"model_invocation_type\": \"Chat\",\n \"job_tags\": {\"a!\": \"b\"},\n \"min_records_per_job\": 0},\n\
            {\"prefix\": \"c/\", \"max_records_per_job\": 50},\n\
            {\"prefix\": \"d/\", \"weight\": 101},\n\
            {\"prefix\": \"e/\", \"paused\": \"yes\"}\n\
            ]}";
        assert_eq!(
            problems(file),
            [
                "line 2: model_id is not a model that the stack allows: \"amazon.nova-pro-v1:0\"; add its ARN to the parameter RouteModelArns".to_owned(),
                "line 3: the prefix \"a/\" has a route already, in line 2".into(),
                format!("line 5: modelid is not a setting of a route; those are {}", MEMBERS.join(", ")),
                "line 6: model_id is not a text: 7".into(),
                "line 8: timeout_duration_in_hours is not between 24 and 168: 12".into(),
                "line 9: max_records_per_job is not between 1 and 10000000: 0".into(),
                "line 10: model_invocation_type is neither InvokeModel nor Converse".into(),
                "line 11: job_tags has a tag that Bedrock refuses: \"a!\"".into(),
                "line 12: min_records_per_job is 0".into(),
                "line 13: max_records_per_job does not fit: a job has at least 100 records, and at most 50".into(),
                "line 14: weight is not between 1 and 100: 101".into(),
                "line 15: paused is not true or false: \"yes\"".into(),
            ]
        );
    }

    #[test]
    fn files_that_are_no_routes_say_why() {
        let like = r#"line 1: the file is not like {"routes": [{"prefix": "team/", "model_id": "…"}]}"#;
        for (file, expected) in [
            ("{}", like),
            (r#"{"Routes": []}"#, like),
            (r#"{"routes": {}}"#, "line 1: routes is not a list"),
            ("[]", "line 1: this is not an object"),
            ("{\"routes\": [\n7]}", "line 2: this is not an object"),
            (
                "{\"routes\": [\n{\"prefix\": \"a\",\n\"prefix\": \"b\"}]}",
                "line 3: duplicate member `prefix`",
            ),
            ("{\"routes\": [\n{\"prefix\": 'a'}]}", "line 2: JSON has no single quotes"),
            ("{\"routes\": [\n{\"prefix\": \"a\"},\n]}", "line 2: a comma with nothing after it"),
            ("{\"routes\": [],\n \"x\": 1}", "line 2: x is not known; the file has only routes"),
            ("{\"routes\": [\n", "line 2: the file ends too early: a bracket or a quote is not closed"),
            ("{\"routes\": []}\n}", "line 2: there is something after the last bracket"),
            (
                "{\"routes\": [{\"prefix\": \"\"}]}",
                "line 1: prefix is missing or empty; without a route, a drop has the settings of the stack",
            ),
        ] {
            assert_eq!(problems(file), [expected], "{file}");
        }
        let not_utf8 = Routes::parse(b"{\n\xff}", &stack()).unwrap_err();
        assert_eq!(not_utf8[0].to_string(), "line 2: the file is not UTF-8 from here on");
        let large = Routes::parse(&vec![b' '; MAX_BYTES + 1], &stack()).unwrap_err();
        assert_eq!(large[0].to_string(), "line 1: the file has 262145 bytes; at most 262144 are allowed");
        assert_eq!(Routes::parse(b"\xef\xbb\xbf{\"routes\":[]}", &stack()), Ok(Routes::default()));
    }

    #[test]
    fn routes_are_judged_again_when_the_stack_has_changed() {
        let routes = Routes::parse(
            format!(r#"{{"routes": [{{"prefix": "a/", "model_id": "{CLAUDE}"}}]}}"#).as_bytes(),
            &stack(),
        )
        .unwrap();
        assert_eq!(routes.faults(&stack()), [""; 0]);
        let smaller = Stack { route_models: Some(Vec::new()), ..stack() };
        assert!(
            routes.faults(&smaller)[0]
                .starts_with("route \"a/\": model_id is not a model that the stack allows")
        );
        let elsewhere = Stack { input_prefix: "in/".into(), ..stack() };
        assert!(routes.faults(&elsewhere)[0].starts_with("route \"a/\": prefix is one that no drop has"));
        for prefix in ["in/", "in/a/"] {
            let routes = Routes { routes: vec![Route { prefix: prefix.into(), ..Route::default() }] };
            assert_eq!(routes.faults(&elsewhere), [""; 0], "{prefix}");
        }
        let rest = Routes { routes: vec![Route { prefix: "i".into(), ..Route::default() }] };
        assert_eq!(rest.faults(&elsewhere), [""; 0]);
    }
}
