//! Lists the output bucket. S3 encodes the keys, because a key may have characters that XML cannot have.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html> (read 2026-11)

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::types::EncodingType;

use super::Stack;
use crate::aws::sdk_error::classify;
use crate::base::s3_uri::decode_notification_key;
use crate::cli::error::CliError;

impl Stack {
    /// Lists the keys below a prefix of the output bucket, in their order.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<String>, CliError> {
        Ok(self.pages(prefix, self.listing(prefix)).await?.0)
    }

    /// Lists the keys below a prefix that come after a text, in their order.
    pub(crate) async fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<String>, CliError> {
        Ok(self.pages(prefix, self.listing(prefix).start_after(after)).await?.0)
    }

    /// Lists the folders that are directly below a folder, with their `/`, in their order.
    pub(crate) async fn list_folders(&self, folder: &str) -> Result<Vec<String>, CliError> {
        Ok(self.pages(folder, self.listing(folder).delimiter("/")).await?.1)
    }

    /// Whether an object is there, as readers can find out.
    pub(super) async fn is_listed(&self, key: &str) -> Result<bool, CliError> {
        let page = self.listing(key).max_keys(1).send().await;
        let page = page.map_err(|error| self.explain(classify(self.call(key), error)))?;
        Ok(keys(page).0.first().is_some_and(|first| first == key))
    }

    fn listing(&self, prefix: &str) -> ListObjectsV2FluentBuilder {
        let request = self.s3.list_objects_v2().bucket(&self.output_bucket).prefix(prefix);
        request.encoding_type(EncodingType::Url)
    }

    fn call(&self, prefix: &str) -> String {
        format!("S3 ListObjectsV2 s3://{}/{prefix}", self.output_bucket)
    }

    /// The keys and the folders on all pages.
    async fn pages(
        &self,
        prefix: &str,
        request: ListObjectsV2FluentBuilder,
    ) -> Result<(Vec<String>, Vec<String>), CliError> {
        let mut pages = request.into_paginator().send();
        let mut all = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.explain(classify(self.call(prefix), error)))?;
            let (keys, folders) = keys(page);
            all.0.extend(keys);
            all.1.extend(folders);
        }
        Ok(all)
    }
}

/// The keys and the folders on a page.
fn keys(page: ListObjectsV2Output) -> (Vec<String>, Vec<String>) {
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    // They are encoded as in a notification.
    let decoded = |key: String| if is_encoded { decode_notification_key(&key) } else { Some(key) };
    let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| decoded(object.key?));
    let folders =
        page.common_prefixes.unwrap_or_default().into_iter().filter_map(|folder| decoded(folder.prefix?));
    (keys.collect(), folders.collect())
}
