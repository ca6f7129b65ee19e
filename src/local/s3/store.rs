//! The index behind one lock, and the files that follow it.
//!
//! A body is written before the lock is taken. Under the lock, a write checks its conditions, changes the
//! index, moves files by renaming them, and notifies. This makes conditional writes atomic, and keeps events
//! in the order of their effects.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};
use tokio::sync::mpsc;

use super::condition::{ReadConditions, WriteConditions, check_delete};
use super::event::ObjectCreated;
use super::folder::{Folder, internal_error};
use super::index::{Bucket, Deleted, Index, Object, Version};
use super::temp_file::TempFile;
use crate::aws::clock::now;
use crate::local::lock::lock;

/// Buckets, objects and uploads, shared by all connections.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: Folder,
    state: Mutex<State>,
    /// The most versions on a page of a listing.
    most_listed: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    index: Index,
    subscribers: Vec<mpsc::UnboundedSender<ObjectCreated>>,
    sequence: u64,
}

/// A new object whose bytes are still in a temporary file.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) file: TempFile,
    /// Everything but the path, which only the store knows.
    pub(super) object: Object,
    pub(super) conditions: WriteConditions,
    /// The name of its event, such as `ObjectCreated:Put`.
    pub(super) event_name: &'static str,
}

/// An object that was opened for reading. It stays readable, even if it is replaced or deleted.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: fs::File,
    pub(super) version: Version,
    pub(super) object: Object,
    /// The version id in answers.
    pub(super) shown_id: Option<String>,
}

