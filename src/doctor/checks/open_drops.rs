//! The models of the drops that are not done. A drop keeps the model of the day on which it was accepted.

use std::collections::BTreeMap;

use crate::base::arn::id_of;
use crate::doctor::facts::{Decision, Facts};
use crate::doctor::finding::Finding;
use crate::doctor::known::Unknown;
use crate::doctor::model_id::arn_of;
use crate::doctor::subject::Subject;

const CHECK: &str = "open drops";

/// Checks that their models are still allowed.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let open = &facts.open;
    let mut findings = Vec::new();
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut unknowns: Vec<&Unknown> = open.at_bedrock.as_ref().err().into_iter().collect();
    for (role_arn, question, decision) in &open.permissions {
        match decision {
            Ok(Decision::Allowed) => {}
            Ok(_) => {
                let what = format!("{} {}", id_of(role_arn), question.action);
                refused.entry(&question.resource).or_default().push(what);
            }
            Err(unknown) if unknowns.contains(&unknown) => {}
            Err(unknown) => unknowns.push(unknown),
        }
    }
    for (model_arn, what) in refused {
        let jobs = open.at_bedrock.as_ref().ok().and_then(|models| {
            models.iter().find(|(model, _)| arn_of(subject, model) == model_arn).map(|(_, jobs)| jobs)
        });
        let who = match jobs {
            Some(1) => "1 job that Bedrock has uses".to_owned(),
            Some(jobs) => format!("{jobs} jobs that Bedrock has use"),
            None => "jobs of an open drop wait for".to_owned(),
        };
        let what = format!("{who} {model_arn}, which is not allowed anymore: {}", what.join(", "));
        let fix = format!(
            "allow it until these drops are done: deploy with the model as InferenceProfileId, and with ModelArns \
             that also has {model_arn}"
        );
        findings.push(Finding::fail(CHECK, what, fix));
    }
    findings.extend(unknowns.into_iter().map(|unknown| Finding::unknown(CHECK, unknown)));
    // Without the bucket, its own check already failed.
    if let (Err(unknown), false) = (&open.waiting, facts.output.region == Ok(None)) {
        let what = format!("the models of jobs that wait are not known: {}", unknown.why);
        let fix = format!(
            "before you change the model, wait until all drops are done; or list s3://{}/ledger/waiting/ as a principal and \
             from a place that the bucket's policy admits: it has a folder for each model",
            subject.config.output_bucket
        );
        findings.push(Finding::not_checked(CHECK, what, fix));
    }
    if findings.is_empty() {
        let jobs: usize = open.at_bedrock.iter().flat_map(BTreeMap::values).sum();
        let what = format!("their models are allowed; Bedrock has {jobs} of their jobs");
        findings.push(Finding::ok(CHECK, what));
    }
    findings
}
