//! Buckets and what they hold.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::{page_size, quoted, signed};
use crate::local::s3::REGION;
use crate::local::s3::index::Versioning;
use crate::local::s3::listing::{self, Query, Start};
use crate::local::s3::store::Store;
use crate::timestamp::now;

pub(super) async fn create(
    store: &Arc<Store>,
    request: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let name = request.input.bucket;
    store.with_index(|index| index.create_bucket(&name, now()).map(|_| ()))?;
    Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{name}")) }))
}

pub(super) async fn head(
    store: &Arc<Store>,
    request: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    store.with_index(|index| index.bucket(&request.input.bucket).map(|_| ()))?;
    Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(REGION.to_owned()), ..Default::default() }))
}

pub(super) async fn list(
    store: &Arc<Store>,
    _request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let buckets = store.with_index(|index| {
        let bucket = |(name, bucket): (&String, &crate::local::s3::index::Bucket)| Bucket {
            bucket_region: None,
            creation_date: Some(bucket.created.into()),
            name: Some(name.clone()),
        };
        index.buckets.iter().map(bucket).collect()
    });
    Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets), ..Default::default() }))
}

pub(super) async fn put_versioning(
    store: &Arc<Store>,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    let status = request.input.versioning_configuration.status;
    let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        Some(_) | None => return Err(s3_error!(MalformedXML)),
    };
    store.with_index(|index| {
        index.bucket_mut(&request.input.bucket).map(|bucket| bucket.versioning = versioning)
    })?;
    Ok(S3Response::new(PutBucketVersioningOutput {}))
}

pub(super) async fn get_versioning(
    store: &Arc<Store>,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let versioning =
        store.with_index(|index| index.bucket(&request.input.bucket).map(|bucket| bucket.versioning))?;
    let status = match versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    let status = status.map(BucketVersioningStatus::from_static);
    Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
}

pub(super) async fn list_objects(
    store: &Arc<Store>,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let encode = |text: &str| match &input.encoding_type {
        Some(_) => url_encode(text),
        None => text.to_owned(),
    };
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => Start::from_token(token)?,
        (None, Some(key)) => Start::AfterKey(key.clone()),
        (None, None) => Start::Beginning,
    };
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().unwrap_or_default(),
        start,
        max_keys: page_size(input.max_keys)?,
    };
    let (contents, common_prefixes, next) = store.with_index(|index| {
        let page = listing::list(index.bucket(&input.bucket)?, &query);
        let contents: Vec<_> = page
            .objects
            .iter()
            .map(|(key, version, object)| Object {
                checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(
                    object.checksum.algorithm.name(),
                )]),
                checksum_type: Some(ChecksumType::from_static(object.checksum.kind())),
                e_tag: quoted(&object.etag),
                key: Some(encode(key)),
                last_modified: Some(version.modified.into()),
                size: signed(object.size),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Default::default()
            })
            .collect();
        let common_prefixes: Vec<_> =
            page.common_prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix)) }).collect();
        Ok::<_, s3s::S3Error>((contents, common_prefixes, page.next))
    })?;
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(query.prefix)),
        max_keys: i32::try_from(query.max_keys).ok(),
        key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
        is_truncated: Some(next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: next.map(|start| start.to_token()),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.as_deref().map(encode),
        start_after: input.start_after.as_deref().map(encode),
        encoding_type: input.encoding_type.clone(),
        ..Default::default()
    }))
}

/// Spells text as `encoding-type=url` does: a space is `+`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub(super) fn url_encode(text: &str) -> String {
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');
    utf8_percent_encode(text, ESCAPED).to_string().replace(' ', "+")
}
