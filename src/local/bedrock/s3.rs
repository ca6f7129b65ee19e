//! The few S3 calls that a batch job makes: list, read, write.
//!
//! Each error is the `message` of the job. The wording is what was seen on the real service, with the cause
//! added.

use std::error::Error as StdError;
use std::fmt::Display;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::aws::error::{Chain, Error};
use crate::aws::sdk_error;

/// The size of a part of a multipart upload: above S3's minimum of 5 MiB, and large enough for any output in
/// 10,000 parts.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html> (read 2026-11).
const PART_BYTES: usize = 8 << 20;

/// The suffix of input files.
pub(super) const INPUT_SUFFIX: &str = ".jsonl";

/// A bucket, and a key or a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Location {
    /// Parses an S3 URI that matches the pattern of the service model. A trailing slash is not part of the
    /// key.
    pub(super) fn parse(s3_uri: &str) -> Self {
        let path = s3_uri.strip_prefix("s3://").unwrap_or(s3_uri);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self { bucket: bucket.to_owned(), key: key.trim_end_matches('/').to_owned() }
    }

    /// Names an object below this location.
    pub(super) fn join(&self, name: &str) -> Self {
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}/{name}", self.key) };
        Self { bucket: self.bucket.clone(), key }
    }
}

/// One file of a job's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InputFile {
    pub(super) location: Location,
    /// The path below the job's input location, or the file's name if it is the only one. The output file
    /// gets it too.
    pub(super) name: String,
}

/// An object that is read line by line.
pub(super) struct Lines {
    bucket: String,
    pub(super) size_bytes: u64,
    reader: BufReader<Box<dyn tokio::io::AsyncRead + Send + Unpin>>,
    line: Vec<u8>,
}

impl Lines {
    /// Reads the next line, without its newline. Returns `None` after the last one. Splits at `\n` only.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, String> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line).await;
        if read.map_err(|error| cannot_read(&self.bucket, error))? == 0 {
            return Ok(None);
        }
        Ok(Some(self.line.strip_suffix(b"\n").unwrap_or(&self.line)))
    }
}

/// The S3 side of one job.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub(super) client: Client,
    pub(super) s3_encryption_key_id: Option<String>,
}

