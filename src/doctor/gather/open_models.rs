//! The models of the jobs that are not over: of those that Bedrock has, from Bedrock; of those that wait, from the hints
//! in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_bedrock::Client as Bedrock;
use aws_sdk_iam::Client as Iam;
use aws_sdk_s3::Client as S3;
use serde_json::Value;

use super::answers::known;
use super::role::simulate;
use crate::aws::bedrock::NOT_OVER;
use crate::base::arn::id_of;
use crate::doctor::facts::OpenModels;
use crate::doctor::known::{Known, Unknown};
use crate::doctor::model_id::arn_of;
use crate::doctor::questions;
use crate::doctor::subject::Subject;
use crate::drop::hints;
use crate::drop::identity::JobId;

pub(super) async fn open_models(bedrock: &Bedrock, s3: &S3, iam: &Iam, subject: &Subject) -> OpenModels {
    let at_bedrock = at_bedrock(bedrock, &subject.config.job_name_prefix).await;
    let waiting = waiting(s3, subject).await;
    let is_other = |model: &&String| id_of(model) != id_of(&subject.config.model_id);
    let models = at_bedrock.iter().flat_map(BTreeMap::keys).chain(waiting.iter().flatten());
    let arns: BTreeSet<String> = models.filter(is_other).map(|model| arn_of(subject, model)).collect();
    let mut permissions = Vec::new();
    for arn in arns {
        for (role_arn, question) in questions::of_other_model(subject, &arn) {
            let decision = simulate(iam, &role_arn, &question).await;
            permissions.push((role_arn, question, decision));
        }
    }
    OpenModels { at_bedrock, waiting, permissions }
}

async fn at_bedrock(bedrock: &Bedrock, prefix: &str) -> Known<BTreeMap<String, usize>> {
    let mut models = BTreeMap::new();
    for status in NOT_OVER {
        let request = bedrock.list_model_invocation_jobs().name_contains(prefix).status_equals(status);
        let jobs = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let jobs = known("bedrock:ListModelInvocationJobs", jobs)?.into_iter();
        for job in jobs.filter(|job| JobId::from_job_name(prefix, &job.job_name).is_some()) {
            *models.entry(job.model_id).or_default() += 1;
        }
    }
    Ok(models)
}

/// The name of a model in a key is not its id, so one hint of each model is read. Jobs that Bedrock refused are asked for
/// with the model in the settings, whatever their hints say.
async fn waiting(s3: &S3, subject: &Subject) -> Known<Vec<String>> {
    let bucket = &subject.config.output_bucket;
    let list = || s3.list_objects_v2().bucket(bucket);
    let folders = list().prefix(hints::WAITING_PREFIX).delimiter("/").send().await;
    let folders = known("s3:ListBucket", folders)?.common_prefixes.unwrap_or_default();
    let own = hints::of_model(&subject.config.model_id);
    let mut models = Vec::new();
    for folder in folders.into_iter().filter_map(|folder| folder.prefix).filter(|folder| *folder != own) {
        let first = known("s3:ListBucket", list().prefix(folder).max_keys(1).send().await)?;
        let key = first.contents.unwrap_or_default().into_iter().find_map(|object| object.key);
        let Some(key) = key.filter(|key| hints::parse(key).is_some_and(|hint| !hint.is_refused)) else {
            continue;
        };
        let hint = known("s3:GetObject", s3.get_object().bucket(bucket).key(&key).send().await)?;
        let unreadable = || Unknown { why: format!("{key} is not a hint"), fix: "look at it".to_owned() };
        let body = hint.body.collect().await.map_err(|_| unreadable())?.into_bytes();
        let hint: Value = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        models.push(hint.get("model_id").and_then(Value::as_str).ok_or_else(unreadable)?.to_owned());
    }
    Ok(models)
}
