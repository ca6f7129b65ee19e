//! Where EC2 is called.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_types::service_config::ServiceConfigKey;

/// Returns the endpoint that the settings name, or else the public one. EC2's own SDK has the rules of
/// `aws_sdk_cloudformation` with another name in the host, for all partitions, FIPS, and dual stack.
/// <https://docs.aws.amazon.com/general/latest/gr/ec2-service.html> (read 2026-11)
pub(super) async fn endpoint(sdk: &SdkConfig) -> Result<String, BoxError> {
    let key = ServiceConfigKey::builder().service_id("EC2").env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let of_service = match sdk.service_config() {
        Some(config) if !sdk.get_origin("endpoint_url").is_client_config() => {
            config.load_config(key.build()?)
        }
        _ => None,
    };
    let given = of_service.or_else(|| sdk.endpoint_url().map(ToOwned::to_owned));
    let is_given = given.is_some();
    let params = Params::builder()
        .set_endpoint(given)
        .set_region(sdk.region().map(ToString::to_string))
        .set_use_dual_stack(sdk.use_dual_stack())
        .set_use_fips(sdk.use_fips())
        .build()?;
    let resolver = DefaultResolver::new();
    let endpoint = ResolveEndpoint::resolve_endpoint(&resolver, &params).await?;
    let url = endpoint.url();
    Ok(if is_given { url.to_owned() } else { url.replacen("https://cloudformation", "https://ec2", 1) })
}

#[cfg(test)]
mod tests {
    use aws_config::Region;
    use aws_types::origin::Origin;
    use aws_types::service_config::LoadServiceConfig;

    use super::*;

    #[tokio::test]
    async fn public_endpoints_are_those_of_the_partitions() {
        for (region, fips, dual_stack, expected) in [
            ("us-east-1", false, false, "https://ec2.us-east-1.amazonaws.com"),
            ("eu-central-1", false, false, "https://ec2.eu-central-1.amazonaws.com"),
            ("us-east-1", true, false, "https://ec2-fips.us-east-1.amazonaws.com"),
            ("us-west-2", false, true, "https://ec2.us-west-2.api.aws"),
            ("cn-north-1", false, false, "https://ec2.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", false, false, "https://ec2.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "https://ec2.us-gov-west-1.amazonaws.com"),
        ] {
            let sdk = SdkConfig::builder().region(Region::from_static(region));
            let sdk = sdk.use_fips(fips).use_dual_stack(dual_stack).build();
            assert_eq!(endpoint(&sdk).await.unwrap(), expected);
        }
        let error = endpoint(&SdkConfig::builder().build()).await.unwrap_err();
        assert!(error.to_string().contains("Missing Region"), "{error}");
    }

    /// `AWS_ENDPOINT_URL_EC2`.
    #[derive(Debug)]
    struct ForEc2;

    impl LoadServiceConfig for ForEc2 {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let name = (key.service_id(), key.env(), key.profile());
            (name == ("EC2", "AWS_ENDPOINT_URL", "endpoint_url"))
                .then(|| "https://cloudformation.a".to_owned())
        }
    }

    #[tokio::test]
    async fn given_endpoints_are_taken_as_they_are() {
        let general = SdkConfig::builder().region(Region::from_static("us-east-1")).endpoint_url("http://b");
        let general = general.build();
        assert_eq!(endpoint(&general).await.unwrap(), "http://b");
        let both = general.into_builder().service_config(ForEc2).build();
        assert_eq!(endpoint(&both).await.unwrap(), "https://cloudformation.a");
        let mut of_program = both.into_builder();
        of_program.insert_origin("endpoint_url", Origin::shared_config());
        assert_eq!(endpoint(&of_program.build()).await.unwrap(), "http://b");
    }
}
