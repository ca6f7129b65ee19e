//! Signatures: requests that were changed after they were signed, or signed with other keys, are refused.

use std::fmt::Debug;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};

use super::{PLAIN, Rig, refusal, refused};

/// Changes a request after it was signed.
#[derive(Debug)]
struct Tamper(fn(&mut aws_sdk_s3::config::http::HttpRequest));

impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "Tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0(context.request_mut());
        Ok(())
    }
}

#[tokio::test]
async fn body_with_another_sha256_is_refused_and_nothing_is_stored() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").body(ByteStream::from_static(b"signed"));
    let tamper = Tamper(|request| *request.body_mut() = SdkBody::from("forged"));
    let result = put.customize().interceptor(tamper).send().await;
    assert_eq!(refusal(result), refused(400, "XAmzContentSHA256Mismatch"));
    assert_eq!(rig.keys(PLAIN).await, [""; 0]);
}

#[tokio::test]
async fn changed_header_breaks_the_signature() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").metadata("a", "signed");
    let tamper = Tamper(|request| {
        request.headers_mut().insert("x-amz-meta-a", "forged");
    });
    let result = put.customize().interceptor(tamper).send().await;
    assert_eq!(refusal(result), refused(403, "SignatureDoesNotMatch"));
    assert_eq!(rig.s3.requests(), []);
}

#[tokio::test]
async fn other_credentials_and_no_credentials_are_refused() {
    let rig = Rig::start().await;
    let with = |id: &str, secret: &str| {
        let credentials = Credentials::new(id, secret, None, None, "test");
        Client::from_conf(rig.client.config().to_builder().credentials_provider(credentials).build())
    };
    let key = rig.s3.key();
    let stranger = with("AKIAIOSFODNN7EXAMPLE", key.secret_access_key()).list_buckets().send().await;
    assert_eq!(refusal(stranger), refused(403, "InvalidAccessKeyId"));
    let forger = with(key.access_key_id(), "wrong").list_buckets().send().await;
    assert_eq!(refusal(forger), refused(403, "SignatureDoesNotMatch"));
    let anonymous = Client::from_conf(rig.client.config().to_builder().allow_no_auth().build());
    let anonymous = anonymous.list_buckets().customize().interceptor(Tamper(|request| {
        request.headers_mut().remove("authorization");
    }));
    assert_eq!(refusal(anonymous.send().await), refused(403, "AccessDenied"));
}
