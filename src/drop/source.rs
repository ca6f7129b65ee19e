//! The object in S3 that a drop is. Pure.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;

/// One version of one object that a user put into the input bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropSource {
    /// The input bucket.
    pub bucket: String,
    /// The decoded key.
    pub key: String,
    /// The version id; `None` in a bucket without versioning.
    pub version_id: Option<String>,
    /// The `ETag` with its quotes, as S3 returns it.
    pub etag: String,
    /// When this version was put.
    pub last_modified: Timestamp,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The id of the drop of which this one tries some records again, if the object's metadata says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
    /// What it was to take, if the object's metadata says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<EstimatedTokens>,
}

/// The name in an object's metadata for the id of the drop of which it tries some records again.
pub const RETRY_OF: &str = "retry-of";

/// The name in an object's metadata for [`EstimatedTokens`].
pub const ESTIMATE: &str = "estimate";

/// The tokens that a drop was to take, as `submit` estimated them: the least and the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimatedTokens {
    /// Tokens of requests.
    #[serde(rename = "input_tokens")]
    pub input: (u64, u64),
    /// Tokens of answers.
    #[serde(rename = "output_tokens")]
    pub output: (u64, u64),
}

impl EstimatedTokens {
    /// Writes it for an object's metadata.
    #[must_use]
    pub fn metadata(&self) -> String {
        // Four numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`metadata`](Self::metadata) writes. Anybody who drops can write anything there.
    #[must_use]
    pub fn parse(metadata: &str) -> Option<Self> {
        serde_json::from_str(metadata).ok()
    }
}

impl DropSource {
    /// Returns the range of all its bytes.
    #[must_use]
    pub fn whole(&self) -> Range<u64> {
        0..self.size_bytes
    }
}

#[cfg(test)]
impl DropSource {
    /// Makes a source for unit tests in which it does not matter.
    pub(crate) fn example() -> Self {
        Self {
            bucket: "in".into(),
            key: "a.jsonl".into(),
            version_id: None,
            etag: "\"e\"".into(),
            last_modified: Timestamp::from_secs(0),
            size_bytes: 1,
            retry_of: None,
            estimate: None,
        }
    }
}

impl fmt::Display for DropSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// A position in the list of all versions in a bucket: after this version of this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionMarker {
    /// The last key that was listed.
    pub key: String,
    /// The last version of that key that was listed.
    pub version_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_come_back_from_the_metadata() {
        let estimate = EstimatedTokens { input: (1_900, 5_900), output: (1, u64::MAX) };
        assert_eq!(EstimatedTokens::parse(&estimate.metadata()), Some(estimate));
        for odd in ["", "{}", "1 2", r#"{"input_tokens": [1], "output_tokens": [1, 2]}"#] {
            assert_eq!(EstimatedTokens::parse(odd), None, "{odd}");
        }
    }
}