impl Store {
    /// Opens a store below a root folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: Folder::open(root)?,
            state: Mutex::default(),
            most_listed: AtomicUsize::new(usize::MAX),
        })
    }

    /// Limits pages of versions to this length from now on.
    pub(super) fn set_most_listed(&self, versions: usize) {
        self.most_listed.store(versions, Ordering::Relaxed);
    }

    pub(super) fn most_listed(&self) -> usize {
        self.most_listed.load(Ordering::Relaxed)
    }

    /// Reads the index, or changes it in a way that does not affect files.
    pub(super) fn with_index<T>(&self, visit: impl FnOnce(&mut Index) -> T) -> T {
        visit(&mut self.lock().index)
    }

    pub(super) fn subscribe(&self) -> mpsc::UnboundedReceiver<ObjectCreated> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().subscribers.push(sender);
        receiver
    }

    /// Opens the version that a read requests, if its conditions hold.
    ///
    /// # Errors
    /// Those of [`Bucket::read`] and [`ReadConditions::check`].
    pub(super) fn read(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        conditions: &ReadConditions,
    ) -> S3Result<Opened> {
        let state = self.lock();
        let bucket = state.index.bucket(bucket)?;
        let (version, object) = bucket.read(key, version_id)?;
        conditions.check(version, object)?;
        let file = fs::File::open(&object.file).map_err(internal_error)?;
        let shown_id = bucket.shown_id(version);
        Ok(Opened { file, version: version.clone(), object: object.clone(), shown_id })
    }

    /// Makes a draft the current version of its key, and tells the subscribers. Returns the version and its
    /// id in answers.
    ///
    /// # Errors
    /// `NoSuchBucket`, those of [`WriteConditions::check`], and `InternalError` for those of the file system.
    pub(super) fn put(&self, draft: Draft) -> S3Result<(Version, Option<String>)> {
        put(&self.folder, &mut self.lock(), draft)
    }

    /// Makes the draft of a multipart upload the current version of its key, as [`Self::put`] does, and
    /// closes the upload.
    ///
    /// # Errors
    /// `NoSuchUpload`, and those of [`Self::put`]. After an error, the upload is still open.
    pub(super) fn complete(&self, upload_id: &str, draft: Draft) -> S3Result<(Version, Option<String>)> {
        let mut state = self.lock();
        let (bucket, key) = (draft.bucket.clone(), draft.key.clone());
        state.index.upload(&bucket, &key, upload_id)?;
        let answer = put(&self.folder, &mut state, draft)?;
        state.index.close_upload(&bucket, &key, upload_id)?;
        Ok(answer)
    }

    /// Deletes a key or one of its versions.
    ///
    /// # Errors
    /// `NoSuchBucket`, those of [`check_delete`], and `InternalError` for those of the file system.
    pub(super) fn delete(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        if_match: Option<&ETagCondition>,
    ) -> S3Result<Deleted> {
        let index = &mut self.lock().index;
        check_delete(if_match, index.bucket(bucket)?.current(key))?;
        change(&self.folder, index, bucket, key, |bucket| {
            let mut deleted = bucket.delete(key, version_id, now());
            let files = std::mem::take(&mut deleted.files);
            (deleted, files)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn put(folder: &Folder, state: &mut State, draft: Draft) -> S3Result<(Version, Option<String>)> {
    let Draft { bucket, key, file, mut object, conditions, event_name } = draft;
    if key.is_empty() {
        return Err(s3_error!(InvalidArgument, "An object key has at least one character."));
    }
    conditions.check(state.index.bucket(&bucket)?.current(&key))?;
    let time = now();
    let (size, etag) = (object.size, object.etag.clone());
    let (version, shown_id) = change(folder, &mut state.index, &bucket, &key, |bucket| {
        object.file = file.keep();
        let (version, files) = bucket.put(&key, object, time);
        let shown_id = bucket.shown_id(&version);
        ((version, shown_id), files)
    })?;

    // The sequence increases even if the clock is set back.
    let nanoseconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    state.sequence = u64::try_from(nanoseconds).unwrap_or_default().max(state.sequence + 1);
    let event = ObjectCreated {
        event_name,
        bucket,
        key,
        size,
        etag,
        version_id: shown_id.clone(),
        sequencer: format!("{:016X}", state.sequence),
        event_time: time,
    };
    state.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    Ok((version, shown_id))
}

/// Changes the versions of a key, and then its files: the file that was current is hidden, files that no
/// version needs are deleted, and the file of the new current version appears under the key's name.
fn change<T>(
    folder: &Folder,
    index: &mut Index,
    bucket_name: &str,
    key: &str,
    change: impl FnOnce(&mut Bucket) -> (T, Vec<PathBuf>),
) -> S3Result<T> {
    let bucket = index.bucket_mut(bucket_name)?;
    let vacated = match bucket.current_file(key) {
        Some(file) => {
            let vacated = file.clone();
            folder.hide(file).map_err(|error| folder.failed(error))?;
            Some(vacated)
        }
        None => None,
    };
    let (answer, files) = change(bucket);
    for file in files {
        folder.discard(&file).map_err(|error| folder.failed(error))?;
    }
    if let Some(file) = bucket.current_file(key) {
        folder.publish(bucket_name, key, file).map_err(|error| folder.failed(error))?;
    }
    if let Some(vacated) = vacated {
        folder.prune(bucket_name, &vacated);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use bytes::Bytes;
    use futures_util::stream;
    use hyper::HeaderMap;
    use hyper::header::IF_NONE_MATCH;

    use super::super::checksum::Algorithm;
    use super::super::index::Attributes;
    use super::*;

    async fn draft(store: &Store, key: String, body: String) -> Draft {
        let chunks = stream::iter([Ok(Bytes::from(body))]);
        let (file, summary) = store.folder.receive(chunks, Algorithm::Crc32).await.unwrap();
        let object = Object {
            file: PathBuf::new(),
            size: summary.size,
            etag: summary.etag(),
            checksum: summary.checksum,
            attributes: Attributes::default(),
        };
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, "*".parse().unwrap())]);
        let conditions = WriteConditions::from_headers(&headers).unwrap();
        Draft { bucket: "bucket".to_owned(), key, file, object, conditions, event_name: "ObjectCreated:Put" }
    }

    /// Over HTTP, racing writers rarely meet between the check and the effect. Here, a barrier starts them
    /// together.
    #[tokio::test]
    async fn exactly_one_of_racing_threads_creates_and_one_event_is_sent() {
        const WRITERS: usize = 20;
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        store.with_index(|index| index.create_bucket("bucket", now()).map(|_| ())).unwrap();
        let mut events = store.subscribe();
        for round in 0..100 {
            let mut drafts = Vec::new();
            for writer in 0..WRITERS {
                drafts.push(draft(&store, format!("k/{round}"), format!("writer {writer}")).await);
            }
            let start = Barrier::new(WRITERS);
            let etags: Vec<_> = thread::scope(|scope| {
                let race = |draft: Draft| {
                    scope.spawn(|| {
                        let etag = draft.object.etag.clone();
                        start.wait();
                        store.put(draft).is_ok().then_some(etag)
                    })
                };
                let writers: Vec<_> = drafts.into_iter().map(race).collect();
                writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
            });
            let told: Vec<_> =
                std::iter::from_fn(|| events.try_recv().ok()).map(|event| event.etag).collect();
            assert_eq!(etags.len(), 1, "round {round}");
            assert_eq!(told, etags, "round {round}");
        }
        // The files of the losers were deleted.
        assert_eq!(fs::read_dir(root.path().join(".embedded-s3")).unwrap().count(), 0);
    }
}
