//! `bedrock-vpc-batch doctor`: examines an account.

use super::error::CliError;
use super::output::print_line;

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArguments {
    /// The stack of template.yaml to examine. Without it, the same environment variables as the functions'.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,

    /// Also ask Bedrock whether the model has batch inference, with a call that WRITES.
    ///
    /// It sends `CreateModelInvocationJob` for a job whose input does not exist. One public report says that Bedrock then
    /// checks the model, refuses the input, creates no job, and bills nothing; AWS does not document it. Afterwards, the
    /// doctor checks that there is no job of that name, and stops it if there is one. You need
    /// `bedrock:CreateModelInvocationJob` and `StopModelInvocationJob`, and `iam:PassRole` on the job's role.
    #[arg(long)]
    probe_batch: bool,
}

/// Prints what was found. True if nothing was found that makes jobs fail.
pub(super) async fn examine(arguments: &DoctorArguments) -> Result<bool, CliError> {
    let sdk = crate::doctor::sdk_config().await;
    let report = crate::doctor::examine(&sdk, arguments.stack.as_deref(), arguments.probe_batch).await?;
    print_line(&report.to_string())?;
    Ok(report.is_sound())
}
