//! The model or inference profile: does it exist, and for how long?

use crate::doctor::facts::{Facts, Model, ModelState};
use crate::doctor::finding::Finding;
use crate::doctor::model_id::{BATCH_MODELS, ModelId, is_here, parse};
use crate::doctor::subject::Subject;

const CHECK: &str = "model";

/// Checks the model.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
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
        Ok(ModelState::Found(model)) => model,
        Ok(ModelState::Ended) => {
            findings.push(ended(subject, facts, model_id, ""));
            return findings;
        }
        Ok(ModelState::Missing) if facts.profile.is_some() => {
            // A profile may lead to Regions that have the model even though this one does not.
            let what = format!("the inference profile {model_id} is active; its model is not in {region}");
            findings.push(Finding::ok(CHECK, what));
            return findings;
        }
        Ok(ModelState::Missing) => {
            let what = format!("the model {model_id} does not exist in {region}, or not anymore");
            return vec![Finding::fail(CHECK, what, format!("use one of {BATCH_MODELS}"))];
        }
        Err(unknown) => {
            findings.push(Finding::unknown(CHECK, unknown));
            return findings;
        }
    };
    findings.extend(lifecycle(subject, facts, model));
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
        let end = model.end_of_life_time.map(|end| format!(" until {end}")).unwrap_or_default();
        let what = format!(
            "{model_id} is active{end}; {BATCH_MODELS} lists it if it has batch inference, and --probe-batch asks"
        );
        return vec![Finding::ok(CHECK, what)];
    }
    findings
}

/// A legacy model works, but not for new customers, and not for long.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html> (read 2026-11)
fn lifecycle(subject: &Subject, facts: &Facts, model: &Model) -> Option<Finding> {
    let is_past = |time: &&_| **time <= facts.asked;
    if let Some(end) = model.end_of_life_time.as_ref().filter(is_past) {
        return Some(ended(subject, facts, &model.id, &format!(", on {end}")));
    }
    if model.lifecycle == "ACTIVE" && model.legacy_time.as_ref().filter(is_past).is_none() {
        return None;
    }
    let times = [
        ("legacyTime", model.legacy_time),
        ("publicExtendedAccessTime, with higher prices,", model.public_extended_access_time),
        ("endOfLifeTime", model.end_of_life_time),
    ];
    let times: Vec<String> =
        times.into_iter().filter_map(|(name, time)| Some(format!("{name} {}", time?))).collect();
    let times = if times.is_empty() { "without dates".to_owned() } else { times.join(", ") };
    let status = if model.lifecycle == "ACTIVE" { "LEGACY" } else { &model.lifecycle };
    let what = format!(
        "{} is {status} ({times}): a new customer cannot use it, and an account that does not use it may lose it sooner",
        model.id
    );
    Some(Finding::warn(CHECK, what, format!("move to a newer model of {BATCH_MODELS}")))
}

fn ended(subject: &Subject, facts: &Facts, id: &str, when: &str) -> Finding {
    let region = &subject.region;
    let what = format!("{id} has reached the end of its life in {region}{when}");
    if is_here(subject, facts) {
        Finding::fail(
            CHECK,
            what,
            format!("use another model of {BATCH_MODELS}, but some in this list have ended"),
        )
    } else {
        let why = format!("{what}, to which the profile does not route");
        Finding::not_checked(CHECK, why, "look at the model in the Regions of the profile")
    }
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
