//! The environment of both functions, which only this file reads. A bad variable stops a function when it starts, with
//! every problem in one message. A [`Config`] always has subnets and security groups.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_bedrock::types::ModelInvocationType;

use crate::base::arn::Arn;
use crate::base::s3_uri::S3Uri;
use crate::base::usd::Usd;
use crate::drop::check::Validator;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::limits::{DuplicateDrops, Limits};
use crate::drop::names::{InputSuffixes, NameRule};
use crate::drop::padding::SmallDrops;
use crate::drop::quotas::Quotas;
use crate::drop::routes::Stack;
use crate::drop::settings::{
    MAX_ATTEMPTS, MODEL_INVOCATION_TYPES, Settings, TIMEOUT_DURATION_IN_HOURS, is_model_id, refused_tags,
};
use crate::job::padding::padding_room;
use crate::model::rules::Rules;
use crate::record::recent_ids::MAX_LINES;

/// The longest job-name prefix. A job name has at most 63 characters, and `-` and the job-id take 33 of them.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html> (read 2026-11)
const MAX_JOB_NAME_PREFIX: usize = 30;

/// The network through which a job reaches S3: 1 to 16 subnets, and 1 to 5 security groups.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_VpcConfig.html> (read 2026-11)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    subnet_ids: Vec<String>,
    security_group_ids: Vec<String>,
}

impl Vpc {
    /// The subnets, in the order of the environment.
    #[must_use]
    pub fn subnet_ids(&self) -> &[String] {
        &self.subnet_ids
    }

    /// The security groups, in the order of the environment.
    #[must_use]
    pub fn security_group_ids(&self) -> &[String] {
        &self.security_group_ids
    }
}

/// All settings, which have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The bucket that users write to.
    pub input_bucket: String,
    /// What the keys of drops start with. If it is empty, a drop may have any key.
    pub input_prefix: String,
    /// The suffixes of drops.
    pub input_suffixes: InputSuffixes,
    /// The bucket that the pipeline and Bedrock write to.
    pub output_bucket: String,
    /// The start of every job name: names are `<prefix>-<job-id>`.
    pub job_name_prefix: String,
    /// The role that Bedrock assumes.
    pub job_role_arn: String,
    /// The model, or an inference profile.
    pub model_id: String,
    /// The ids and ARNs of the models that [routes](crate::drop::routes) may name, besides this one.
    pub route_models: Vec<String>,
    /// The subnets and security groups of every job.
    pub vpc: Vpc,
    /// The shape of `modelInput`.
    pub model_invocation_type: ModelInvocationType,
    /// When Bedrock gives up on a job, in hours: 24 to 168.
    pub timeout_duration_in_hours: i32,
    /// The KMS key that Bedrock encrypts output with; `None` for the bucket's default.
    pub s3_encryption_key_id: Option<String>,
    /// The tags of every job.
    pub job_tags: BTreeMap<String, String>,
    /// Bedrock's quotas for one job.
    pub quotas: Quotas,
    /// Whether drops and leftovers of too few records are filled up.
    pub small_drops: SmallDrops,
    /// Whether lines of a drop that are almost records are [repaired](crate::record::repairing).
    pub repair: bool,
    /// How often a record is given to Bedrock before it is reported as unprocessed: 1 to 10.
    pub max_attempts: u32,
    /// What holds a drop without a route back.
    pub limits: Limits,
    /// The longest line of a drop, in bytes. `InvokeModel` takes bodies of up to 25,000,000 bytes, and the default
    /// leaves room for the rest of the record. AWS does not document whether batch inference has the same limit.
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
    pub max_record_bytes: usize,
    /// The largest drop that is read, in bytes. A function in a VPC reads about 78 MB/s, so 50 GB take 11 of its 15
    /// minutes.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11)
    pub max_drop_bytes: u64,
    /// Whether drops whose records are all certain to fail at the model are refused.
    pub model_rules: bool,
    /// The starts of the S3 URIs that the batch role may read, for media that records point to.
    pub s3_location_prefixes: Vec<String>,
    /// How long one attempt of one call to S3 or Bedrock may take.
    pub call_timeout: Duration,
    /// How long the event of a put may take. If an object is older and has no ledger entry, its event counts as lost.
    /// If the event is only late, the drop is looked at twice, but does not run twice.
    pub event_grace: Duration,
    /// Whether URLs have the bucket in the path, as S3 stand-ins want it.
    pub s3_force_path_style: bool,
}

