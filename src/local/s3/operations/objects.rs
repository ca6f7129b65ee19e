//! Put, get, head, and delete of whole objects.

use std::sync::Arc;

use futures_util::TryStreamExt;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, StdError, s3_error};

use super::answers::{attributes, quoted, signed, with_checksum};
use crate::local::s3::checksum::{Declared, Summary, custom};
use crate::local::s3::condition::{ReadConditions, WriteConditions};
use crate::local::s3::faults::ignores_range;
use crate::local::s3::folder;
use crate::local::s3::index::{Attributes, Object};
use crate::local::s3::store::{Draft, Opened, Store};
use crate::local::s3::temp_file::TempFile;

pub(super) async fn put(
    store: &Arc<Store>,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let conditions = WriteConditions::from_headers(&request.headers)?;
    let (file, summary) = receive(store, &mut request, |input| input.body.take()).await?;
    let mut input = request.input;
    let mut attributes = attributes!(input);
    attributes.content_encoding = attributes.content_encoding.as_deref().and_then(without_aws_chunked);
    let draft = Draft {
        bucket: input.bucket,
        key: input.key,
        file,
        object: whole(&summary, attributes),
        conditions,
        event_name: "ObjectCreated:Put",
    };
    let (_, version_id) = store.put(draft)?;
    Ok(S3Response::new(with_checksum!(
        summary.checksum,
        PutObjectOutput {
            checksum_type: Some(ChecksumType::from_static(summary.checksum.kind())),
            e_tag: quoted(&summary.etag()),
            version_id,
            ..Default::default()
        }
    )))
}

/// Refuses a form upload by a browser. Its checksums are form fields, which would not be verified.
pub(super) async fn post(
    _store: &Arc<Store>,
    _request: S3Request<PostObjectInput>,
) -> S3Result<S3Response<PostObjectOutput>> {
    Err(s3_error!(NotImplemented, "The embedded S3 does not support form uploads."))
}

/// Receives the body of a request, and compares it with what the headers and trailers promise.
pub(super) async fn receive<T>(
    store: &Arc<Store>,
    request: &mut S3Request<T>,
    body: impl FnOnce(&mut T) -> Option<StreamingBlob>,
) -> S3Result<(TempFile, Summary)> {
    let declared = Declared::from_headers(&request.headers)?;
    let body = body(&mut request.input).ok_or_else(|| s3_error!(IncompleteBody))?;
    let (file, summary) = store.folder.receive(body.map_err(body_error), declared.algorithm).await?;
    let trailers = request.trailing_headers.as_ref().and_then(|trailers| trailers.take());
    declared.verify(&summary, trailers.as_ref())?;
    Ok((file, summary))
}

/// Says what broke a body. The `s3s` crate verifies SHA-256 and chunk signatures while the body streams. Its
/// error types are private, so only their names tell them apart.
fn body_error(source: StdError) -> S3Error {
    let text = format!("{source} {source:?}");
    if text.contains("Sha256Mismatch") {
        return custom(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
    }
    let mut error = if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match.")
    } else {
        s3_error!(IncompleteBody, "The request body terminated unexpectedly")
    };
    error.set_source(source);
    error
}

