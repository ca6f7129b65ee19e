//! Copies within S3, so that the bytes do not pass through the function.

use std::ops::Range;

use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::error::Error;
use crate::aws::sdk_error;
use crate::aws::store::objects::{JSONL_TYPE, Store};
use crate::aws::store::refusals::{is_gone, is_lost};
use crate::aws::store::uploading::Upload;
use crate::drop::source::DropSource;

/// The size of the ranges in which a larger object is copied. S3 copies at most 5 GiB in one call, and our calls have a
/// time limit.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html> (read 2026-11)
const COPY_RANGE_BYTES: u64 = 256 << 20;

/// The smallest range of a drop that S3 copies. S3 copies ranges only from objects of more than 5 MB, and a smaller
/// range is read and written just as fast.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html> (read 2026-11)
pub const MIN_COPY_BYTES: u64 = 8 << 20;

/// The characters to encode in a copy source, which is a URL-encoded path.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html#API_CopyObject_RequestSyntax>
const IN_COPY_SOURCE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Store {
    /// Copies some bytes of a drop into the output bucket: all of them, or at least [`MIN_COPY_BYTES`]. Returns `false`
    /// if the drop is gone.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
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
            // The refusal does not reliably say whether the drop is gone. Looking at the drop itself does.
            Err(error) if self.has(drop).await? => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Copies an object within the output bucket.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails, or if there is no such object.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let request = self.client.head_object().bucket(&self.output_bucket).key(from);
        let head = request
            .send()
            .await
            .map_err(|error| sdk_error::classify(self.named("HeadObject", from), error))?;
        let Some(bytes) = head.content_length().and_then(|length| u64::try_from(length).ok()) else {
            let call = self.named("HeadObject", from);
            return Err(Error::Internal(format!("{call}: the answer has no Content-Length")));
        };
        self.copy_from(&self.copy_source(from), head.e_tag().unwrap_or("*"), bytes, to).await
    }

    /// Returns how a request names an object of the output bucket that is to be copied.
    pub(crate) fn copy_source(&self, key: &str) -> String {
        format!("{}/{}", self.output_bucket, utf8_percent_encode(key, IN_COPY_SOURCE))
    }

    async fn copy_from(&self, source: &str, etag: &str, bytes: u64, to: &str) -> Result<(), Error> {
        if bytes > COPY_RANGE_BYTES {
            return self.copy_ranges(source, etag, &(0..bytes), to).await;
        }
        let request = self.client.copy_object().copy_source(source).copy_source_if_match(etag);
        // Without these, S3 copies the user's metadata and tags, too, and needs more permissions for that.
        let request = request
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(TaggingDirective::Replace)
            .content_type(JSONL_TYPE);
        let sent = request.bucket(&self.output_bucket).key(to).send().await;
        sent.map_err(|error| {
            sdk_error::classify(format!("{} from {source}", self.named("CopyObject", to)), error)
        })?;
        Ok(())
    }

    async fn copy_ranges(&self, source: &str, etag: &str, bytes: &Range<u64>, to: &str) -> Result<(), Error> {
        let mut upload = Upload::begin(self, to).await?;
        let copied = async {
            let mut start = bytes.start;
            while start < bytes.end {
                let end = bytes.end.min(start + COPY_RANGE_BYTES);
                upload.copy_range(source, etag, start..end).await?;
                start = end;
            }
            upload.complete().await
        };
        let copied = copied.await;
        upload.or_abort(copied).await
    }

    /// Returns whether a drop is still there, unchanged since it was read.
    async fn has(&self, drop: &DropSource) -> Result<bool, Error> {
        let request = self.client.head_object().bucket(&drop.bucket).key(&drop.key);
        let request = request.set_version_id(drop.version_id.clone()).if_match(&drop.etag);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) || is_lost(&error) => Ok(false),
            Err(error) => Err(sdk_error::classify(format!("S3 HeadObject {drop}"), error)),
        }
    }
}
