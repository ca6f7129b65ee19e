//! Multipart uploads and their rules.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt, stream};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::answers::{attributes, page_size, quoted, signed, url_encode, with_checksum};
use super::objects::receive;
use crate::aws::clock::now;
use crate::local::s3::checksum::{Algorithm, Checksum, Summary, hex};
use crate::local::s3::condition::WriteConditions;
use crate::local::s3::folder;
use crate::local::s3::ids::random_id;
use crate::local::s3::index::{Attributes, Object, Part, Upload};
use crate::local::s3::store::{Draft, Store};
use crate::local::s3::temp_file::TempFile;

/// The highest number of a part.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MAX_PART_NUMBER: i32 = 10_000;

/// The minimum size of every part but the last: 5 MiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MIN_PART_BYTES: u64 = 5 << 20;

pub(super) async fn create(
    store: &Arc<Store>,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let mut input = request.input;
    let algorithm =
        input.checksum_algorithm.as_ref().map(|name| Algorithm::parse(name.as_str())).transpose()?;
    let composite = is_composite(algorithm, input.checksum_type.as_ref())?;
    let upload_id = random_id(128);
    let upload = Upload {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        initiated: now(),
        attributes: attributes!(input),
        algorithm,
        composite,
        parts: Default::default(),
    };
    store.with_index(|index| {
        index.bucket(&input.bucket)?;
        index.open_upload(upload_id.clone(), upload);
        Ok::<_, S3Error>(())
    })?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: algorithm.map(|_| checksum_type(composite)),
        ..Default::default()
    }))
}

/// Whether an upload ends with a composite checksum, or with one of the full object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#full-object-checksums>
fn is_composite(algorithm: Option<Algorithm>, asked: Option<&ChecksumType>) -> S3Result<bool> {
    let composite = match asked.map(ChecksumType::as_str) {
        None => !matches!(algorithm, None | Some(Algorithm::Crc64Nvme)),
        Some(ChecksumType::COMPOSITE) => true,
        Some(_) => false,
    };
    match (algorithm, composite) {
        (None, _) if asked.is_some() => Err(s3_error!(
            InvalidRequest,
            "The x-amz-checksum-type header needs an x-amz-checksum-algorithm."
        )),
        (Some(Algorithm::Crc64Nvme), true) | (Some(Algorithm::Sha1 | Algorithm::Sha256), false) => {
            Err(s3_error!(InvalidRequest, "The checksum type cannot be used with the checksum algorithm."))
        }
        (Some(_) | None, _) => Ok(composite),
    }
}

fn checksum_type(composite: bool) -> ChecksumType {
    let name = if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    ChecksumType::from_static(name)
}

/// The checksum algorithm of a copied part: what its upload requested, or else S3's default.
pub(super) fn part_algorithm(asked: Option<Algorithm>) -> Algorithm {
    asked.unwrap_or(Algorithm::Crc64Nvme)
}

pub(super) async fn upload_part(
    store: &Arc<Store>,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let part = receive(store, &mut request, |input| input.body.take()).await?;
    let input = request.input;
    let (etag, checksum) = (part.1.etag(), part.1.checksum.clone());
    keep_part(store, &input.bucket, &input.key, &input.upload_id, input.part_number, part)?;
    let output = UploadPartOutput { e_tag: quoted(&etag), ..Default::default() };
    Ok(S3Response::new(with_checksum!(checksum, output)))
}

/// Adds a part to its upload, or replaces the part with this number. Returns the time.
pub(super) fn keep_part(
    store: &Store,
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: i32,
    (file, summary): (TempFile, Summary),
) -> S3Result<SystemTime> {
    if !(1..=MAX_PART_NUMBER).contains(&number) {
        return Err(s3_error!(
            InvalidArgument,
            "Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive"
        ));
    }
    store.with_index(|index| {
        let upload = index.upload(bucket, key, upload_id)?;
        let sent = summary.checksum.algorithm;
        if let Some(asked) = upload.algorithm
            && asked != sent
        {
            return Err(s3_error!(
                InvalidRequest,
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                asked.name().to_ascii_lowercase(),
                sent.name().to_ascii_lowercase()
            ));
        }
        let modified = now();
        let etag = summary.etag();
        let Summary { size, md5, checksum } = summary;
        upload.parts.insert(number, Part { file, size, md5, etag, checksum, modified });
        Ok(modified)
    })
}