/// Removes `aws-chunked`, which describes how the body was sent and not what is stored.
fn without_aws_chunked(encoding: &str) -> Option<String> {
    let kept: Vec<_> = encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// An object that was written in one piece. The store fills in the path.
pub(super) fn whole(summary: &Summary, attributes: Attributes) -> Object {
    Object {
        file: Default::default(),
        size: summary.size,
        etag: summary.etag(),
        checksum: summary.checksum.clone(),
        attributes,
    }
}

pub(super) async fn get(
    store: &Arc<Store>,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let mut input = request.input;
    if input.part_number.is_some() {
        return Err(s3_error!(NotImplemented, "The embedded S3 does not read single parts."));
    }
    if ignores_range(&request.extensions) {
        input.range = None;
    }
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let opened = store.read(&input.bucket, &input.key, input.version_id.as_deref(), &conditions)?;
    let answer = describe(&opened, input.range, input.checksum_mode.is_some())?;
    let Described { start, length, head } = answer;
    let body = folder::read(opened.file, start, length);
    Ok(S3Response::new(GetObjectOutput {
        body: Some(StreamingBlob::wrap(body)),
        accept_ranges: head.accept_ranges,
        cache_control: head.cache_control,
        checksum_crc32: head.checksum_crc32,
        checksum_crc32c: head.checksum_crc32c,
        checksum_crc64nvme: head.checksum_crc64nvme,
        checksum_sha1: head.checksum_sha1,
        checksum_sha256: head.checksum_sha256,
        checksum_type: head.checksum_type,
        content_disposition: head.content_disposition,
        content_encoding: head.content_encoding,
        content_language: head.content_language,
        content_length: head.content_length,
        content_range: head.content_range,
        content_type: head.content_type,
        e_tag: head.e_tag,
        expires: head.expires,
        last_modified: head.last_modified,
        metadata: head.metadata,
        version_id: head.version_id,
        ..Default::default()
    }))
}

pub(super) async fn head(
    store: &Arc<Store>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = request.input;
    if input.part_number.is_some() || input.range.is_some() {
        return Err(s3_error!(NotImplemented, "The embedded S3 only supports HEAD of whole objects."));
    }
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let opened = store.read(&input.bucket, &input.key, input.version_id.as_deref(), &conditions)?;
    Ok(S3Response::new(describe(&opened, None, input.checksum_mode.is_some())?.head))
}

/// The bytes that a read gets, and the headers that go with them.
struct Described {
    start: u64,
    length: u64,
    head: HeadObjectOutput,
}

fn describe(opened: &Opened, range: Option<Range>, with_checksum: bool) -> S3Result<Described> {
    let object = &opened.object;
    let attributes = object.attributes.clone();
    let bytes = match range {
        Some(_) if object.size == 0 => {
            return Err(s3_error!(InvalidRange, "The requested range is not satisfiable"));
        }
        Some(range) => range.check(object.size)?,
        None => 0..object.size,
    };
    let length = bytes.end - bytes.start;
    let head = HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: attributes.cache_control,
        content_disposition: attributes.content_disposition,
        content_encoding: attributes.content_encoding,
        content_language: attributes.content_language,
        content_length: signed(length),
        content_range: range.map(|_| format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, object.size)),
        content_type: attributes.content_type.or_else(|| Some("binary/octet-stream".to_owned())),
        e_tag: quoted(&object.etag),
        expires: attributes.expires,
        last_modified: Some(opened.version.modified.into()),
        metadata: attributes.metadata,
        version_id: opened.shown_id.clone(),
        ..Default::default()
    };
    // A checksum of the whole object says nothing about a range, so S3 leaves it out there.
    let head = if with_checksum && range.is_none() {
        let checksum_type = Some(ChecksumType::from_static(object.checksum.kind()));
        with_checksum!(object.checksum, HeadObjectOutput { checksum_type, ..head })
    } else {
        head
    };
    Ok(Described { start: bytes.start, length, head })
}

pub(super) async fn delete(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let input = request.input;
    let deleted =
        store.delete(&input.bucket, &input.key, input.version_id.as_deref(), input.if_match.as_ref())?;
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: deleted.delete_marker.then_some(true),
        version_id: deleted.version_id,
        ..Default::default()
    }))
}

pub(super) async fn delete_all(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
    const MOST: usize = 1000;
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    store.with_index(|index| index.bucket(&bucket).map(|_| ()))?;
    if delete.objects.is_empty() || delete.objects.len() > MOST {
        return Err(s3_error!(MalformedXML));
    }
    let mut deleted = Vec::new();
    let mut errors = Vec::new();
    for object in delete.objects {
        let if_match = object.e_tag.map(|etag| match etag.value() {
            "*" => ETagCondition::Any,
            _ => ETagCondition::ETag(etag),
        });
        match store.delete(&bucket, &object.key, object.version_id.as_deref(), if_match.as_ref()) {
            Ok(outcome) => deleted.push(DeletedObject {
                delete_marker: outcome.delete_marker.then_some(true),
                delete_marker_version_id: outcome.delete_marker.then_some(outcome.version_id).flatten(),
                key: Some(object.key),
                version_id: object.version_id,
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(object.key),
                message: error.message().map(str::to_owned),
                version_id: object.version_id,
            }),
        }
    }
    let quiet = delete.quiet.unwrap_or_default();
    let deleted = (!quiet).then_some(deleted);
    Ok(S3Response::new(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() }))
}