impl Config {
    /// Returns the rule for the names of drops.
    #[must_use]
    pub fn name_rule(&self) -> NameRule<'_> {
        NameRule { prefix: &self.input_prefix, suffixes: &self.input_suffixes }
    }

    /// Returns what judges a drop that has these settings, before it is read.
    #[must_use]
    pub fn validator(&self, drop_id: DropId, settings: &Settings) -> Validator {
        Validator::new(drop_id, settings.quotas, self.max_record_bytes)
            .with_padding(padding_room(settings))
            .with_repairs(self.repair)
            .with_rules(self.model_rules(settings))
    }

    /// Returns what this configuration is for drops that have these settings.
    #[must_use]
    pub fn with_settings(&self, settings: &Settings) -> Self {
        let settings = settings.clone();
        Self {
            model_id: settings.model_id,
            model_invocation_type: ModelInvocationType::from(settings.model_invocation_type.as_str()),
            quotas: settings.quotas,
            small_drops: settings.small_drops,
            max_attempts: settings.max_attempts,
            timeout_duration_in_hours: settings.timeout_duration_in_hours,
            job_tags: settings.tags,
            ..self.clone()
        }
    }

    /// What the routes of this stack are judged against.
    #[must_use]
    pub fn stack(&self) -> Stack {
        Stack {
            settings: self.settings(),
            route_models: Some(self.route_models.clone()),
            input_prefix: self.input_prefix.clone(),
        }
    }

    /// The settings that a drop without a route keeps if it is accepted now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            model_id: self.model_id.clone(),
            model_invocation_type: self.model_invocation_type.as_str().to_owned(),
            quotas: self.quotas,
            small_drops: self.small_drops,
            max_attempts: self.max_attempts,
            timeout_duration_in_hours: self.timeout_duration_in_hours,
            tags: self.job_tags.clone(),
            route: None,
        }
    }

    /// Returns the rules that the records of a drop with these settings are judged by; `None` if they are off, or if there
    /// are none for the model.
    #[must_use]
    pub fn model_rules(&self, settings: &Settings) -> Option<Rules> {
        let rules =
            Rules::of(&settings.model_id, &settings.model_invocation_type).filter(|_| self.model_rules)?;
        // The batch role can read the inputs and outputs of jobs, too.
        let work = format!("s3://{}/{}", self.output_bucket, keys::WORK_PREFIX);
        Some(rules.with_readable(self.s3_location_prefixes.iter().cloned().chain([work])))
    }
}

/// Everything that is wrong with an environment.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl ConfigError {
    /// Returns the problems, each as a clause that starts with the name of its variable.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// Shows the plain message: a `main` that fails prints its error in this form, and an operator reads it.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid environment: {}", self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// The name, default (`None` if it is required), and meaning of every variable. `docs/configuration.md` has the same
