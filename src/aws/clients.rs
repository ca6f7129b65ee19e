//! The SDK clients, built once per process. Every call has an end: the SDK by itself waits for ever for a
//! server that accepts and never answers.

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    ProvideCredentials, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn};
use aws_types::sdk_config::Builder as SdkConfigBuilder;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::aws::config::{Config, variable};

/// How often the SDK tries one call, the first time included. It retries throttling, 5xx and broken
/// connections by itself, always with the same client request token.
const ATTEMPTS: u32 = 3;

/// Connecting is quick, or the network is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// Both clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// Amazon Bedrock.
    pub bedrock: aws_sdk_bedrock::Client,
}

/// A variable that Lambda sets is not in the environment: there is no default.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid environment: {0} is not set")]
pub struct NotSet(pub &'static str);

/// A `main` that fails prints its error in this form, for an operator to read.
impl std::fmt::Debug for NotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Clients {
    /// Clients with Region, credentials and endpoints from the Lambda environment. There is nothing else that
    /// Lambda gives them by, so the other sources of the SDK's default chain are neither asked nor linked.
    ///
    /// # Errors
    /// [`NotSet`].
    pub async fn from_env(config: &Config) -> Result<Self, NotSet> {
        let region = EnvironmentVariableRegionProvider::new().region().await.ok_or(NotSet("AWS_REGION"))?;
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            variable(name).ok_or(NotSet(name))?;
        }
        let credentials = EnvironmentVariableCredentialsProvider::new();
        let sdk = explicit(region, credentials, config.call_timeout)
            .service_config(Environment)
            .http_client(http_client())
            .build();
        Ok(Self::new(&sdk, config.s3_force_path_style))
    }

    /// Clients on a loaded configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig, s3_force_path_style: bool) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(sdk).force_path_style(s3_force_path_style).build();
        Self { s3: aws_sdk_s3::Client::from_conf(s3), bedrock: aws_sdk_bedrock::Client::new(sdk) }
    }
}

/// What the environment says of one service, `AWS_ENDPOINT_URL_S3`, or else of all, `AWS_ENDPOINT_URL`.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html> (read 2026-11)
#[derive(Debug)]
struct Environment;

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

/// What every client has that is not loaded: Region, credentials, and limits. Nothing that is not set on the builder
/// comes from anywhere else, neither from the environment nor from a profile.
pub(crate) fn explicit(
    region: Region,
    credentials: impl ProvideCredentials + 'static,
    call_timeout: Duration,
) -> SdkConfigBuilder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts(call_timeout))
        .stalled_stream_protection(stalls(call_timeout))
}

/// Adds the HTTP client and the limits to a configuration that is about to be loaded: the doctor's, which examines
/// the account of a profile.
pub fn prepare(loader: ConfigLoader, call_timeout: Duration) -> ConfigLoader {
    loader
        .http_client(Builder::new().tls_provider(TLS).build_https())
        .timeout_config(timeouts(call_timeout))
        .stalled_stream_protection(stalls(call_timeout))
}

/// The one HTTP client of both services. All calls share its connector, whose root certificates are read
/// here: a client that the SDK builds reads them for each service, and once more for the first call.
pub(crate) fn http_client() -> SharedHttpClient {
    shared(Connector::builder().connector_settings(connections()).tls_provider(TLS).build())
}

/// An HTTP client without TLS, for servers on the loopback address: it reads no root certificates.
#[cfg(feature = "local")]
pub(crate) fn plain_http_client() -> SharedHttpClient {
    shared(Connector::builder().connector_settings(connections()).build_http())
}

fn connections() -> HttpConnectorSettings {
    HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build()
}

fn shared(connector: Connector) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

fn timeouts(call_timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(call_timeout)
        // The attempts, and the pauses between them.
        .operation_timeout(call_timeout * ATTEMPTS + Duration::from_secs(5))
        .build()
}

/// The time limits end with the first bytes of a body; this one ends a body that no longer flows.
fn stalls(call_timeout: Duration) -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled().grace_period(call_timeout).build()
}
