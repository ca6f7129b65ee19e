//! The table of operations, and the functions that serve them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::{buckets, copies, multipart, objects};
use crate::local::s3::faults::{deliver, is_lost};
use crate::local::s3::store::Store;

/// The store, behind the trait of the `s3s` crate.
#[derive(Clone, Debug)]
pub(crate) struct Service(pub(crate) Arc<Store>);

/// Implements the methods of the trait. It is declared with `async_trait`, so each method returns a boxed
/// future.
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
