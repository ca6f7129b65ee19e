//! The files below the root folder: bodies that come in, versions that are kept, and the plain file of every
//! current version.

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

/// How much of a body is in memory at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// The server's own folder below the root; no bucket can be called so.
const HIDDEN: &str = ".embedded-s3";

/// The root folder. What is below [`HIDDEN`] is deleted with it.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    hidden: PathBuf,
    /// Why nothing can be written any more.
    broken: watch::Sender<Option<String>>,
}

impl Folder {
    /// Makes the root folder, if it is missing, and empties what an earlier server kept for itself.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let of_root = |error| with_path(root, error);
        fs::create_dir_all(root).map_err(of_root)?;
        let root = root.canonicalize().map_err(of_root)?;
        let hidden = root.join(HIDDEN);
        unless_missing(fs::remove_dir_all(&hidden)).map_err(|error| with_path(&hidden, error))?;
        fs::create_dir(&hidden).map_err(|error| with_path(&hidden, error))?;
        Ok(Self { root, hidden, broken: watch::Sender::default() })
    }

    /// Writes a body to a file of its own, in constant memory.
    ///
    /// # Errors
    /// The body's own error; `InternalError` for the file system's.
    pub(super) async fn receive(
        &self,
        body: impl Stream<Item = S3Result<Bytes>> + Send,
        algorithm: Algorithm,
    ) -> S3Result<(TempFile, Summary)> {
        let temp = TempFile::new(self.unused());
        let failed = |error| self.failed(error);
        let file = tokio::fs::File::create_new(temp.path()).await.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                // The folder is gone, so no other file can be created there either.
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

    /// Moves a version's file to where a person finds it.
    ///
    /// # Errors
    /// Whatever the file system says; the file is then where it was.
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

    /// Takes a version's file out of sight. One that a person has deleted is out of sight already.
    ///
    /// # Errors
    /// Whatever the file system says; the file is then where it was.
    pub(super) fn hide(&self, file: &mut PathBuf) -> io::Result<()> {
        let path = self.unused();
        unless_missing(fs::rename(&file, &path))?;
        *file = path;
        Ok(())
    }

    /// Deletes the file of a version that is no more.
    ///
    /// # Errors
    /// Whatever the file system says, but not that the file is gone already.
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

    /// The refusal of a request for which the file system is to blame. If it will refuse all others too,
    /// [`Self::broken`] ends.
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

    /// Ends when nothing can be written any more, with the folder and the cause.
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
        // What is left there is deleted by the next start.
        let _left = fs::remove_dir_all(&self.hidden);
    }
}

/// `InternalError` with the cause as its message: clients show the message alone.
pub(super) fn internal_error(error: impl std::error::Error + Send + Sync + 'static) -> S3Error {
    let mut refusal = S3Error::with_message(S3ErrorCode::InternalError, error.to_string());
    refusal.set_source(Box::new(error));
    refusal
}

/// The same error, naming what it is about.
fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What is missing needs no removing.
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

/// Reads `length` bytes of a file from byte `start` on.
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
