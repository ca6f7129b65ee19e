//! The ids of drops and jobs. They are derived and never random, so that a step that runs twice uses the same
//! ids. Pure.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};

use crate::drop::source::DropSource;
use crate::record::key::RecordHasher;

/// The id of a drop: 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DropId(#[serde(deserialize_with = "id")] String);

/// The id of one attempt at one part of a drop: 32 hex digits. It is also the job's client request token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobId(#[serde(deserialize_with = "id")] String);

/// The id of a route: 16 hex digits. It stands for the prefix, which may have characters that a key should not have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(String);

impl RouteId {
    /// Derives the id from the prefix of the route.
    #[must_use]
    pub fn derive(prefix: &str) -> Self {
        Self(digest_hex(&[prefix]).chars().take(16).collect())
    }

    /// Parses 16 hex digits; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16 && is_hex(text)).then(|| Self(text.to_owned()))
    }
}

impl DropId {
    /// Derives the id from bucket, key and version id. Without versioning, the `ETag` and the modification
    /// time of the object replace the version id.
    #[must_use]
    pub fn derive(source: &DropSource) -> Self {
        let modified = source.last_modified.to_string();
        let identity: &[&str] = match &source.version_id {
            Some(version_id) => &[&source.bucket, &source.key, version_id],
            None => &[&source.bucket, &source.key, &source.etag, &modified],
        };
        Self(digest_hex(identity))
    }

    /// Parses 32 hex digits; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    /// Returns the hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the hasher of this drop's record ids.
    #[must_use]
    pub fn record_hasher(&self) -> RecordHasher {
        RecordHasher::seeded_with(&self.0)
    }
}

impl JobId {
    /// Derives the id of an attempt at a part, both counted from 1.
    #[must_use]
    pub fn derive(drop_id: &DropId, part: u32, attempt: u32) -> Self {
        Self(digest_hex(&[&drop_id.0, &part.to_string(), &attempt.to_string()]))
    }

    /// Returns the id in a job name that [`job_name`] made with the same prefix; `None` for any other name.
    #[must_use]
    pub fn from_job_name(prefix: &str, name: &str) -> Option<Self> {
        Self::parse(name.strip_prefix(prefix)?.strip_prefix('-')?)
    }

    /// Parses 32 hex digits; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }

    /// Returns the hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DropId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the first 32 hex digits of SHA-256 over the fields. Each field follows its length, so that
/// different lists of fields are never hashed as the same bytes.
pub(crate) fn digest_hex(fields: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the job name `<prefix>-<job-id>`: at most 63 characters for a prefix of at most 30.
#[must_use]
pub fn job_name(prefix: &str, job_id: &JobId) -> String {
    format!("{prefix}-{job_id}")
}

/// Reads an id. Other text is refused, because keys are made from ids.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_id(&text) { Ok(text) } else { Err(de::Error::custom("an id is not 32 hex digits")) }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;

    fn source(key: &str, version_id: Option<&str>) -> DropSource {
        DropSource {
            bucket: "in".into(),
            key: key.into(),
            version_id: version_id.map(Into::into),
            etag: "\"e\"".into(),
            last_modified: Timestamp::from_secs(0),
            size_bytes: 1,
            retry_of: None,
            estimate: None,
        }
    }

    #[test]
    fn drop_id_follows_the_version_and_nothing_else() {
        let first = source("a.jsonl", Some("v1"));
        let same = DropSource { etag: "\"other\"".into(), size_bytes: 9, ..first.clone() };
        assert_eq!(DropId::derive(&first), DropId::derive(&same));
        assert_ne!(DropId::derive(&first), DropId::derive(&source("a.jsonl", Some("v2"))));
        assert_ne!(DropId::derive(&first), DropId::derive(&source("b.jsonl", Some("v1"))));
        assert_eq!(DropId::derive(&first).as_str(), "2050a70013d5d720729623d293298b8c");
    }

    #[test]
    fn unversioned_drop_id_follows_etag_and_time() {
        let first = source("a.jsonl", None);
        let later = DropSource { last_modified: Timestamp::from_secs(1), ..first.clone() };
        let other = DropSource { etag: "\"f\"".into(), ..first.clone() };
        assert_ne!(DropId::derive(&first), DropId::derive(&later));
        assert_ne!(DropId::derive(&first), DropId::derive(&other));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_ne!(digest_hex(&["ab", "c"]), digest_hex(&["a", "bc"]));
    }

    #[test]
    fn job_name_gives_the_job_id_back() {
        let id = JobId::derive(&DropId::derive(&source("a.jsonl", Some("v1"))), 1, 1);
        let name = job_name("demo-x", &id);
        assert_eq!(JobId::from_job_name("demo-x", &name), Some(id));
        for other in ["demo", "demo-x-", "demo-x-123", "other-0123456789abcdef0123456789abcdef"] {
            assert_eq!(JobId::from_job_name("demo-x", other), None, "{other}");
        }
    }

    #[test]
    fn only_ids_are_read() {
        let id = "0123456789abcdef0123456789abcdef";
        let json = serde_json::to_string(id).unwrap();
        assert_eq!(serde_json::from_str::<DropId>(&json).unwrap().as_str(), id);
        assert_eq!(serde_json::from_str::<JobId>(&json).unwrap().as_str(), id);
        for other in
            ["", &id[1..], &format!("{id}0"), &id.replace('a', "A"), &id.replace('a', "g"), "../../work"]
        {
            let json = serde_json::to_string(other).unwrap();
            assert!(serde_json::from_str::<DropId>(&json).is_err(), "{other}");
            assert!(serde_json::from_str::<JobId>(&json).is_err(), "{other}");
            assert_eq!((DropId::parse(other), JobId::parse(other)), (None, None), "{other}");
        }
    }
}
