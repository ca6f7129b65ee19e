//! The KMS keys.

use crate::base::arn::Arn;
use crate::doctor::facts::{Facts, Key};
use crate::doctor::finding::Finding;
use crate::doctor::policy::{Context, Principal, Request, Verdict, evaluate};
use crate::doctor::subject::Subject;

/// Checks the keys that the job's role reads and writes with.
pub(crate) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    if facts.keys.is_empty() {
        return vec![Finding::ok("KMS key", "none is used")];
    }
    facts.keys.iter().flat_map(|key| check_key(subject, key)).collect()
}

fn check_key(subject: &Subject, key: &Key) -> Vec<Finding> {
    const CHECK: &str = "KMS key";
    let region = Arn::parse(&key.id).map(Arn::region);
    if let Some(region) = region.filter(|region| *region != subject.region) {
        let what = format!("{} is in {region}, but S3 only takes keys in the bucket's Region", key.id);
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
        let fix = format!("aws kms enable-key --key-id {}, or use another", key.id);
        findings.push(Finding::fail(CHECK, format!("{} is {}", key.id, metadata.state), fix));
    }
    if metadata.spec != "SYMMETRIC_DEFAULT" {
        let what = format!("{} has the spec {}, but S3 only takes symmetric keys", key.id, metadata.spec);
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

/// Checks that a key's policy admits the role, or the whole account, which leaves the decision to IAM.
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
        let fix = format!("allow it there for {role_arn}, or for the account");
        match evaluate(policy, &request) {
            Verdict::Allowed => None,
            Verdict::NotAllowed => {
                // A grant could also allow it, but the template does not make any.
                Some(Finding::fail(check, format!("the policy of {arn} does not admit {action}"), fix))
            }
            Verdict::Denied(sid) => {
                Some(Finding::fail(check, format!("{sid} of the policy of {arn} denies {action}"), fix))
            }
            Verdict::Unsure(sid) => {
                let why = format!("{sid} of {arn} depends on something that is not known here, for {action}");
                Some(Finding::not_checked(check, why, "check it yourself"))
            }
        }
    })
}
