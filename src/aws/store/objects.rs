//! Whole objects of the output bucket, and the drop that an event names.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{EncodingType, Object};
use serde::Serialize;

use crate::aws::error::Error;
use crate::aws::sdk_error;
use crate::aws::store::refusals::is_gone;
use crate::base::s3_uri::{S3Uri, decode_notification_key};
use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::source::{DropSource, ESTIMATE, EstimatedTokens, RETRY_OF};

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// Amazon S3, as the pipeline uses it: the drops in the input bucket, and the objects of the output bucket.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) client: Client,
    pub(super) output_bucket: String,
}

impl Store {
    /// Makes a store that writes to `output_bucket`.
    pub fn new(client: Client, output_bucket: impl Into<String>) -> Self {
        Self { client, output_bucket: output_bucket.into() }
    }

    pub(super) fn named(&self, operation: &str, key: &str) -> String {
        format!("S3 {operation} s3://{}/{key}", self.output_bucket)
    }

    /// Looks at the object that an event names. Returns `None` if the object or its version is gone.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails, and [`Error::Internal`] if the answer lacks a header that S3 always
    /// sends.
    pub async fn head(&self, uri: &S3Uri, version_id: Option<&str>) -> Result<Option<DropSource>, Error> {
        let request = self.client.head_object().bucket(uri.bucket()).key(uri.key());
        let head = match request.set_version_id(version_id.map(Into::into)).send().await {
            Ok(head) => head,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(sdk_error::classify(format!("S3 HeadObject {uri}"), error)),
        };
        let size_bytes = head.content_length.and_then(|length| u64::try_from(length).ok());
        let (Some(etag), Some(last_modified), Some(size_bytes)) =
            (head.e_tag, head.last_modified, size_bytes)
        else {
            return Err(Error::Internal(format!(
                "S3 HeadObject {uri}: the answer has no ETag, Last-Modified, or Content-Length"
            )));
        };
        Ok(Some(DropSource {
            bucket: uri.bucket().to_owned(),
            key: uri.key().to_owned(),
            version_id: head.version_id.filter(|id| id != "null"),
            etag,
            last_modified: Timestamp::from_secs(last_modified.secs()),
            size_bytes,
            retry_of: retry_of(head.metadata.as_ref()),
            estimate: head
                .metadata
                .as_ref()
                .and_then(|metadata| EstimatedTokens::parse(metadata.get(ESTIMATE)?)),
        }))
    }

    /// Returns whether the output bucket has an object with this key.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        match self.client.head_object().bucket(&self.output_bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(sdk_error::classify(self.named("HeadObject", key), error)),
        }
    }

    /// Writes a whole object of the output bucket, and replaces any object that is there.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), Error> {
        self.put_body(key, bytes.into(), content_type).await
    }

    pub(crate) async fn put_body(
        &self,
        key: &str,
        body: ByteStream,
        content_type: &str,
    ) -> Result<(), Error> {
        let request =
            self.client.put_object().bucket(&self.output_bucket).key(key).content_type(content_type);
        let sent = request.body(body).send().await;
        sent.map_err(|error| sdk_error::classify(self.named("PutObject", key), error))?;
        Ok(())
    }

    /// Writes a value as an indented JSON object, for people to read.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn put_json<T: Serialize + Sync>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.put(key, to_json(key, value)?, JSON_TYPE).await
    }

    /// Writes a page, which a browser shows.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn put_page(&self, key: &str, page: String) -> Result<(), Error> {
        self.put(key, page.into_bytes(), HTML_TYPE).await
    }

    /// Deletes an object of the output bucket, if it is there.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let sent = self.client.delete_object().bucket(&self.output_bucket).key(key).send().await;
        sent.map_err(|error| sdk_error::classify(self.named("DeleteObject", key), error))?;
        Ok(())
    }

    /// Lists the objects below a prefix of the output bucket, in the order of their keys.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn list_objects(&self, prefix: &str) -> Result<Vec<Listed>, Error> {
        let mut objects = Vec::new();
        let request = self.client.list_objects_v2().bucket(&self.output_bucket).prefix(prefix);
        let request = request.encoding_type(EncodingType::Url);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| sdk_error::classify(self.named("ListObjectsV2", prefix), error))?;
            objects.extend(page.contents.unwrap_or_default().into_iter().filter_map(listed));
        }
        Ok(objects)
    }

    /// Lists the first objects below a prefix of the output bucket: at most `most` of them, which is 1 to
    /// 1,000, in one call.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails.
    pub async fn list_first(&self, prefix: &str, most: i32) -> Result<Vec<Listed>, Error> {
        let request = self.client.list_objects_v2().bucket(&self.output_bucket).prefix(prefix).max_keys(most);
        let request = request.encoding_type(EncodingType::Url);
        let page = request.send().await;
        let page = page.map_err(|error| sdk_error::classify(self.named("ListObjectsV2", prefix), error))?;
        Ok(page.contents.unwrap_or_default().into_iter().filter_map(listed).collect())
    }

    /// Lists the folders right below a prefix of the output bucket, which ends with `/`: at most 1,000 of them, in one call.
    /// Each is the prefix of the keys in it.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails.
    pub async fn list_folders(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let request = self.client.list_objects_v2().bucket(&self.output_bucket).prefix(prefix).delimiter("/");
        let page = request.encoding_type(EncodingType::Url).send().await;
        let page = page.map_err(|error| sdk_error::classify(self.named("ListObjectsV2", prefix), error))?;
        let folders = page.common_prefixes.unwrap_or_default().into_iter();
        Ok(folders.filter_map(|folder| decode_notification_key(&folder.prefix?)).collect())
    }

    /// Lists the keys of the objects below a prefix of the output bucket.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if a call fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        Ok(self.list_objects(prefix).await?.into_iter().map(|object| object.key).collect())
    }
}

/// Reads from the metadata of a drop of which other one it tries records again. Anybody who drops can write anything there.
fn retry_of(metadata: Option<&HashMap<String, String>>) -> Option<String> {
    let id = DropId::parse(metadata?.get(RETRY_OF)?)?;
    Some(id.as_str().to_owned())
}

/// Reads an object of a list. Keys may have characters that XML does not allow, so they are asked for in the encoding of a
/// URL: one of them would make the whole page unreadable.
pub(super) fn listed(object: Object) -> Option<Listed> {
    let last_modified = Timestamp::from_secs(object.last_modified?.secs());
    Some(Listed { key: decode_notification_key(&object.key?)?, last_modified })
}

pub(super) const JSON_TYPE: &str = "application/json";

pub(crate) const JSONL_TYPE: &str = "application/jsonl";

const HTML_TYPE: &str = "text/html; charset=utf-8";

pub(super) fn to_json<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|source| Error::Internal(format!("cannot write {key}: {source}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}
