//! Access: only requests that are signed with the one key pair are accepted.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::StatusCode;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::faults::{AnswerLost, Fault, RangeIgnored};
use super::key::KeyPair;
use super::request_log::{Request, RequestLog};

/// Accepts signed requests, records them, and applies their faults.
pub(super) struct Gate(pub(super) Arc<RequestLog>);

impl S3Access for Gate {
    fn check<'a, 'b, 'c, 'f>(&'a self, context: &'b mut S3AccessContext<'c>) -> BoxFuture<'f, S3Result<()>>
    where
        'a: 'f,
        'b: 'f,
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            if context.credentials().is_none() {
                return Err(s3_error!(AccessDenied, "Access Denied"));
            }
            let path = context.s3_path();
            let request = Request {
                operation: context.s3_op().name().to_owned(),
                bucket: path.get_bucket_name().map(str::to_owned),
                key: path.get_object_key().map(str::to_owned),
            };
            match self.0.admit(request) {
                None => Ok(()),
                Some(Fault::Refused { status, code }) => {
                    let mut error = S3Error::new(S3ErrorCode::Custom(code.into()));
                    error.set_status_code(
                        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    );
                    Err(error)
                }
                Some(Fault::AnswerLost) => {
                    context.extensions_mut().insert(AnswerLost);
                    Ok(())
                }
                Some(Fault::RangeIgnored) => {
                    context.extensions_mut().insert(RangeIgnored);
                    Ok(())
                }
            }
        })
    }
}

/// Knows one key pair, and refuses all others as S3 does.
pub(super) struct OneKey(pub(super) KeyPair);

impl S3Auth for OneKey {
    fn get_secret_key<'a, 'b, 'f>(&'a self, access_key: &'b str) -> BoxFuture<'f, S3Result<SecretKey>>
    where
        'a: 'f,
        'b: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            if access_key == self.0.access_key_id() {
                Ok(SecretKey::from(self.0.secret_access_key()))
            } else {
                Err(s3_error!(
                    InvalidAccessKeyId,
                    "The AWS Access Key Id you provided does not exist in our records."
                ))
            }
        })
    }
}
