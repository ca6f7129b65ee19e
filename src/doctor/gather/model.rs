//! The inference profile and the foundation model, from Bedrock.

use aws_sdk_bedrock::Client;
use aws_smithy_types::date_time::Format;

use super::answers::found;
use crate::base::arn::id_of;
use crate::doctor::facts::{Model, Profile};
use crate::doctor::known::Known;
use crate::doctor::model_id::{ModelId, parse};
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

pub(super) async fn model(
    bedrock: &Client,
    subject: &Subject,
    profile: Option<&Known<Option<Profile>>>,
) -> Known<Option<Model>> {
    let of_profile = profile.and_then(|profile| profile.as_ref().ok()?.as_ref()?.model_arns.first());
    let id = match (parse(&subject.config.model_id), of_profile) {
        (ModelId::Foundation(id), _) => id,
        (ModelId::Profile(_), Some(arn)) => id_of(arn),
        (ModelId::Profile(_) | ModelId::Custom(_), _) => return Ok(None),
    };
    let answer = bedrock.get_foundation_model().model_identifier(id).send().await;
    let model = found("bedrock:GetFoundationModel", answer, &NO_MODEL)?;
    Ok(model.and_then(|answer| answer.model_details).map(|model| {
        let lifecycle = model.model_lifecycle;
        let end = lifecycle.as_ref().and_then(|lifecycle| lifecycle.end_of_life_time);
        Model {
            id: model.model_id,
            name: model.model_name.unwrap_or_default(),
            lifecycle: lifecycle.map_or_else(String::new, |lifecycle| lifecycle.status.as_str().to_owned()),
            end_of_life: end.and_then(|end| end.fmt(Format::DateTime).ok()),
            inference_types: model
                .inference_types_supported
                .into_iter()
                .flatten()
                .map(|kind| kind.as_str().to_owned())
                .collect(),
        }
    }))
}
