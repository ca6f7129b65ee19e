//! Model ids. Pure.

use super::facts::Facts;
use super::subject::Subject;
use crate::base::arn::Arn;

/// Prefixes of the ids of inference profiles.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html> (read 2026-11)
const GEOGRAPHIES: [&str; 9] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "global."];

/// Only this table says whether a model has batch inference.
pub(crate) const BATCH_MODELS: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html";

/// What Bedrock says about a model that has ended.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html> (read 2026-11)
pub(crate) const END_OF_LIFE: &str = "end of its life";

/// What a model id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelId<'a> {
    /// A foundation model, by its id.
    Foundation(&'a str),
    /// An inference profile, by id or ARN.
    Profile(&'a str),
    /// A custom model, by its ARN.
    Custom(&'a str),
}

/// Parses the setting `MODEL_ID`.
pub(crate) fn parse(model_id: &str) -> ModelId<'_> {
    match Arn::parse(model_id).and_then(|arn| arn.resource().split_once('/')) {
        Some(("custom-model", _)) => ModelId::Custom(model_id),
        Some(("foundation-model", id)) => ModelId::Foundation(id),
        Some(("inference-profile" | "application-inference-profile", _)) => ModelId::Profile(model_id),
        _ if GEOGRAPHIES.iter().any(|geography| model_id.starts_with(geography)) => {
            ModelId::Profile(model_id)
        }
        _ => ModelId::Foundation(model_id),
    }
}

/// Every ARN that the role invokes: that of the model, or those of the profile and of its models.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html> (read 2026-11)
pub(crate) fn arns(subject: &Subject, facts: &Facts) -> Vec<String> {
    match parse(&subject.config.model_id) {
        ModelId::Foundation(id) => vec![subject.model_arn(id)],
        ModelId::Custom(arn) => vec![arn.to_owned()],
        ModelId::Profile(_) => match &facts.profile {
            Some(Ok(Some(profile))) => {
                [&profile.arn].into_iter().chain(&profile.model_arns).cloned().collect()
            }
            _ => Vec::new(),
        },
    }
}

/// The ARN of a foundation model or inference profile that is named by its id or ARN.
pub(crate) fn arn_of(subject: &Subject, model: &str) -> String {
    match parse(model) {
        _ if Arn::parse(model).is_some() => model.to_owned(),
        ModelId::Foundation(id) => subject.model_arn(id),
        ModelId::Profile(id) | ModelId::Custom(id) => {
            subject.arn("bedrock", &format!("inference-profile/{id}"))
        }
    }
}

/// Whether the jobs need the model in this Region: not if a profile only routes to others.
pub(crate) fn is_here(subject: &Subject, facts: &Facts) -> bool {
    match &facts.profile {
        Some(Ok(Some(profile))) => {
            let region = |arn: &String| Arn::parse(arn).map(|arn| arn.region() == subject.region);
            profile.model_arns.iter().any(|arn| region(arn) == Some(true))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_ids_are_told_apart_by_their_form() {
        let custom = "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan/abcdefghijkl";
        let profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0";
        let application = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl";
        let foundation = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0";
        let table = [
            (custom, ModelId::Custom(custom)),
            (profile, ModelId::Profile(profile)),
            (application, ModelId::Profile(application)),
            ("us.amazon.nova-lite-v1:0", ModelId::Profile("us.amazon.nova-lite-v1:0")),
            (foundation, ModelId::Foundation("amazon.nova-lite-v1:0")),
            ("amazon.nova-lite-v1:0", ModelId::Foundation("amazon.nova-lite-v1:0")),
        ];
        for (model_id, expected) in table {
            assert_eq!(parse(model_id), expected);
        }
    }
}
