//! The models that the stand-in knows, and how the control plane names them.
//!
//! Pure. <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html> (read
//! 2026-11).

use crate::base::arn::Arn;

/// Models that batch inference reaches only through an inference profile, in every Region.
const ONLY_THROUGH_PROFILE: [&str; 8] = [
    "anthropic.claude-haiku-4-5",
    "anthropic.claude-opus-4-5",
    "anthropic.claude-opus-4-6",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-4-2",
    "anthropic.claude-sonnet-4-5",
    "amazon.nova-2-lite",
    "amazon.nova-premier",
];

/// Prefixes of inference profile ids.
const GEOGRAPHIES: [&str; 6] = ["us.", "eu.", "apac.", "jp.", "au.", "global."];

/// Prefixes of model ids whose records have the format of `OpenAI`'s chat completions.
const CHAT: [&str; 9] = [
    "openai.",
    "deepseek.",
    "qwen.",
    "zai.",
    "minimax.",
    "google.gemma-",
    "mistral.ministral",
    "mistral.magistral",
    "nvidia.",
];

/// The format of a model's records and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's messages.
    Anthropic,
    /// Amazon Nova.
    Nova,
    /// Amazon Titan text embeddings.
    TitanEmbedText,
    /// Amazon Titan multimodal embeddings.
    TitanEmbedImage,
    /// Meta Llama.
    Llama,
    /// Mistral's text completion.
    MistralText,
    /// Mistral's own chat format.
    MistralChat,
    /// DeepSeek-R1's text completion.
    DeepSeekR1,
    /// `OpenAI`'s chat completions, which most open-weight models take.
    Chat,
    /// Unknown, because the id of an application inference profile does not name its model. The body of each
    /// record decides.
    Unknown,
}

/// A model that a job may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// What `GetModelInvocationJob` returns: always an ARN.
    pub(super) arn: String,
    /// The id of the foundation model, or of the profile if that does not name its model.
    pub(super) base_id: String,
    pub(super) family: Family,
}

/// Finds the model that `model_id` names in this Region and account. The id must have the right form already.
///
/// # Errors
/// The message of the `ValidationException` for an id that no job may name.
pub(super) fn resolve(model_id: &str, region: &str, account_id: &str) -> Result<Model, String> {
    let (kind, path) =
        Arn::parse(model_id).and_then(|arn| arn.resource().split_once('/')).unwrap_or(("", model_id));
    if kind == "application-inference-profile" {
        let model = Model { arn: model_id.to_owned(), base_id: model_id.to_owned(), family: Family::Unknown };
        return Ok(model);
    }
    // A custom model's ARN ends in `custom-model/<base model>/<id>`, the others in `<kind>/<model>`.
    let id = path.split('/').next().unwrap_or(path);
    let base_id = GEOGRAPHIES.iter().find_map(|geography| id.strip_prefix(geography)).unwrap_or(id);
    let is_profile = base_id != id;
    let family = family_of(base_id).ok_or("The provided model identifier is invalid.")?;
    let needs_profile = ONLY_THROUGH_PROFILE.iter().any(|only| base_id.starts_with(only));
    let Some(family) = family.filter(|_| is_profile || !needs_profile) else {
        return Err(format!("Batch inference is not supported for model {id} in region {region}"));
    };
    let partition = partition(region);
    let arn = if model_id.starts_with("arn:") {
        model_id.to_owned()
    } else if is_profile {
        format!("arn:{partition}:bedrock:{region}:{account_id}:inference-profile/{id}")
    } else {
        format!("arn:{partition}:bedrock:{region}::foundation-model/{id}")
    };
    Ok(Model { arn, base_id: base_id.to_owned(), family })
}

/// The partition in the ARNs of a Region.
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// The family of a model. `None` for an unknown model, and `Some(None)` for a model without batch inference.
fn family_of(base_id: &str) -> Option<Option<Family>> {
    let starts_with_any = |prefixes: &[&str]| prefixes.iter().any(|prefix| base_id.starts_with(prefix));
    let family = if base_id.starts_with("anthropic.") {
        Family::Anthropic
    } else if base_id.starts_with("amazon.nova-2-multimodal-embeddings") {
        return Some(None);
    } else if base_id.starts_with("amazon.nova-") {
        Family::Nova
    } else if base_id.starts_with("amazon.titan-embed-text") {
        Family::TitanEmbedText
    } else if base_id.starts_with("amazon.titan-embed-image") {
        Family::TitanEmbedImage
    } else if base_id.starts_with("meta.llama") {
        Family::Llama
    } else if base_id.starts_with("mistral.mistral-large") {
        Family::MistralChat
    } else if starts_with_any(&["mistral.mistral-", "mistral.mixtral-"]) {
        Family::MistralText
    } else if base_id.starts_with("deepseek.r1") {
        Family::DeepSeekR1
    } else if starts_with_any(&CHAT) {
        Family::Chat
    } else if starts_with_any(&["amazon.", "mistral.", "cohere.", "ai21.", "stability.", "meta."]) {
        return Some(None);
    } else {
        return None;
    };
    Some(Some(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_models_as_the_service_names_them() {
        let resolved = |model_id: &str| {
            resolve(model_id, "us-east-1", "123456789012")
                .map(|model| (model.arn, model.base_id, model.family))
        };
        let ok = |arn: &str, base_id: &str, family| Ok((arn.to_owned(), base_id.to_owned(), family));
        let nova = "amazon.nova-lite-v1:0";
        let nova_arn = format!("arn:aws:bedrock:us-east-1::foundation-model/{nova}");
        assert_eq!(resolved(nova), ok(&nova_arn, nova, Family::Nova));
        assert_eq!(resolved(&nova_arn), ok(&nova_arn, nova, Family::Nova));
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{haiku}");
        assert_eq!(resolved(&format!("us.{haiku}")), ok(&profile, haiku, Family::Anthropic));
        assert_eq!(resolved(&profile), ok(&profile, haiku, Family::Anthropic));
        let custom =
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan-embed-image-v1:0/abcdefghijkl";
        assert_eq!(resolved(custom), ok(custom, "amazon.titan-embed-image-v1:0", Family::TitanEmbedImage));
        let opaque = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl";
        assert_eq!(resolved(opaque), ok(opaque, opaque, Family::Unknown));
        assert_eq!(
            resolved(haiku),
            Err(format!("Batch inference is not supported for model {haiku} in region us-east-1"))
        );
        assert_eq!(
            resolved("cohere.embed-english-v3"),
            Err("Batch inference is not supported for model cohere.embed-english-v3 in region us-east-1"
                .to_owned())
        );
        assert_eq!(resolved("gpt-9"), Err("The provided model identifier is invalid.".to_owned()));
    }
}
