//! One bucket: the versions of every key.
//!
//! The versioning rules follow
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::time::SystemTime;

use s3s::{S3Result, s3_error};

use super::refusals::{about_marker, no_such_key, no_such_version};
use super::version::{NULL_VERSION, Object, Version};
use crate::local::s3::ids::numbered_id;

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) created: SystemTime,
    pub(crate) versioning: Versioning,
    /// Oldest version first; the list is never empty.
    objects: BTreeMap<String, Vec<Version>>,
    /// How many versions and delete markers have been written.
    written: u64,
}

/// What a delete did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// The version that was deleted, or the marker that was made; `None` if the bucket never had versioning.
    pub(crate) version_id: Option<String>,
    /// Whether that version is a delete marker.
    pub(crate) delete_marker: bool,
    /// Files that no version needs anymore.
    pub(crate) files: Vec<PathBuf>,
}

impl Bucket {
    pub(crate) fn new(created: SystemTime) -> Self {
        Self { created, versioning: Versioning::Never, objects: BTreeMap::new(), written: 0 }
    }

    /// The newest version of a key, a delete marker included.
    pub(crate) fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// The file of the current version, if that is an object.
    pub(crate) fn current_file(&mut self, key: &str) -> Option<&mut PathBuf> {
        let object = self.objects.get_mut(key)?.last_mut()?.object.as_mut()?;
        Some(&mut object.file)
    }

    /// Every key from `start` on whose current version is an object, in byte order.
    pub(crate) fn keys_from(&self, start: &str) -> impl Iterator<Item = (&str, &Version, &Object)> {
        self.objects.range::<str, _>((Bound::Included(start), Bound::Unbounded)).filter_map(
            |(key, versions)| {
                let version = versions.last()?;
                Some((key.as_str(), version, version.object.as_ref()?))
            },
        )
    }

    /// Every key from `start` on with its versions and delete markers, in byte order of the keys.
    pub(crate) fn versions_from(&self, start: &str) -> impl Iterator<Item = (&str, &[Version])> {
        let range = self.objects.range::<str, _>((Bound::Included(start), Bound::Unbounded));
        range.map(|(key, versions)| (key.as_str(), versions.as_slice()))
    }

    /// The version that a read requests.
    ///
    /// # Errors
    /// `NoSuchKey`, `NoSuchVersion`, and `MethodNotAllowed` for a delete marker that is requested by its id.
    pub(crate) fn read(&self, key: &str, version_id: Option<&str>) -> S3Result<(&Version, &Object)> {
        let Some(version_id) = version_id else {
            let current = self.current(key).ok_or_else(no_such_key)?;
            let object = current.object.as_ref().ok_or_else(|| about_marker(no_such_key(), current))?;
            return Ok((current, object));
        };
        let versions = self.objects.get(key).ok_or_else(no_such_version)?;
        let version = versions.iter().find(|version| version.id == version_id).ok_or_else(no_such_version)?;
        let object = version.object.as_ref().ok_or_else(|| {
            let refusal =
                s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.");
            about_marker(refusal, version)
        })?;
        Ok((version, object))
    }

