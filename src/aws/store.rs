//! Amazon S3: read a drop, copy and write objects, and the ledger's conditional writes.

use std::error::Error as StdError;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{
    CompletedMultipartUpload, CompletedPart, EncodingType, MetadataDirective, TaggingDirective,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::aws::error::{Error, ErrorKind};
use crate::base::s3_uri::{S3Uri, decode_notification_key};
use crate::base::timestamp::Timestamp;
use crate::drop::source::DropSource;

/// The size from which an object is copied in ranges, and of each range. S3 copies at most 5 GiB in one
/// call, and a call of ours has a time limit.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html> (read 2026-11)
const COPY_RANGE_BYTES: u64 = 256 << 20;

/// The fewest bytes of a drop that are copied by S3 if they are not all of it: S3 copies a range only from
/// an object of more than 5 MB, and less is read and written as soon.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html> (read 2026-11)
pub const MIN_COPY_BYTES: u64 = 8 << 20;

/// The size of each part of an upload. S3 takes 10,000 parts of at least 5 MiB, so 48 GiB fit.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html> (read 2026-11)
const UPLOAD_PART_BYTES: usize = 5 << 20;

/// How often a conditional write is tried that neither has its effect nor is lost to another: against
/// `409 ConditionalRequestConflict`, which the SDK does not retry.
const CONDITIONAL_ATTEMPTS: u32 = 5;

/// The copy source is a URL-encoded path.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html#API_CopyObject_RequestSyntax>
const IN_COPY_SOURCE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An `ETag` with its quotes, as S3 returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

/// A ledger entry as it was read, and what a conditional write needs to follow on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The entry.
    pub entry: T,
    /// Of the object that it was read from.
    pub etag: ETag,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Whether it has no byte.
    pub is_empty: bool,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// A place in the listing of the versions of a bucket: after this version of this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionMarker {
    /// The last key that was listed.
    pub key: String,
    /// The last version of it that was listed.
    pub version_id: Option<String>,
}

/// Some versions of the objects of the input bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions, as drops.
    pub versions: Vec<DropSource>,
    /// How many delete markers were among them.
    pub delete_markers: u64,
    /// Where the listing goes on; `None` at its end.
    pub next: Option<VersionMarker>,
}

/// The two buckets.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    output_bucket: String,
}

/// Reads an object piece by piece, and counts its bytes: no body that is shorter or longer than it should be
/// reaches its end without an error.
#[derive(Debug)]
pub struct ObjectReader {
    uri: String,
    body: ByteStream,
    /// How many bytes the body has.
    bytes: u64,
    /// How many of them are still to come.
    left: u64,
}

impl ObjectReader {
    /// The number of bytes from start to end.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Call`] if the body breaks off, no longer flows, or has another length than it should have.
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

/// An answer with other bytes than those that were asked for.
#[derive(Debug, thiserror::Error)]
enum WrongAnswer {
    #[error(
        "{asked} was asked for, and the answer is HTTP {status} with {answered}: what answers at this endpoint \
         does not read ranges as Amazon S3 does"
    )]
    NotTheRange { asked: String, status: u16, answered: String },
    #[error(
        "the answer does not declare its length: what answers at this endpoint does not do as Amazon S3 does"
    )]
    Undeclared,
    #[error("the answer declares {declared} bytes, and there should be {bytes}")]
    OtherLength { declared: u64, bytes: u64 },
    #[error("the body ended after {read} of {bytes} bytes")]
    TooShort { read: u64, bytes: u64 },
    #[error("the body goes on after its {bytes} bytes")]
    TooLong { bytes: u64 },
}

