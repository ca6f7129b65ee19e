//! Who is let in, what was asked, and the faults that a test wants.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::http::Extensions;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// One request that was let in, whether it then succeeded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The operation's name in the S3 API, such as `PutObject`.
    pub operation: String,
    /// The bucket, if the operation has one.
    pub bucket: Option<String>,
    /// The key, if the operation has one; decoded.
    pub key: Option<String>,
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused and has no effect.
    Refused {
        /// The HTTP status, such as 503.
        status: u16,
        /// The error code, such as `SlowDown`.
        code: &'static str,
    },
    /// It has its effect, but the caller is told of an internal error (500).
    AnswerLost,
    /// The range that it asks for, or asks to copy from, is ignored: everything is answered with 200, or copied. Not as
    /// S3 does, but as some servers do that pass for it.
    RangeIgnored,
}

/// Decides which requests go wrong.
type Faults = Box<dyn Fn(&Request) -> Option<Fault> + Send + Sync>;

/// Every request so far, and what shall go wrong.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Log>);

#[derive(Default)]
struct Log {
    requests: Vec<Request>,
    faults: Option<Faults>,
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RequestLog").field(&self.lock().requests).finish()
    }
}

impl RequestLog {
    pub(super) fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.lock().faults = Some(faults);
    }

    fn admit(&self, request: Request) -> Option<Fault> {
        let mut log = self.lock();
        let fault = log.faults.as_ref().and_then(|faults| faults(&request));
        log.requests.push(request);
        fault
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets in what is signed, writes it down, and refuses what shall be refused.
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

/// Goes with a request whose answer shall be lost.
#[derive(Clone, Copy)]
struct AnswerLost;

/// Goes with a request whose range shall be ignored.
#[derive(Clone, Copy)]
struct RangeIgnored;

/// Whether the range in the request that these belong to shall be ignored.
pub(super) fn ignores_range(extensions: &Extensions) -> bool {
    extensions.get::<RangeIgnored>().is_some()
}

/// The answer of an operation, or what becomes of it on the way to the caller.
pub(super) fn deliver<T>(is_lost: bool, answer: S3Result<T>) -> S3Result<T> {
    if is_lost {
        Err(s3_error!(InternalError, "We encountered an internal error. Please try again."))
    } else {
        answer
    }
}

/// Whether the answer to the request that these belong to shall be lost.
pub(super) fn is_lost(extensions: &Extensions) -> bool {
    extensions.get::<AnswerLost>().is_some()
}

/// Knows one key pair, and refuses any other as S3 does.
pub(super) struct OneKey;

impl S3Auth for OneKey {
    fn get_secret_key<'a, 'b, 'f>(&'a self, access_key: &'b str) -> BoxFuture<'f, S3Result<SecretKey>>
    where
        'a: 'f,
        'b: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            if access_key == ACCESS_KEY_ID {
                Ok(SecretKey::from(SECRET_ACCESS_KEY))
            } else {
                Err(s3_error!(
                    InvalidAccessKeyId,
                    "The AWS Access Key Id you provided does not exist in our records."
                ))
            }
        })
    }
}
