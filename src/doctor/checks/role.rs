//! The role that Bedrock assumes: its trust, and what IAM's simulation says that it may do.

use crate::doctor::facts::{Decision, Facts, Question};
use crate::doctor::finding::Finding;
use crate::doctor::known::Unknown;
use crate::doctor::model_id::arns;
use crate::doctor::policy::{Context, Principal, Request, Verdict, evaluate};
use crate::doctor::subject::Subject;

/// Checks the role.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let mut findings = trust(subject, facts);
    if facts.trust != Ok(None) {
        findings.extend(permissions(subject, facts));
    }
    findings
}

fn trust(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "role trust";
    let arn = &subject.config.job_role_arn;
    let policy = match &facts.trust {
        Ok(Some(policy)) => policy,
        Ok(None) => {
            let fix = "deploy the stack again, or name a role that exists";
            return vec![Finding::fail(CHECK, format!("{arn} does not exist"), fix)];
        }
        Err(unknown) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let assumes = |account: &str, source_arn: String| {
        let context = Context::new([
            ("aws:SourceAccount", vec![account.to_owned()]),
            ("aws:SourceArn", vec![source_arn]),
        ]);
        let principal = Principal::Service("bedrock.amazonaws.com");
        evaluate(policy, &Request { principal, action: "sts:AssumeRole", resource: arn, context: &context })
    };
    let account = subject.account();
    let own = subject.job_arn();
    let fix = format!(
        "let bedrock.amazonaws.com assume it for aws:SourceAccount {account} and aws:SourceArn {}",
        subject.arn("bedrock", "model-invocation-job/*")
    );
    let stranger = "000000000000";
    vec![match assumes(account, own.clone()) {
        Verdict::Allowed => {
            if assumes(stranger, own.replace(account, stranger)) == Verdict::Allowed {
                let what = "bedrock.amazonaws.com may assume it for jobs of any account";
                Finding::warn(CHECK, what, fix)
            } else {
                Finding::ok(CHECK, format!("Bedrock may assume it for jobs of {account} only"))
            }
        }
        Verdict::NotAllowed => Finding::fail(CHECK, format!("Bedrock may not assume it for {own}"), fix),
        Verdict::Denied(sid) => {
            Finding::fail(CHECK, format!("{sid} does not let Bedrock assume it for {own}"), fix)
        }
        Verdict::Unsure(sid) => {
            let what = format!(
                "{sid} depends on something that is not known here, so whether Bedrock may assume it is unsure"
            );
            Finding::not_checked(CHECK, what, "check it yourself")
        }
    }]
}

/// The parameter of the stack that allows the model in all policies, if the jobs use a profile.
fn model_arns(subject: &Subject, facts: &Facts, action: &str) -> String {
    let is_of_stack = subject.functions.is_some() && action == "bedrock:InvokeModel";
    if !is_of_stack || facts.profile.is_none() {
        return String::new();
    }
    format!(": deploy with ModelArns={}", arns(subject, facts).join(","))
}

fn permissions(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "role permissions";
    let mut findings = Vec::new();
    let mut unknowns: Vec<(&Unknown, usize)> = Vec::new();
    let mut allowed = Vec::new();
    for (question, decision) in &facts.permissions {
        let Question { action, resource, .. } = question;
        let why = match decision {
            Ok(Decision::Allowed) => {
                if !allowed.contains(action) {
                    allowed.push(*action);
                }
                continue;
            }
            Err(unknown) => {
                match unknowns.iter_mut().find(|(other, _)| *other == unknown) {
                    Some((_, count)) => *count += 1,
                    None => unknowns.push((unknown, 1)),
                }
                continue;
            }
            Ok(Decision::NotAllowed) => "no statement allows it",
            Ok(Decision::Denied) => "a statement denies it",
            Ok(Decision::DeniedByBoundary) => "its permissions boundary does not allow it",
            Ok(Decision::DeniedByOrganization) => "a policy of the organization does not allow it",
        };
        let fix = match decision {
            Ok(Decision::DeniedByOrganization) => "ask the administrators of the organization".to_owned(),
            _ => format!(
                "allow {action} on {resource} in the role's policies{}",
                model_arns(subject, facts, action)
            ),
        };
        findings.push(Finding::fail(CHECK, format!("{action} on {resource}: {why}"), fix));
    }
    for (unknown, count) in unknowns {
        let why = format!("{count} of {} permissions: {}", facts.permissions.len(), unknown.why);
        findings.push(Finding::not_checked(CHECK, why, unknown.fix.clone()));
    }
    if findings.is_empty() && !allowed.is_empty() {
        let what = format!("allowed in all {} cases: {}", facts.permissions.len(), allowed.join(", "));
        findings.push(Finding::ok(CHECK, what));
    }
    findings
}