impl Storage {
    /// Finds the input files: the object itself if the key ends in `.jsonl`, and otherwise every such object
    /// below it.
    ///
    /// AWS documents neither whether `s3://b/in` also means `in2/…` nor whether nested folders are searched.
    /// The stand-in ignores `in2/…` and searches nested folders.
    pub(super) async fn input_files(&self, location: &Location) -> Result<Vec<InputFile>, String> {
        if location.key.ends_with(INPUT_SUFFIX) {
            let name = location.key.rsplit('/').next().unwrap_or_default().to_owned();
            return Ok(vec![InputFile { location: location.clone(), name }]);
        }
        let prefix = if location.key.is_empty() { String::new() } else { format!("{}/", location.key) };
        let request = self.client.list_objects_v2().bucket(&location.bucket).prefix(&prefix);
        let mut pages = request.into_paginator().send();
        let mut files = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let uri = format!("s3://{}/{prefix}", location.bucket);
                format!("Could not validate ListBucket permissions for S3URI {uri}: {}", cause(error))
            })?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            for key in keys.filter(|key| key.ends_with(INPUT_SUFFIX)) {
                let name = key.strip_prefix(&prefix).unwrap_or(key).to_owned();
                let location = Location { bucket: location.bucket.clone(), key: key.to_owned() };
                files.push(InputFile { location, name });
            }
        }
        Ok(files)
    }

    /// Opens the newest version of an object, as Bedrock does.
    pub(super) async fn read(&self, location: &Location) -> Result<Lines, String> {
        let sent = self.client.get_object().bucket(&location.bucket).key(&location.key).send().await;
        let object = sent.map_err(|error| cannot_read(&location.bucket, cause(error)))?;
        let size_bytes = object.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let reader = BufReader::new(Box::new(object.body.into_async_read()) as Box<_>);
        Ok(Lines { bucket: location.bucket.clone(), size_bytes, reader, line: Vec::new() })
    }

    /// Writes a small object.
    pub(super) async fn put(&self, location: &Location, content: Vec<u8>) -> Result<(), String> {
        let request = self.client.put_object().bucket(&location.bucket).key(&location.key);
        let request = request
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.s3_encryption_key_id.clone())
            .body(ByteStream::from(content));
        request.send().await.map_err(|error| cannot_write(location, cause(error)))?;
        Ok(())
    }

    /// Writes lines in order: with one request if they fit into a part, and in parts otherwise. Lines are
    /// freed as they are written, so that memory holds at most one part besides the remaining lines.
    pub(super) async fn write_lines(&self, location: &Location, lines: Vec<Vec<u8>>) -> Result<(), String> {
        if lines.iter().map(Vec::len).sum::<usize>() <= PART_BYTES {
            return self.put(location, lines.concat()).await;
        }
        let request = self.client.create_multipart_upload().bucket(&location.bucket).key(&location.key);
        let request = request
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.s3_encryption_key_id.clone());
        let upload = request.send().await.map_err(|error| cannot_write(location, cause(error)))?;
        let upload_id = upload.upload_id().unwrap_or_default();
        match self.upload_parts(location, upload_id, lines).await {
            Ok(()) => Ok(()),
            Err(message) => {
                let request =
                    self.client.abort_multipart_upload().bucket(&location.bucket).key(&location.key);
                // The first failure is the one to report.
                let _ = request.upload_id(upload_id).send().await;
                Err(message)
            }
        }
    }

    async fn upload_parts(
        &self,
        location: &Location,
        upload_id: &str,
        lines: Vec<Vec<u8>>,
    ) -> Result<(), String> {
        let mut parts = Vec::new();
        let mut pending = Vec::new();
        for line in lines {
            pending.extend_from_slice(&line);
            if pending.len() >= PART_BYTES {
                let content = std::mem::take(&mut pending);
                parts.push(self.upload_part(location, upload_id, parts.len(), content).await?);
            }
        }
        if !pending.is_empty() {
            parts.push(self.upload_part(location, upload_id, parts.len(), pending).await?);
        }
        let request = self.client.complete_multipart_upload().bucket(&location.bucket).key(&location.key);
        let completed = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = request.upload_id(upload_id).multipart_upload(completed);
        request.send().await.map_err(|error| cannot_write(location, cause(error)))?;
        Ok(())
    }

    async fn upload_part(
        &self,
        location: &Location,
        upload_id: &str,
        position: usize,
        content: Vec<u8>,
    ) -> Result<CompletedPart, String> {
        let number = i32::try_from(position + 1).map_err(|error| cannot_write(location, error))?;
        let request = self.client.upload_part().bucket(&location.bucket).key(&location.key);
        let request = request.upload_id(upload_id).part_number(number).body(ByteStream::from(content));
        let part = request.send().await.map_err(|error| cannot_write(location, cause(error)))?;
        // An upload that was started with a checksum must be completed with the checksums of its parts.
        let completed = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .set_checksum_crc64_nvme(part.checksum_crc64_nvme);
        Ok(completed.build())
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        self.s3_encryption_key_id.as_ref().map(|_| ServerSideEncryption::AwsKms)
    }
}

/// What S3 or the network said, for people. The SDK's own texts are either just "service error" or Rust code.
fn cause<E>(error: SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match sdk_error::classify(String::new(), error) {
        Error::Call { source, .. } => Chain(source.as_ref()).to_string(),
        other => Chain(&other).to_string(),
    }
}

fn cannot_read(bucket: &str, cause: impl Display) -> String {
    format!("Could not validate GetObject permissions to access Amazon S3 bucket {bucket}: {cause}")
}

fn cannot_write(location: &Location, cause: impl Display) -> String {
    format!(
        "Amazon S3 perms missing (PutObject): Could not validate PutObject permissions to access S3 bucket: {} \
         at key {}: {cause}",
        location.bucket, location.key
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_names_below_a_uri() {
        let join = |s3_uri| {
            let location = Location::parse(s3_uri).join("x");
            (location.bucket, location.key)
        };
        let location = |key: &str| ("bkt".to_owned(), key.to_owned());
        assert_eq!(join("s3://bkt"), location("x"));
        assert_eq!(join("s3://bkt/"), location("x"));
        assert_eq!(join("s3://bkt/a/b"), location("a/b/x"));
        assert_eq!(join("s3://bkt/a/b/"), location("a/b/x"));
    }
}
