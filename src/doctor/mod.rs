//! Examines an account before a job waits for hours and fails: reads, and changes nothing.
//!
//! ```text
//! a stack's outputs, or the ─► subject ─► gather ─► facts ─► network, buckets, ─► findings
//! functions' environment                 calls AWS           role, model          a line each
//! ```
//!
//! From `facts` on all is pure. IAM judges the policies of the role, by its simulation; `policy` reads those of
//! resources, which the simulation does not take for a role.

use aws_config::{BehaviorVersion, SdkConfig};

use self::facts::Facts;
pub use self::finding::{Finding, Report, State};
use self::gather::{CALL_TIMEOUT, Gatherer};
use self::subject::Subject;
use crate::aws::clients::{NotSet, prepare};
use crate::aws::config::{Config, ConfigError};

mod buckets;
mod facts;
mod finding;
mod gather;
mod model;
mod network;
mod policy;
mod role;
mod subject;
#[cfg(test)]
mod tests;

/// What keeps an examination from its beginning.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// No Region in the environment.
    #[error(transparent)]
    NoRegion(#[from] NotSet),
    /// The environment is none of the functions'.
    #[error("{0}; give --stack to examine a stack")]
    Config(ConfigError),
    /// The stack could not be read.
    #[error("stack {0}: {1}")]
    Stack(String, String),
    /// The stack is none of this template's.
    #[error("stack {0} is not of this template: {1}")]
    NotOurs(String, ConfigError),
}

/// Region and credentials from the environment, as any AWS tool takes them.
pub async fn sdk_config() -> SdkConfig {
    prepare(aws_config::defaults(BehaviorVersion::v2026_01_12()), CALL_TIMEOUT).load().await
}

/// Examines a stack, or without one what the environment names as it does for the functions.
///
/// # Errors
/// [`DoctorError`]: then there is nothing to examine.
pub async fn examine(sdk: &SdkConfig, stack: Option<&str>) -> Result<Report, DoctorError> {
    let region = sdk.region().ok_or(NotSet("AWS_REGION"))?.to_string();
    let (subject, gatherer) = match stack {
        None => {
            let config = Config::from_env().map_err(DoctorError::Config)?;
            let gatherer = Gatherer::new(sdk, config.s3_force_path_style);
            (Subject { region, config, functions: None }, gatherer)
        }
        Some(stack) => {
            let gatherer = Gatherer::new(sdk, false);
            let values = gatherer.stack(stack).await;
            let values = values.map_err(|unknown| DoctorError::Stack(stack.to_owned(), unknown.why))?;
            let subject = Subject::of_stack(&values, &region)
                .map_err(|error| DoctorError::NotOurs(stack.to_owned(), error))?;
            (subject, gatherer)
        }
    };
    Ok(Report(check(&subject, &gatherer.facts(&subject).await)))
}

/// All checks.
fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let mut findings = network::check(subject, facts);
    findings.extend(buckets::check(subject, facts));
    findings.extend(role::check(subject, facts));
    findings.extend(model::check(subject, facts));
    findings.extend(model::check_quotas(subject, facts));
    findings.extend(model::check_keys(subject, facts));
    findings
}
