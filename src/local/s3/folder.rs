//! The files below the root folder: bodies of requests, old versions, and a plain file for every current
//! version.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{Stream, StreamExt, try_unfold};
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufWriter};
use tokio::sync::watch;

use super::checksum::{Algorithm, Digests, Summary};
use super::ids::random_id;
use super::path::{Found, path_for};
use super::temp_file::TempFile;

/// How much of a body is in memory at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// The server's internal folder below the root. No bucket can have this name.
const HIDDEN: &str = ".embedded-s3";

/// The root folder. When it is dropped, everything below [`HIDDEN`] is deleted.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    hidden: PathBuf,
    /// Why nothing more can be written.
    broken: watch::Sender<Option<String>>,
}

impl Folder {
    /// Creates the root folder if it is missing, and deletes the internal files of an earlier server.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let of_root = |error| with_path(root, error);
        fs::create_dir_all(root).map_err(of_root)?;
        let root = root.canonicalize().map_err(of_root)?;
        let hidden = root.join(HIDDEN);
        unless_missing(fs::remove_dir_all(&hidden)).map_err(|error| with_path(&hidden, error))?;
        fs::create_dir(&hidden).map_err(|error| with_path(&hidden, error))?;
        Ok(Self { root, hidden, broken: watch::Sender::default() })
    }

    /// Writes a body to a temporary file, in constant memory.
    ///
    /// # Errors
    /// Those of the body; `InternalError` for those of the file system.
    pub(super) async fn receive(
        &self,
        body: impl Stream<Item = S3Result<Bytes>> + Send,
        algorithm: Algorithm,
    ) -> S3Result<(TempFile, Summary)> {
        let temp = TempFile::new(self.unused());
        let failed = |error| self.failed(error);
        let file = tokio::fs::File::create_new(temp.path()).await.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                // The folder was deleted, so no other file can be created there either.
                self.give_up(&error);
            }
            failed(error)
        })?;
        let mut writer = BufWriter::with_capacity(CHUNK_BYTES, file);
        let mut digests = Digests::new(algorithm);
        let mut body = std::pin::pin!(body);
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            digests.update(&chunk);
            writer.write_all(&chunk).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok((temp, digests.finish()))
    }

    /// Moves the file of a version to the path where a person finds it.
    ///
    /// # Errors
    /// Those of the file system; the file is then still where it was.
    pub(super) fn publish(&self, bucket: &str, key: &str, file: &mut PathBuf) -> io::Result<()> {
        let bucket = self.root.join(bucket);
        let path = bucket.join(path_for(key, |path| find(&bucket.join(path))));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(&file, &path)?;
        *file = path;
        Ok(())
    }

    /// Moves the file of a version into the internal folder, unless a person has deleted it.
    ///
    /// # Errors
    /// Those of the file system; the file is then still where it was.
    pub(super) fn hide(&self, file: &mut PathBuf) -> io::Result<()> {
        let path = self.unused();
        unless_missing(fs::rename(&file, &path))?;
        *file = path;
        Ok(())
    }

    /// Deletes the file of a version that was deleted.
    ///
    /// # Errors
    /// Those of the file system, except if the file is already gone.
    pub(super) fn discard(&self, file: &Path) -> io::Result<()> {
        unless_missing(fs::remove_file(file))
    }

    /// Removes the folders of a bucket that became empty when `file` left.
    pub(super) fn prune(&self, bucket: &str, file: &Path) {
        let bucket = self.root.join(bucket);
        for folder in file.ancestors().skip(1) {
            if folder == bucket || !folder.starts_with(&bucket) || fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }

    /// The answer to a request that fails because of the file system. If all others will fail too,
    /// [`Self::broken`] returns.
    pub(super) fn failed(&self, error: io::Error) -> S3Error {
        let is_final = matches!(
            error.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge
                | io::ErrorKind::ReadOnlyFilesystem
        );
        if is_final {
            self.give_up(&error);
        }
        internal_error(error)
    }

    /// Returns the folder and the cause when nothing more can be written.
    pub(super) fn broken(&self) -> impl Future<Output = String> + Send + use<> {
        let mut broken = self.broken.subscribe();
        async move {
            match broken.wait_for(Option::is_some).await.ok().and_then(|cause| cause.clone()) {
                Some(cause) => cause,
                // The server is gone.
                None => std::future::pending().await,
            }
        }
    }

    fn give_up(&self, error: &io::Error) {
        let cause = format!("{}: {error}", self.root.display());
        self.broken.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(cause);
            is_first
        });
    }

    fn unused(&self) -> PathBuf {
        self.hidden.join(random_id(32).replace('.', "_"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If this fails, the next server deletes the rest.
        let _left = fs::remove_dir_all(&self.hidden);
    }
}

/// `InternalError` with the cause as its message, because clients show only the message.
pub(super) fn internal_error(error: impl std::error::Error + Send + Sync + 'static) -> S3Error {
    let mut refusal = S3Error::with_message(S3ErrorCode::InternalError, error.to_string());
    refusal.set_source(Box::new(error));
    refusal
}

/// Adds the path to an error.
fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Ignores that a file is missing, because then it does not need to be removed.
fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn find(path: &Path) -> Found {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Found::Folder,
        Ok(_) => Found::File,
        Err(_) => Found::Nothing,
    }
}

/// Reads `length` bytes of a file, starting at byte `start`.
pub(super) fn read(
    file: fs::File,
    start: u64,
    length: u64,
) -> impl Stream<Item = S3Result<Bytes>> + Send + Sync {
    let file = tokio::fs::File::from_std(file);
    try_unfold((file, Some(start), length), |(mut file, seek, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        if let Some(start) = seek {
            file.seek(io::SeekFrom::Start(start)).await.map_err(internal_error)?;
        }
        let most = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let mut chunk = BytesMut::with_capacity(most);
        let count = (&mut file).take(most as u64).read_buf(&mut chunk).await.map_err(internal_error)?;
        if count == 0 {
            return Err(S3Error::internal_error(io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        Ok(Some((chunk.freeze(), (file, None, left - count as u64))))
    })
}
