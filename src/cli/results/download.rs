//! Downloads the results of a drop into a folder, several files at a time.
//!
//! A file is written beside its place, under a name that has the object's `ETag`, and gets its own name once its size and its
//! checksum are those that S3 has. What was interrupted goes on where it ended. `summary.json` comes last, so a folder that
//! has one has everything.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumMode, EncodingType};
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde::de::DeserializeOwned;

use super::checksums::Checksum;
use super::folder::{ResultFile, SUMMARY, files_of};
use crate::aws::error::ErrorKind;
use crate::aws::sdk_error::classify;
use crate::aws::store::objects::Store;
use crate::base::count::Counted;
use crate::base::s3_uri::decode_notification_key;
use crate::base::text;
use crate::cli::check::Bar;
use crate::cli::error::{CliError, path_error};
use crate::cli::output_file::beside;
use crate::drop::rejection::Rejection;
use crate::job::summary::Summary;
use crate::ledger::status::Status;

/// How many files are downloaded at a time. Each takes some 100 KB of memory.
const FILES_AT_A_TIME: usize = 8;

/// How often a body may break off without a byte of progress.
const ATTEMPTS: u32 = 5;

/// The results of a drop in S3.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    /// The folder of the results, with its `/`.
    pub(crate) folder: String,
}

/// What was downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Downloaded {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// How many of the files were there already, and are as S3 has them.
    pub(crate) kept: u64,
    /// How many were there, and were not as S3 has them.
    pub(crate) damaged: u64,
    /// How many have no checksum of the whole object in S3, so that only their sizes were compared.
    pub(crate) unchecked: u64,
}

/// An object in the folder.
#[derive(Debug, Clone)]
struct Object {
    name: String,
    etag: String,
    bytes: u64,
}

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Got {
    bytes: u64,
    was_kept: bool,
    was_damaged: bool,
    is_checked: bool,
}

impl Remote {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    fn uri(&self, name: &str) -> String {
        text::line(format!("s3://{}/{}{name}", self.bucket, self.folder)).to_string()
    }

    fn store(&self) -> Store {
        Store::new(self.client.clone(), &self.bucket)
    }

    /// Reads the summary. If there is none, the error says where the drop stands, or why it was rejected.
    pub(crate) async fn summary(&self) -> Result<Summary, CliError> {
        self.summary_of(&self.list().await?).await
    }

    async fn summary_of(&self, objects: &[Object]) -> Result<Summary, CliError> {
        if let Some(summary) = self.read::<Summary>(objects, SUMMARY).await? {
            return Ok(summary);
        }
        let uri = self.uri("");
        if let Some(rejection) = self.read::<Rejection>(objects, "rejection.json").await? {
            let first = rejection.problems.first();
            let why = first.map(|problem| {
                let line = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                format!("{line}{}; {}", text::line(&problem.what), text::line(&problem.fix))
            });
            let why = why.unwrap_or_default();
            return Err(CliError::Content(format!(
                "{uri}: the drop was rejected, so it has no results: {why}"
            )));
        }
        match self.read::<Status>(objects, "status.json").await? {
            Some(status) => Err(CliError::Content(format!(
                "{uri}: the drop is not finished: {} {}",
                text::line(&status.message),
                text::line(&status.next)
            ))),
            None => Err(CliError::Content(format!("{uri}: there are no results"))),
        }
    }

    /// Reads a JSON object of the folder, if the list has it: S3 does not tell readers that an object is not there.
    async fn read<T: DeserializeOwned>(&self, objects: &[Object], name: &str) -> Result<Option<T>, CliError> {
        if !objects.iter().any(|object| object.name == name) {
            return Ok(None);
        }
        Ok(self.store().get_json(&self.key(name)).await?)
    }

