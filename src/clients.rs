//! The SDK clients, built once per process. Every call has an end: the SDK by itself waits for ever for a
//! server that accepts and never answers.

use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::config::Config;

/// How often the SDK tries one call, the first time included. It retries throttling, 5xx and broken
/// connections by itself, always with the same client request token.
const ATTEMPTS: u32 = 3;

/// Connecting is quick, or the network is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Both clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// Amazon Bedrock.
    pub bedrock: aws_sdk_bedrock::Client,
}

/// No Region in the environment: there is no default one.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid environment: AWS_REGION is not set")]
pub struct NoRegion;

/// A `main` that fails prints its error in this form, for an operator to read.
impl std::fmt::Debug for NoRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Clients {
    /// Clients with Region and credentials from the Lambda environment.
    ///
    /// # Errors
    /// [`NoRegion`].
    pub async fn from_env(config: &Config) -> Result<Self, NoRegion> {
        let sdk =
            prepare(aws_config::defaults(BehaviorVersion::v2026_01_12()), config.call_timeout).load().await;
        match sdk.region() {
            Some(_) => Ok(Self::new(&sdk, config.s3_force_path_style)),
            None => Err(NoRegion),
        }
    }

    /// Clients on a loaded configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig, s3_force_path_style: bool) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(sdk).force_path_style(s3_force_path_style).build();
        Self { s3: aws_sdk_s3::Client::from_conf(s3), bedrock: aws_sdk_bedrock::Client::new(sdk) }
    }
}

/// Adds the HTTP client and the limits to a configuration that is about to be loaded.
pub fn prepare(loader: ConfigLoader, call_timeout: Duration) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(call_timeout))
        .operation_attempt_timeout(call_timeout)
        // The attempts, and the pauses between them.
        .operation_timeout(call_timeout * ATTEMPTS + Duration::from_secs(5))
        .build();
    // The time limits end with the first bytes of a body; this one ends a body that no longer flows.
    let stalls = StalledStreamProtectionConfig::enabled().grace_period(call_timeout).build();
    loader.http_client(http_client()).timeout_config(timeouts).stalled_stream_protection(stalls)
}

/// The one HTTP client of both services.
pub(crate) fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