impl WrongAnswer {
    /// A server that does not do as S3 does will not do so next time either; a body may have been cut on its way.
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotTheRange { .. } | Self::Undeclared => ErrorKind::Misconfigured,
            Self::OtherLength { .. } | Self::TooShort { .. } | Self::TooLong { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Which bytes of an object are read.
#[derive(Debug, Clone)]
enum Asked {
    /// All, and how many those are if that is known.
    Whole(Option<u64>),
    /// These.
    Range(Range<u64>),
    /// All from this one on.
    From(u64),
}

impl Asked {
    /// As HTTP writes it; `None` for a whole object.
    fn header(&self) -> Option<String> {
        match self {
            Self::Whole(_) => None,
            Self::Range(bytes) => Some(range(bytes)),
            Self::From(first) => Some(format!("bytes={first}-")),
        }
    }

    /// How many bytes an answer must have to be what was asked for.
    fn bytes_of(&self, answer: &GetObjectOutput, status: u16) -> Result<u64, WrongAnswer> {
        let declared = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let content_range = answer.content_range();
        let ranged = content_range.filter(|_| status == PARTIAL_CONTENT).and_then(parse_content_range);
        let bytes = match (self, ranged) {
            (Self::Whole(known), _) => known.or(declared),
            (Self::Range(asked), Some((bytes, _))) if bytes == *asked => Some(bytes.end - bytes.start),
            (Self::From(first), Some((bytes, total))) if bytes.start == *first && bytes.end == total => {
                Some(total - first)
            }
            (Self::Range(_) | Self::From(_), _) => {
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

/// Which bytes of how many an answer has: `bytes 5-9/20` is the range 5..10 of 20.
fn parse_content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (bytes, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = bytes.split_once('-')?;
    let (first, last, total) =
        (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, total.parse::<u64>().ok()?);
    (first <= last && last < total).then_some((first..last + 1, total))
}

/// Notes the HTTP status of an answer, which the SDK does not tell.
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
struct Answer {
    output: GetObjectOutput,
    asked: Asked,
    status: u16,
}

/// Asks for some bytes of an object.
async fn get(
    request: GetObjectFluentBuilder,
    asked: Asked,
) -> Result<Answer, SdkError<GetObjectError, HttpResponse>> {
    let status = Status::default();
    let request = request.set_range(asked.header());
    let output = match asked {
        Asked::Whole(_) => request.send().await?,
        Asked::Range(_) | Asked::From(_) => request.customize().interceptor(status.clone()).send().await?,
    };
    Ok(Answer { output, asked, status: status.0.load(Ordering::Relaxed) })
}

impl Answer {
    /// Reads the bytes, if they are those that were asked for.
    fn reader(self, uri: String) -> Result<ObjectReader, Error> {
        match self.asked.bytes_of(&self.output, self.status) {
            Ok(bytes) => Ok(ObjectReader { uri, body: self.output.body, bytes, left: bytes }),
            Err(wrong) => Err(Error::Call {
                call: format!("S3 GetObject {uri}"),
                kind: wrong.kind(),
                source: Box::new(wrong),
            }),
        }
    }
}

impl Store {
    /// A store that writes to `output_bucket`.
    pub fn new(client: Client, output_bucket: impl Into<String>) -> Self {
        Self { client, output_bucket: output_bucket.into() }
    }

    fn named(&self, operation: &str, key: &str) -> String {
        format!("S3 {operation} s3://{}/{key}", self.output_bucket)
    }

    /// What an event's object really is; `None` if it, or its version, is gone.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn head(&self, uri: &S3Uri, version_id: Option<&str>) -> Result<Option<DropSource>, Error> {
        let request = self.client.head_object().bucket(uri.bucket()).key(uri.key());
        let head = match request.set_version_id(version_id.map(Into::into)).send().await {
            Ok(head) => head,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(Error::from_sdk(format!("S3 HeadObject {uri}"), error)),
        };
        let size_bytes = head.content_length.and_then(|length| u64::try_from(length).ok());
        let (Some(etag), Some(last_modified), Some(size_bytes)) =
            (head.e_tag, head.last_modified, size_bytes)
        else {
            return Err(Error::Internal(format!(
                "S3 HeadObject {uri}: the answer has no ETag, Last-Modified or Content-Length"
            )));
        };
        Ok(Some(DropSource {
            bucket: uri.bucket().to_owned(),
            key: uri.key().to_owned(),
            version_id: head.version_id.filter(|id| id != "null"),
            etag,
            last_modified: Timestamp::from_secs(last_modified.secs()),
            size_bytes,
        }))
    }

    /// Reads some bytes of exactly the version that was judged; `None` if it is gone or, without versioning,
    /// was overwritten: then the new object has an event of its own.
    ///
    /// # Errors
    /// [`Error::Call`], also if other bytes, or another number of them, are answered.
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
            Err(error) => Err(Error::from_sdk(format!("S3 GetObject {drop}"), error)),
        }
    }

    /// Reads an object of the output bucket.
    ///
    /// # Errors
    /// [`Error::Call`], also if there is none.
    pub async fn read(&self, key: &str) -> Result<ObjectReader, Error> {
        self.read_from(key, 0).await
    }

    /// Reads an object of the output bucket from some byte on, which it must have.
    ///
    /// # Errors
    /// [`Error::Call`], also if there is none.
    pub(crate) async fn read_from(&self, key: &str, byte: u64) -> Result<ObjectReader, Error> {
        let request = self.client.get_object().bucket(&self.output_bucket).key(key);
        let asked = if byte > 0 { Asked::From(byte) } else { Asked::Whole(None) };
        let answer = get(request, asked).await;
        let answer = answer.map_err(|error| Error::from_sdk(self.named("GetObject", key), error))?;
        answer.reader(format!("s3://{}/{key}", self.output_bucket))
    }

    /// One page of the versions below a prefix of a bucket, in the order of their keys, from a place on.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn list_versions(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&VersionMarker>,
    ) -> Result<VersionPage, Error> {
        let request = self.client.list_object_versions().bucket(bucket).prefix(prefix);
        // Keys may have characters that XML has not: one of them would make the whole page unreadable.
        let request = request.encoding_type(EncodingType::Url);
        let decoded = |key: String| decode_notification_key(&key);
        let request = request
            .set_key_marker(after.map(|marker| marker.key.clone()))
            .set_version_id_marker(after.and_then(|marker| marker.version_id.clone()));
        let page = request.send().await;
        let page = page.map_err(|error| {
            Error::from_sdk(format!("S3 ListObjectVersions s3://{bucket}/{prefix}"), error)
        })?;
        let versions = page.versions.unwrap_or_default().into_iter().filter_map(|version| {
            Some(DropSource {
                bucket: bucket.to_owned(),
                key: version.key.and_then(decoded)?,
                version_id: version.version_id.filter(|id| id != "null"),
                etag: version.e_tag?,
                last_modified: Timestamp::from_secs(version.last_modified?.secs()),
                size_bytes: version.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            })
        });
        let next = match page.is_truncated {
            Some(true) => Some(page.next_key_marker.and_then(decoded).ok_or_else(|| {
                Error::Internal(format!("S3 ListObjectVersions s3://{bucket}/{prefix}: no place to go on"))
            })?),
            Some(false) | None => None,
        };
        Ok(VersionPage {
            versions: versions.collect(),
            delete_markers: page.delete_markers.unwrap_or_default().len() as u64,
            next: next.map(|key| VersionMarker { key, version_id: page.next_version_id_marker }),
        })
    }

    /// Copies some bytes of a drop into the output bucket: all of them, or at least [`MIN_COPY_BYTES`]. No
    /// byte passes the function. False if the drop is gone.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn copy_drop(&self, drop: &DropSource, bytes: &Range<u64>, to: &str) -> Result<bool, Error> {
        let mut source = format!("{}/{}", drop.bucket, utf8_percent_encode(&drop.key, IN_COPY_SOURCE));
        if let Some(version_id) = &drop.version_id {
            source.push_str("?versionId=");
            source.extend(utf8_percent_encode(version_id, IN_COPY_SOURCE));
        }
        let copied = if *bytes == drop.whole() {
            self.copy_from(&source, &drop.etag, drop.size_bytes, to).await
        } else {
            self.copy_ranges(&source, &drop.etag, bytes, to).await
        };
        match copied {
            Ok(()) => Ok(true),
            // Whatever the copy was refused for, a look at the drop itself tells whether it is there.
            Err(error) if self.has(drop).await? => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Whether a drop is still there as it was read.
    async fn has(&self, drop: &DropSource) -> Result<bool, Error> {
        let request = self.client.head_object().bucket(&drop.bucket).key(&drop.key);
        let request = request.set_version_id(drop.version_id.clone()).if_match(&drop.etag);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) || is_lost(&error) => Ok(false),
            Err(error) => Err(Error::from_sdk(format!("S3 HeadObject {drop}"), error)),
        }
    }

    /// Copies an object of the output bucket to another key of it.
    ///
    /// # Errors
    /// [`Error::Call`], also if there is none.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let request = self.client.head_object().bucket(&self.output_bucket).key(from);
        let head =
            request.send().await.map_err(|error| Error::from_sdk(self.named("HeadObject", from), error))?;
        let Some(bytes) = head.content_length().and_then(|length| u64::try_from(length).ok()) else {
            let call = self.named("HeadObject", from);
            return Err(Error::Internal(format!("{call}: the answer has no Content-Length")));
        };
        let source = format!("{}/{}", self.output_bucket, utf8_percent_encode(from, IN_COPY_SOURCE));
        self.copy_from(&source, head.e_tag().unwrap_or("*"), bytes, to).await
    }

