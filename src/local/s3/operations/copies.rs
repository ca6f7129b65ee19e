//! Copies within the server, to whole objects and to parts of multipart uploads.

use std::ops;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{attributes, quoted, with_checksum};
use super::multipart::{keep_part, part_algorithm};
use super::objects::whole;
use crate::local::s3::checksum::Algorithm;
use crate::local::s3::condition::{ReadConditions, WriteConditions};
use crate::local::s3::faults::ignores_range;
use crate::local::s3::folder;
use crate::local::s3::index::NULL_VERSION;
use crate::local::s3::store::{Draft, Opened, Store};

/// The largest source of one copy, and the largest part: 5 GiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MAX_COPY_BYTES: u64 = 5 << 30;

/// "You can copy a range only if the source object is greater than 5 MB."
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
const MIN_RANGED_SOURCE_BYTES: u64 = 5 << 20;

struct Source {
    bucket: String,
    key: String,
    version_id: Option<String>,
}

impl Source {
    fn parse(source: CopySource) -> S3Result<Self> {
        match source {
            CopySource::Bucket { bucket, key, version_id } => {
                Ok(Self { bucket: bucket.into(), key: key.into(), version_id: version_id.map(Into::into) })
            }
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
                Err(s3_error!(NotImplemented, "The embedded S3 has no access points and no Outposts."))
            }
        }
    }

    fn open(&self, store: &Store, conditions: &ReadConditions) -> S3Result<Opened> {
        let version_id = self.version_id.as_deref();
        let opened = store.read(&self.bucket, &self.key, version_id, &ReadConditions::default())?;
        conditions.check_source(&opened.version, &opened.object)?;
        Ok(opened)
    }
}

pub(super) async fn copy(
    store: &Arc<Store>,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    // The `s3s` crate does not parse these two headers for a copy, so they are read from the request itself.
    let conditions = WriteConditions::from_headers(&request.headers)?;
    let mut input = request.input;
    let replaces =
        input.metadata_directive.as_ref().is_some_and(|it| it.as_str() == MetadataDirective::REPLACE);
    let source = Source::parse(input.copy_source)?;
    if source.bucket == input.bucket && source.key == input.key && source.version_id.is_none() && !replaces {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let source_conditions = ReadConditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let opened = source.open(store, &source_conditions)?;
    check_size(opened.object.size)?;
    let algorithm = match &input.checksum_algorithm {
        Some(name) => Algorithm::parse(name.as_str())?,
        None => opened.object.checksum.algorithm,
    };
    let body = folder::read(opened.file, 0, opened.object.size);
    let (file, summary) = store.folder.receive(body, algorithm).await?;
    let draft = Draft {
        object: whole(&summary, if replaces { attributes!(input) } else { opened.object.attributes }),
        bucket: input.bucket,
        key: input.key,
        file,
        conditions,
        event_name: "ObjectCreated:Copy",
    };
    let (version, version_id) = store.put(draft)?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(with_checksum!(
            summary.checksum,
            CopyObjectResult {
                checksum_type: Some(ChecksumType::from_static(summary.checksum.kind())),
                e_tag: quoted(&summary.etag()),
                last_modified: Some(version.modified.into()),
                ..Default::default()
            }
        )),
        copy_source_version_id: shown_source(opened.shown_id),
        version_id,
        ..Default::default()
    }))
}

pub(super) async fn copy_part(
    store: &Arc<Store>,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let mut input = request.input;
    if ignores_range(&request.extensions) {
        input.copy_source_range = None;
    }
    let asked = store.with_index(|index| {
        index.upload(&input.bucket, &input.key, &input.upload_id).map(|upload| upload.algorithm)
    })?;
    let source_conditions = ReadConditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let opened = Source::parse(input.copy_source)?.open(store, &source_conditions)?;
    let bytes = match &input.copy_source_range {
        Some(range) => source_range(range, opened.object.size)?,
        None => 0..opened.object.size,
    };
    check_size(bytes.end - bytes.start)?;
    let body = folder::read(opened.file, bytes.start, bytes.end - bytes.start);
    let (file, summary) = store.folder.receive(body, part_algorithm(asked)).await?;
    let (etag, checksum) = (summary.etag(), summary.checksum.clone());
    let modified =
        keep_part(store, &input.bucket, &input.key, &input.upload_id, input.part_number, (file, summary))?;
    let result =
        CopyPartResult { e_tag: quoted(&etag), last_modified: Some(modified.into()), ..Default::default() };
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(if asked.is_some() { with_checksum!(checksum, result) } else { result }),
        copy_source_version_id: shown_source(opened.shown_id),
        ..Default::default()
    }))
}

/// Hides the null version: S3 names the version of the source only if versioning made it.
fn shown_source(version_id: Option<String>) -> Option<String> {
    version_id.filter(|version_id| version_id != NULL_VERSION)
}

fn check_size(size: u64) -> S3Result<()> {
    if size > MAX_COPY_BYTES {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_COPY_BYTES}"
        ));
    }
    Ok(())
}

/// Parses `bytes=first-last`. Both numbers are required, and must be inside the source.
fn source_range(text: &str, size: u64) -> S3Result<ops::Range<u64>> {
    let ends = text.strip_prefix("bytes=").and_then(|ends| ends.split_once('-'));
    let Some((Ok(first), Ok(last))) = ends.map(|(first, last)| (first.parse::<u64>(), last.parse::<u64>()))
    else {
        return Err(s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy"
        ));
    };
    if first > last || last >= size {
        return Err(s3_error!(
            InvalidArgument,
            "Range specified is not valid for source object of size: {size}"
        ));
    }
    if size <= MIN_RANGED_SOURCE_BYTES {
        return Err(s3_error!(
            InvalidRequest,
            "The specified copy source is not supported as a byte-range copy source"
        ));
    }
    Ok(first..last + 1)
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    #[test]
    fn copies_take_five_gibibytes_and_not_a_byte_more() {
        assert!(check_size(5_368_709_120).is_ok());
        assert_eq!(check_size(5_368_709_121).unwrap_err().code(), &S3ErrorCode::InvalidRequest);
    }

    #[test]
    fn source_ranges_are_whole_and_inside_a_source_of_over_five_mebibytes() {
        let size = 5 * 1024 * 1024 + 1;
        let table = [
            ("bytes=0-0", size, Ok(0..1)),
            ("bytes=1-5242880", size, Ok(1..5_242_881)),
            ("bytes=0-5242881", size, Err(S3ErrorCode::InvalidArgument)),
            ("bytes=2-1", size, Err(S3ErrorCode::InvalidArgument)),
            ("bytes=0-", size, Err(S3ErrorCode::InvalidArgument)),
            ("bytes=-1", size, Err(S3ErrorCode::InvalidArgument)),
            ("0-1", size, Err(S3ErrorCode::InvalidArgument)),
            ("bytes=0-0", size - 1, Err(S3ErrorCode::InvalidRequest)),
        ];
        for (text, size, expected) in table {
            let range = source_range(text, size).map_err(|error| error.code().clone());
            assert_eq!(range, expected, "{text} of {size}");
        }
    }
}