/// table.
pub const VARIABLES: &[(&str, Option<&str>, &str)] = &[
    ("INPUT_BUCKET", None, "bucket that users write to"),
    ("INPUT_PREFIX", Some(""), "the keys of drops start with this; empty: any key"),
    (
        "INPUT_SUFFIXES",
        Some(InputSuffixes::DEFAULT),
        "the suffixes of drops in any letter case, comma-separated; every other name is refused or ignored",
    ),
    ("OUTPUT_BUCKET", None, "bucket that the pipeline and Bedrock write to; not the input bucket"),
    ("JOB_NAME_PREFIX", None, "job names are `<prefix>-<job-id>`; 1 to 30 of `a-z A-Z 0-9 -`"),
    ("JOB_ROLE_ARN", None, "role that Bedrock assumes"),
    ("MODEL_ID", None, "model id, inference profile id, or the ARN of either"),
    (
        "ROUTE_MODEL_ARNS",
        Some(""),
        "models and inference profiles that routes may name besides `MODEL_ID`, as ids or ARNs, comma-separated",
    ),
    ("SUBNET_IDS", None, "1 to 16 subnets of every job, comma-separated"),
    ("SECURITY_GROUP_IDS", None, "1 to 5 security groups of every job, comma-separated"),
    ("MODEL_INVOCATION_TYPE", Some("InvokeModel"), "shape of `modelInput`: `InvokeModel` or `Converse`"),
    ("TIMEOUT_DURATION_IN_HOURS", Some("24"), "when Bedrock gives up on a job; 24 to 168"),
    (
        "S3_ENCRYPTION_KEY_ID",
        Some(""),
        "KMS key that Bedrock encrypts output with; empty: the bucket's default",
    ),
    ("JOB_TAGS", Some("{}"), "tags of every job, as a JSON object of strings; at most 50"),
    ("MIN_RECORDS_PER_JOB", Some("100"), "quota: records per batch inference job, at least"),
    (
        "MAX_RECORDS_PER_JOB",
        Some("100000"),
        "quota: records per batch inference job, at most; up to 10000000",
    ),
    ("MAX_INPUT_FILE_BYTES", Some("1000000000"), "quota: batch inference input file size"),
    (
        "SMALL_DROPS",
        Some("pad"),
        "what happens to fewer records than a job needs: `pad` fills the job up with padding; `reject` refuses a small \
         file, and puts what a job leaves over into `unprocessed/`",
    ),
    (
        "REPAIR",
        Some("on"),
        "`on`: blank lines, byte order marks, integer ids, and extra members of records are repaired; `off`: they are \
         refused",
    ),
    ("MAX_ATTEMPTS", Some("3"), "how often a record that was not processed is tried; 1 to 10"),
    (
        "MAX_DROP_USD",
        Some(""),
        "what a drop may cost, at most, in US dollars such as `12.50`; one that may cost more is held; empty: any amount",
    ),
    (
        "MAX_USD_PER_DAY",
        Some(""),
        "what all drops may cost on one day in UTC; a drop that would exceed it is held; empty: any amount",
    ),
    (
        "DUPLICATE_DROPS",
        Some("accept"),
        "what happens to a file that was dropped under the same key within seven days: `accept` runs it again; `hold` holds it",
    ),
    ("MAX_RECORD_BYTES", Some("26214400"), "longest line of a drop; at most 268435456"),
    (
        "MAX_DROP_BYTES",
        Some("50000000000"),
        "largest drop; one function has to read it within its 15 minutes",
    ),
    (
        "MODEL_RULES",
        Some("on"),
        "`on` refuses a drop if all of its records that were examined are certain to fail at the model; `off` examines none",
    ),
    (
        "S3_LOCATION_PREFIXES",
        Some(""),
        "what the `s3Location` of a record may point to, comma-separated: starts of S3 URIs, such as `s3://media/videos/`, or \
         ARNs, such as `arn:aws:s3:::media/videos/*`; empty: nothing",
    ),
    ("CALL_TIMEOUT_SECONDS", Some("20"), "one attempt of one call to S3 or Bedrock; 1 to 600"),
    (
        "EVENT_GRACE_SECONDS",
        Some("600"),
        "how old an object without a ledger entry is when its event counts as lost; at most 86400",
    ),
    ("S3_FORCE_PATH_STYLE", Some("false"), "`true` for S3 stand-ins that want the bucket in the path"),
];

