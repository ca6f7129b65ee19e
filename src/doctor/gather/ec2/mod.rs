//! A client for EC2's Query API. EC2's own SDK takes minutes to compile, and the doctor calls seven of its hundreds of
//! actions. So this client puts the parts of the other SDKs together: their signatures, retries, limits, and HTTP client.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html> (read 2026-11)

mod endpoint;
#[cfg(test)]
pub(super) mod stand_in;

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{
    DisableClockSkewCorrection, ServiceClockSkewClassifier, ServiceClockSkewInterceptor,
};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Layer, Storable, StoreReplace};
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use http_body_util::Limited;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::endpoint::endpoint;
use super::answers::known;
use crate::doctor::known::{Known, Unknown};

const VERSION: &str = "2016-11-15";

/// The size of the largest answer that is read.
const MAX_BODY_BYTES: usize = 32 << 20;

/// How many pages of one list are read at most.
const MAX_PAGES: usize = 100;

/// The client. It is cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Ec2 {
    sdk: SdkConfig,
    runtime: SharedRuntimePlugin,
}

impl Ec2 {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        Self { sdk: sdk.clone(), runtime: SharedRuntimePlugin::new(runtime(sdk)) }
    }

    /// Returns all pages of a list. The action is named as policies name it, such as `ec2:DescribeSubnets`.
    pub(super) async fn list<T>(&self, action: &'static str, parameters: Parameters) -> Known<Vec<T>>
    where
        T: DeserializeOwned + Debug + Default + Send + Sync + 'static,
    {
        let mut items = Vec::new();
        let mut next = parameters.clone();
        for _ in 0..MAX_PAGES {
            let page: Page<T> = self.call(action, next).await?;
            items.extend(page.list.item);
            match page.next_token.filter(|token| !token.is_empty()) {
                Some(token) => next = parameters.clone().with("NextToken", &token),
                None => return Ok(items),
            }
        }
        let why = format!("{action} gave more than {MAX_PAGES} pages");
        Err(Unknown { why, fix: "try again".to_owned() })
    }

    /// Returns the answer to an action that has no pages.
    pub(super) async fn call<T>(&self, action: &'static str, parameters: Parameters) -> Known<T>
    where
        T: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        known(action, self.send(action, parameters).await)
    }

    async fn send<T>(
        &self,
        action: &'static str,
        Parameters(parameters): Parameters,
    ) -> Result<T, SdkError<ErrorMetadata, HttpResponse>>
    where
        T: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let endpoint = endpoint(&self.sdk).await.map_err(SdkError::construction_failure)?;
        let action = action.trim_start_matches("ec2:");
        let operation = Operation::builder()
            .service_name("EC2")
            .operation_name(action)
            .endpoint_url(&endpoint)
            .runtime_plugin(self.runtime.clone())
            .with_connection_poisoning()
            .serializer(request)
            .deserializer(answer::<T>)
            .build();
        operation.invoke(format!("Action={action}&Version={VERSION}{parameters}")).await
    }
}

/// The parameters of an action, encoded as a form.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(String);

impl Parameters {
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0 += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        self
    }

    /// Asks for what has one of these values.
    pub(super) fn filter(name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let named = Self::default().with("Filter.1.Name", name);
        values.into_iter().zip(1..).fold(named, |parameters, (value, number): (_, u32)| {
            parameters.with(&format!("Filter.1.Value.{number}"), value.as_ref())
        })
    }
}

/// A list in an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound = "T: DeserializeOwned + Default")]
pub(super) struct Items<T> {
    pub(super) item: Vec<T>,
}

/// A page of a list. Each action has a name of its own for the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound = "T: DeserializeOwned + Default")]
struct Page<T> {
    #[serde(
        alias = "prefixListSet",
        alias = "routeTableSet",
        alias = "securityGroupInfo",
        alias = "serviceDetailSet",
        alias = "subnetSet",
        alias = "vpcEndpointSet"
    )]
    list: Items<T>,
    next_token: Option<String>,
}