    /// Lists what the folder has.
    async fn list(&self) -> Result<Vec<Object>, CliError> {
        let mut objects = Vec::new();
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.folder);
        // A key may have characters that XML does not allow.
        let request = request.encoding_type(EncodingType::Url);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let call = || format!("S3 ListObjectsV2 {}", self.uri(""));
            let page = page.map_err(|error| classify(call(), error))?;
            let is_encoded = page.encoding_type.is_some();
            for object in page.contents.unwrap_or_default() {
                let key = object
                    .key
                    .and_then(|key| if is_encoded { decode_notification_key(&key) } else { Some(key) });
                let name = key.as_deref().and_then(|key| key.strip_prefix(&self.folder));
                let bytes = object.size.and_then(|size| u64::try_from(size).ok());
                if let (Some(name), Some(etag), Some(bytes)) = (name, object.e_tag, bytes)
                    && is_a_file_name(name)
                {
                    objects.push(Object { name: name.to_owned(), etag, bytes });
                }
            }
        }
        Ok(objects)
    }

    /// Downloads the results that are wanted into a folder, and what else is beside them.
    pub(crate) async fn download(
        &self,
        to: &Path,
        wanted: impl Fn(&ResultFile) -> bool + Send + Sync,
    ) -> Result<Downloaded, CliError> {
        let mut objects = self.list().await?;
        let summary = self.summary_of(&objects).await?;
        let marker = claim(to, &summary)?;
        for file in files_of(&summary) {
            if !wanted(&file) {
                objects.retain(|object| object.name != file.name);
            } else if !objects.iter().any(|object| object.name == file.name) {
                return Err(CliError::Content(format!(
                    "{} is gone, and with it {}: it may have expired, or somebody has deleted it",
                    self.uri(&file.name),
                    Counted(file.lines, "result")
                )));
            }
        }
        let last = objects.iter().position(|object| object.name == SUMMARY).map(|at| objects.remove(at));
        let bar = Bar::new(self.uri(""), Some(objects.iter().map(|object| object.bytes).sum()));
        let _cleared = bar.clear_on_drop();
        let mut downloaded = Downloaded::default();
        let mut running = iter(&objects).map(|object| self.get(object, to)).buffer_unordered(FILES_AT_A_TIME);
        while let Some(got) = running.next().await {
            downloaded.add(got?);
            bar.set(downloaded.bytes);
        }
        if let Some(object) = &last {
            downloaded.add(self.get(object, to).await?);
        }
        // If it stays, what it says is still true.
        let _ = fs::remove_file(&marker);
        Ok(downloaded)
    }

    /// Downloads one object, unless it is there already.
    async fn get(&self, object: &Object, folder: &Path) -> Result<Got, CliError> {
        let path = folder.join(&object.name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| path_error(parent, error))?;
        }
        let checksum = self.checksum(object).await?;
        let is_checked = checksum.is_some();
        let is_there = path.is_file();
        if is_there
            && is_as_in_s3(&path, object, checksum.as_ref()).map_err(|error| path_error(&path, error))?
        {
            return Ok(Got { bytes: object.bytes, was_kept: true, was_damaged: false, is_checked });
        }
        let part = beside(&path, &format!("{}.part", plain(&object.etag)));
        let mut is_resumed = part.is_file();
        loop {
            if self.fill(object, &part, checksum.as_ref()).await? {
                break;
            }
            fs::remove_file(&part).map_err(|error| path_error(&part, error))?;
            // What was left of an earlier download may be what is damaged.
            if !is_resumed {
                return Err(CliError::Content(format!(
                    "{}: what arrived does not have the checksum that S3 has; run the command again",
                    self.uri(&object.name)
                )));
            }
            is_resumed = false;
        }
        fs::rename(&part, &path).map_err(|error| path_error(&path, error))?;
        Ok(Got { bytes: object.bytes, was_kept: false, was_damaged: is_there, is_checked })
    }

    async fn checksum(&self, object: &Object) -> Result<Option<Checksum>, CliError> {
        let request = self.client.head_object().bucket(&self.bucket).key(self.key(&object.name));
        let request = request.if_match(&object.etag).checksum_mode(ChecksumMode::Enabled);
        let call = format!("S3 HeadObject {}", self.uri(&object.name));
        let head = request.send().await.map_err(|error| classify(call, error))?;
        Ok(Checksum::of(&head))
    }

    /// Downloads what a file does not have yet. Returns whether it is then as in S3.
    async fn fill(
        &self,
        object: &Object,
        part: &Path,
        checksum: Option<&Checksum>,
    ) -> Result<bool, CliError> {
        let failed = |error| path_error(part, error);
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(part).map_err(failed)?;
        let mut length = file.metadata().map_err(failed)?.len();
        if length > object.bytes {
            file.set_len(0).map_err(failed)?;
            length = 0;
        }
        let mut digest = checksum.map(Checksum::digest);
        if let Some(digest) = &mut digest {
            digest.update_from(&mut file).map_err(failed)?;
        }
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        let mut attempt = 0;
        while length < object.bytes {
            let before = length;
            let got = self
                .append(object, length, |bytes| {
                    file.write_all(bytes)?;
                    length += bytes.len() as u64;
                    if let Some(digest) = &mut digest {
                        digest.update(bytes);
                    }
                    Ok(())
                })
                .await;
            let Err(error) = got else { continue };
            attempt = if length > before { 1 } else { attempt + 1 };
            let may_pass =
                matches!(&error, CliError::Pipeline(error) if error.kind() == ErrorKind::Unavailable);
            if attempt >= ATTEMPTS || !may_pass {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
        file.sync_all().map_err(failed)?;
        Ok(length == object.bytes && digest.is_none_or(super::checksums::Digest::matches))
    }

    /// Reads an object from a byte on, and passes on what arrives.
    async fn append(
        &self,
        object: &Object,
        from: u64,
        mut each: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<(), CliError> {
        let store = self.store();
        let mut reader =
            store.read_range(&self.key(&object.name), Some(&object.etag), from..object.bytes).await?;
        while let Some(chunk) = reader.next().await? {
            each(&chunk).map_err(|error| CliError::Path(self.uri(&object.name), error))?;
        }
        Ok(())
    }
}

impl Downloaded {
    /// Says in a line what was downloaded.
    pub(super) fn describe(&self) -> String {
        let mut said = format!("{}, {}", Counted(self.files, "file"), Counted(self.bytes, "byte"));
        if self.kept > 0 {
            said.push_str(&format!(", of which {} were there already", self.kept));
        }
        if self.damaged > 0 {
            said.push_str(&format!("; {} were not as S3 has them, and were downloaded again", self.damaged));
        }
        match self.unchecked {
            0 => said.push_str("; each has the checksum that S3 has"),
            unchecked => said.push_str(&format!(
                "; S3 has no checksum of {unchecked} as a whole, so only their sizes were compared"
            )),
        }
        said
    }

    fn add(&mut self, got: Got) {
        self.files += 1;
        self.bytes += got.bytes;
        self.kept += u64::from(got.was_kept);
        self.damaged += u64::from(got.was_damaged);
        self.unchecked += u64::from(!got.is_checked);
    }
}

/// The letters and digits of an `ETag`, for the name of a file.
fn plain(etag: &str) -> String {
    etag.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Whether a name of an object is one of a file in a folder, and stays in it.
fn is_a_file_name(name: &str) -> bool {
    let path = Path::new(name);
    let mut components = path.components();
    !name.is_empty()
        && !name.ends_with('/')
        && !name.contains(['\0', '\\'])
        && !name.split('/').any(|part| part.is_empty() || part.starts_with('.'))
        && components.all(|component| matches!(component, Component::Normal(_)))
}

/// Takes a folder for the results of a drop: a new one, an empty one, or one that has results of this drop. Returns the file
/// that says so until the summary is there.
fn claim(folder: &Path, summary: &Summary) -> Result<PathBuf, CliError> {
    let refused = |why: &str| {
        let folder = text::line(folder.display());
        Err(CliError::Content(format!("{folder}: it has {why}: choose another folder with --output")))
    };
    let marker = folder.join(format!(".{}.part", summary.drop_id));
    let there = fs::read(folder.join(SUMMARY)).ok();
    match there.and_then(|there| serde_json::from_slice::<Summary>(&there).ok()) {
        Some(other) if other.drop_id != summary.drop_id => return refused("the results of another drop"),
        Some(_) => {}
        None if marker.exists() => {}
        None => {
            fs::create_dir_all(folder).map_err(|error| path_error(folder, error))?;
            if fs::read_dir(folder).map_err(|error| path_error(folder, error))?.next().is_some() {
                return refused("other files");
            }
        }
    }
    File::create(&marker).map_err(|error| path_error(&marker, error))?;
    Ok(marker)
}

/// Whether a file is as S3 has it.
fn is_as_in_s3(path: &Path, object: &Object, checksum: Option<&Checksum>) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != object.bytes {
        return Ok(false);
    }
    let Some(checksum) = checksum else { return Ok(true) };
    let mut digest = checksum.digest();
    digest.update_from(&mut file)?;
    Ok(digest.matches())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;
    use crate::local::s3::EmbeddedS3;

    const BUCKET: &str = "amzn-s3-demo-output";
    const FOLDER: &str = "results/in/a b.jsonl/0123456789abcdef0123456789abcdef/";
    const SUCCEEDED: &str = "succeeded/part-00001.jsonl";
    /// A file that the pipeline uploads in several parts.
    const LARGE_BYTES: usize = 11 << 20;

    struct Rig {
        s3: EmbeddedS3,
        remote: Remote,
        to: TempDir,
        files: BTreeMap<&'static str, Vec<u8>>,
        _root: TempDir,
    }

    fn summary(drop_id: &str) -> Value {
        let counts = json!({"succeeded": 2, "failed": 1, "retried": 0, "unprocessed": 0});
        let outcome = json!({
            "status": "Completed", "message": null, "model_id": "m", "submit_time": "t", "end_time": null, "records": counts,
            "next": null, "input_tokens": 1, "output_tokens": 1, "mismatches": [],
        });
        let source = json!({
            "bucket": "in", "key": "in/a b.jsonl", "version_id": "v", "etag": "e", "last_modified": "2026-11-27T00:00:00Z",
            "size_bytes": 1,
        });
        json!({
            "version": 1, "drop_id": drop_id, "source": source, "balanced": true, "mismatches": [], "input_tokens": 1,
            "records": {"total": 3, "succeeded": 2, "failed": 1, "unprocessed": 0, "source_deleted": 0}, "output_tokens": 1,
            "files": [SUCCEEDED, "errors/part-00001.jsonl"],
            "jobs": [{"part": 1, "attempt": 1, "job_id": "0".repeat(32), "job_arn": "arn", "outcome": outcome}],
        })
    }

    impl Rig {
        async fn new() -> Self {
            let (root, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let s3 = EmbeddedS3::start(root.path()).await.unwrap();
            s3.create_bucket(BUCKET, false).unwrap();
            let remote = Remote { client: s3.client(), bucket: BUCKET.into(), folder: FOLDER.into() };
            let large: Vec<u8> = (0..LARGE_BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let files = [
                (SUCCEEDED, large),
                ("errors/part-00001.jsonl", b"{}\n".to_vec()),
                ("report.html", Vec::new()),
                (SUMMARY, summary("0123456789abcdef0123456789abcdef").to_string().into_bytes()),
            ];
            let store = remote.store();
            for (name, bytes) in &files {
                let key = remote.key(name);
                // An empty object is not written by a writer.
                if bytes.is_empty() {
                    store.put(&key, Vec::new(), "text/html").await.unwrap();
                } else {
                    let mut writer = store.writer(&key);
                    writer.write(bytes).await.unwrap();
                    writer.finish().await.unwrap();
                }
            }
            Self { s3, remote, to, files: files.into(), _root: root }
        }

        async fn download(&self) -> Result<Downloaded, CliError> {
            self.remote.download(self.to.path(), |_| true).await
        }

        fn assert_whole(&self) {
            for (name, bytes) in &self.files {
                assert!(fs::read(self.to.path().join(name)).unwrap() == *bytes, "{name}");
            }
            let left = fs::read_dir(self.to.path().join("succeeded")).unwrap().count();
            assert_eq!(left, 1, "nothing else is left");
            let hidden = |name: &std::ffi::OsString| name.to_string_lossy().starts_with('.');
            let names = fs::read_dir(self.to.path()).unwrap().map(|entry| entry.unwrap().file_name());
            assert_eq!(names.filter(hidden).count(), 0);
        }

        fn bytes(&self) -> u64 {
            self.files.values().map(|bytes| bytes.len() as u64).sum()
        }

        /// The name of the file while it is incomplete.
        async fn part(&self, name: &str) -> PathBuf {
            let objects = self.remote.list().await.unwrap();
            let etag = &objects.iter().find(|object| object.name == name).unwrap().etag;
            beside(&self.to.path().join(name), &format!("{}.part", plain(etag)))
        }
    }

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["summary.json", "succeeded/part-00001.jsonl", "retries/a.json"] {
            assert!(is_a_file_name(name), "{name}");
        }
        for name in ["", "/a", "a/", "../a", "a/../../b", "a//b", "./a", ".a", "a\\b", "a\0b"] {
            assert!(!is_a_file_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn every_file_has_the_checksum_that_s3_has() {
        let rig = Rig::new().await;
        let (files, bytes) = (4, rig.bytes());
        let first = rig.download().await.unwrap();
        assert_eq!(first, Downloaded { files, bytes, kept: 0, damaged: 0, unchecked: 0 });
        rig.assert_whole();
        let again = rig.download().await.unwrap();
        assert_eq!(again, Downloaded { kept: files, ..first });

        // One byte of a file, which keeps its size.
        let path = rig.to.path().join(SUCCEEDED);
        let mut damaged = rig.files[SUCCEEDED].clone();
        damaged[LARGE_BYTES / 2] ^= 1;
        fs::write(&path, damaged).unwrap();
        let fixed = rig.download().await.unwrap();
        assert_eq!(fixed, Downloaded { kept: files - 1, damaged: 1, ..first });
        rig.assert_whole();
    }

    #[tokio::test]
    async fn what_was_interrupted_goes_on() {
        let rig = Rig::new().await;
        let part = rig.part(SUCCEEDED).await;
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(rig.to.path().join(".0123456789abcdef0123456789abcdef.part"), "").unwrap();
        let large = &rig.files[SUCCEEDED];
        let mut wrong = large[..LARGE_BYTES / 2].to_vec();
        wrong[7] ^= 1;
        let too_long = [&large[..], b"more"].concat();
        // The last two cannot be the start of the object, which only the checksum tells of the first of them.
        for (left, requests) in
            [(large[..LARGE_BYTES - 9].to_vec(), 1), (large.clone(), 0), (wrong, 2), (too_long, 1)]
        {
            let _ = fs::remove_file(rig.to.path().join(SUCCEEDED));
            fs::write(&part, left).unwrap();
            let before = rig.s3.requests().len();
            rig.download().await.unwrap();
            rig.assert_whole();
            let key = Some(rig.remote.key(SUCCEEDED));
            let gets = rig.s3.requests().split_off(before);
            let gets = gets.iter().filter(|request| request.key == key && request.operation == "GetObject");
            assert_eq!(gets.count(), requests);
        }
    }

    #[tokio::test]
    async fn folder_without_all_results_is_refused() {
        let rig = Rig::new().await;
        let error = |done: Result<Downloaded, CliError>| done.unwrap_err().to_string();
        rig.remote.store().delete(&rig.remote.key("errors/part-00001.jsonl")).await.unwrap();
        let said = error(rig.download().await);
        assert!(said.contains("errors/part-00001.jsonl is gone, and with it 1 result"), "{said}");
        assert!(!rig.to.path().join(SUMMARY).exists());

        fs::write(rig.to.path().join(SUMMARY), summary(&"1".repeat(32)).to_string()).unwrap();
        let said = error(rig.download().await);
        assert!(said.contains("it has the results of another drop"), "{said}");
    }

    #[tokio::test]
    async fn folder_with_other_files_is_left_alone() {
        let rig = Rig::new().await;
        let own = rig.to.path().join(SUMMARY);
        fs::write(&own, "mine").unwrap();
        let said = rig.download().await.unwrap_err().to_string();
        assert!(said.ends_with("it has other files: choose another folder with --output"), "{said}");
        assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
        assert_eq!(fs::read_dir(rig.to.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn drop_without_results_is_explained() {
        let rig = Rig::new().await;
        let store = rig.remote.store();
        let error = || async { rig.download().await.unwrap_err().to_string() };
        store.delete(&rig.remote.key(SUMMARY)).await.unwrap();
        assert!(error().await.contains("there are no results"));
        let mut status = json!({
            "version": 1, "state": "Waiting", "since": "2026-11-27T00:00:00Z", "message": "Bedrock has no slot.",
            "next": "It is tried again.", "refusal": null, "attempt": 1, "records": null, "jobs": null, "results": null,
            "as_of": "2026-11-27T00:00:00Z", "updated": "2026-11-27T00:00:00Z",
        });
        let summary = summary("0123456789abcdef0123456789abcdef");
        for name in ["drop_id", "source"] {
            status[name] = summary[name].clone();
        }
        store.put_json(&rig.remote.key("status.json"), &status).await.unwrap();
        let said = error().await;
        assert!(
            said.ends_with("the drop is not finished: Bedrock has no slot. It is tried again."),
            "{said}"
        );
        let problem = json!({"code": "empty-file", "lines": 0, "line": null, "byte": null, "what": "no\u{1b}", "fix": "add", "places": []});
        let rejection = json!({
            "version": 1, "drop_id": summary["drop_id"], "source": summary["source"], "problems": [problem], "stopped_early": false,
        });
        store.put_json(&rig.remote.key("rejection.json"), &rejection).await.unwrap();
        let said = error().await;
        assert!(said.ends_with("the drop was rejected, so it has no results: no\\u{1b}; add"), "{said}");
    }
}
