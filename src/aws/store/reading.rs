//! Reads objects piece by piece, and checks that S3 answers with the bytes that were asked for.

use std::error::Error as StdError;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use bytes::Bytes;

use crate::aws::error::{Error, ErrorKind};
use crate::aws::sdk_error;
use crate::aws::store::objects::Store;
use crate::aws::store::refusals::{is_gone, is_lost};
use crate::base::count::Counted;
use crate::drop::source::DropSource;

/// Reads an object piece by piece, and counts its bytes. A body that is shorter or longer than it should be ends with
/// an error.
#[derive(Debug)]
pub struct ObjectReader {
    uri: String,
    etag: Option<String>,
    body: ByteStream,
    /// How many bytes the body has.
    bytes: u64,
    /// How many of these bytes have not been read yet.
    left: u64,
}

impl ObjectReader {
    /// Returns the object's `ETag`, if S3 said it.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Returns the next bytes, or `None` at the end.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the body breaks off, stops flowing, or does not have the length that it should have.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = self.bytes;
        let source: Box<dyn StdError + Send + Sync> = match self.body.next().await {
            Some(Ok(chunk)) => match self.left.checked_sub(chunk.len() as u64) {
                Some(left) => {
                    self.left = left;
                    return Ok(Some(chunk));
                }
                None => Box::new(WrongAnswer::TooLong { bytes }),
            },
            None if self.left == 0 => return Ok(None),
            None => Box::new(WrongAnswer::TooShort { read: bytes - self.left, bytes }),
            Some(Err(error)) => Box::new(error),
        };
        let call = format!("S3 GetObject {}: reading the body", self.uri);
        Err(Error::Call { call, kind: ErrorKind::Unavailable, source })
    }
}

/// What is wrong with an answer that does not have the bytes that were asked for.
#[derive(Debug, thiserror::Error)]
enum WrongAnswer {
    #[error(
        "{asked} was asked for, but the answer is HTTP {status} with {answered}: the server at this endpoint does \
         not handle ranges as Amazon S3 does"
    )]
    NotTheRange { asked: String, status: u16, answered: String },
    #[error(
        "the answer does not declare its length: the server at this endpoint does not behave like Amazon S3"
    )]
    Undeclared,
    #[error("the answer declares {}, but there should be {bytes}", Counted(*declared, "byte"))]
    OtherLength { declared: u64, bytes: u64 },
    #[error("the body ended after {read} of {}", Counted(*bytes, "byte"))]
    TooShort { read: u64, bytes: u64 },
    #[error("the body goes on after {}", Counted(*bytes, "byte"))]
    TooLong { bytes: u64 },
}

impl WrongAnswer {
    /// A server that does not behave like S3 will not do so next time either. A body may have been cut off on its way.
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotTheRange { .. } | Self::Undeclared => ErrorKind::Misconfigured,
            Self::OtherLength { .. } | Self::TooShort { .. } | Self::TooLong { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Which bytes of an object are read.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// The whole object, and its size if that is known.
    Whole(Option<u64>),
    /// This range.
    Range(Range<u64>),
}

impl Asked {
    /// Returns the value of the `Range` header; `None` for a whole object.
    fn header(&self) -> Option<String> {
        match self {
            Self::Whole(_) => None,
            Self::Range(bytes) => Some(range(bytes)),
        }
    }