    async fn copy_from(&self, source: &str, etag: &str, bytes: u64, to: &str) -> Result<(), Error> {
        if bytes > COPY_RANGE_BYTES {
            return self.copy_ranges(source, etag, &(0..bytes), to).await;
        }
        let request = self.client.copy_object().copy_source(source).copy_source_if_match(etag);
        // Without these S3 copies the user's metadata and tags too, and needs more permissions for it.
        let request = request
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(TaggingDirective::Replace)
            .content_type(JSONL_TYPE);
        let sent = request.bucket(&self.output_bucket).key(to).send().await;
        sent.map_err(|error| {
            Error::from_sdk(format!("{} from {source}", self.named("CopyObject", to)), error)
        })?;
        Ok(())
    }

    async fn copy_ranges(&self, source: &str, etag: &str, bytes: &Range<u64>, to: &str) -> Result<(), Error> {
        let mut upload = Upload::begin(self, to).await?;
        let copied = async {
            let mut begin = bytes.start;
            while begin < bytes.end {
                let end = bytes.end.min(begin + COPY_RANGE_BYTES);
                upload.copy_range(source, etag, begin..end).await?;
                begin = end;
            }
            upload.complete().await
        };
        let copied = copied.await;
        upload.or_abort(copied).await
    }

    /// Writes an object of the output bucket from bodies of known lengths, each of at least 5 MiB but the last,
    /// over what may be there. One without a body is not written.
    ///
    /// # Errors
    /// [`Error::Call`]; an upload is aborted.
    pub(crate) async fn write_bodies(
        &self,
        to: &str,
        mut bodies: impl ExactSizeIterator<Item = SdkBody>,
    ) -> Result<(), Error> {
        if bodies.len() <= 1 {
            let Some(body) = bodies.next() else { return Ok(()) };
            return self.put_body(to, ByteStream::new(body), JSONL_TYPE).await;
        }
        let mut upload = Upload::begin(self, to).await?;
        let written = async {
            for body in bodies {
                upload.send(body).await?;
            }
            upload.complete().await
        };
        let written = written.await;
        upload.or_abort(written).await
    }

