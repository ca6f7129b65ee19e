//! How to fix an error of a record. Pure.
//!
//! The texts are parts of messages that AWS documents, or that users have reported; `docs/troubleshooting.md` has the
//! sources. The first row that fits counts.

/// Parts of a message in lower case, of which one must be there, and what to do.
const BY_MESSAGE: [(&[&str], &str); 15] = [
    (
        &["extra inputs are not permitted", "extraneous key", "unexpected property"],
        "remove the member that the message names from modelInput; model, modelId, and stream do not belong there",
    ),
    (&["anthropic_version"], "add \"anthropic_version\": \"bedrock-2023-05-31\" to modelInput"),
    (
        &["temperature and top_p", "temperature` and `top_p", "both temperature"],
        "leave out temperature or top_p: the model takes one of them",
    ),
    (
        &[
            "prompt is too long",
            "input is too long",
            "too many input tokens",
            "context length",
            "context window",
        ],
        "make the prompt shorter, or use a model with a larger context window",
    ),
    (
        &["max_tokens", "maxtokens", "max_gen_len", "maxtokencount", "maximum tokens"],
        "set the limit of output tokens to what the model takes",
    ),
    (
        &["toolconfig", "tool_choice", "tools"],
        "with ModelInvocationType=Converse, leave tools out; otherwise write them in the format of the model",
    ),
    (
        &["accessdenied", "access denied", "not authorized"],
        "ask an operator of the stack: the role may not invoke the model in each Region of the profile",
    ),
    (
        &["roles must alternate", "role must alternate"],
        "let messages of the user and of the assistant take turns",
    ),
    (
        &["text content blocks must", "non-whitespace", "text field is blank", "is blank"],
        "give each message a text that is not empty or only white space",
    ),
    (&["could not process image", "image"], "send an image in a format and of a size that the model takes"),
    (
        &["guardrail", "content filter", "blocked by"],
        "change what the prompt says: a filter or guardrail blocked it",
    ),
    (
        &["malformed input request", "validationexception", "required key", "field required", "is required"],
        "write modelInput in the format of the model; `bedrock-vpc-batch check --model-id MODEL` says what is wrong with it",
    ),
    (
        &["throttl", "too many requests", "rate exceeded"],
        "retry these records: the service was busy at each attempt",
    ),
    (&["timed out", "timeout", "expired"], "retry these records: their time ran out"),
    (
        &["internal server", "service unavailable", "internalserver", "serviceunavailable"],
        "retry these records: the service failed at each attempt",
    ),
];

/// Says how to fix an error, given its code and its message.
///
/// ```
/// # use bedrock_vpc_batch::answers::advice::advice;
/// assert!(advice(Some("429"), "").starts_with("retry"));
/// assert!(advice(Some("400"), "Extra inputs are not permitted").starts_with("remove the member"));
/// ```
#[must_use]
pub fn advice(code: Option<&str>, message: &str) -> &'static str {
    let lower = message.to_lowercase();
    let by_message = BY_MESSAGE.iter().find(|(parts, _)| parts.iter().any(|part| lower.contains(part)));
    if let Some((_, fix)) = by_message {
        return fix;
    }
    match code.and_then(|code| code.parse::<u16>().ok()) {
        Some(429 | 500..=599) => "retry these records: the service was busy or failed at each attempt",
        Some(403) => "ask an operator of the stack: the role may not invoke the model",
        Some(404) => "ask an operator of the stack: the model was not found",
        Some(413) => "make the record smaller",
        _ => "read the message, correct modelInput, and drop these records again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_messages_have_a_fix_of_their_own() {
        // The texts of docs/troubleshooting.md, and of AWS's pages that it links.
        let table = [
            (Some("400"), "messages.0: Extra inputs are not permitted", "remove the member"),
            (Some("400"), "anthropic_version: Field required", "add \"anthropic_version\""),
            (
                Some("400"),
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
                "leave out temperature or top_p",
            ),
            (Some("400"), "max_tokens: 100000 > 64000, which is the maximum", "set the limit"),
            (Some("400"), "prompt is too long: 201431 tokens > 200000 maximum", "make the prompt shorter"),
            (Some("400"), "The value of toolConfig is not supported", "with ModelInvocationType=Converse"),
            (Some("403"), "AccessDeniedException", "ask an operator"),
            (
                Some("400"),
                "Malformed input request: #: required key [messages] not found",
                "write modelInput",
            ),
            (Some("429"), "Too many requests, please wait before trying again.", "retry"),
            (Some("503"), "", "retry"),
            (None, "expired", "retry"),
            (None, "something else", "read the message"),
        ];
        for (code, message, start) in table {
            let fix = advice(code, message);
            assert!(fix.starts_with(start), "{message}: {fix}");
        }
    }
}
