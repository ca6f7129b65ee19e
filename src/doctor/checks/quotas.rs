//! The quotas for the model.

use crate::doctor::facts::{Facts, ModelState};
use crate::doctor::finding::Finding;
use crate::doctor::subject::Subject;

/// Compares the settings with the model's quotas.
/// <https://docs.aws.amazon.com/general/latest/gr/bedrock.html> (read 2026-11)
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "quotas";
    let (quotas, model) = match (&facts.quotas, &facts.model) {
        (Err(unknown), _) => return vec![Finding::unknown(CHECK, unknown)],
        (Ok(quotas), Ok(ModelState::Found(model))) => (quotas, model),
        _ => {
            let why = "the quotas name models, but the name of this model is not known";
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
            let fix = "compare it in the console of Service Quotas";
            findings.push(Finding::not_checked(CHECK, why, fix));
            continue;
        };
        let limit = quota.value * unit;
        // Exact, because settings are far below 2^53.
        let setting_number = setting as f64;
        let is_sound = if is_minimum { setting_number >= limit } else { setting_number <= limit };
        if is_sound {
            agreed.push(format!("{variable} {setting}"));
        } else {
            let what = format!("{variable} is {setting}, but the quota {:?} is {limit}", quota.name);
            let fix = if is_minimum { "set it to that" } else { "set it to that, or request a higher quota" };
            findings.push(Finding::fail(CHECK, what, fix));
        }
    }
    if findings.is_empty() {
        agreed.dedup();
        findings
            .push(Finding::ok(CHECK, format!("within the quotas of {}: {}", model.name, agreed.join(", "))));
    }
    findings
}

/// Whether a quota is the one with this name for this model. Quotas name models almost as Bedrock does:
/// `… for Nova Lite V1` is for `Nova Lite`. The unit may be in the middle or at the end:
/// `… (in GB) for Nova Lite`, `… for Qwen3 32B (in GB)`.
pub(crate) fn is_quota(quota: &str, name: &str, model_name: &str) -> bool {
    let quota = quota.replace(" (in GB)", "");
    let plain = |name: &str| {
        let name = name.to_lowercase();
        let name = name.strip_suffix(" v1").unwrap_or(&name);
        let makers = ["anthropic ", "amazon ", "meta ", "mistral ai "];
        makers.iter().find_map(|maker| name.strip_prefix(maker)).unwrap_or(name).to_owned()
    };
    quota.rsplit_once(" for ").is_some_and(|(of, model)| of == name && plain(model) == plain(model_name))
}