    /// Begins to write an object of the output bucket piece by piece.
    #[must_use]
    pub fn writer<'a>(&'a self, key: &'a str) -> ObjectWriter<'a> {
        ObjectWriter { store: self, key, buffer: Vec::new(), upload: None }
    }

    /// Writes an object of the output bucket whole, over what may be there.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), Error> {
        self.put_body(key, bytes.into(), content_type).await
    }

    async fn put_body(&self, key: &str, body: ByteStream, content_type: &str) -> Result<(), Error> {
        let request =
            self.client.put_object().bucket(&self.output_bucket).key(key).content_type(content_type);
        let sent = request.body(body).send().await;
        sent.map_err(|error| Error::from_sdk(self.named("PutObject", key), error))?;
        Ok(())
    }

    /// Writes a value as an indented JSON object, for people to read.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn put_json<T: Serialize + Sync>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.put(key, to_json(key, value)?, JSON_TYPE).await
    }

    /// Deletes an object of the output bucket, if it is there.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let sent = self.client.delete_object().bucket(&self.output_bucket).key(key).send().await;
        sent.map_err(|error| Error::from_sdk(self.named("DeleteObject", key), error))?;
        Ok(())
    }

    /// The objects below a prefix of the output bucket, in the order of their keys.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, Error> {
        let mut objects = Vec::new();
        let request = self.client.list_objects_v2().bucket(&self.output_bucket).prefix(prefix);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk(self.named("ListObjectsV2", prefix), error))?;
            objects.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let last_modified = Timestamp::from_secs(object.last_modified?.secs());
                Some(Listed { key: object.key?, is_empty: object.size == Some(0), last_modified })
            }));
        }
        Ok(objects)
    }

    /// Their keys alone.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        Ok(self.list_objects(prefix).await?.into_iter().map(|object| object.key).collect())
    }

    /// Reads a whole object of the output bucket as JSON; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::Unreadable`] if it is not what it should be.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Stored<T>>, Error> {
        let Some((bytes, etag)) = self.get(key).await? else { return Ok(None) };
        let entry = serde_json::from_slice(&bytes)
            .map_err(|source| Error::Unreadable { key: key.to_owned(), source })?;
        Ok(Some(Stored { entry, etag }))
    }

    /// Whether there is an object of the output bucket.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        match self.client.head_object().bucket(&self.output_bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(Error::from_sdk(self.named("HeadObject", key), error)),
        }
    }

    /// Reads a whole object of the output bucket; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, ETag)>, Error> {
        let request = self.client.get_object().bucket(&self.output_bucket).key(key);
        let answer = match get(request, Asked::Whole(None)).await {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(Error::from_sdk(self.named("GetObject", key), error)),
        };
        let etag = ETag(answer.output.e_tag.clone().unwrap_or_default());
        let mut body = answer.reader(format!("s3://{}/{key}", self.output_bucket))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some((bytes, etag)))
    }

    /// Creates a ledger entry. `None` if there is one already, which is not this very one.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::Unreadable`].
    pub async fn create<T>(&self, key: &str, entry: T) -> Result<Option<Stored<T>>, Error>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        self.write_if(key, entry, None).await
    }

    /// Changes a ledger entry. `None` if somebody else has changed it since it was read.
    ///
    /// # Errors
    /// [`Error::Call`]; [`Error::Unreadable`].
    pub async fn replace<T>(&self, key: &str, entry: T, read: &ETag) -> Result<Option<Stored<T>>, Error>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        self.write_if(key, entry, Some(read)).await
    }

    async fn write_if<T>(&self, key: &str, entry: T, read: Option<&ETag>) -> Result<Option<Stored<T>>, Error>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let bytes = to_json(key, &entry)?;
        let mut attempt = 1;
        loop {
            let request =
                self.client.put_object().bucket(&self.output_bucket).key(key).content_type(JSON_TYPE);
            let request = match read {
                None => request.if_none_match("*"),
                Some(etag) => request.if_match(&etag.0),
            };
            let error = match request.body(bytes.clone().into()).send().await {
                Ok(answer) => {
                    return Ok(Some(Stored { entry, etag: ETag(answer.e_tag.unwrap_or_default()) }));
                }
                Err(error) => error,
            };
            if is_lost(&error) || is_gone(&error) {
                let stored = self.get_json::<T>(key).await?;
                // Whoever loses leaves the work to the winner, so it is made sure that there is one.
                if stored.as_ref().map(|stored| &stored.etag) != read {
                    // The SDK retries by itself, and may have met its own first write.
                    return Ok(stored.filter(|stored| stored.entry == entry));
                }
            } else if !is_conflict(&error) {
                let error = Error::from_sdk(self.named("PutObject", key), error);
                // It may have had its effect, and only the answer is lost: a lease that nobody knows of would be held.
                let stored = self.get_json::<T>(key).await.ok().flatten();
                let own = stored.filter(|stored| stored.entry == entry);
                return own.map_or(Err(error), |own| Ok(Some(own)));
            }
            if attempt == CONDITIONAL_ATTEMPTS {
                return Err(Error::from_sdk(self.named("PutObject", key), error));
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(10..100 << attempt))).await;
            attempt += 1;
        }
    }
}

