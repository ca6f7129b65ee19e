//! Finds a deployed stack by its outputs.

use std::collections::BTreeMap;
use std::error::Error as StdError;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_s3::config::ProvideCredentials;

use super::{CALL_TIMEOUT, Stack};
use crate::aws::clients::prepare;
use crate::aws::stack::variables;
use crate::base::text;
use crate::cli::error::CliError;

/// Connects to a stack with the Region and the credentials that every AWS tool would use.
pub(super) async fn open(name: &str, region: Option<&str>, profile: Option<&str>) -> Result<Stack, CliError> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let sdk = prepare(loader, CALL_TIMEOUT).load().await;
    let region = sdk.region().map(ToString::to_string).ok_or_else(|| {
        CliError::Stack(
            "no Region is set: give --region, or set AWS_REGION, or use a profile that has one".to_owned(),
        )
    })?;
    has_credentials(&sdk).await?;
    let said = format!("stack {}", text::name(name));
    let values = values(&sdk, &said, name, &region).await?;
    let mut stack = Stack::new(said, region, sdk, false, variables(&values))?;
    stack.values = values;
    Ok(stack)
}

/// Makes sure that there are credentials, because the SDK says in many words that there are none.
async fn has_credentials(sdk: &SdkConfig) -> Result<(), CliError> {
    let fix = "set AWS_PROFILE, or give --profile, or log in again, as with aws sso login";
    let none = || CliError::Stack(format!("no AWS credentials are found: {fix}"));
    let provider = sdk.credentials_provider().ok_or_else(none)?;
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = deepest(&error);
            // What the chain says if it is at its end.
            let is_plain = why.starts_with("no credentials found in chain");
            Err(if is_plain {
                none()
            } else {
                CliError::Stack(format!("no AWS credentials can be used ({}): {fix}", text::line(why)))
            })
        }
    }
}

/// The outputs of a stack, and the parameters that are not also outputs.
async fn values(
    sdk: &SdkConfig,
    said: &str,
    name: &str,
    region: &str,
) -> Result<BTreeMap<String, String>, CliError> {
    let answer = aws_sdk_cloudformation::Client::new(sdk).describe_stacks().stack_name(name).send().await;
    let stacks = match answer {
        Ok(answer) => answer.stacks.unwrap_or_default(),
        Err(error) => {
            let why = match error.as_service_error() {
                None => format!("CloudFormation cannot be reached: {}", text::line(deepest(&error))),
                Some(error) => {
                    refused(error.code().unwrap_or_default(), error.message().unwrap_or_default(), region)
                }
            };
            return Err(CliError::Stack(format!("{said}: {why}")));
        }
    };
    Ok(crate::aws::stack::values(stacks))
}

/// Says what it means that a stack cannot be described.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html> (read 2026-11)
fn refused(code: &str, message: &str, region: &str) -> String {
    let region = text::name(region);
    match code {
        "ValidationError" if message.contains("does not exist") => {
            format!(
                "there is none of this name in {region} and this account: check the name, --region, and --profile"
            )
        }
        "AccessDenied" | "AccessDeniedException" => {
            "the credentials must be allowed cloudformation:DescribeStacks on it".to_owned()
        }
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => {
            format!(
                "AWS does not accept the credentials ({code}): they are wrong or have expired; log in again"
            )
        }
        _ => format!("CloudFormation refuses to describe it: {} ({})", text::line(message), text::name(code)),
    }
}

/// The cause that says most.
fn deepest<'a>(error: &'a (dyn StdError + 'static)) -> String {
    let mut cause: &'a dyn StdError = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_cloudformation_say_what_to_do() {
        for (code, message, start) in [
            ("ValidationError", "Stack with id x does not exist", "there is none of this name in eu-west-1"),
            ("AccessDenied", "no", "the credentials must be allowed cloudformation:DescribeStacks"),
            ("ExpiredToken", "no", "AWS does not accept the credentials (ExpiredToken)"),
            (
                "Throttling",
                "Rate\u{1b} exceeded",
                "CloudFormation refuses to describe it: Rate\\u{1b} exceeded (Throttling)",
            ),
        ] {
            let said = refused(code, message, "eu-west-1");
            assert!(said.starts_with(start), "{said}");
        }
    }
}
