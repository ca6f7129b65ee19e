//! What Bedrock's answer to the probe means.

use crate::doctor::facts::{Probe, ProbeAnswer};
use crate::doctor::finding::Finding;
use crate::doctor::model_id::{BATCH_MODELS, END_OF_LIFE};
use crate::doctor::probe::FOLDER;
use crate::doctor::subject::Subject;

const CHECK: &str = "batch probe";

/// Judges the answer, and says what became of a job that should not be there.
pub(crate) fn check(subject: &Subject, probe: &Probe) -> Vec<Finding> {
    let mut findings = vec![answer(subject, &probe.answer)];
    match &probe.jobs {
        Ok(jobs) => findings.extend(jobs.iter().map(|(arn, stopped)| match stopped {
            Ok(()) => {
                let what = format!("the probe created {arn}, which is stopped or over; it had no input");
                Finding::warn(CHECK, what, "do not probe this model again, and report it to the project")
            }
            Err(unknown) => {
                let what = format!("the probe created {arn}, which could not be stopped: {}", unknown.why);
                let fix = format!("aws bedrock stop-model-invocation-job --job-identifier {arn}");
                Finding::fail(CHECK, what, fix)
            }
        })),
        Err(unknown) => {
            let why = format!("whether there is a job {} is not known: {}", probe.job_name, unknown.why);
            let fix = format!("aws bedrock list-model-invocation-jobs --name-contains {}", probe.job_name);
            findings.push(Finding::not_checked(CHECK, why, fix));
        }
    }
    findings
}

fn answer(subject: &Subject, answer: &ProbeAnswer) -> Finding {
    let model_id = &subject.config.model_id;
    let region = &subject.region;
    let (code, message) = match answer {
        ProbeAnswer::Created(_) => {
            return Finding::ok(
                CHECK,
                format!("{model_id} has batch inference in {region}: Bedrock accepted a job"),
            );
        }
        ProbeAnswer::NoAnswer(unknown) => return Finding::unknown(CHECK, unknown),
        ProbeAnswer::Refused { code, message } => (code.as_str(), message.as_str()),
    };
    let says = |text: &str| message.contains(text);
    let said = format!("Bedrock said {code}: {message}");
    if says("iam:PassRole") {
        let why = format!("you may not pass the job's role, which only the functions need to; {said}");
        return Finding::not_checked(CHECK, why, "probe as an administrator who may pass it");
    }
    if says("aws-marketplace:") || says("use case details") {
        let what = format!("the account has no access to {model_id}; {said}");
        return Finding::fail(CHECK, what, "see the check model access");
    }
    if code == "AccessDeniedException" {
        let why = format!("you may not create jobs, which only the functions need to; {said}");
        return Finding::not_checked(CHECK, why, "probe as an administrator who may");
    }
    if says("Batch inference is not supported") {
        let what = format!("{model_id} has no batch inference in {region}; {said}");
        return Finding::fail(
            CHECK,
            what,
            format!("use one of {BATCH_MODELS}, or an inference profile of the model"),
        );
    }
    if says(END_OF_LIFE) {
        let what = format!("{model_id} has reached the end of its life in {region}; {said}");
        return Finding::fail(CHECK, what, format!("use another model of {BATCH_MODELS}"));
    }
    let lower = message.to_lowercase();
    let is_of_input = says(&format!("{FOLDER}input")) || (lower.contains("s3") && lower.contains("input"));
    let is_of_permission = lower.contains("permission") || lower.contains("denied");
    if ["ResourceNotFoundException", "ValidationException"].contains(&code)
        && is_of_input
        && !is_of_permission
    {
        let what = format!(
            "{model_id} seems to have batch inference in {region}, because Bedrock refused the empty input, and one report \
             says that it checks the model before; {said}"
        );
        return Finding::ok(CHECK, what);
    }
    Finding::not_checked(CHECK, format!("what this answer means is not known: {said}"), "see docs/doctor.md")
}