const JSON_TYPE: &str = "application/json";
const JSONL_TYPE: &str = "application/jsonl";

/// A range as HTTP writes it, its last byte included.
fn range(bytes: &Range<u64>) -> String {
    format!("bytes={}-{}", bytes.start, bytes.end.saturating_sub(1))
}

fn to_json<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|source| Error::Internal(format!("cannot write {key}: {source}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map(|response| response.status().as_u16()).unwrap_or_default()
}

/// There is no such key or version, or the version is a delete marker (405).
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code {
        Some("NoSuchKey" | "NoSuchVersion" | "NotFound" | "MethodNotAllowed") => true,
        Some("NoSuchBucket") => false,
        _ => status(error) == 404,
    }
}

/// A condition did not hold. It is no modelled error, so the code is matched.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn is_lost<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("PreconditionFailed")
        || status(error) == 412
}

/// Somebody writes or deletes at this moment: to be tried again.
fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalRequestConflict")
}

/// Writes an object of any size with one part of it in memory. Nothing is there until it is finished.
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    store: &'a Store,
    key: &'a str,
    buffer: Vec<u8>,
    upload: Option<Upload<'a>>,
}

impl ObjectWriter<'_> {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`Error::Call`]; the upload is aborted, and the writer must not be used any more.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while self.buffer.len() + bytes.len() >= UPLOAD_PART_BYTES {
            let (last, rest) = bytes.split_at(UPLOAD_PART_BYTES - self.buffer.len());
            // No more than one part: growing by itself it would take twice as much.
            self.buffer.reserve_exact(last.len());
            self.buffer.extend_from_slice(last);
            let part = std::mem::take(&mut self.buffer);
            self.send(part).await?;
            bytes = rest;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<(), Error> {
        if self.upload.is_none() {
            self.upload = Some(Upload::begin(self.store, self.key).await?);
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let sent = upload.send(part.into()).await;
        upload.or_abort(sent).await
    }

    /// Ends the object. One without a byte is not written.
    ///
    /// # Errors
    /// [`Error::Call`]; the upload is aborted.
    pub async fn finish(self) -> Result<(), Error> {
        let Some(mut upload) = self.upload else {
            if self.buffer.is_empty() {
                return Ok(());
            }
            return self.store.put(self.key, self.buffer, JSONL_TYPE).await;
        };
        let ended = async {
            if !self.buffer.is_empty() {
                upload.send(self.buffer.into()).await?;
            }
            upload.complete().await
        };
        let ended = ended.await;
        upload.or_abort(ended).await
    }

    /// Gives the object up, because of an error elsewhere.
    pub async fn abandon(self, error: Error) -> Error {
        match self.upload {
            None => error,
            Some(upload) => upload.abort(error).await,
        }
    }
}