pub(super) async fn complete(
    store: &Arc<Store>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let conditions = WriteConditions::from_headers(&request.headers)?;
    let input = request.input;
    let listed = input.multipart_upload.and_then(|list| list.parts).unwrap_or_default();
    let plan = store.with_index(|index| {
        let upload = index.upload(&input.bucket, &input.key, &input.upload_id)?;
        let plan = Plan::of(upload, &listed)?;
        // Checked before the bytes are put together, and again when the object becomes the current version.
        conditions.check(index.bucket(&input.bucket)?.current(&input.key))?;
        Ok::<_, S3Error>(plan)
    })?;
    if input.mpu_object_size.is_some_and(|size| signed(plan.size) != Some(size)) {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was computed."
        ));
    }
    let promised = dto::Checksum {
        checksum_crc32: input.checksum_crc32,
        checksum_crc32c: input.checksum_crc32c,
        checksum_crc64nvme: input.checksum_crc64nvme,
        checksum_sha1: input.checksum_sha1,
        checksum_sha256: input.checksum_sha256,
        checksum_type: input.checksum_type,
    };

    let body = stream::iter(plan.files).flat_map(|(file, size)| folder::read(file, 0, size));
    let (file, summary) = store.folder.receive(body, part_algorithm(plan.algorithm)).await?;
    let checksum = plan.composite.unwrap_or(summary.checksum);
    if checksum.algorithm.of(&promised).is_some_and(|promised| promised != checksum.value) {
        let name = checksum.algorithm.name();
        return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
    }
    let object = Object {
        file: Default::default(),
        size: summary.size,
        etag: plan.etag.clone(),
        checksum: checksum.clone(),
        attributes: plan.attributes,
    };
    let draft = Draft {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        file,
        object,
        conditions,
        event_name: "ObjectCreated:CompleteMultipartUpload",
    };
    let (_, version_id) = store.complete(&input.upload_id, draft)?;
    let output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, url_encode(&input.key))),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: quoted(&plan.etag),
        checksum_type: Some(checksum_type(checksum.composite)),
        version_id,
        ..Default::default()
    };
    Ok(S3Response::new(with_checksum!(checksum, output)))
}

/// What an upload is made into.
struct Plan {
    /// The parts in order, with their sizes. They are open files, so a part that is replaced meanwhile does
    /// not matter.
    files: Vec<(std::fs::File, u64)>,
    size: u64,
    etag: String,
    algorithm: Option<Algorithm>,
    composite: Option<Checksum>,
    attributes: Attributes,
}

impl Plan {
    /// Compares the caller's list of parts with the parts that were uploaded.
    fn of(upload: &Upload, listed: &[CompletedPart]) -> S3Result<Self> {
        if listed.is_empty() {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        }
        let mut parts = Vec::new();
        let mut last_number = 0;
        for listed in listed {
            let number = listed.part_number.unwrap_or_default();
            if number <= last_number {
                return Err(s3_error!(
                    InvalidPartOrder,
                    "The list of parts was not in ascending order. Parts must be ordered by part number."
                ));
            }
            last_number = number;
            parts.push(find_part(upload, number, listed)?);
        }
        let (_, all_but_last) = parts.split_last().ok_or_else(|| s3_error!(MalformedXML))?;
        if all_but_last.iter().any(|part| part.size < MIN_PART_BYTES) {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed object size."
            ));
        }
        let composite = match upload.algorithm {
            Some(algorithm) if upload.composite => {
                Some(Checksum::of_parts(algorithm, parts.iter().map(|part| &part.checksum))?)
            }
            Some(_) | None => None,
        };
        let mut md5 = Md5::new();
        let mut files = Vec::new();
        for part in &parts {
            md5.update(&part.md5);
            files.push((std::fs::File::open(part.path()).map_err(folder::internal_error)?, part.size));
        }
        Ok(Self {
            files,
            size: parts.iter().map(|part| part.size).sum(),
            etag: format!("{}-{}", hex(&md5.finalize()), parts.len()),
            algorithm: upload.algorithm,
            composite,
            attributes: upload.attributes.clone(),
        })
    }
}