/// Reads a variable of the process environment. Returns `None` if it is not set, or is not UTF-8.
#[expect(clippy::disallowed_methods, reason = "everything else gets its settings from here")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Config {
    /// Reads the process environment.
    ///
    /// # Errors
    /// Returns all problems of the environment in one error.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(variable)
    }

    /// Reads an environment that is given as a function.
    ///
    /// # Errors
    /// Returns all problems of the environment in one error.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut vars = Vars { var: &var, problems: Vec::new() };

        let input_bucket = vars.text("INPUT_BUCKET", is_bucket, "is not a bucket name");
        let input_prefix = vars.text("INPUT_PREFIX", |prefix| prefix.len() <= 1024, "is longer than a key");
        let input_suffixes = vars.text(
            "INPUT_SUFFIXES",
            |list| InputSuffixes::parse(list).is_some(),
            "is not a list of different suffixes like .jsonl,.json",
        );
        let output_bucket = vars.text("OUTPUT_BUCKET", is_bucket, "is not a bucket name");
        if !input_bucket.is_empty() && input_bucket == output_bucket {
            vars.problem(
                "OUTPUT_BUCKET",
                "is the input bucket: the pipeline must not write where users write",
            );
        }
        let job_name_prefix = vars.text(
            "JOB_NAME_PREFIX",
            is_job_name_prefix,
            "is not 1 to 30 of a-z A-Z 0-9 -, starting with a letter or digit",
        );
        let job_role_arn = vars.text("JOB_ROLE_ARN", is_role_arn, "is not the ARN of an IAM role");
        let model_id = vars.text("MODEL_ID", is_model_id, "is not a model id, inference profile id, or ARN");
        let route_models = vars.models("ROUTE_MODEL_ARNS");
        let vpc = Vpc {
            subnet_ids: vars.ids("SUBNET_IDS", "subnet-", 16),
            security_group_ids: vars.ids("SECURITY_GROUP_IDS", "sg-", 5),
        };
        let model_invocation_type = vars.text(
            "MODEL_INVOCATION_TYPE",
            |value| MODEL_INVOCATION_TYPES.contains(&value),
            "is neither InvokeModel nor Converse",
        );
        let timeout_duration_in_hours =
            vars.number_in("TIMEOUT_DURATION_IN_HOURS", TIMEOUT_DURATION_IN_HOURS);
        let s3_encryption_key_id = vars.text(
            "S3_ENCRYPTION_KEY_ID",
            |value| value.is_empty() || is_key_id(value),
            "is not a KMS key id, alias, or ARN",
        );
        let job_tags = vars.tags("JOB_TAGS");
        let quotas = Quotas {
            min_records: vars.number("MIN_RECORDS_PER_JOB", 1, u64::MAX),
            max_records: vars.number("MAX_RECORDS_PER_JOB", 1, MAX_LINES),
            max_file_bytes: vars.number("MAX_INPUT_FILE_BYTES", 1, u64::MAX),
        };
        // A number that cannot be read is 0.
        if quotas.max_records > 0 && quotas.min_records > quotas.max_records {
            vars.problem("MIN_RECORDS_PER_JOB", "is more than MAX_RECORDS_PER_JOB");
        }
        let small_drops =
            vars.text("SMALL_DROPS", |value| SmallDrops::parse(value).is_some(), "is neither pad nor reject");
        let repair = vars.switch("REPAIR");
        let max_attempts = vars.number_in("MAX_ATTEMPTS", MAX_ATTEMPTS);
        let limits = Limits {
            max_drop_usd: vars.usd("MAX_DROP_USD"),
            max_usd_per_day: vars.usd("MAX_USD_PER_DAY"),
            max_route_usd_per_day: None,
            duplicate_drops: DuplicateDrops::parse(&vars.text(
                "DUPLICATE_DROPS",
                |value| DuplicateDrops::parse(value).is_some(),
                "is neither accept nor hold",
            ))
            .unwrap_or_default(),
        };
        let max_record_bytes = vars.number("MAX_RECORD_BYTES", 1, 256 << 20);
        let max_drop_bytes = vars.number("MAX_DROP_BYTES", 1, u64::MAX);
        let model_rules = vars.switch("MODEL_RULES");
        let s3_location_prefixes = vars.s3_prefixes("S3_LOCATION_PREFIXES");
        let call_timeout = Duration::from_secs(vars.number("CALL_TIMEOUT_SECONDS", 1, 600));
        let event_grace = Duration::from_secs(vars.number("EVENT_GRACE_SECONDS", 0, 86_400));
        let s3_force_path_style = vars.text(
            "S3_FORCE_PATH_STYLE",
            |value| value == "true" || value == "false",
            "is neither true nor false",
        );

        if !vars.problems.is_empty() {
            return Err(ConfigError { problems: vars.problems });
        }
        Ok(Self {
            input_bucket,
            input_prefix,
            input_suffixes: InputSuffixes::parse(&input_suffixes).unwrap_or_default(),
            output_bucket,
            job_name_prefix,
            job_role_arn,
            model_id,
            route_models,
            vpc,
            model_invocation_type: ModelInvocationType::from(model_invocation_type.as_str()),
            timeout_duration_in_hours,
            s3_encryption_key_id: Some(s3_encryption_key_id).filter(|id| !id.is_empty()),
            job_tags,
            quotas,
            small_drops: SmallDrops::parse(&small_drops).unwrap_or_default(),
            repair,
            max_attempts,
            limits,
            max_record_bytes,
            max_drop_bytes,
            model_rules,
            s3_location_prefixes,
            call_timeout,
            event_grace,
            s3_force_path_style: s3_force_path_style == "true",
        })
    }
}

