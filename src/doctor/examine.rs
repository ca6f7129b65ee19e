//! An examination, from the settings to the report.

use aws_config::{BehaviorVersion, SdkConfig};

use super::checks;
use super::checks::{
    access, buckets, dns, endpoints, keys, model, models_of_routes, open_drops, quotas, role, routes,
    security_groups, subnets,
};
use super::facts::Facts;
use super::finding::{Finding, Report};
use super::gather::{CALL_TIMEOUT, Gatherer};
use super::probe::probe;
use super::subject::Subject;
use crate::aws::clients::{NotSet, prepare};
use crate::aws::config::{Config, ConfigError};

/// Why an account cannot be examined.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The environment does not name a Region.
    #[error(transparent)]
    NoRegion(#[from] NotSet),
    /// The environment does not have the functions' settings.
    #[error("{0}; give --stack to examine a stack")]
    Config(ConfigError),
    /// The stack could not be read.
    #[error("stack {0}: {1}")]
    Stack(String, String),
    /// The stack is not a stack of this template.
    #[error("stack {0} is not of this template: {1}")]
    OtherTemplate(String, ConfigError),
}

/// Loads the Region and credentials from the environment or a profile, as AWS tools do.
pub async fn sdk_config() -> SdkConfig {
    prepare(aws_config::defaults(BehaviorVersion::v2026_01_12()), CALL_TIMEOUT).load().await
}

/// Examines a stack or, if there is none, what the functions' environment variables name. It only reads, except with
/// the probe.
///
/// # Errors
/// [`DoctorError`] if there is nothing to examine.
pub async fn examine(sdk: &SdkConfig, stack: Option<&str>, with_probe: bool) -> Result<Report, DoctorError> {
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
                .map_err(|error| DoctorError::OtherTemplate(stack.to_owned(), error))?;
            (subject, gatherer)
        }
    };
    let facts = gatherer.facts(&subject).await;
    let mut findings = check(&subject, &facts);
    if with_probe {
        findings
            .extend(checks::probe::check(&subject, &probe(&gatherer.bedrock, &subject, facts.asked).await));
    }
    Ok(Report(findings))
}

/// Runs all checks, in the order of the report.
pub(super) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    [
        subnets::check(subject, facts),
        routes::check_tables(subject, facts),
        routes::check_internet(subject, facts),
        dns::check(subject, facts),
        security_groups::check(subject, facts),
        endpoints::check_s3(subject, facts),
        endpoints::check_bedrock(subject, facts),
        buckets::check(subject, facts),
        role::check(subject, facts),
        model::check(subject, facts),
        access::check(subject, facts),
        open_drops::check(subject, facts),
        quotas::check(subject, facts),
        models_of_routes::check(subject, facts),
        keys::check(subject, facts),
    ]
    .concat()
}
