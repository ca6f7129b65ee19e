//! What the server holds: buckets, the versions of every key, and open multipart uploads. In memory, no IO.
//!
//! The versioning rules follow
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use s3s::{S3Error, S3Result, dto, s3_error};

use super::checksum::{Algorithm, Checksum};
use super::folder::TempFile;

/// The version id of what was written while a bucket kept no versions.
pub(super) const NULL_VERSION: &str = "null";

/// Everything, by name.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
}

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) created: SystemTime,
    pub(super) versioning: Versioning,
    /// Oldest version first; never an empty list.
    objects: BTreeMap<String, Vec<Version>>,
    /// How many versions and delete markers were ever written.
    written: u64,
}

/// One version of one key.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    /// Its number among everything that was written to the bucket; newer is greater.
    pub(super) number: u64,
    /// In whole seconds, as S3 tells it.
    pub(super) modified: SystemTime,
    /// `None` in a delete marker.
    pub(super) object: Option<Object>,
}

/// The bytes of a version and what belongs to them.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) file: PathBuf,
    /// In bytes.
    pub(super) size: u64,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) checksum: Checksum,
    pub(super) attributes: Attributes,
}

/// Headers that are kept and given back.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<dto::Timestamp>,
    pub(super) metadata: Option<dto::Metadata>,
}

/// An open multipart upload.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) initiated: SystemTime,
    pub(super) attributes: Attributes,
    /// What `CreateMultipartUpload` asked for; the parts then carry it, and so does the object.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) composite: bool,
    pub(super) parts: BTreeMap<i32, Part>,
}

/// One uploaded part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) file: TempFile,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) etag: String,
    pub(super) checksum: Checksum,
    pub(super) modified: SystemTime,
}

/// What a delete did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    /// The version that is gone or the marker that was made; `None` if the bucket keeps no versions.
    pub(super) version_id: Option<String>,
    /// Whether that version is a delete marker.
    pub(super) delete_marker: bool,
    /// Files that no version needs any more.
    pub(super) files: Vec<PathBuf>,
}

impl Index {
    /// Adds an empty bucket.
    ///
    /// # Errors
    /// `InvalidBucketName`, `BucketAlreadyOwnedByYou`.
    pub(super) fn create_bucket(&mut self, name: &str, now: SystemTime) -> S3Result<&mut Bucket> {
        if !s3s::path::check_bucket_name(name) {
            return Err(s3_error!(InvalidBucketName, "The specified bucket is not valid: {name}"));
        }
        if self.buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "You already own the bucket {name}"));
        }
        let bucket =
            Bucket { created: now, versioning: Versioning::Never, objects: BTreeMap::new(), written: 0 };
        Ok(self.buckets.entry(name.to_owned()).or_insert(bucket))
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub(super) fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub(super) fn bucket_mut(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }

    /// Opens an upload under an id that nobody has.
    pub(super) fn open_upload(&mut self, upload_id: String, upload: Upload) {
        self.uploads.insert(upload_id, upload);
    }

    /// The open upload with that id, if it is of that bucket and key.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchUpload`.
    pub(super) fn upload(&mut self, bucket: &str, key: &str, upload_id: &str) -> S3Result<&mut Upload> {
        self.bucket(bucket)?;
        self.uploads
            .get_mut(upload_id)
            .filter(|upload| upload.bucket == bucket && upload.key == key)
            .ok_or_else(no_such_upload)
    }

    /// Takes an upload out; its parts are deleted when it is dropped.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchUpload`.
    pub(super) fn close_upload(&mut self, bucket: &str, key: &str, upload_id: &str) -> S3Result<Upload> {
        self.upload(bucket, key, upload_id)?;
        self.uploads.remove(upload_id).ok_or_else(no_such_upload)
    }

    /// The open uploads of a bucket, by key and then by age.
    pub(super) fn uploads_of(&self, bucket: &str) -> Vec<(&str, &Upload)> {
        let mut uploads: Vec<_> = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.bucket == bucket)
            .map(|(upload_id, upload)| (upload_id.as_str(), upload))
            .collect();
        uploads.sort_by(|(_, one), (_, other)| (&one.key, one.initiated).cmp(&(&other.key, other.initiated)));
        uploads
    }
}

impl Bucket {
    /// The newest version of a key, a delete marker included.
    pub(super) fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// The file of the current version, if that is an object.
    pub(super) fn current_file(&mut self, key: &str) -> Option<&mut PathBuf> {
        let object = self.objects.get_mut(key)?.last_mut()?.object.as_mut()?;
        Some(&mut object.file)
    }

    /// Every key from `start` on whose current version is an object, in the order of their bytes.
    pub(super) fn keys_from(&self, start: &str) -> impl Iterator<Item = (&str, &Version, &Object)> {
        self.objects.range::<str, _>((Bound::Included(start), Bound::Unbounded)).filter_map(
            |(key, versions)| {
                let version = versions.last()?;
                Some((key.as_str(), version, version.object.as_ref()?))
            },
        )
    }