    /// Returns how many bytes the body of an answer must have, if the answer has what was asked for.
    fn bytes_of(&self, answer: &GetObjectOutput, status: u16) -> Result<u64, WrongAnswer> {
        let declared = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let content_range = answer.content_range();
        let ranged = content_range.filter(|_| status == PARTIAL_CONTENT).and_then(parse_content_range);
        let bytes = match (self, ranged) {
            (Self::Whole(known), _) => known.or(declared),
            (Self::Range(asked), Some(bytes)) if bytes == *asked => Some(bytes.end - bytes.start),
            (Self::Range(_), _) => {
                let answered = content_range.map_or_else(
                    || "no Content-Range".to_owned(),
                    |content_range| format!("Content-Range {content_range:?}"),
                );
                let asked = self.header().unwrap_or_default();
                return Err(WrongAnswer::NotTheRange { asked, status, answered });
            }
        };
        match (bytes, declared) {
            (Some(bytes), Some(declared)) if declared != bytes => {
                Err(WrongAnswer::OtherLength { declared, bytes })
            }
            (Some(bytes), _) => Ok(bytes),
            (None, _) => Err(WrongAnswer::Undeclared),
        }
    }
}

/// The status of the answer to a request for a range. A server that ignores the range answers 200, with everything.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-14.2>
const PARTIAL_CONTENT: u16 = 206;

/// Formats a range for HTTP, where it includes its last byte.
pub(super) fn range(bytes: &Range<u64>) -> String {
    format!("bytes={}-{}", bytes.start, bytes.end.saturating_sub(1))
}

/// Reads which bytes an answer has: `bytes 5-9/20` is the range 5..10.
fn parse_content_range(header: &str) -> Option<Range<u64>> {
    let (bytes, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = bytes.split_once('-')?;
    let (first, last, total) =
        (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, total.parse::<u64>().ok()?);
    (first <= last && last < total).then_some(first..last + 1)
}

/// Records the HTTP status of an answer, which the SDK does not return.
#[derive(Debug, Clone, Default)]
struct Status(Arc<AtomicU16>);

#[dyn_dispatch_hint]
impl Intercept for Status {
    fn name(&self) -> &'static str {
        "Status"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(context.response().status().as_u16(), Ordering::Relaxed);
        Ok(())
    }
}

/// The answer to a request for some bytes of an object.
pub(super) struct Answer {
    pub(super) output: GetObjectOutput,
    asked: Asked,
    status: u16,
}

/// Asks for some bytes of an object.
pub(super) async fn get(
    request: GetObjectFluentBuilder,
    asked: Asked,
) -> Result<Answer, SdkError<GetObjectError, HttpResponse>> {
    let status = Status::default();
    let request = request.set_range(asked.header());
    let output = match asked {
        Asked::Whole(_) => request.send().await?,
        Asked::Range(_) => request.customize().interceptor(status.clone()).send().await?,
    };
    Ok(Answer { output, asked, status: status.0.load(Ordering::Relaxed) })
}

impl Answer {
    /// Returns a reader of the bytes, if they are those that were asked for.
    pub(super) fn reader(self, uri: String) -> Result<ObjectReader, Error> {
        match self.asked.bytes_of(&self.output, self.status) {
            Ok(bytes) => {
                let GetObjectOutput { e_tag: etag, body, .. } = self.output;
                Ok(ObjectReader { uri, etag, body, bytes, left: bytes })
            }
            Err(wrong) => Err(Error::Call {
                call: format!("S3 GetObject {uri}"),
                kind: wrong.kind(),
                source: Box::new(wrong),
            }),
        }
    }
}

impl Store {
    /// Reads some bytes of exactly this version. Returns `None` if the version is gone or, without versioning, was
    /// overwritten. The new object then has an event of its own.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails, or if the answer has other bytes, or another number of bytes.
    pub async fn read_drop(
        &self,
        drop: &DropSource,
        bytes: &Range<u64>,
    ) -> Result<Option<ObjectReader>, Error> {
        let request = self.client.get_object().bucket(&drop.bucket).key(&drop.key);
        let request = request.set_version_id(drop.version_id.clone()).if_match(&drop.etag);
        let asked = if *bytes == drop.whole() {
            Asked::Whole(Some(drop.size_bytes))
        } else {
            Asked::Range(bytes.clone())
        };
        match get(request, asked).await {
            Ok(answer) => Ok(Some(answer.reader(drop.to_string())?)),
            Err(error) if is_gone(&error) || is_lost(&error) => Ok(None),
            Err(error) => Err(sdk_error::classify(format!("S3 GetObject {drop}"), error)),
        }
    }

    /// Reads an object of the output bucket.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails, or if there is no such object.
    pub async fn read(&self, key: &str) -> Result<ObjectReader, Error> {
        let request = self.client.get_object().bucket(&self.output_bucket).key(key);
        self.read_as(Asked::Whole(None), request, key).await
    }

    /// Reads some bytes of an object of the output bucket, which must still have this `ETag`, if one is known.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails, or if the answer has other bytes.
    pub(crate) async fn read_range(
        &self,
        key: &str,
        etag: Option<&str>,
        bytes: Range<u64>,
    ) -> Result<ObjectReader, Error> {
        let request = self.client.get_object().bucket(&self.output_bucket).key(key);
        let request = request.set_if_match(etag.map(Into::into));
        self.read_as(Asked::Range(bytes), request, key).await
    }

    async fn read_as(
        &self,
        asked: Asked,
        request: GetObjectFluentBuilder,
        key: &str,
    ) -> Result<ObjectReader, Error> {
        let answer = get(request, asked).await;
        let answer = answer.map_err(|error| sdk_error::classify(self.named("GetObject", key), error))?;
        answer.reader(format!("s3://{}/{key}", self.output_bucket))
    }

    /// Reads a whole object of the output bucket. Returns `None` if there is no such object.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Option<String>)>, Error> {
        let request = self.client.get_object().bucket(&self.output_bucket).key(key);
        let answer = match get(request, Asked::Whole(None)).await {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(sdk_error::classify(self.named("GetObject", key), error)),
        };
        let etag = answer.output.e_tag.clone();
        let mut body = answer.reader(format!("s3://{}/{key}", self.output_bucket))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some((bytes, etag)))
    }
}