fn find_part<'a>(upload: &'a Upload, number: i32, listed: &CompletedPart) -> S3Result<&'a Part> {
    let invalid_part = || {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
             specified entity tag may not match the part's entity tag."
        )
    };
    let part = upload.parts.get(&number).ok_or_else(invalid_part)?;
    if listed.e_tag.as_ref().is_none_or(|etag| etag.value() != part.etag) {
        return Err(invalid_part());
    }
    let sums = dto::Checksum {
        checksum_crc32: listed.checksum_crc32.clone(),
        checksum_crc32c: listed.checksum_crc32c.clone(),
        checksum_crc64nvme: listed.checksum_crc64nvme.clone(),
        checksum_sha1: listed.checksum_sha1.clone(),
        checksum_sha256: listed.checksum_sha256.clone(),
        checksum_type: None,
    };
    match part.checksum.algorithm.of(&sums) {
        Some(sum) if sum != part.checksum.value => Err(invalid_part()),
        None if upload.composite => Err(s3_error!(
            InvalidRequest,
            "The upload was created using a {} checksum. The complete request must include the checksum for each \
             part. It was missing for part {number} in the request.",
            part.checksum.algorithm.name().to_ascii_lowercase()
        )),
        Some(_) | None => Ok(part),
    }
}

pub(super) async fn abort(
    store: &Arc<Store>,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    store.with_index(|index| index.close_upload(&input.bucket, &input.key, &input.upload_id))?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) async fn list_parts(
    store: &Arc<Store>,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let most = page_size(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or_default();
    let output = store.with_index(|index| {
        let upload = index.upload(&input.bucket, &input.key, &input.upload_id)?;
        let mut rest = upload.parts.range(after.saturating_add(1)..);
        let parts: Vec<_> = rest
            .by_ref()
            .take(most)
            .map(|(number, part)| {
                let listed = dto::Part {
                    e_tag: quoted(&part.etag),
                    last_modified: Some(part.modified.into()),
                    part_number: Some(*number),
                    size: signed(part.size),
                    ..Default::default()
                };
                if upload.algorithm.is_some() { with_checksum!(part.checksum, listed) } else { listed }
            })
            .collect();
        Ok::<_, S3Error>(ListPartsOutput {
            is_truncated: Some(rest.next().is_some()),
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            parts: Some(parts),
            checksum_algorithm: upload.algorithm.map(|it| ChecksumAlgorithm::from_static(it.name())),
            checksum_type: upload.algorithm.map(|_| checksum_type(upload.composite)),
            ..Default::default()
        })
    })?;
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: i32::try_from(most).ok(),
        part_number_marker: input.part_number_marker,
        ..output
    }))
}

pub(super) async fn list_uploads(
    store: &Arc<Store>,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let input = request.input;
    if input.delimiter.is_some() || input.key_marker.is_some() {
        return Err(s3_error!(NotImplemented, "The embedded S3 lists open uploads in one page, by prefix."));
    }
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let uploads = store.with_index(|index| {
        index.bucket(&input.bucket)?;
        let uploads =
            index.uploads_of(&input.bucket).into_iter().filter(|(_, upload)| upload.key.starts_with(prefix));
        let uploads: Vec<_> = uploads
            .map(|(upload_id, upload)| MultipartUpload {
                initiated: Some(upload.initiated.into()),
                key: Some(match &input.encoding_type {
                    Some(_) => url_encode(&upload.key),
                    None => upload.key.clone(),
                }),
                upload_id: Some(upload_id.to_owned()),
                ..Default::default()
            })
            .collect();
        Ok::<_, S3Error>(uploads)
    })?;
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        encoding_type: input.encoding_type,
        is_truncated: Some(false),
        max_uploads: Some(1000),
        prefix: input.prefix,
        uploads: Some(uploads),
        ..Default::default()
    }))
}
