//! Access to the models: whether the account may use them.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html> (read 2026-11)

use std::collections::BTreeSet;

use crate::base::arn::Arn;
use crate::doctor::facts::{Access, Facts};
use crate::doctor::finding::{Finding, join};
use crate::doctor::model_id::{BATCH_MODELS, is_here};
use crate::doctor::subject::Subject;

const CHECK: &str = "model access";

/// The makers whose models are not sold through AWS Marketplace, and so need no agreement.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html> (read 2026-11)
const NOT_SOLD: [&str; 6] = ["amazon", "deepseek", "meta", "mistral", "openai", "qwen"];

/// Checks the access to each model that the jobs may invoke.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    facts
        .access
        .iter()
        .flat_map(|(id, access)| match access {
            Ok(Some(access)) => of_model(subject, facts, id, access),
            // The check of the model failed, unless a profile leads to other Regions.
            Ok(None) if facts.profile.is_none() => Vec::new(),
            Ok(None) => vec![elsewhere(subject, facts, id)],
            Err(unknown) => vec![Finding::unknown(CHECK, unknown)],
        })
        .collect()
}

fn of_model(subject: &Subject, facts: &Facts, id: &str, access: &Access) -> Vec<Finding> {
    let region = &subject.region;
    if access.region == "NOT_AVAILABLE" {
        if !is_here(subject, facts) {
            return vec![elsewhere(subject, facts, id)];
        }
        let what = format!("{id} is not available in {region}: regionAvailability is NOT_AVAILABLE");
        return vec![Finding::fail(CHECK, what, format!("use one of {BATCH_MODELS}"))];
    }
    let is_sold = !NOT_SOLD.iter().any(|maker| id.split('.').next() == Some(maker));
    let mut missing = Vec::new();
    let mut unsure = Vec::new();
    for (name, value, good) in [
        ("authorizationStatus", &access.authorization, "AUTHORIZED"),
        ("entitlementAvailability", &access.entitlement, "AVAILABLE"),
        ("regionAvailability", &access.region, "AVAILABLE"),
    ] {
        match value.as_str() {
            value if value == good => {}
            "NOT_AUTHORIZED" | "NOT_AVAILABLE" => missing.push(format!("{name} is {value}")),
            _ => unsure.push(format!("{name} is {value}")),
        }
    }
    let mut findings = Vec::new();
    let agreement = access.agreement.as_ref();
    let said = agreement.and_then(|(_, error)| Some(format!(": {}", error.as_ref()?))).unwrap_or_default();
    match agreement.map(|(status, _)| status.as_str()) {
        Some("AVAILABLE") => {}
        Some("PENDING") => {
            let what = format!("the agreement for {id} is PENDING{said}");
            findings.push(Finding::warn(CHECK, what, "wait, for up to 15 minutes"));
        }
        Some(status @ ("NOT_AVAILABLE" | "ERROR")) if is_sold => {
            missing.push(format!("agreementAvailability is {status}{said}"));
        }
        None if !is_sold => {}
        status => unsure.push(format!("agreementAvailability is {}{said}", status.unwrap_or("missing"))),
    }
    if !missing.is_empty() {
        let what = format!("no access to {id}: {}", missing.join(", "));
        findings.push(Finding::fail(CHECK, what, fix(id, is_sold)));
    }
    if !unsure.is_empty() {
        let why = format!("what this means for {id} is not known: {}", unsure.join(", "));
        let fix = "invoke the model once, in the playground of the console of Bedrock";
        findings.push(Finding::not_checked(CHECK, why, fix));
    }
    if findings.is_empty() {
        let others = other_regions(subject, facts);
        let others = if others.is_empty() {
            String::new()
        } else {
            format!("; the profile also routes to {}, which was not asked", join(&others))
        };
        findings.push(Finding::ok(CHECK, format!("the account may use {id} in {region}{others}")));
    }
    findings
}

/// How an account gets access. The role of the jobs needs none of these rights.
fn fix(id: &str, is_sold: bool) -> String {
    let form = if id.starts_with("anthropic.") {
        "submit the use case form once (PutUseCaseForModelAccess), in the model catalog of the console of Bedrock; then "
    } else {
        ""
    };
    if is_sold {
        format!(
            "{form}have an administrator with aws-marketplace:Subscribe and ViewSubscriptions invoke the model once; do not \
             give these rights to the job's role"
        )
    } else {
        "open the model in the model catalog of the console of Bedrock; if that is denied, ask the administrators of the \
         organization"
            .to_owned()
    }
}

/// A model that only other Regions have.
fn elsewhere(subject: &Subject, facts: &Facts, id: &str) -> Finding {
    let why = format!("{id} is not in {}, and other Regions were not asked", subject.region);
    let regions = other_regions(subject, facts);
    let region = regions.first().copied().unwrap_or("<Region>");
    let fix = format!("aws bedrock get-foundation-model-availability --model-id {id} --region {region}");
    Finding::not_checked(CHECK, why, fix)
}

/// The other Regions to which the profile may route a record.
fn other_regions<'a>(subject: &Subject, facts: &'a Facts) -> BTreeSet<&'a str> {
    let profile = facts.profile.as_ref().and_then(|profile| profile.as_ref().ok()?.as_ref());
    let arns = profile.into_iter().flat_map(|profile| &profile.model_arns);
    let regions = arns.filter_map(|arn| Some(Arn::parse(arn)?.region()));
    regions.filter(|region| !region.is_empty() && *region != subject.region).collect()
}
