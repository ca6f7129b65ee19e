//! The inference profile, the foundation model, and the access to models, from Bedrock.

use std::collections::BTreeSet;

use aws_sdk_bedrock::Client;
use aws_sdk_bedrock::error::ProvideErrorMetadata;
use aws_smithy_types::DateTime;

use super::answers::found;
use crate::base::arn::id_of;
use crate::base::timestamp::Timestamp;
use crate::doctor::facts::{Access, Model, ModelState, Profile};
use crate::doctor::known::Known;
use crate::doctor::model_id::{END_OF_LIFE, ModelId, parse};
use crate::doctor::subject::Subject;

/// The codes for a model that does not exist. Bedrock calls some unknown ids invalid.
const NO_MODEL: [&str; 2] = ["ResourceNotFoundException", "ValidationException"];

pub(super) async fn profile(bedrock: &Client, id: &str) -> Known<Option<Profile>> {
    let answer = bedrock.get_inference_profile().inference_profile_identifier(id).send().await;
    let profile = found("bedrock:GetInferenceProfile", answer, &NO_MODEL)?;
    Ok(profile.map(|profile| Profile {
        arn: profile.inference_profile_arn,
        is_active: profile.status.as_str() == "ACTIVE",
        model_arns: profile.models.into_iter().filter_map(|model| model.model_arn).collect(),
    }))
}

/// The ids of the foundation models that the jobs may invoke. The models of a profile have one id in all Regions.
pub(super) fn ids<'a>(
    subject: &'a Subject,
    profile: Option<&'a Known<Option<Profile>>>,
) -> BTreeSet<&'a str> {
    match parse(&subject.config.model_id) {
        ModelId::Foundation(id) => [id].into(),
        ModelId::Profile(_) => {
            let profile = profile.and_then(|profile| profile.as_ref().ok()?.as_ref());
            profile.iter().flat_map(|profile| &profile.model_arns).map(|arn| id_of(arn)).collect()
        }
        ModelId::Custom(_) => BTreeSet::new(),
    }
}

pub(super) async fn model(bedrock: &Client, id: Option<&str>) -> Known<ModelState> {
    let Some(id) = id else { return Ok(ModelState::Missing) };
    let answer = bedrock.get_foundation_model().model_identifier(id).send().await;
    if let Err(error) = &answer
        && error.message().is_some_and(|message| message.contains(END_OF_LIFE))
    {
        return Ok(ModelState::Ended);
    }
    let model = found("bedrock:GetFoundationModel", answer, &NO_MODEL)?;
    let Some(model) = model.and_then(|answer| answer.model_details) else { return Ok(ModelState::Missing) };
    let lifecycle = model.model_lifecycle;
    let time = |time: Option<DateTime>| time.map(|time| Timestamp::from_secs(time.secs()));
    let times = lifecycle.as_ref();
    Ok(ModelState::Found(Model {
        id: model.model_id,
        name: model.model_name.unwrap_or_default(),
        legacy_time: time(times.and_then(|times| times.legacy_time)),
        public_extended_access_time: time(times.and_then(|times| times.public_extended_access_time)),
        end_of_life_time: time(times.and_then(|times| times.end_of_life_time)),
        lifecycle: lifecycle.map_or_else(String::new, |lifecycle| lifecycle.status.as_str().to_owned()),
        inference_types: model
            .inference_types_supported
            .into_iter()
            .flatten()
            .map(|kind| kind.as_str().to_owned())
            .collect(),
    }))
}

pub(super) async fn access(bedrock: &Client, ids: BTreeSet<&str>) -> Vec<(String, Known<Option<Access>>)> {
    let mut answers = Vec::new();
    for id in ids {
        let answer = bedrock.get_foundation_model_availability().model_id(id).send().await;
        let access = found("bedrock:GetFoundationModelAvailability", answer, &NO_MODEL);
        let access = access.map(|answer| {
            answer.map(|answer| Access {
                authorization: answer.authorization_status.as_str().to_owned(),
                entitlement: answer.entitlement_availability.as_str().to_owned(),
                region: answer.region_availability.as_str().to_owned(),
                agreement: answer
                    .agreement_availability
                    .map(|agreement| (agreement.status.as_str().to_owned(), agreement.error_message)),
            })
        });
        answers.push((id.to_owned(), access));
    }
    answers
}
