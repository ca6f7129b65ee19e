//! The SDK clients, built once per process. Every call has a time limit: without one, the SDK waits indefinitely for a
//! server that accepts a connection and never answers.

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

/// How often the SDK tries a call, including the first time. It retries throttling, 5xx, and broken connections by
/// itself, always with the same client request token.
const ATTEMPTS: u32 = 3;

/// The time limit for connecting. A server that can be reached answers sooner.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// The clients of both services. They are cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// Amazon Bedrock.
    pub bedrock: aws_sdk_bedrock::Client,
}

/// A variable that Lambda always sets is missing. There is no default for it.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid environment: {0} is not set")]
pub struct NotSet(pub &'static str);

/// Shows the plain message: a `main` that fails prints its error in this form, and an operator reads it.
impl std::fmt::Debug for NotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Clients {
    /// Makes clients with the Region, credentials, and endpoints of the Lambda environment. Lambda provides them in no
    /// other way, so the other sources of the SDK's default chain are neither asked nor linked.
    ///
    /// # Errors
    /// Returns [`NotSet`] if the Region or the credentials are missing.
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

    /// Makes clients from a configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig, s3_force_path_style: bool) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(sdk).force_path_style(s3_force_path_style).build();
        Self { s3: aws_sdk_s3::Client::from_conf(s3), bedrock: aws_sdk_bedrock::Client::new(sdk) }
    }
}

/// Reads settings of a service from the environment: from the variable for this service, such as
/// `AWS_ENDPOINT_URL_S3`, or else from the one for all services, such as `AWS_ENDPOINT_URL`.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html> (read 2026-11)
#[derive(Debug)]
struct Environment;

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

/// Starts a configuration with a Region, credentials, and limits. It loads nothing: what is not set on the builder is
/// not taken from the environment or from a profile either.
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

/// Adds the HTTP client and the limits to a configuration that is about to be loaded. The doctor uses this, because it
/// examines the account of a profile.
pub fn prepare(loader: ConfigLoader, call_timeout: Duration) -> ConfigLoader {
    loader
        .http_client(Builder::new().tls_provider(TLS).build_https())
        .timeout_config(timeouts(call_timeout))
        .stalled_stream_protection(stalls(call_timeout))
}

/// Makes the HTTP client for both services. All calls share its connector, so the root certificates are read once,
/// here. A client that the SDK builds reads them for each service, and once more for the first call.
pub(crate) fn http_client() -> SharedHttpClient {
    shared(Connector::builder().connector_settings(connections()).tls_provider(TLS).build())
}

/// Makes an HTTP client without TLS, for servers on the loopback address. It reads no root certificates.
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
        // All attempts, and the pauses between them.
        .operation_timeout(call_timeout * ATTEMPTS + Duration::from_secs(5))
        .build()
}

/// Ends a body that stops flowing. The limits in [`timeouts`] apply only until a body starts.
fn stalls(call_timeout: Duration) -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled().grace_period(call_timeout).build()
}
