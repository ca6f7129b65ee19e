//! Deletes objects: those below a prefix of the output bucket, page by page, and the version of an object that a drop is.

use aws_sdk_s3::types::EncodingType;
use futures_util::future::join_all;

use crate::aws::error::Error;
use crate::aws::sdk_error;
use crate::aws::store::objects::{Store, listed};
use crate::drop::source::DropSource;

/// How many objects are deleted at the same time.
const CONCURRENT: usize = 16;

impl Store {
    /// Deletes those objects on one page of a list of the output bucket whose keys `is_meant`: the page that comes after the
    /// token, or the first one. Returns the token for the next page; `None` after the last one.
    ///
    /// # Errors
    /// Returns the first [`Error::Call`] if a call fails.
    pub async fn delete_page(
        &self,
        prefix: &str,
        token: Option<String>,
        is_meant: impl Fn(&str) -> bool + Send,
    ) -> Result<Option<String>, Error> {
        let request = self.client.list_objects_v2().bucket(&self.output_bucket).prefix(prefix);
        let request = request.encoding_type(EncodingType::Url).set_continuation_token(token);
        let page = request.send().await;
        let page = page.map_err(|error| sdk_error::classify(self.named("ListObjectsV2", prefix), error))?;
        let keys =
            page.contents.unwrap_or_default().into_iter().filter_map(|object| Some(listed(object)?.key));
        let meant: Vec<String> = keys.filter(|key| is_meant(key)).collect();
        for some in meant.chunks(CONCURRENT) {
            let deletions = some.iter().map(|key| Box::pin(self.delete(key)));
            join_all(deletions).await.into_iter().collect::<Result<(), Error>>()?;
        }
        Ok(page.next_continuation_token)
    }

    /// Deletes the version of an object that a drop is, for good. Returns `false` if the drop has no version id: without one,
    /// S3 would hide the object, or delete what has replaced it.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails.
    pub async fn delete_drop(&self, drop: &DropSource) -> Result<bool, Error> {
        let Some(version_id) = &drop.version_id else { return Ok(false) };
        let request = self.client.delete_object().bucket(&drop.bucket).key(&drop.key).version_id(version_id);
        let sent = request.send().await;
        let call = || format!("S3 DeleteObject {drop}?versionId={version_id}");
        sent.map_err(|error| sdk_error::classify(call(), error))?;
        Ok(true)
    }
}