/// A multipart upload to the output bucket.
#[derive(Debug)]
struct Upload<'a> {
    store: &'a Store,
    key: &'a str,
    id: String,
    parts: Vec<CompletedPart>,
    /// The bytes of all parts together.
    bytes: u64,
}

impl<'a> Upload<'a> {
    async fn begin(store: &'a Store, key: &'a str) -> Result<Self, Error> {
        let request = store.client.create_multipart_upload().bucket(&store.output_bucket).key(key);
        let call = || store.named("CreateMultipartUpload", key);
        let answer =
            request.content_type(JSONL_TYPE).send().await.map_err(|error| Error::from_sdk(call(), error))?;
        let Some(id) = answer.upload_id else {
            return Err(Error::Internal(format!("{}: the answer has no upload id", call())));
        };
        Ok(Self { store, key, id, parts: Vec::new(), bytes: 0 })
    }

    fn next_number(&self) -> i32 {
        i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX)
    }

    fn push(&mut self, etag: Option<String>, bytes: u64) {
        self.bytes += bytes;
        let part = CompletedPart::builder().part_number(self.next_number()).set_e_tag(etag).build();
        self.parts.push(part);
    }

    async fn send(&mut self, body: SdkBody) -> Result<(), Error> {
        let Some(bytes) = body.content_length() else {
            return Err(Error::Internal(format!("a part of {} has no length", self.key)));
        };
        let body = ByteStream::new(body);
        let request = self.store.client.upload_part().bucket(&self.store.output_bucket).key(self.key);
        let request = request.upload_id(&self.id).part_number(self.next_number()).body(body);
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| Error::from_sdk(self.store.named("UploadPart", self.key), error))?;
        self.push(answer.e_tag, bytes);
        Ok(())
    }

    async fn copy_range(&mut self, source: &str, etag: &str, bytes: Range<u64>) -> Result<(), Error> {
        let request = self.store.client.upload_part_copy().bucket(&self.store.output_bucket).key(self.key);
        let request = request.upload_id(&self.id).part_number(self.next_number());
        let request = request.copy_source(source).copy_source_range(range(&bytes));
        let answer = request.copy_source_if_match(etag).send().await;
        let call = || format!("{} from {source}", self.store.named("UploadPartCopy", self.key));
        let answer = answer.map_err(|error| Error::from_sdk(call(), error))?;
        self.push(answer.copy_part_result.and_then(|part| part.e_tag), bytes.end - bytes.start);
        Ok(())
    }

    /// S3 refuses it if the parts do not have the length that they should have together, such as when a range to
    /// copy from was ignored.
    async fn complete(&mut self) -> Result<(), Error> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts.clone())).build();
        let request =
            self.store.client.complete_multipart_upload().bucket(&self.store.output_bucket).key(self.key);
        let request = request.set_mpu_object_size(i64::try_from(self.bytes).ok());
        let sent = request.upload_id(&self.id).multipart_upload(parts).send().await;
        sent.map_err(|error| Error::from_sdk(self.store.named("CompleteMultipartUpload", self.key), error))?;
        Ok(())
    }

    /// Passes on what came of a step, and gives the upload up if it failed.
    async fn or_abort(&self, step: Result<(), Error>) -> Result<(), Error> {
        match step {
            Ok(()) => Ok(()),
            Err(error) => Err(self.abort(error).await),
        }
    }

    /// Gives the upload up because of `error`, which counts for more than a failure to do so: what is left
    /// is cleared by the bucket's lifecycle rule.
    async fn abort(&self, error: Error) -> Error {
        let request =
            self.store.client.abort_multipart_upload().bucket(&self.store.output_bucket).key(self.key);
        if let Err(failure) = request.upload_id(&self.id).send().await {
            let call = self.store.named("AbortMultipartUpload", self.key);
            let failure = Error::from_sdk(call, failure);
            tracing::warn!(error = %crate::aws::error::Chain(&failure), "upload left behind");
        }
        error
    }
}
