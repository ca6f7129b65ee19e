//! What many requests and answers have in common.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::S3Result;
use s3s::dto::ETag;

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
pub(super) use with_checksum;

/// Takes the attributes that are kept with an object out of a request.
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
pub(super) use attributes;

pub(super) fn quoted(etag: &str) -> Option<ETag> {
    Some(ETag::Strong(etag.to_owned()))
}

/// A size in the type that S3's answers have.
pub(super) fn signed(size: u64) -> Option<i64> {
    i64::try_from(size).ok()
}

/// The size of a page: what was requested, up to S3's limit of 1,000.
pub(super) fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = usize::try_from(asked.unwrap_or(1000)).map_err(|_| {
        s3s::s3_error!(InvalidArgument, "Argument must be an integer between 0 and 2147483647")
    })?;
    Ok(asked.min(1000))
}

/// Encodes text as `encoding-type=url` does: a space becomes `+`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub(super) fn url_encode(text: &str) -> String {
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');
    utf8_percent_encode(text, ESCAPED).to_string().replace(' ', "+")
}