/// Reads variables, and collects their problems. The value that is returned for a bad variable is never used.
struct Vars<'a> {
    var: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Vars<'_> {
    fn problem(&mut self, name: &str, what: impl fmt::Display) {
        self.problems.push(format!("{name} {what}"));
    }

    /// Returns the value without the white space around it, or the default, or `None` if the variable is required and
    /// missing. An empty value counts as missing, because a template has no other way to leave a variable out.
    fn value(&mut self, name: &str) -> Option<String> {
        let set = (self.var)(name);
        let value = set.as_deref().map(str::trim).filter(|value| !value.is_empty());
        let default = VARIABLES.iter().find(|variable| variable.0 == name).and_then(|variable| variable.1);
        match (value.or(default), set.is_some()) {
            (Some(value), _) => Some(value.to_owned()),
            (None, true) => {
                self.problem(name, "is empty");
                None
            }
            (None, false) => {
                self.problem(name, "is not set");
                None
            }
        }
    }

    fn text(&mut self, name: &str, is_valid: impl Fn(&str) -> bool, what: &str) -> String {
        let Some(value) = self.value(name) else { return String::new() };
        if !is_valid(&value) {
            self.problem(name, format_args!("{what}: {value:?}"));
        }
        value
    }

    /// Reads an amount of US dollars; `None` if it is empty.
    fn usd(&mut self, name: &str) -> Option<Usd> {
        let text = self.text(
            name,
            |value| value.is_empty() || Usd::parse(value).is_some(),
            "is not an amount of US dollars such as 12.50",
        );
        Usd::parse(&text)
    }

    /// Reads `on` or `off`.
    fn switch(&mut self, name: &str) -> bool {
        self.text(name, |value| value == "on" || value == "off", "is neither on nor off") == "on"
    }

    fn number<N: FromStr + PartialOrd + fmt::Display + Default>(&mut self, name: &str, min: N, max: N) -> N {
        let value = self.value(name).unwrap_or_default();
        match value.parse::<N>() {
            Ok(number) if number >= min && number <= max => return number,
            // No person knows the largest number of the type.
            Ok(_) if max.to_string() == u64::MAX.to_string() => {
                self.problem(name, format_args!("is not a whole number of at least {min}: {value}"));
            }
            Ok(_) => self.problem(name, format_args!("is not between {min} and {max}: {value}")),
            Err(_) => self.problem(name, format_args!("is not a whole number of at least {min}: {value:?}")),
        }
        N::default()
    }

    fn number_in<N: FromStr + PartialOrd + fmt::Display + Default + Copy>(
        &mut self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> N {
        self.number(name, *range.start(), *range.end())
    }

    /// Reads a comma-separated list of `prefix…` ids. The prefix tells subnets from security groups: they are easily
    /// swapped, and Bedrock would notice only when the job fails.
    fn ids(&mut self, name: &str, prefix: &str, max: usize) -> Vec<String> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let ids: Vec<String> = value.split(',').map(|id| id.trim().to_owned()).collect();
        if ids.len() > max {
            self.problem(name, format_args!("has {} items, but at most {max} are allowed", ids.len()));
        }
        for (index, id) in ids.iter().enumerate() {
            let rest = id.strip_prefix(prefix).unwrap_or_default();
            if id.is_empty() {
                self.problem(name, format_args!("has a blank item in position {}", index + 1));
            } else if rest.is_empty() || id.len() > 32 || !rest.bytes().all(is_alphanumeric_or(b"-")) {
                self.problem(name, format_args!("has an item that is not like {prefix}0123abcd: {id:?}"));
            } else if ids.iter().take(index).any(|earlier| earlier == id) {
                self.problem(name, format_args!("has {id} twice"));
            }
        }
        ids
    }

    /// Reads a comma-separated list of models.
    fn models(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.value(name).filter(|value| !value.is_empty()) else { return Vec::new() };
        let models: Vec<String> = value.split(',').map(|model| model.trim().to_owned()).collect();
        if let Some(bad) = models.iter().find(|model| !is_model_id(model)) {
            self.problem(
                name,
                format_args!("has an item that is not a model id, inference profile id, or ARN: {bad:?}"),
            );
        }
        models
    }

    /// Reads a comma-separated list of starts of S3 URIs. Each has a whole bucket name: without the `/` after it,
    /// `s3://media` would be the start of `s3://media-2/`, too.
    fn s3_prefixes(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.value(name).filter(|value| !value.is_empty()) else { return Vec::new() };
        let mut prefixes = Vec::new();
        for item in value.split(',').map(str::trim) {
            let of_arn = Arn::parse(item)
                .filter(|arn| arn.service() == "s3")
                .and_then(|arn| arn.resource().strip_suffix('*').map(|path| format!("s3://{path}")));
            let uri = of_arn.unwrap_or_else(|| item.to_owned());
            if S3Uri::parse(&uri).is_some_and(|uri| is_bucket(uri.bucket()) && !uri.key().contains('*')) {
                prefixes.push(uri);
            } else {
                self.problem(
                    name,
                    format_args!("has an item that is neither like s3://media/videos/ nor like arn:aws:s3:::media/videos/*: {item:?}"),
                );
            }
        }
        prefixes
    }

    fn tags(&mut self, name: &str) -> BTreeMap<String, String> {
        let value = self.value(name).unwrap_or_default();
        let Ok(tags) = serde_json::from_str::<BTreeMap<String, String>>(&value) else {
            self.problem(name, "is not a JSON object of strings");
            return BTreeMap::new();
        };
        for problem in refused_tags(&tags) {
            self.problem(name, problem);
        }
        tags
    }
}

