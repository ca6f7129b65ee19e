//! The model or inference profile.

use crate::doctor::facts::Facts;
use crate::doctor::finding::Finding;
use crate::doctor::model_id::{ModelId, parse};
use crate::doctor::subject::Subject;

/// Only this table says whether a model has batch inference.
const BATCH_MODELS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html";

/// Checks the model.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
            let what = format!("the inference profile {model_id} does not exist in {region}");
            let fix = "use one that aws bedrock list-inference-profiles lists";
            return vec![Finding::fail(CHECK, what, fix)];
        }
        Some(Ok(Some(profile))) if !profile.is_active => {
            let what = format!("the inference profile {model_id} is not active");
            findings.push(Finding::fail(CHECK, what, "use another profile"));
        }
        Some(Ok(Some(_))) | None => {}
        Some(Err(unknown)) => return vec![Finding::unknown(CHECK, unknown)],
    }
    let model = match &facts.model {
        Ok(Some(model)) => model,
        Ok(None) if facts.profile.is_some() => {
            // A profile may lead to Regions that have the model even though this one does not.
            let what = format!("the inference profile {model_id} is active; its model is not in {region}");
            findings.push(Finding::ok(CHECK, what));
            return findings;
        }
        Ok(None) => {
            let what = format!("the model {model_id} does not exist in {region}");
            return vec![Finding::fail(CHECK, what, format!("use one of {BATCH_MODELS}"))];
        }
        Err(unknown) => {
            findings.push(Finding::unknown(CHECK, unknown));
            return findings;
        }
    };
    if model.lifecycle != "ACTIVE" {
        let end = model
            .end_of_life
            .as_ref()
            .map(|end| format!(", and its end of life is {end}"))
            .unwrap_or_default();
        let what = format!("{} is {}{end}", model.id, model.lifecycle);
        findings.push(Finding::warn(CHECK, what, "move to a newer model"));
    }
    let types = &model.inference_types;
    let is_direct = types.is_empty() || types.iter().any(|kind| kind != "INFERENCE_PROFILE");
    if facts.profile.is_none() && !is_direct {
        let what = format!("{} is only available through an inference profile", model.id);
        let profile = profile_for(&model.id, region);
        let fix =
            format!("set InferenceProfileId to {profile}, or to another, and ModelArns to all its ARNs");
        findings.push(Finding::fail(CHECK, what, fix));
    }
    if findings.is_empty() {
        let what = format!("{model_id} is active; only {BATCH_MODELS} says whether it has batch inference");
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

/// The id of the profile that a model may have near this Region.
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
