//! Puts a file into the input bucket: whole if it is small, otherwise in parts, so that the upload can go on after Ctrl-C or a
//! crash. Every byte has a checksum from the moment when it is read. It makes only the calls that uploaders are allowed.
//!
//! | file | job |
//! |---|---|
//! | `saved.rs` | what is remembered of an upload |

mod saved;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use self::saved::{Memory, Saved};
use super::error::{CliError, path_error};
use super::output::print_note;
use super::stack::Stack;
use super::watched::State;
use crate::aws::sdk_error::classify;
use crate::aws::store::objects::JSONL_TYPE;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::source::{DropSource, ESTIMATE, EstimatedTokens, RETRY_OF};

/// A file of up to this size is put whole.
const WHOLE_BYTES: u64 = 16 << 20;

/// The smallest size of a part.
const PART_BYTES: u64 = 8 << 20;

/// The most parts of an upload.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html> (read 2026-11)
const MAX_PARTS: u64 = 10_000;

/// How many parts are in memory and on their way at the same time.
const CONCURRENT: usize = 4;

/// A file on its way.
pub(super) struct Upload<'a> {
    pub(super) stack: &'a Stack,
    pub(super) path: &'a Path,
    pub(super) key: &'a str,
    /// Whether to drop the file even if an earlier command may have done so.
    pub(super) again: bool,
    /// The drop of which it tries some records again.
    pub(super) retry_of: Option<&'a DropId>,
    /// What it is to take.
    pub(super) estimate: Option<EstimatedTokens>,
}

/// A part that S3 has.
#[derive(Debug, Clone)]
struct Part {
    number: i32,
    etag: Option<String>,
    checksum: String,
}

