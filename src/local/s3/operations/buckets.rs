//! Buckets and their listings.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{page_size, quoted, signed, url_encode};
use crate::aws::clock::now;
use crate::local::account::REGION;
use crate::local::s3::index::Versioning;
use crate::local::s3::listing::{self, Query, Start, VersionEntry, VersionsQuery};
use crate::local::s3::store::Store;

/// The canonical id of the account that owns every object.
const OWNER_ID: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

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
    let encode = encoding(input.encoding_type.as_ref())?;
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

pub(super) async fn list_object_versions(
    store: &Arc<Store>,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let encode = encoding(input.encoding_type.as_ref())?;
    let query = VersionsQuery {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().unwrap_or_default(),
        key_marker: input.key_marker.as_deref().unwrap_or_default(),
        version_id_marker: input.version_id_marker.as_deref(),
        max_keys: page_size(input.max_keys)?.min(store.most_listed()),
    };
    let owner = || Some(Owner { id: Some(OWNER_ID.to_owned()), ..Default::default() });
    let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
    let (common_prefixes, next) = store.with_index(|index| {
        let page = listing::list_versions(index.bucket(&input.bucket)?, &query)?;
        for VersionEntry { key, version, is_latest } in page.entries {
            match &version.object {
                Some(object) => versions.push(ObjectVersion {
                    checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(
                        object.checksum.algorithm.name(),
                    )]),
                    checksum_type: Some(ChecksumType::from_static(object.checksum.kind())),
                    e_tag: quoted(&object.etag),
                    is_latest: Some(is_latest),
                    key: Some(encode(key)),
                    last_modified: Some(version.modified.into()),
                    owner: owner(),
                    size: signed(object.size),
                    storage_class: Some(ObjectVersionStorageClass::from_static(
                        ObjectVersionStorageClass::STANDARD,
                    )),
                    version_id: Some(version.id.clone()),
                    ..Default::default()
                }),
                None => delete_markers.push(DeleteMarkerEntry {
                    is_latest: Some(is_latest),
                    key: Some(encode(key)),
                    last_modified: Some(version.modified.into()),
                    owner: owner(),
                    version_id: Some(version.id.clone()),
                }),
            }
        }
        let common_prefixes: Vec<_> =
            page.common_prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(encode(prefix)) }).collect();
        Ok::<_, s3s::S3Error>((common_prefixes, page.next))
    })?;
    Ok(S3Response::new(ListObjectVersionsOutput {
        prefix: Some(encode(query.prefix)),
        key_marker: Some(encode(query.key_marker)),
        version_id_marker: Some(query.version_id_marker.unwrap_or_default().to_owned()),
        max_keys: i32::try_from(query.max_keys).ok(),
        is_truncated: Some(next.is_some()),
        next_key_marker: next.as_ref().map(|next| encode(&next.key)),
        next_version_id_marker: next.and_then(|next| next.version_id),
        versions: Some(versions),
        delete_markers: Some(delete_markers),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.as_deref().map(encode),
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..Default::default()
    }))
}

/// The encoding of keys in a listing.
///
/// # Errors
/// `InvalidArgument` for an encoding that is not `url`.
fn encoding(asked: Option<&EncodingType>) -> S3Result<impl Fn(&str) -> String + Copy + use<>> {
    let is_url = match asked.map(EncodingType::as_str) {
        None => false,
        Some(EncodingType::URL) => true,
        Some(_) => return Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
    };
    Ok(move |text: &str| if is_url { url_encode(text) } else { text.to_owned() })
}
