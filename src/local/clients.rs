//! The SDK clients of a function, pointed at the servers of a local run.

use std::time::Duration;

use aws_config::Region;
use aws_config::retry::RetryConfig;

use super::account::REGION;
use super::faults::Faults;
use super::s3::KeyPair;
use crate::aws::clients::{Clients, explicit, plain_http_client};
use crate::aws::config::Config;

/// The clients of a function, for these endpoints and this key pair. They take nothing from the environment
/// or from a profile, and connect only to these endpoints.
#[must_use]
pub fn clients(config: &Config, key: &KeyPair, s3_endpoint: &str, bedrock_endpoint: &str) -> Clients {
    clients_through(config, key, s3_endpoint, bedrock_endpoint, &Faults::new())
}

/// The clients of a function, with every call going through `faults`.
#[must_use]
pub fn clients_through(
    config: &Config,
    key: &KeyPair,
    s3_endpoint: &str,
    bedrock_endpoint: &str,
    faults: &Faults,
) -> Clients {
    let base = explicit(Region::new(REGION), key.credentials(), config.call_timeout)
        // As many attempts as the functions make, but with shorter pauses.
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(20)))
        .http_client(faults.wrap(plain_http_client()))
        .build();
    let pointed_at = |endpoint: &str| base.to_builder().endpoint_url(endpoint).build();
    Clients {
        s3: Clients::new(&pointed_at(s3_endpoint), true).s3,
        bedrock: Clients::new(&pointed_at(bedrock_endpoint), true).bedrock,
    }
}
