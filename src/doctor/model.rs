//! The model or inference profile, its quotas, and the keys. Pure.

use super::facts::{Facts, Key};
use super::finding::Finding;
use super::policy::{Context, Principal, Request, Verdict, judge};
use super::subject::Subject;

/// Whether a model has batch inference, only this table says.
const BATCH_MODELS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html";

/// Prefixes of the ids of inference profiles.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html> (read 2026-11)
const GEOGRAPHIES: [&str; 9] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "global."];

/// What a model's id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ModelId<'a> {
    /// A foundation model, by its id.
    Foundation(&'a str),
    /// An inference profile, by id or ARN.
    Profile(&'a str),
    /// A custom model, by its ARN.
    Custom(&'a str),
}

/// Reads the setting.
pub(super) fn parse(model_id: &str) -> ModelId<'_> {
    if model_id.contains(":custom-model/") {
        return ModelId::Custom(model_id);
    }
    if let Some((_, id)) = model_id.split_once(":foundation-model/") {
        return ModelId::Foundation(id);
    }
    let is_profile = model_id.contains("inference-profile/")
        || GEOGRAPHIES.iter().any(|geography| model_id.starts_with(geography));
    if is_profile { ModelId::Profile(model_id) } else { ModelId::Foundation(model_id) }
}

/// Every ARN that the role invokes: the model's, or those of the profile and of its models.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html> (read 2026-11)
pub(super) fn arns(subject: &Subject, facts: &Facts) -> Vec<String> {
    match parse(&subject.config.model_id) {
        ModelId::Foundation(id) => vec![subject.model_arn(id)],
        ModelId::Custom(arn) => vec![arn.to_owned()],
        ModelId::Profile(_) => match &facts.profile {
            Some(Ok(Some(profile))) => {
                [&profile.arn].into_iter().chain(&profile.model_arns).cloned().collect()
            }
            _ => Vec::new(),
        },
    }
}

/// The profile of a model that has one near this Region.
fn profile_for(model_id: &str, region: &str) -> String {
    let geography = match region.split('-').next() {
        Some("us") if region.starts_with("us-gov-") => "us-gov.",
        Some("us") => "us.",
        Some("eu") => "eu.",
        Some("ap") => "apac.",
        _ => "global.",
    };
    format!("{geography}{model_id}")
}

/// All checks of the model.
pub(super) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "model";
    let model_id = &subject.config.model_id;
    let region = &subject.region;
    if let ModelId::Custom(arn) = parse(model_id) {
        let why = format!("{arn} is a custom model");
        return vec![Finding::not_checked(CHECK, why, format!("see {BATCH_MODELS}"))];
    }
    let mut findings = Vec::new();
    match &facts.profile {
        Some(Ok(None)) => {
            let what = format!("there is no inference profile {model_id} in {region}");
            let cure = "aws bedrock list-inference-profiles shows those that there are";
            return vec![Finding::fail(CHECK, what, cure)];
        }
        Some(Ok(Some(profile))) if !profile.is_active => {
            let what = format!("the inference profile {model_id} is not active");
            findings.push(Finding::fail(CHECK, what, "use another one"));
        }
        Some(Ok(Some(_))) | None => {}
        Some(Err(unknown)) => return vec![Finding::unknown(CHECK, unknown)],
    }
    let model = match &facts.model {
        Ok(Some(model)) => model,
        Ok(None) if facts.profile.is_some() => {
            // A profile may lead to Regions that have the model while this one has not.
            let what = format!("the inference profile {model_id} is active, its model is not in {region}");
            findings.push(Finding::ok(CHECK, what));
            return findings;
        }
        Ok(None) => {
            let what = format!("there is no model {model_id} in {region}");
            return vec![Finding::fail(CHECK, what, format!("use one of {BATCH_MODELS}"))];
        }
        Err(unknown) => {
            findings.push(Finding::unknown(CHECK, unknown));
            return findings;
        }
    };
    if model.lifecycle != "ACTIVE" {
        let end = model.end_of_life.as_ref().map(|end| format!(", and ends on {end}")).unwrap_or_default();
        let what = format!("{} is {}{end}", model.id, model.lifecycle);
        findings.push(Finding::warn(CHECK, what, "move to a newer model"));
    }
    let types = &model.inference_types;
    let is_direct = types.is_empty() || types.iter().any(|kind| kind != "INFERENCE_PROFILE");
    if facts.profile.is_none() && !is_direct {
        let what = format!("{} is to be had only through an inference profile", model.id);
        let profile = profile_for(&model.id, region);
        let cure = format!("set ModelId to {profile}, or to another profile, and ModelArns to all its ARNs");
        findings.push(Finding::fail(CHECK, what, cure));
    }
    if findings.is_empty() {
        let what = format!("{model_id} is active; whether for batch too, only {BATCH_MODELS} says");
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

/// The settings against the quotas of the model.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html> (read 2026-11)
pub(super) fn check_quotas(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "quotas";
    let (quotas, model) = match (&facts.quotas, &facts.model) {
        (Err(unknown), _) => return vec![Finding::unknown(CHECK, unknown)],
        (Ok(quotas), Ok(Some(model))) => (quotas, model),
        _ => {
            let why = "the quotas name models, and the model's name is not known";
            return vec![Finding::not_checked(CHECK, why, "compare them in the console of Service Quotas")];
        }
    };
    let settings = &subject.config.quotas;
    let mut findings = Vec::new();
    let mut agreed = Vec::new();
    for (name, variable, setting, unit, is_minimum) in [
        (
            "Minimum number of records per batch inference job",
            "MIN_RECORDS_PER_JOB",
            settings.min_records,
            1.0,
            true,
        ),
        ("Records per batch inference job", "MAX_RECORDS_PER_JOB", settings.max_records, 1.0, false),
        (
            "Records per input file per batch inference job",
            "MAX_RECORDS_PER_JOB",
            settings.max_records,
            1.0,
            false,
        ),
        ("Batch inference input file size", "MAX_INPUT_FILE_BYTES", settings.max_file_bytes, 1e9, false),
    ] {
        let Some(quota) = quotas.iter().find(|quota| is_quota(&quota.name, name, &model.name)) else {
            let why = format!("no quota is named {name:?} for {:?}", model.name);
            let cure = "compare it in the console of Service Quotas";
            findings.push(Finding::not_checked(CHECK, why, cure));
            continue;
        };
        let limit = quota.value * unit;
        // Far below 2^53.
        let setting_number = setting as f64;
        let is_sound = if is_minimum { setting_number >= limit } else { setting_number <= limit };
        if is_sound {
            agreed.push(format!("{variable} {setting}"));
        } else {
            let what = format!("{variable} is {setting}, the quota {:?} is {limit}", quota.name);
            let cure = if is_minimum { "set it to that" } else { "set it to that, or ask for more" };
            findings.push(Finding::fail(CHECK, what, cure));
        }
    }
    if findings.is_empty() {
        agreed.dedup();
        findings.push(Finding::ok(CHECK, format!("of {}: {} are within", model.name, agreed.join(", "))));
    }
    findings
}

/// Quotas name models much as Bedrock does: `… for Nova Lite V1` is `Nova Lite`, `… for Qwen3 32B (in GB)` and
/// `… (in GB) for Nova Lite` have their unit in different places.
pub(super) fn is_quota(quota: &str, name: &str, model_name: &str) -> bool {
    let quota = quota.replace(" (in GB)", "");
    let plain = |name: &str| {
        let name = name.to_lowercase();
        let name = name.strip_suffix(" v1").unwrap_or(&name);
        let makers = ["anthropic ", "amazon ", "meta ", "mistral ai "];
        makers.iter().find_map(|maker| name.strip_prefix(maker)).unwrap_or(name).to_owned()
    };
    quota.rsplit_once(" for ").is_some_and(|(of, model)| of == name && plain(model) == plain(model_name))
}

/// The keys that the job's role reads and writes with.
pub(super) fn check_keys(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    if facts.keys.is_empty() {
        return vec![Finding::ok("KMS key", "none is used")];
    }
    facts.keys.iter().flat_map(|key| check_key(subject, key)).collect()
}

fn check_key(subject: &Subject, key: &Key) -> Vec<Finding> {
    const CHECK: &str = "KMS key";
    let region = key.id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
    if let Some(region) = region.filter(|region| *region != subject.region) {
        let what = format!("{} is in {region}: S3 takes keys of the bucket's Region only", key.id);
        return vec![Finding::fail(CHECK, what, format!("use a key in {}", subject.region))];
    }
    let metadata = match &key.metadata {
        Ok(Some(metadata)) => metadata,
        Ok(None) => {
            return vec![Finding::fail(CHECK, format!("{} does not exist", key.id), "use a key that exists")];
        }
        Err(unknown) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let mut findings = Vec::new();
    if metadata.state != "Enabled" {
        let cure = format!("aws kms enable-key --key-id {}, or use another", key.id);
        findings.push(Finding::fail(CHECK, format!("{} is {}", key.id, metadata.state), cure));
    }
    if metadata.spec != "SYMMETRIC_DEFAULT" {
        let what = format!("{} is of {}, and S3 takes symmetric ones only", key.id, metadata.spec);
        findings.push(Finding::fail(CHECK, what, "use a symmetric key"));
    }
    match &key.policy {
        Ok(Some(policy)) => findings.extend(key_policy(CHECK, subject, &metadata.arn, policy)),
        Ok(None) => {}
        Err(unknown) => findings.push(Finding::unknown(CHECK, unknown)),
    }
    if findings.is_empty() {
        let what = format!("{} is enabled, symmetric, and its policy admits the role", key.id);
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

/// A key's policy must admit the role, or the whole account, and so leave it to IAM.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>
fn key_policy(
    check: &'static str,
    subject: &Subject,
    arn: &str,
    policy: &serde_json::Value,
) -> Option<Finding> {
    let role_arn = &subject.config.job_role_arn;
    let context = Context::new([
        ("aws:PrincipalAccount", vec![subject.account().to_owned()]),
        ("aws:PrincipalArn", vec![role_arn.clone()]),
        ("kms:CallerAccount", vec![subject.account().to_owned()]),
        ("kms:ViaService", vec![format!("s3.{}.amazonaws.com", subject.region)]),
    ]);
    ["kms:Decrypt", "kms:GenerateDataKey"].into_iter().find_map(|action| {
        let request =
            Request { principal: Principal::Role(role_arn), action, resource: arn, context: &context };
        let cure = format!("allow it there to {role_arn}, or to the account");
        match judge(policy, &request) {
            Verdict::Allowed => None,
            Verdict::NotAllowed => {
                // A grant would do as well, and the template makes none.
                Some(Finding::fail(check, format!("the policy of {arn} does not admit {action}"), cure))
            }
            Verdict::Denied(sid) => {
                Some(Finding::fail(check, format!("{sid} of the policy of {arn} denies {action}"), cure))
            }
            Verdict::Unsure(sid) => {
                let why = format!("what is not known here decides in {sid} of {arn} on {action}");
                Some(Finding::not_checked(check, why, "read it yourself"))
            }
        }
    })
}
