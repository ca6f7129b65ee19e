//! Says in plain words what S3 refuses.

use std::error::Error as StdError;

use crate::aws::error::Error;
use crate::aws::sdk_error::Refusal;
use crate::base::text;
use crate::cli::error::CliError;

/// Codes of S3 that mean that the credentials are of no use.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (read 2026-11)
const BAD_CREDENTIALS: [&str; 6] = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

fn refusal(error: &Error) -> Option<&Refusal> {
    let Error::Call { source, .. } = error else { return None };
    source.downcast_ref::<Refusal>()
}

/// Whether S3 denies a call, or does not say that an object is not there.
pub(super) fn is_denial(error: &Error) -> bool {
    refusal(error).is_some_and(|refusal| refusal.status == 403 && refusal.code == "AccessDenied")
}

/// Says in plain words why a call failed, and what to do. `start` is the command that starts a pipeline of this machine.
pub(super) fn explain(stack: &str, start: Option<&str>, error: Error) -> CliError {
    let Error::Call { call, source, .. } = &error else { return error.into() };
    let call = text::line(call);
    let Some(refusal) = refusal(&error) else {
        let mut cause: &dyn StdError = &**source;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let cause = text::line(cause);
        if let Some(start) = start {
            return CliError::Stack(format!("{stack} has ended ({cause}): start one with {start}"));
        }
        return CliError::Denied(format!(
            "{stack}: S3 cannot be reached ({call}): {cause}; check the network, the Region, and AWS_ENDPOINT_URL_S3 if it is set"
        ));
    };
    let said = match refusal.code.as_str() {
        "AccessDenied" => {
            return CliError::Refused(format!(
                "{stack} denies {call}: results are for the roles and users in its parameter ReaderArns, those of one route for \
                 those in RouteReaderArns, drops for those in UploaderArns, and requests for those in OperatorArns; with PeopleOnlyThroughEndpoints, only from its network"
            ));
        }
        code if BAD_CREDENTIALS.contains(&code) => {
            format!(
                "S3 does not accept the credentials ({code}): they are wrong or have expired; log in again"
            )
        }
        "NoSuchBucket" => format!("{stack}: its bucket is gone ({call})"),
        _ => return error.into(),
    };
    CliError::Denied(said)
}
