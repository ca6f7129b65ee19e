//! The role, and what it may do, from IAM.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use serde_json::Value;

use super::answers::{document, found, known};
use crate::doctor::facts::{Decision, Facts, KeyMetadata, Question, Subnet};
use crate::doctor::known::{Known, Unknown};
use crate::doctor::subject::Subject;
use crate::doctor::{model_id, questions, vpc};

pub(super) async fn trust(iam: &Client, role_name: &str) -> Known<Option<Value>> {
    let answer = iam.get_role().role_name(role_name).send().await;
    let role = found("iam:GetRole", answer, &["NoSuchEntity", "NoSuchEntityException"])?;
    Ok(role.and_then(|answer| document(&answer.role?.assume_role_policy_document?)))
}

pub(super) async fn permissions(
    iam: &Client,
    subject: &Subject,
    facts: &Facts,
) -> Vec<(Question, Known<Decision>)> {
    let ids = subject.config.vpc.subnet_ids();
    let subnets = facts.subnets.iter().flatten().filter(|subnet| ids.contains(&subnet.id));
    let subnets: Vec<Subnet> = subnets.cloned().collect();
    let profile = facts.profile.as_ref().and_then(|profile| profile.as_ref().ok()?.as_ref());
    let keys: Vec<&KeyMetadata> =
        facts.keys.iter().filter_map(|key| key.metadata.as_ref().ok()?.as_ref()).collect();
    let questions = questions::questions(
        subject,
        &subnets,
        vpc::reached_s3_endpoint(subject, facts),
        &model_id::arns(subject, facts),
        profile.map(|profile| profile.arn.as_str()),
        &keys,
    );
    let mut answers = Vec::new();
    for question in questions {
        let decision = simulate(iam, &subject.config.job_role_arn, &question).await;
        answers.push((question, decision));
    }
    answers
}

pub(super) async fn simulate(iam: &Client, role_arn: &str, question: &Question) -> Known<Decision> {
    const ACTION: &str = "iam:SimulatePrincipalPolicy";
    let request = iam.simulate_principal_policy().policy_source_arn(role_arn);
    let request = request.action_names(question.action).resource_arns(&question.resource);
    let answer = request.set_context_entries(Some(entries(question))).send().await;
    let results = known(ACTION, answer)?.evaluation_results.unwrap_or_default();
    match results.first() {
        Some(result) => Ok(decision(result)),
        None => Err(Unknown { why: format!("{ACTION} gave no answer"), fix: "try again".to_owned() }),
    }
}

fn entries(question: &Question) -> Vec<ContextEntry> {
    let known = question.context.iter().filter(|(_, values)| !values.is_empty());
    known
        .map(|(key, values)| {
            let kind = if *key == "aws:TagKeys" {
                ContextKeyTypeEnum::StringList
            } else {
                ContextKeyTypeEnum::String
            };
            ContextEntry::builder()
                .context_key_name(*key)
                .context_key_type(kind)
                .set_context_key_values(Some(values.clone()))
                .build()
        })
        .collect()
}

fn decision(result: &EvaluationResult) -> Decision {
    let is_bounded = result
        .permissions_boundary_decision_detail
        .as_ref()
        .is_some_and(|detail| !detail.allowed_by_permissions_boundary);
    let is_forbidden =
        result.organizations_decision_detail.as_ref().is_some_and(|detail| !detail.allowed_by_organizations);
    match &result.eval_decision {
        PolicyEvaluationDecisionType::Allowed => Decision::Allowed,
        _ if is_forbidden => Decision::DeniedByOrganization,
        _ if is_bounded => Decision::DeniedByBoundary,
        PolicyEvaluationDecisionType::ExplicitDeny => Decision::Denied,
        _ => Decision::NotAllowed,
    }
}
