//! The models of the routes in force: the routes from the bucket, and of their models what is asked of the stack's, too.

use std::collections::BTreeMap;

use aws_sdk_bedrock::Client as Bedrock;
use aws_sdk_iam::Client as Iam;
use aws_sdk_s3::Client as S3;

use super::answers::{found, known};
use super::model;
use super::role::simulate;
use crate::doctor::facts::{Facts, ModelOfRoutes};
use crate::doctor::known::{Known, Unknown};
use crate::doctor::model_id::{ModelId, arns, parse};
use crate::doctor::questions;
use crate::doctor::subject::Subject;
use crate::drop::keys::ROUTES_IN_FORCE;
use crate::drop::routes::Route;
use crate::ledger::routes::InForce;

pub(super) async fn models_of_routes(
    bedrock: &Bedrock,
    s3: &S3,
    iam: &Iam,
    subject: &Subject,
    facts: &Facts,
) -> Known<Vec<ModelOfRoutes>> {
    let mut by_model: BTreeMap<String, Vec<Route>> = BTreeMap::new();
    for route in routes(s3, subject).await? {
        by_model.entry(subject.of_route(&route).config.model_id).or_default().push(route);
    }
    let mut models = Vec::new();
    for (model_id, routes) in by_model {
        let Some(subject) = routes.first().map(|route| subject.of_route(route)) else { continue };
        let profile = match parse(&model_id) {
            ModelId::Profile(id) => Some(model::profile(bedrock, id).await),
            ModelId::Foundation(_) | ModelId::Custom(_) => None,
        };
        let ids = model::ids(&subject, profile.as_ref());
        let state = model::model(bedrock, ids.first().copied()).await;
        let access = model::access(bedrock, ids).await;
        let mut model = ModelOfRoutes { routes, profile, model: state, access, permissions: Vec::new() };
        for arn in arns(&subject, &facts.with(&model)) {
            for (role_arn, question) in questions::of_other_model(&subject, &arn) {
                let decision = simulate(iam, &role_arn, &question).await;
                model.permissions.push((role_arn, question, decision));
            }
        }
        models.push(model);
    }
    Ok(models)
}

/// The routes in force. For an object that is not there, S3 answers 403 to those who may list only some keys, so the keys
/// are listed first.
async fn routes(s3: &S3, subject: &Subject) -> Known<Vec<Route>> {
    let bucket = &subject.config.output_bucket;
    let list = s3.list_objects_v2().bucket(bucket).prefix(ROUTES_IN_FORCE).send().await;
    // Without the bucket, its own check failed already.
    let list = found("s3:ListBucket", list, &["NoSuchBucket"])?;
    if list.and_then(|list| list.contents).unwrap_or_default().is_empty() {
        return Ok(Vec::new());
    }
    let object = s3.get_object().bucket(bucket).key(ROUTES_IN_FORCE).send().await;
    let object = known("s3:GetObject", object)?;
    let unreadable = || Unknown {
        why: format!("{ROUTES_IN_FORCE} does not say which routes are in force"),
        fix: "put config/routes.json again".to_owned(),
    };
    let body = object.body.collect().await.map_err(|_| unreadable())?.into_bytes();
    let in_force: InForce = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    Ok(in_force.routes.routes)
}