/// The body of an error.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> (read 2026-11)
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    errors: Errors,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Errors {
    error: RefusalError,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RefusalError {
    code: String,
    message: Option<String>,
}

/// An answer that is not EC2's, such as the page of a proxy.
#[derive(Debug, thiserror::Error)]
#[error("status {status} without an answer of EC2")]
struct Unreadable {
    status: u16,
    source: quick_xml::DeError,
}

/// Makes the parts of the runtime as the SDKs make them for their operations.
fn runtime(sdk: &SdkConfig) -> StaticRuntimePlugin {
    let mut config = Layer::new("EC2");
    config.store_put(ApiMetadata::new("ec2", VERSION));
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    config.store_put(SigV4OperationSigningConfig {
        region: sdk.region().cloned().map(SigningRegion::from),
        name: Some(SigningName::from_static("ec2")),
        ..SigV4OperationSigningConfig::default()
    });
    put(&mut config, sdk.app_name().cloned());
    put(&mut config, sdk.disable_clock_skew_correction().map(DisableClockSkewCorrection::from));
    put(&mut config, sdk.retry_config().cloned());
    put(&mut config, sdk.stalled_stream_protection());
    put(&mut config, sdk.timeout_config().cloned());
    let mut components = RuntimeComponentsBuilder::new("EC2")
        .with_http_client(sdk.http_client())
        .with_sleep_impl(sdk.sleep_impl())
        .with_time_source(sdk.time_source())
        .with_identity_cache(sdk.identity_cache())
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(StalledStreamProtectionInterceptor::default())
        .with_interceptor(BodyLimit);
    if let Some(credentials) = sdk.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
}

/// Stores a setting, or leaves the default.
fn put<T: Storable<Storer = StoreReplace<T>>>(config: &mut Layer, setting: Option<T>) {
    if let Some(setting) = setting {
        config.store_put(setting);
    }
}

fn request(form: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

fn answer<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    let status = response.status();
    let unreadable = |source| OrchestratorError::other(Unreadable { status: status.as_u16(), source });
    if status.is_success() {
        return quick_xml::de::from_reader(body).map_err(unreadable);
    }
    let refusal: Refusal = quick_xml::de::from_reader(body).map_err(unreadable)?;
    let RefusalError { code, message } = refusal.errors.error;
    let mut error = ErrorMetadata::builder().code(code);
    if let Some(message) = message {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// Ends a body that is too large. An answer is read into memory as a whole.
#[derive(Debug)]
struct BodyLimit;

impl Intercept for BodyLimit {
    fn name(&self) -> &'static str {
        "BodyLimit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, MAX_BODY_BYTES));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::stand_in::answering;
    use super::*;

    /// The one action whose name the tests of this file need.
    const ACTION: &str = "ec2:DescribeSubnets";

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Subnet {
        subnet_id: String,
    }

    fn page(subnet_id: &str, next_token: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeSubnetsResponse \
             xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>1</requestId><subnetSet><item><subnetId>\
             {subnet_id}</subnetId></item></subnetSet>{next_token}</DescribeSubnetsResponse>"
        )
    }

    fn refusal(code: &str) -> String {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>a &lt;message&gt;</Message></Error></Errors>\
             <RequestID>1</RequestID></Response>"
        )
    }

    async fn list(answers: &[(u16, &str)]) -> (Known<Vec<Subnet>>, Vec<String>) {
        let (ec2, requests) = answering(answers).await;
        let listed = ec2.list(ACTION, Parameters::filter("vpc-id", ["vpc-1", "a b&c"])).await;
        let bodies = requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
        (listed, bodies)
    }

    fn ids(listed: Known<Vec<Subnet>>) -> Vec<String> {
        listed.unwrap().into_iter().map(|subnet| subnet.subnet_id).collect()
    }

    #[tokio::test]
    async fn every_page_is_read() {
        let first = page("subnet-1", "<nextToken>a+/=&amp;b</nextToken>");
        let last = page("subnet-2", "<nextToken/>");
        let (listed, requests) = list(&[(200, &first), (200, &last)]).await;
        assert_eq!(ids(listed), ["subnet-1", "subnet-2"]);
        let form = "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=vpc%2Did&Filter.1.Value.1=vpc%2D1&\
                    Filter.1.Value.2=a%20b%26c";
        assert_eq!(requests, [form.to_owned(), format!("{form}&NextToken=a%2B%2F%3D%26b")]);
    }

    #[tokio::test]
    async fn list_without_end_is_given_up() {
        let (listed, requests) = list(&[(200, &page("subnet-1", "<nextToken>again</nextToken>"))]).await;
        let why = "ec2:DescribeSubnets gave more than 100 pages".to_owned();
        assert_eq!(listed, Err(Unknown { why, fix: "try again".to_owned() }));
        assert_eq!(requests.len(), MAX_PAGES);
    }

    #[tokio::test]
    async fn answer_without_a_list_is_an_empty_list() {
        for body in ["<A/>", "<A><subnetSet/></A>", "<A>\n <subnetSet>\n </subnetSet>\n</A>"] {
            assert_eq!(ids(list(&[(200, body)]).await.0), [""; 0], "{body}");
        }
    }

    #[tokio::test]
    async fn errors_keep_their_code() {
        let unknown = |why: &str, fix: &str| Unknown { why: why.to_owned(), fix: fix.to_owned() };
        let (refused, _) = list(&[(403, &refusal("UnauthorizedOperation"))]).await;
        let fix = "allow yourself ec2:DescribeSubnets";
        assert_eq!(refused, Err(unknown("UnauthorizedOperation on ec2:DescribeSubnets", fix)));
        let (invalid, requests) = list(&[(400, &refusal("InvalidFilter"))]).await;
        let why = "InvalidFilter on ec2:DescribeSubnets: a <message>";
        assert_eq!(invalid, Err(unknown(why, "try again")));
        assert_eq!(requests.len(), 1, "the same call would fail again");
    }

    #[tokio::test]
    async fn throttled_call_is_tried_again() {
        let throttled = refusal("RequestLimitExceeded");
        let found = page("subnet-1", "");
        let (listed, requests) = list(&[(400, &throttled), (502, "<html>"), (200, &found)]).await;
        assert_eq!(ids(listed), ["subnet-1"]);
        assert_eq!(requests.len(), 3);
    }

    #[tokio::test]
    async fn what_is_not_from_ec2_is_named() {
        let ended = "<DescribeSubnetsResponse><subnetSet><item>";
        for (status, body) in [(403, "<html><body>a proxy</body></html>"), (403, ""), (200, ended), (200, "")]
        {
            let why = list(&[(status, body)]).await.0.unwrap_err().why;
            let expected = format!(
                "ec2:DescribeSubnets failed: response error: status {status} without an answer of EC2: "
            );
            assert!(why.starts_with(&expected), "{why}");
        }
    }

    #[tokio::test]
    async fn answer_that_is_too_large_is_not_read() {
        let (unread, _) = list(&[(200, &page("subnet-1", &" ".repeat(MAX_BODY_BYTES)))]).await;
        let why = unread.unwrap_err().why;
        assert_eq!(why, "ec2:DescribeSubnets failed: response error: length limit exceeded");
    }

    #[tokio::test]
    async fn requests_are_signed_for_ec2_in_the_region() {
        let (ec2, requests) = answering(&[(200, &page("subnet-1", ""))]).await;
        let _: Vec<Subnet> = ec2.list(ACTION, Parameters::default()).await.unwrap();
        let (headers, _) = requests.lock().unwrap().pop().unwrap();
        let authorization = headers["authorization"].to_str().unwrap();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/"), "{authorization}");
        assert!(authorization.contains("/us-east-1/ec2/aws4_request, "), "{authorization}");
        assert_eq!(headers["x-amz-security-token"], "token");
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        assert!(headers["x-amz-user-agent"].to_str().unwrap().contains("api/ec2/2016-11-15"), "{headers:?}");
    }
}