fn is_alphanumeric_or(others: &[u8]) -> impl Fn(u8) -> bool {
    move |byte| byte.is_ascii_alphanumeric() || others.contains(&byte)
}

/// Returns whether a bucket may have this name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket(name: &str) -> bool {
    let is_inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(is_inner)
        && !name.starts_with(['.', '-'])
        && !name.ends_with(['.', '-'])
}

fn is_job_name_prefix(prefix: &str) -> bool {
    prefix.len() <= MAX_JOB_NAME_PREFIX
        && prefix.starts_with(|c: char| c.is_ascii_alphanumeric())
        && prefix.bytes().all(is_alphanumeric_or(b"-"))
}

fn is_role_arn(text: &str) -> bool {
    let Some(arn) = Arn::parse(text) else { return false };
    is_partition(arn)
        && arn.service() == "iam"
        && arn.region().is_empty()
        && is_account(arn)
        && arn.resource().strip_prefix("role/").is_some_and(|name| !name.is_empty())
        && text.len() <= 2048
}

/// Checks less than the API's pattern. Bedrock checks the rest.
fn is_partition(arn: Arn<'_>) -> bool {
    arn.partition() == "aws" || arn.partition().strip_prefix("aws-").is_some_and(|rest| !rest.is_empty())
}

fn is_account(arn: Arn<'_>) -> bool {
    arn.account().len() == 12 && arn.account().bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether Bedrock takes this as the key of its output.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ModelInvocationJobS3OutputDataConfig.html> (read 2026-11)
fn is_key_id(id: &str) -> bool {
    let is_key = |id: &str| id.len() == 36 && id.bytes().all(is_alphanumeric_or(b"-"));
    let is_alias = |id: &str| {
        let name = id.strip_prefix("alias/").unwrap_or_default();
        !name.is_empty() && name.bytes().all(is_alphanumeric_or(b"/_-"))
    };
    let is_arn = Arn::parse(id).is_some_and(|arn| {
        let of_key = arn.resource().strip_prefix("key/").is_some_and(is_key);
        is_partition(arn) && arn.service() == "kms" && is_account(arn) && (of_key || is_alias(arn.resource()))
    });
    id.len() <= 2048 && (is_key(id) || is_alias(id) || is_arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            ("INPUT_BUCKET", "demo-input"),
            ("OUTPUT_BUCKET", "demo-output"),
            ("JOB_NAME_PREFIX", "demo"),
            ("JOB_ROLE_ARN", "arn:aws:iam::123456789012:role/batch"),
            ("MODEL_ID", "amazon.nova-lite-v1:0"),
            ("SUBNET_IDS", "subnet-b, subnet-a"),
            ("SECURITY_GROUP_IDS", "sg-1"),
        ])
    }

    fn read(vars: &BTreeMap<&str, &str>) -> Result<Config, String> {
        Config::from_vars(|name| vars.get(name).map(ToString::to_string)).map_err(|error| error.to_string())
    }

    #[test]
    fn sound_environment_gets_documented_defaults() {
        let config = read(&sound()).unwrap();
        assert_eq!(config.vpc.subnet_ids(), ["subnet-b", "subnet-a"]);
        assert_eq!(config.vpc.security_group_ids(), ["sg-1"]);
        assert_eq!((config.quotas, config.small_drops), (Quotas::default(), SmallDrops::Pad));
        assert_eq!(config.model_invocation_type, ModelInvocationType::InvokeModel);
        assert_eq!(config.timeout_duration_in_hours, 24);
        assert_eq!((config.s3_encryption_key_id, config.job_tags.len()), (None, 0));
        assert_eq!(config.call_timeout, Duration::from_secs(20));
        assert!(!config.s3_force_path_style && !config.limits.hold_anything());
    }

    #[test]
    fn key_of_output_may_be_an_id_an_alias_or_an_arn() {
        for id in [
            "01234567-89ab-cdef-0123-456789abcdef",
            "mrk-0123456789abcdef0123456789abcdef",
            "alias/team/batch_1",
            "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
            "arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/batch",
        ] {
            let mut vars = sound();
            vars.insert("S3_ENCRYPTION_KEY_ID", id);
            assert_eq!(read(&vars).unwrap().s3_encryption_key_id.as_deref(), Some(id));
        }
    }

    #[test]
    fn empty_environment_names_every_required_variable() {
        let error = read(&BTreeMap::new()).unwrap_err();
        let required: Vec<String> = VARIABLES
            .iter()
            .filter(|(_, default, _)| default.is_none())
            .map(|(name, ..)| format!("{name} is not set"))
            .collect();
        assert_eq!(error, format!("invalid environment: {}", required.join("; ")));
    }

    #[test]
    fn each_bad_value_is_named_with_its_reason() {
        let seventeen = vec!["subnet-1"; 17].join(",");
        let table = [
            ("INPUT_BUCKET", "Upper", "INPUT_BUCKET is not a bucket name: \"Upper\""),
            ("OUTPUT_BUCKET", "demo-input", "OUTPUT_BUCKET is the input bucket"),
            ("INPUT_SUFFIXES", "jsonl", "INPUT_SUFFIXES is not a list of different suffixes"),
            ("INPUT_SUFFIXES", ".json,.JSON", "INPUT_SUFFIXES is not a list of different suffixes"),
            ("JOB_NAME_PREFIX", "a_b", "JOB_NAME_PREFIX is not 1 to 30"),
            ("JOB_NAME_PREFIX", "a234567890123456789012345678901", "JOB_NAME_PREFIX is not 1 to 30"),
            ("JOB_ROLE_ARN", "batch", "JOB_ROLE_ARN is not the ARN of an IAM role: \"batch\""),
            ("JOB_ROLE_ARN", "arn:aws:iam::123456789012:user/x", "JOB_ROLE_ARN is not the ARN"),
            ("MODEL_ID", "a b", "MODEL_ID is not a model id"),
            (
                "ROUTE_MODEL_ARNS",
                "amazon.nova-lite-v1:0,",
                "ROUTE_MODEL_ARNS has an item that is not a model id, inference profile id, or ARN: \"\"",
            ),
            ("SUBNET_IDS", "", "SUBNET_IDS is empty"),
            ("SUBNET_IDS", " ", "SUBNET_IDS is empty"),
            ("SUBNET_IDS", "subnet-1,,subnet-2", "SUBNET_IDS has a blank item in position 2"),
            ("SUBNET_IDS", "subnet-1,", "SUBNET_IDS has a blank item in position 2"),
            ("SUBNET_IDS", "sg-1", "SUBNET_IDS has an item that is not like subnet-0123abcd: \"sg-1\""),
            ("SUBNET_IDS", "subnet-1,subnet-1", "SUBNET_IDS has subnet-1 twice"),
            ("SUBNET_IDS", &seventeen, "SUBNET_IDS has 17 items, but at most 16 are allowed"),
            (
                "SECURITY_GROUP_IDS",
                "sg-1,sg-2,sg-3,sg-4,sg-5,sg-6",
                "SECURITY_GROUP_IDS has 6 items, but at most 5",
            ),
            ("MODEL_INVOCATION_TYPE", "Chat", "MODEL_INVOCATION_TYPE is neither"),
            ("TIMEOUT_DURATION_IN_HOURS", "23", "TIMEOUT_DURATION_IN_HOURS is not between 24 and 168: 23"),
            ("TIMEOUT_DURATION_IN_HOURS", "soon", "TIMEOUT_DURATION_IN_HOURS is not a whole number"),
            ("S3_ENCRYPTION_KEY_ID", "zz", "S3_ENCRYPTION_KEY_ID is not a KMS key"),
            ("S3_ENCRYPTION_KEY_ID", "alias/", "S3_ENCRYPTION_KEY_ID is not a KMS key"),
            (
                "S3_ENCRYPTION_KEY_ID",
                "arn:aws:kms:us-east-1:123456789012:key/1234",
                "S3_ENCRYPTION_KEY_ID is not a KMS key",
            ),
            (
                "S3_ENCRYPTION_KEY_ID",
                "arn:aws:s3:us-east-1:123456789012:alias/batch",
                "S3_ENCRYPTION_KEY_ID is not a KMS key",
            ),
            ("JOB_TAGS", "team=a", "JOB_TAGS is not a JSON object"),
            ("JOB_TAGS", "{\"a\":\"b!\"}", "JOB_TAGS has a tag that Bedrock refuses: \"a\""),
            ("MIN_RECORDS_PER_JOB", "0", "MIN_RECORDS_PER_JOB is not a whole number of at least 1: 0"),
            ("MAX_RECORDS_PER_JOB", "abc", "MAX_RECORDS_PER_JOB is not a whole number"),
            ("MIN_RECORDS_PER_JOB", "100001", "MIN_RECORDS_PER_JOB is more than MAX_RECORDS_PER_JOB"),
            ("SMALL_DROPS", "share", "SMALL_DROPS is neither pad nor reject: \"share\""),
            ("MAX_DROP_USD", "$5", "MAX_DROP_USD is not an amount of US dollars such as 12.50: \"$5\""),
            ("MAX_USD_PER_DAY", "-1", "MAX_USD_PER_DAY is not an amount of US dollars such as 12.50: \"-1\""),
            ("DUPLICATE_DROPS", "reject", "DUPLICATE_DROPS is neither accept nor hold: \"reject\""),
            ("MODEL_RULES", "yes", "MODEL_RULES is neither on nor off: \"yes\""),
            (
                "S3_LOCATION_PREFIXES",
                "s3://media",
                "S3_LOCATION_PREFIXES has an item that is neither like s3://",
            ),
            (
                "S3_LOCATION_PREFIXES",
                "arn:aws:s3:::media/a",
                "S3_LOCATION_PREFIXES has an item that is neither",
            ),
            ("S3_LOCATION_PREFIXES", "arn:aws:s3:::*", "S3_LOCATION_PREFIXES has an item that is neither"),
            ("CALL_TIMEOUT_SECONDS", "0", "CALL_TIMEOUT_SECONDS is not between 1 and 600: 0"),
            ("S3_FORCE_PATH_STYLE", "yes", "S3_FORCE_PATH_STYLE is neither true nor false"),
        ];
        for (name, value, reason) in table {
            let mut vars = sound();
            vars.insert(name, value);
            let error = read(&vars).unwrap_err();
            assert!(error.starts_with(&format!("invalid environment: {reason}")), "{name}={value}: {error}");
        }
    }

    #[test]
    fn model_rules_are_those_of_the_model_and_what_its_role_may_read() {
        let mut vars = sound();
        vars.insert("S3_LOCATION_PREFIXES", "s3://media/videos/, arn:aws-us-gov:s3:::other/*");
        let config = read(&vars).unwrap();
        assert_eq!(config.s3_location_prefixes, ["s3://media/videos/", "s3://other/"]);
        let rules = config.model_rules(&config.settings()).unwrap();
        let findings = |uri: &str| {
            rules.judge(&format!(
                r#"{{"messages":[{{"role":"user","content":[{{"video":{{"source":{{"s3Location":{{"uri":"{uri}"}}}}}}}}]}}]}}"#
            ))
        };
        for readable in ["s3://media/videos/1.mp4", "s3://other/1.mp4", "s3://demo-output/work/1.mp4"] {
            assert_eq!(findings(readable), [], "{readable}");
        }
        for other in ["s3://media/1.mp4", "s3://other-2/1.mp4", "s3://demo-output/results/1.mp4"] {
            assert_eq!(findings(other)[0].code, "body-s3-location", "{other}");
        }
        let rules = |vars: &_| {
            let config = read(vars).unwrap();
            config.model_rules(&config.settings())
        };
        vars.insert("MODEL_RULES", "off");
        assert!(rules(&vars).is_none());
        vars.insert("MODEL_RULES", "on");
        vars.insert("MODEL_ID", "abcdefghijkl");
        assert!(rules(&vars).is_none());
    }

    #[test]
    fn all_problems_come_in_one_message() {
        let mut vars = sound();
        vars.insert("SUBNET_IDS", "");
        vars.remove("SECURITY_GROUP_IDS");
        vars.insert("MODEL_ID", "?");
        assert_eq!(
            read(&vars).unwrap_err(),
            "invalid environment: MODEL_ID is not a model id, inference profile id, or ARN: \"?\"; \
             SUBNET_IDS is empty; SECURITY_GROUP_IDS is not set"
        );
    }
}
