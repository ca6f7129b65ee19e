//! The versions of the objects in the input bucket.

use aws_sdk_s3::types::EncodingType;

use crate::aws::error::Error;
use crate::aws::sdk_error;
use crate::aws::store::objects::Store;
use crate::base::s3_uri::decode_notification_key;
use crate::base::timestamp::Timestamp;
use crate::drop::source::{DropSource, VersionMarker};

/// One page of a list of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions, as drops.
    pub versions: Vec<DropSource>,
    /// How many delete markers the page has.
    pub delete_markers: u64,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<VersionMarker>,
}

impl Store {
    /// Lists a page of the versions below a prefix of a bucket, in the order of their keys: the page that starts after
    /// `after`, or the first one.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the call fails, and [`Error::Internal`] if the answer does not say where the next
    /// page starts.
    pub async fn list_versions(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&VersionMarker>,
    ) -> Result<VersionPage, Error> {
        let request = self.client.list_object_versions().bucket(bucket).prefix(prefix);
        // Keys may have characters that XML does not allow. One of them would make the whole page unreadable.
        let request = request.encoding_type(EncodingType::Url);
        let decoded = |key: String| decode_notification_key(&key);
        let request = request
            .set_key_marker(after.map(|marker| marker.key.clone()))
            .set_version_id_marker(after.and_then(|marker| marker.version_id.clone()));
        let page = request.send().await;
        let page = page.map_err(|error| {
            sdk_error::classify(format!("S3 ListObjectVersions s3://{bucket}/{prefix}"), error)
        })?;
        let versions = page.versions.unwrap_or_default().into_iter().filter_map(|version| {
            Some(DropSource {
                bucket: bucket.to_owned(),
                key: version.key.and_then(decoded)?,
                version_id: version.version_id.filter(|id| id != "null"),
                etag: version.e_tag?,
                last_modified: Timestamp::from_secs(version.last_modified?.secs()),
                size_bytes: version.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                retry_of: None,
                estimate: None,
            })
        });
        let next = match page.is_truncated {
            Some(true) => Some(page.next_key_marker.and_then(decoded).ok_or_else(|| {
                Error::Internal(format!(
                    "S3 ListObjectVersions s3://{bucket}/{prefix}: the answer does not say where the next page starts"
                ))
            })?),
            Some(false) | None => None,
        };
        Ok(VersionPage {
            versions: versions.collect(),
            delete_markers: page.delete_markers.unwrap_or_default().len() as u64,
            next: next.map(|key| VersionMarker { key, version_id: page.next_version_id_marker }),
        })
    }
}
