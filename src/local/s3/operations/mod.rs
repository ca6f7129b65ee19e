//! The operations of the S3 API that are served, one function each.

mod buckets;
mod copies;
mod multipart;
mod objects;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::requests::{deliver, is_lost};
use super::store::Store;

/// The store behind the trait of the `s3s` crate.
#[derive(Clone, Debug)]
pub(super) struct Service(pub(super) Arc<Store>);

/// Writes the trait's methods out; it is declared with `async_trait`, whose shape this is.
macro_rules! serve {
    ($($operation:ident: $input:ident => $output:ident = $serve:path;)*) => {
        impl S3 for Service {
            $(
                fn $operation<'a, 'f>(
                    &'a self,
                    request: S3Request<$input>,
                ) -> BoxFuture<'f, S3Result<S3Response<$output>>>
                where
                    'a: 'f,
                    Self: 'f,
                {
                    Box::pin(async move {
                        let is_lost = is_lost(&request.extensions);
                        deliver(is_lost, $serve(&self.0, request).await)
                    })
                }
            )*
        }
    };
}

serve! {
    create_bucket: CreateBucketInput => CreateBucketOutput = buckets::create;
    head_bucket: HeadBucketInput => HeadBucketOutput = buckets::head;
    list_buckets: ListBucketsInput => ListBucketsOutput = buckets::list;
    put_bucket_versioning: PutBucketVersioningInput => PutBucketVersioningOutput = buckets::put_versioning;
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput = buckets::get_versioning;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output = buckets::list_objects;
    list_object_versions: ListObjectVersionsInput => ListObjectVersionsOutput = buckets::list_object_versions;

    put_object: PutObjectInput => PutObjectOutput = objects::put;
    post_object: PostObjectInput => PostObjectOutput = objects::post;
    get_object: GetObjectInput => GetObjectOutput = objects::get;
    head_object: HeadObjectInput => HeadObjectOutput = objects::head;
    delete_object: DeleteObjectInput => DeleteObjectOutput = objects::delete;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput = objects::delete_all;

    copy_object: CopyObjectInput => CopyObjectOutput = copies::copy;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput = copies::copy_part;

    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput = multipart::create;
    upload_part: UploadPartInput => UploadPartOutput = multipart::upload_part;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput = multipart::complete;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput = multipart::abort;
    list_parts: ListPartsInput => ListPartsOutput = multipart::list_parts;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput = multipart::list_uploads;
}

/// Fills the five checksum fields that many answers have.
macro_rules! with_checksum {
    ($checksum:expr, $output:expr) => {{
        let sums = $checksum.to_dto();
        let mut output = $output;
        output.checksum_crc32 = sums.checksum_crc32;
        output.checksum_crc32c = sums.checksum_crc32c;
        output.checksum_crc64nvme = sums.checksum_crc64nvme;
        output.checksum_sha1 = sums.checksum_sha1;
        output.checksum_sha256 = sums.checksum_sha256;
        output
    }};
}
use with_checksum;

/// Takes what is kept with an object out of a request.
macro_rules! attributes {
    ($input:expr) => {
        crate::local::s3::index::Attributes {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            expires: $input.expires.take(),
            metadata: $input.metadata.take(),
        }
    };
}
use attributes;

fn quoted(etag: &str) -> Option<ETag> {
    Some(ETag::Strong(etag.to_owned()))
}

/// A size as S3's answers type it.
fn signed(size: u64) -> Option<i64> {
    i64::try_from(size).ok()
}

/// A page size: what was asked for, between 0 and the 1,000 that S3 gives at most.
fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = usize::try_from(asked.unwrap_or(1000)).map_err(|_| {
        s3s::s3_error!(InvalidArgument, "Argument must be an integer between 0 and 2147483647")
    })?;
    Ok(asked.min(1000))
}
