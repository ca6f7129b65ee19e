//! Writes large objects, in several parts.

use std::ops::Range;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::aws::error::Error;
use crate::aws::sdk_error;
use crate::aws::store::objects::{JSONL_TYPE, Store};
use crate::aws::store::reading::range;

/// The size of each part of an upload. S3 takes 10,000 parts of at least 5 MiB, so 48 GiB fit.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html> (read 2026-11)
const UPLOAD_PART_BYTES: usize = 5 << 20;

impl Store {
    /// Returns a writer that writes an object of the output bucket piece by piece.
    #[must_use]
    pub fn writer<'a>(&'a self, key: &'a str) -> ObjectWriter<'a> {
        ObjectWriter { store: self, key, buffer: Vec::new(), upload: None }
    }
}

/// Writes an object of any size, with only one part of it in memory. The object appears when the writer finishes it.
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    store: &'a Store,
    key: &'a str,
    buffer: Vec<u8>,
    upload: Option<Upload<'a>>,
}

impl ObjectWriter<'_> {
    /// Adds bytes to the object.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails. The upload is then aborted, and the writer must not be used any more.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while self.buffer.len() + bytes.len() >= UPLOAD_PART_BYTES {
            let (last, rest) = bytes.split_at(UPLOAD_PART_BYTES - self.buffer.len());
            // Growing by itself, the buffer would take twice as much.
            self.buffer.reserve_exact(last.len());
            self.buffer.extend_from_slice(last);
            let part = std::mem::take(&mut self.buffer);
            self.send(part).await?;
            bytes = rest;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<(), Error> {
        if self.upload.is_none() {
            self.upload = Some(Upload::begin(self.store, self.key).await?);
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let sent = upload.send(part.into()).await;
        upload.or_abort(sent).await
    }

    /// Finishes the object. An empty object is not written.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails. The upload is then aborted.
    pub async fn finish(self) -> Result<(), Error> {
        let Some(mut upload) = self.upload else {
            if self.buffer.is_empty() {
                return Ok(());
            }
            return self.store.put(self.key, self.buffer, JSONL_TYPE).await;
        };
        let ended = async {
            if !self.buffer.is_empty() {
                upload.send(self.buffer.into()).await?;
            }
            upload.complete().await
        };
        let ended = ended.await;
        upload.or_abort(ended).await
    }

    /// Gives up the object because of an error elsewhere, and returns that error.
    pub async fn abandon(self, error: Error) -> Error {
        match self.upload {
            None => error,
            Some(upload) => upload.abort(error).await,
        }
    }
}

/// A multipart upload to the output bucket.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    store: &'a Store,
    key: &'a str,
    id: String,
    parts: Vec<CompletedPart>,
    /// The size of all parts together.
    bytes: u64,
}

impl<'a> Upload<'a> {
    pub(crate) async fn begin(store: &'a Store, key: &'a str) -> Result<Self, Error> {
        let request = store.client.create_multipart_upload().bucket(&store.output_bucket).key(key);
        let call = || store.named("CreateMultipartUpload", key);
        let answer = request
            .content_type(JSONL_TYPE)
            .send()
            .await
            .map_err(|error| sdk_error::classify(call(), error))?;
        let Some(id) = answer.upload_id else {
            return Err(Error::Internal(format!("{}: the answer has no upload id", call())));
        };
        Ok(Self { store, key, id, parts: Vec::new(), bytes: 0 })
    }

    fn next_number(&self) -> i32 {
        i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX)
    }

    fn push(&mut self, etag: Option<String>, bytes: u64) {
        self.bytes += bytes;
        let part = CompletedPart::builder().part_number(self.next_number()).set_e_tag(etag).build();
        self.parts.push(part);
    }

    pub(crate) async fn send(&mut self, body: SdkBody) -> Result<(), Error> {
        let Some(bytes) = body.content_length() else {
            return Err(Error::Internal(format!("a part of {} has no known length", self.key)));
        };
        let body = ByteStream::new(body);
        let request = self.store.client.upload_part().bucket(&self.store.output_bucket).key(self.key);
        let request = request.upload_id(&self.id).part_number(self.next_number()).body(body);
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| sdk_error::classify(self.store.named("UploadPart", self.key), error))?;
        self.push(answer.e_tag, bytes);
        Ok(())
    }

    pub(crate) async fn copy_range(
        &mut self,
        source: &str,
        etag: &str,
        bytes: Range<u64>,
    ) -> Result<(), Error> {
        let request = self.store.client.upload_part_copy().bucket(&self.store.output_bucket).key(self.key);
        let request = request.upload_id(&self.id).part_number(self.next_number());
        let request = request.copy_source(source).copy_source_range(range(&bytes));
        let answer = request.copy_source_if_match(etag).send().await;
        let call = || format!("{} from {source}", self.store.named("UploadPartCopy", self.key));
        let answer = answer.map_err(|error| sdk_error::classify(call(), error))?;
        self.push(answer.copy_part_result.and_then(|part| part.e_tag), bytes.end - bytes.start);
        Ok(())
    }

    /// Completes the upload. S3 refuses to if the parts together do not have the expected size, as when the range to
    /// copy was ignored.
    pub(crate) async fn complete(&mut self) -> Result<(), Error> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts.clone())).build();
        let request =
            self.store.client.complete_multipart_upload().bucket(&self.store.output_bucket).key(self.key);
        let request = request.set_mpu_object_size(i64::try_from(self.bytes).ok());
        let sent = request.upload_id(&self.id).multipart_upload(parts).send().await;
        sent.map_err(|error| {
            sdk_error::classify(self.store.named("CompleteMultipartUpload", self.key), error)
        })?;
        Ok(())
    }

    /// Returns the result of a step, and aborts the upload if the step failed.
    pub(crate) async fn or_abort(&self, step: Result<(), Error>) -> Result<(), Error> {
        match step {
            Ok(()) => Ok(()),
            Err(error) => Err(self.abort(error).await),
        }
    }

    /// Aborts the upload because of `error`, and returns that error even if aborting fails: the bucket's lifecycle rule
    /// deletes what is left.
    async fn abort(&self, error: Error) -> Error {
        let request =
            self.store.client.abort_multipart_upload().bucket(&self.store.output_bucket).key(self.key);
        if let Err(failure) = request.upload_id(&self.id).send().await {
            let call = self.store.named("AbortMultipartUpload", self.key);
            let failure = sdk_error::classify(call, failure);
            tracing::warn!(error = %crate::aws::error::Chain(&failure), "upload not aborted; the lifecycle rule of the bucket deletes it");
        }
        error
    }
}
