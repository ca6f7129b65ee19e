//! What a model's id names. Pure.

use super::facts::Facts;
use super::subject::Subject;

/// Prefixes of the ids of inference profiles.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html> (read 2026-11)
const GEOGRAPHIES: [&str; 9] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "global."];

/// What a model's id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelId<'a> {
    /// A foundation model, by its id.
    Foundation(&'a str),
    /// An inference profile, by id or ARN.
    Profile(&'a str),
    /// A custom model, by its ARN.
    Custom(&'a str),
}

/// Reads the setting.
pub(crate) fn parse(model_id: &str) -> ModelId<'_> {
    if model_id.contains(":custom-model/") {
        return ModelId::Custom(model_id);
    }
    if let Some((_, id)) = model_id.split_once(":foundation-model/") {
        return ModelId::Foundation(id);
    }
    let is_profile = model_id.contains("inference-profile/")
        || GEOGRAPHIES.iter().any(|geography| model_id.starts_with(geography));
    if is_profile { ModelId::Profile(model_id) } else { ModelId::Foundation(model_id) }
}

/// Every ARN that the role invokes: the model's, or those of the profile and of its models.
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