    /// Every key from `start` on with its versions and delete markers, in the order of the keys' bytes.
    pub(super) fn versions_from(&self, start: &str) -> impl Iterator<Item = (&str, &[Version])> {
        let range = self.objects.range::<str, _>((Bound::Included(start), Bound::Unbounded));
        range.map(|(key, versions)| (key.as_str(), versions.as_slice()))
    }

    /// The version that a read asks for.
    ///
    /// # Errors
    /// `NoSuchKey`, `NoSuchVersion`, and `MethodNotAllowed` for a delete marker that is asked for by its id.
    pub(super) fn read(&self, key: &str, version_id: Option<&str>) -> S3Result<(&Version, &Object)> {
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

    /// The version id as answers carry it: none while the bucket has never kept versions.
    pub(super) fn shown_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Never).then(|| version.id.clone())
    }

    /// Makes `object` the current version and returns it with the files that no version needs any more.
    pub(super) fn put(&mut self, key: &str, object: Object, now: SystemTime) -> (Version, Vec<PathBuf>) {
        let version = self.next_version(Some(object), now);
        let files = self.push(key, version.clone());
        (version, files)
    }

    /// Deletes a key, or one version of it. What is not there is deleted as well, as in S3.
    pub(super) fn delete(&mut self, key: &str, version_id: Option<&str>, now: SystemTime) -> Deleted {
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

    /// Adds a version; one of the same id, which only the null version can be, makes way.
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

/// Those of a key's versions that a listing gives after the one with this id, newest first.
///
/// The version itself may be gone by now: its id tells where it was. Only the null version's does not; if that is
/// gone, every version is given.
///
/// # Errors
/// `InvalidArgument` for an id that no version can have had.
pub(super) fn versions_after<'a>(
    versions: &'a [Version],
    version_id: &str,
) -> S3Result<impl Iterator<Item = &'a Version> + use<'a>> {
    let known = versions.iter().find(|version| version.id == version_id).map(|version| version.number);
    let number = match known {
        Some(number) => number,
        None if version_id == NULL_VERSION => u64::MAX,
        None => {
            number_of(version_id).ok_or_else(|| s3_error!(InvalidArgument, "Invalid version id specified"))?
        }
    };
    Ok(versions.iter().rev().filter(move |version| version.number < number))
}

impl Part {
    /// Where the part's bytes lie.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }
}

/// The letters of S3's own ids.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
/// How many of them a version's number takes: six bits each.
const NUMBER_LETTERS: usize = 11;
/// The length of a version id.
const VERSION_ID_LETTERS: usize = 32;

/// An id in the letters of S3's own: `[A-Za-z0-9._]`, first a letter or digit.
pub(super) fn random_id(length: usize) -> String {
    let first = fastrand::alphanumeric();
    let rest = (1..length).filter_map(|_| fastrand::choice(LETTERS)).map(|letter| char::from(*letter));
    std::iter::once(first).chain(rest).collect()
}

/// A random version id that ends with the version's number.
fn numbered_id(number: u64) -> String {
    let digits = (0..NUMBER_LETTERS).rev().map(|place| (number >> (6 * place)) & 63);
    let letters = digits.filter_map(|digit| LETTERS.get(usize::try_from(digit).ok()?));
    let mut id = random_id(VERSION_ID_LETTERS - NUMBER_LETTERS);
    id.extend(letters.map(|letter| char::from(*letter)));
    id
}

/// The number that [`numbered_id`] wrote into an id.
fn number_of(version_id: &str) -> Option<u64> {
    let (random, digits) = version_id.split_at_checked(VERSION_ID_LETTERS - NUMBER_LETTERS)?;
    let digit = |letter| LETTERS.iter().position(|known| *known == letter);
    if digits.len() != NUMBER_LETTERS || random.bytes().any(|letter| digit(letter).is_none()) {
        return None;
    }
    digits.bytes().try_fold(0_u64, |number, letter| {
        number.checked_mul(64)?.checked_add(u64::try_from(digit(letter)?).ok()?)
    })
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since.as_secs())
}

fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

fn no_such_version() -> S3Error {
    s3_error!(NoSuchVersion, "The specified version does not exist.")
}

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed."
    )
}

/// Says in the headers of an error that it met a delete marker.
fn about_marker(mut error: S3Error, marker: &Version) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(version_id) = HeaderValue::from_str(&marker.id) {
        headers.insert("x-amz-version-id", version_id);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

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

    #[test]
    fn numbers_of_versions_are_read_back_from_their_ids() {
        for number in [0, 1, 63, 64, 4095, 4096, u64::MAX] {
            let id = numbered_id(number);
            assert_eq!((id.len(), number_of(&id)), (32, Some(number)), "{id}");
        }
    }

    #[test]
    fn version_ids_look_like_those_of_s3() {
        let id = numbered_id(1);
        assert_eq!(id.len(), 32);
        assert!(
            id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.' || letter == '_'),
            "{id}"
        );
        assert_ne!(id, numbered_id(1));
    }
}