impl Upload<'_> {
    /// Uploads the file. `on_progress` is told how many bytes S3 has. Returns the drop; `None` if the bucket has no versions.
    pub(super) async fn run(&self, on_progress: impl Fn(u64) + Sync) -> Result<Option<DropId>, CliError> {
        let of_path = |error| path_error(self.path, error);
        let before = State::of(self.path);
        let (size_bytes, modified) = match &before {
            State::File(size_bytes, modified) => (*size_bytes, *modified),
            State::Unusable(why) => return Err(of_path(io::Error::other(why.clone()))),
        };
        let file = Arc::new(File::open(self.path).map_err(of_path)?);
        let version_id = if size_bytes <= WHOLE_BYTES {
            self.put(&file, size_bytes, &before).await?
        } else {
            self.put_in_parts(&file, size_bytes, modified, &before, &on_progress).await?
        };
        on_progress(size_bytes);
        Ok(version_id.filter(|id| id != "null").map(|id| drop_id(&self.stack.input_bucket, self.key, id)))
    }

    fn call(&self, operation: &str) -> String {
        format!("S3 {operation} s3://{}/{}", self.stack.input_bucket, self.key)
    }

    /// What S3 keeps with the object, for the functions to read.
    fn metadata(&self) -> Option<HashMap<String, String>> {
        let retry_of = self.retry_of.map(|drop_id| (RETRY_OF.to_owned(), drop_id.to_string()));
        let estimate = self.estimate.map(|estimate| (ESTIMATE.to_owned(), estimate.metadata()));
        let all: HashMap<_, _> = retry_of.into_iter().chain(estimate).collect();
        (!all.is_empty()).then_some(all)
    }

    /// Makes sure that the file is still the one that was checked.
    fn is_unchanged(&self, before: &State) -> Result<(), CliError> {
        if State::of(self.path) == *before {
            return Ok(());
        }
        let error = io::Error::other("it changed while it was uploaded, so it was not dropped");
        Err(path_error(self.path, error))
    }

    async fn put(
        &self,
        file: &Arc<File>,
        size_bytes: u64,
        before: &State,
    ) -> Result<Option<String>, CliError> {
        let (bytes, checksum) = self.read(file, 0, size_bytes).await?;
        self.is_unchanged(before)?;
        let request = self.stack.s3.put_object().bucket(&self.stack.input_bucket).key(self.key);
        let request =
            request.content_type(JSONL_TYPE).checksum_sha256(checksum).body(ByteStream::from(bytes));
        let request = request.set_metadata(self.metadata());
        let put = request.send().await;
        let put = put.map_err(|error| self.stack.explain(classify(self.call("PutObject"), error)))?;
        Ok(put.version_id)
    }

    async fn put_in_parts(
        &self,
        file: &Arc<File>,
        size_bytes: u64,
        modified: SystemTime,
        before: &State,
        on_progress: &(impl Fn(u64) + Sync),
    ) -> Result<Option<String>, CliError> {
        let mut memory = self.memory()?;
        let (saved, there) = match self.resume(memory.as_mut(), size_bytes, modified).await? {
            Some(resumed) => resumed,
            None => (self.begin(memory.as_mut(), size_bytes, modified).await?, BTreeMap::new()),
        };
        let parts = self.send_parts(file, &saved, &there, on_progress).await?;
        self.is_unchanged(before)?;
        if let Some(memory) = &mut memory {
            // If this process ends now, nobody knows whether the file is dropped.
            let completing = Saved { is_completing: true, ..saved.clone() };
            memory.save(&completing).map_err(CliError::Start)?;
        }
        let version_id = self.complete(&saved, parts).await?;
        if let Some(memory) = memory {
            memory.forget();
        }
        Ok(version_id)
    }

    /// What is remembered of an earlier upload of this file; `None` if nothing can be remembered.
    fn memory(&self) -> Result<Option<Memory>, CliError> {
        let path = self.path.canonicalize().map_err(|error| path_error(self.path, error))?;
        match Memory::open(&self.stack.input_bucket, self.key, &path) {
            Ok(Some(memory)) => Ok(Some(memory)),
            Ok(None) => {
                let error = io::Error::other("another process is uploading it to the same key");
                Err(path_error(self.path, error))
            }
            Err(error) => {
                print_note(&format!("an upload that is interrupted has to start again: {error}"));
                Ok(None)
            }
        }
    }

    /// Finds the parts of an earlier upload of the same file.
    async fn resume(
        &self,
        memory: Option<&mut Memory>,
        size_bytes: u64,
        modified: SystemTime,
    ) -> Result<Option<(Saved, BTreeMap<i32, Part>)>, CliError> {
        let Some(saved) = memory.and_then(Memory::load) else { return Ok(None) };
        let is_same =
            (saved.size_bytes, saved.modified) == (size_bytes, modified) && saved.part_bytes >= PART_BYTES;
        match self.list_parts(&saved.upload_id).await? {
            Some(parts) if is_same => Ok(Some((saved, parts))),
            Some(_) => {
                self.abort(&saved.upload_id).await;
                Ok(None)
            }
            None if saved.is_completing && is_same && !self.again => Err(CliError::Denied(format!(
                "{}: an earlier command may have dropped it as {}: it ended while S3 put the parts together. Look with the \
                 command status; if it is not there, give --again",
                text::line(self.path.display()),
                text::line(self.key)
            ))),
            // S3 deletes what was not finished within a day.
            None => Ok(None),
        }
    }

    /// Lists the parts of an upload; `None` if there is no such upload.
    async fn list_parts(&self, upload_id: &str) -> Result<Option<BTreeMap<i32, Part>>, CliError> {
        let request = self.stack.s3.list_parts().bucket(&self.stack.input_bucket).key(self.key);
        let mut pages = request.upload_id(upload_id).into_paginator().send();
        let mut parts = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error)
                    if error.as_service_error().and_then(ProvideErrorMetadata::code)
                        == Some("NoSuchUpload") =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(self.stack.explain(classify(self.call("ListParts"), error))),
            };
            for part in page.parts.unwrap_or_default() {
                if let (Some(number), Some(checksum)) = (part.part_number, part.checksum_sha256) {
                    parts.insert(number, Part { number, etag: part.e_tag, checksum });
                }
            }
        }
        Ok(Some(parts))
    }

    /// Gives up an upload of a file that has changed. If that fails, S3 does so after a day.
    async fn abort(&self, upload_id: &str) {
        let request = self.stack.s3.abort_multipart_upload().bucket(&self.stack.input_bucket).key(self.key);
        let _ = request.upload_id(upload_id).send().await;
    }

    async fn begin(
        &self,
        memory: Option<&mut Memory>,
        size_bytes: u64,
        modified: SystemTime,
    ) -> Result<Saved, CliError> {
        let request = self.stack.s3.create_multipart_upload().bucket(&self.stack.input_bucket).key(self.key);
        let request = request.content_type(JSONL_TYPE).checksum_algorithm(ChecksumAlgorithm::Sha256);
        let request = request.set_metadata(self.metadata());
        let created = request.send().await;
        let created = created
            .map_err(|error| self.stack.explain(classify(self.call("CreateMultipartUpload"), error)))?;
        let upload_id = created.upload_id.ok_or_else(|| {
            CliError::Denied(format!("{}: the answer has no upload id", self.call("CreateMultipartUpload")))
        })?;
        let part_bytes = part_bytes(size_bytes);
        let saved = Saved { upload_id, size_bytes, modified, part_bytes, is_completing: false };
        if let Some(memory) = memory {
            memory.save(&saved).map_err(CliError::Start)?;
        }
        Ok(saved)
    }

    /// Sends the parts that S3 does not have. Those that it has are compared with the file.
    async fn send_parts(
        &self,
        file: &Arc<File>,
        saved: &Saved,
        there: &BTreeMap<i32, Part>,
        on_progress: &(impl Fn(u64) + Sync),
    ) -> Result<Vec<Part>, CliError> {
        let count = saved.size_bytes.div_ceil(saved.part_bytes);
        let sends = (0..count).map(|index| async move {
            let start = index * saved.part_bytes;
            let length = saved.part_bytes.min(saved.size_bytes - start);
            let (bytes, checksum) = self.read(file, start, length).await?;
            let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
            let part = match there.get(&number) {
                Some(part) if part.checksum == checksum => part.clone(),
                _ => self.send(saved, number, bytes, checksum).await?,
            };
            Ok::<_, CliError>((part, length))
        });
        let mut sends = stream::iter(sends).buffered(CONCURRENT);
        let (mut parts, mut sent) = (Vec::new(), 0);
        while let Some(send) = sends.next().await {
            let (part, length) = send?;
            parts.push(part);
            sent += length;
            on_progress(sent);
        }
        Ok(parts)
    }

    async fn send(
        &self,
        saved: &Saved,
        number: i32,
        bytes: Bytes,
        checksum: String,
    ) -> Result<Part, CliError> {
        let request = self.stack.s3.upload_part().bucket(&self.stack.input_bucket).key(self.key);
        let request = request.upload_id(&saved.upload_id).part_number(number).checksum_sha256(&checksum);
        let sent = request.body(ByteStream::from(bytes)).send().await;
        let sent = sent.map_err(|error| self.stack.explain(classify(self.call("UploadPart"), error)))?;
        Ok(Part { number, etag: sent.e_tag, checksum })
    }

    /// Has S3 make an object of the parts. Returns its version.
    async fn complete(&self, saved: &Saved, parts: Vec<Part>) -> Result<Option<String>, CliError> {
        let parts = parts.into_iter().map(|Part { number, etag, checksum }| {
            CompletedPart::builder().part_number(number).set_e_tag(etag).checksum_sha256(checksum).build()
        });
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request =
            self.stack.s3.complete_multipart_upload().bucket(&self.stack.input_bucket).key(self.key);
        let request = request.upload_id(&saved.upload_id).multipart_upload(list);
        let completed =
            request.mpu_object_size(i64::try_from(saved.size_bytes).unwrap_or(i64::MAX)).send().await;
        let completed = completed
            .map_err(|error| self.stack.explain(classify(self.call("CompleteMultipartUpload"), error)))?;
        Ok(completed.version_id)
    }

    /// Reads bytes of the file, with their SHA-256 in Base64.
    async fn read(&self, file: &Arc<File>, start: u64, length: u64) -> Result<(Bytes, String), CliError> {
        let file = Arc::clone(file);
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, start)?;
            let checksum = aws_smithy_types::base64::encode(Sha256::digest(&bytes));
            Ok((Bytes::from(bytes), checksum))
        });
        let read = read.await.unwrap_or_else(|_| Err(io::Error::other("reading ended with a panic")));
        read.map_err(|error| path_error(self.path, error))
    }
}

/// The size of the parts of a file.
fn part_bytes(size_bytes: u64) -> u64 {
    let least = size_bytes.div_ceil(MAX_PARTS);
    least.div_ceil(1 << 20).max(PART_BYTES >> 20) << 20
}

/// The drop that a version of an object is. Only these members of the source count for one with a version.
fn drop_id(bucket: &str, key: &str, version_id: String) -> DropId {
    DropId::derive(&DropSource {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id: Some(version_id),
        etag: String::new(),
        last_modified: Timestamp::from_secs(0),
        size_bytes: 0,
        retry_of: None,
        estimate: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_few_as_s3_takes() {
        for size in
            [WHOLE_BYTES + 1, PART_BYTES * MAX_PARTS, PART_BYTES * MAX_PARTS + 1, 50_000_000_000, 5 << 40]
        {
            let of_part = part_bytes(size);
            assert!(size.div_ceil(of_part) <= MAX_PARTS && of_part >= PART_BYTES, "{size}");
            assert!(of_part <= 5 << 30, "the largest part of S3: {size}");
        }
        assert_eq!(part_bytes(50_000_000_000), PART_BYTES);
    }
}