    /// The version id in answers: none if the bucket never had versioning.
    pub(crate) fn shown_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Never).then(|| version.id.clone())
    }

    /// Makes `object` the current version, and returns it with the files that no version needs anymore.
    pub(crate) fn put(&mut self, key: &str, object: Object, now: SystemTime) -> (Version, Vec<PathBuf>) {
        let version = self.next_version(Some(object), now);
        let files = self.push(key, version.clone());
        (version, files)
    }

    /// Deletes a key, or one version of it. As in S3, deleting something that does not exist succeeds.
    pub(crate) fn delete(&mut self, key: &str, version_id: Option<&str>, now: SystemTime) -> Deleted {
        if let Some(version_id) = version_id {
            let gone = self.remove(key, version_id);
            return Deleted {
                version_id: Some(version_id.to_owned()),
                delete_marker: gone.as_ref().is_some_and(|version| version.object.is_none()),
                files: gone
                    .and_then(|version| version.object)
                    .map(|object| object.file)
                    .into_iter()
                    .collect(),
            };
        }
        if self.versioning == Versioning::Never {
            let gone = self.remove(key, NULL_VERSION).and_then(|version| version.object);
            return Deleted {
                files: gone.map(|object| object.file).into_iter().collect(),
                ..Deleted::default()
            };
        }
        let marker = self.next_version(None, now);
        let version_id = Some(marker.id.clone());
        Deleted { version_id, delete_marker: true, files: self.push(key, marker) }
    }

    fn next_version(&mut self, object: Option<Object>, now: SystemTime) -> Version {
        self.written += 1;
        let id = match self.versioning {
            Versioning::Enabled => numbered_id(self.written),
            Versioning::Never | Versioning::Suspended => NULL_VERSION.to_owned(),
        };
        Version { id, number: self.written, modified: whole_seconds(now), object }
    }

    /// Adds a version. It replaces one with the same id, which can only be the null version.
    fn push(&mut self, key: &str, version: Version) -> Vec<PathBuf> {
        let versions = self.objects.entry(key.to_owned()).or_default();
        let (gone, mut kept): (Vec<_>, Vec<_>) =
            std::mem::take(versions).into_iter().partition(|old| old.id == version.id);
        kept.push(version);
        *versions = kept;
        gone.into_iter().filter_map(|old| old.object).map(|object| object.file).collect()
    }

    fn remove(&mut self, key: &str, version_id: &str) -> Option<Version> {
        let versions = self.objects.get_mut(key)?;
        let position = versions.iter().position(|version| version.id == version_id)?;
        let gone = versions.remove(position);
        if versions.is_empty() {
            self.objects.remove(key);
        }
        Some(gone)
    }
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;
    use crate::local::s3::checksum::{Algorithm, Checksum};
    use crate::local::s3::index::version::{Attributes, versions_after};

    fn object(file: &str) -> Object {
        let checksum =
            Checksum { algorithm: Algorithm::Crc32, value: "AAAAAA==".to_owned(), composite: false };
        let attributes = Attributes::default();
        Object { file: PathBuf::from(file), size: 1, etag: file.to_owned(), checksum, attributes }
    }

    fn bucket(versioning: Versioning) -> Bucket {
        Bucket { created: SystemTime::UNIX_EPOCH, versioning, objects: BTreeMap::new(), written: 0 }
    }

    fn put(bucket: &mut Bucket, file: &str) -> (String, Vec<PathBuf>) {
        let (version, files) = bucket.put("k", object(file), SystemTime::UNIX_EPOCH);
        (version.id, files)
    }

    fn etag(bucket: &Bucket, version_id: Option<&str>) -> Result<String, S3ErrorCode> {
        bucket
            .read("k", version_id)
            .map(|(_, object)| object.etag.clone())
            .map_err(|error| error.code().clone())
    }

    #[test]
    fn without_versioning_an_overwrite_frees_the_old_file() {
        let mut bucket = bucket(Versioning::Never);
        assert_eq!(put(&mut bucket, "one"), ("null".to_owned(), vec![]));
        assert_eq!(put(&mut bucket, "two"), ("null".to_owned(), vec![PathBuf::from("one")]));
        let deleted = bucket.delete("k", None, SystemTime::UNIX_EPOCH);
        assert_eq!(deleted, Deleted { files: vec![PathBuf::from("two")], ..Deleted::default() });
        assert_eq!(etag(&bucket, None), Err(S3ErrorCode::NoSuchKey));
        assert!(bucket.objects.is_empty());
    }

    #[test]
    fn with_versioning_old_versions_stay_and_a_delete_leaves_a_marker() {
        let mut bucket = bucket(Versioning::Enabled);
        let (one, _) = put(&mut bucket, "one");
        let (two, files) = put(&mut bucket, "two");
        assert_eq!(files, Vec::<PathBuf>::new());
        let deleted = bucket.delete("k", None, SystemTime::UNIX_EPOCH);
        let marker = deleted.version_id.clone().unwrap();
        assert!(deleted.delete_marker && deleted.files.is_empty());
        assert_eq!(etag(&bucket, None), Err(S3ErrorCode::NoSuchKey));
        assert_eq!(etag(&bucket, Some(&marker)), Err(S3ErrorCode::MethodNotAllowed));
        assert_eq!(etag(&bucket, Some(&one)), Ok("one".to_owned()));
        assert_eq!(etag(&bucket, Some("none")), Err(S3ErrorCode::NoSuchVersion));

        // Deleting the marker brings the object back; deleting the newest version brings the one before it.
        assert!(bucket.delete("k", Some(&marker), SystemTime::UNIX_EPOCH).delete_marker);
        assert_eq!(etag(&bucket, None), Ok("two".to_owned()));
        bucket.delete("k", Some(&two), SystemTime::UNIX_EPOCH);
        assert_eq!(etag(&bucket, None), Ok("one".to_owned()));
    }

    #[test]
    fn with_versioning_suspended_only_the_null_version_is_replaced() {
        let mut bucket = bucket(Versioning::Enabled);
        let (one, _) = put(&mut bucket, "one");
        bucket.versioning = Versioning::Suspended;
        assert_eq!(put(&mut bucket, "two"), ("null".to_owned(), vec![]));
        assert_eq!(put(&mut bucket, "three"), ("null".to_owned(), vec![PathBuf::from("two")]));
        let deleted = bucket.delete("k", None, SystemTime::UNIX_EPOCH);
        let files = vec![PathBuf::from("three")];
        assert_eq!(deleted, Deleted { version_id: Some("null".to_owned()), delete_marker: true, files });
        assert_eq!(etag(&bucket, Some(&one)), Ok("one".to_owned()));
    }

    #[test]
    fn version_id_tells_where_a_version_was_after_it_is_gone() {
        let mut bucket = bucket(Versioning::Enabled);
        let [one, two, three] = ["one", "two", "three"].map(|file| put(&mut bucket, file).0);
        bucket.delete("k", Some(&two), SystemTime::UNIX_EPOCH);
        let after = |bucket: &Bucket, id: &str| -> Result<Vec<String>, S3ErrorCode> {
            let versions = bucket.objects.get("k").unwrap();
            let after = versions_after(versions, id).map_err(|error| error.code().clone())?;
            Ok(after.map(|version| version.id.clone()).collect())
        };
        assert_eq!(after(&bucket, &three), Ok(vec![one.clone()]));
        assert_eq!(after(&bucket, &two), Ok(vec![one.clone()]));
        assert_eq!(after(&bucket, &one), Ok(vec![]));
        assert_eq!(after(&bucket, "null"), Ok(vec![three.clone(), one.clone()]));
        for id in ["", "x", "é", &"x".repeat(31), &"-".repeat(32), &"_".repeat(32)] {
            assert_eq!(after(&bucket, id), Err(S3ErrorCode::InvalidArgument), "{id}");
        }
        bucket.versioning = Versioning::Suspended;
        put(&mut bucket, "four");
        bucket.versioning = Versioning::Enabled;
        let (five, _) = put(&mut bucket, "five");
        assert_eq!(after(&bucket, &five), Ok(vec!["null".to_owned(), three.clone(), one.clone()]));
        assert_eq!(after(&bucket, "null"), Ok(vec![three, one]));
    }
}
