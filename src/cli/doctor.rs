//! `bedrock-vpc-batch doctor`: examines an account.

use super::error::CliError;
use super::output::print_line;

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArguments {
    /// The stack of template.yaml to examine. Without it, the same environment variables as the functions'.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
}

/// Prints what was found. True if nothing was found that makes jobs fail.
pub(super) async fn examine(arguments: &DoctorArguments) -> Result<bool, CliError> {
    let sdk = crate::doctor::sdk_config().await;
    let report = crate::doctor::examine(&sdk, arguments.stack.as_deref()).await?;
    print_line(&report.to_string())?;
    Ok(report.is_sound())
}
