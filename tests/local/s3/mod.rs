//! The embedded S3 does what real S3 does: what emulators such as s3s-fs get wrong, and everything that the
//! pipeline and its users depend on. All tests use the AWS SDK.

mod checksums;
mod conditions;
mod copies;
mod keys;
mod listing;
mod listing_versions;
mod multipart;
mod reads;
mod server;
mod signatures;
mod versions;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bedrock_vpc_batch::local::s3::EmbeddedS3;
use tempfile::TempDir;

/// A bucket without versions.
const PLAIN: &str = "plain-bucket";

/// A bucket with versions.
const VERSIONED: &str = "versioned-bucket";

const MIB: usize = 1024 * 1024;

const NONE: [PathBuf; 0] = [];

/// A server with two buckets. Its root is two folders deep in `outer`, so that a write outside the root would
/// show.
struct Rig {
    outer: TempDir,
    s3: EmbeddedS3,
    client: Client,
}

impl Rig {
    async fn start() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let s3 = EmbeddedS3::start(outer.path().join("between/root")).await.unwrap();
        s3.create_bucket(PLAIN, false).unwrap();
        s3.create_bucket(VERSIONED, true).unwrap();
        let client = s3.client();
        Self { outer, s3, client }
    }

    fn root(&self) -> PathBuf {
        self.outer.path().join("between/root").canonicalize().unwrap()
    }

    /// Puts an object; gives its `ETag` as sent, with quotes.
    async fn put(&self, bucket: &str, key: &str, body: impl Into<Vec<u8>>) -> String {
        let body = ByteStream::from(body.into());
        self.client.put_object().bucket(bucket).key(key).body(body).send().await.unwrap().e_tag.unwrap()
    }

    /// Puts an object into the versioned bucket; gives its version id.
    async fn put_version(&self, key: &str, body: &'static str) -> String {
        let body = ByteStream::from_static(body.as_bytes());
        let put = self.client.put_object().bucket(VERSIONED).key(key).body(body).send().await.unwrap();
        put.version_id.unwrap()
    }

    async fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        body_of(self.client.get_object().bucket(bucket).key(key).send().await.unwrap()).await
    }

    async fn keys(&self, bucket: &str) -> Vec<String> {
        let page = self.client.list_objects_v2().bucket(bucket).send().await.unwrap();
        page.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }

    /// Creates a multipart upload; gives its id.
    async fn open_upload(&self, key: &str) -> String {
        let upload = self.client.create_multipart_upload().bucket(PLAIN).key(key).send().await.unwrap();
        upload.upload_id.unwrap()
    }

    async fn upload_part(&self, key: &str, upload_id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
        let part = self.client.upload_part().bucket(PLAIN).key(key).upload_id(upload_id);
        let part = part.part_number(number).body(body.into()).send().await.unwrap();
        CompletedPart::builder().part_number(number).e_tag(part.e_tag.unwrap()).build()
    }

    /// Every file and folder in `outer` that is outside the root.
    fn strays(&self) -> Vec<PathBuf> {
        let root = self.root();
        let outer = self.outer.path().canonicalize().unwrap();
        let ours = [root.clone(), outer.join("between")];
        walk(&outer).into_iter().filter(|path| !path.starts_with(&root) && !ours.contains(path)).collect()
    }

    /// The files in a bucket's folder.
    fn files(&self, bucket: &str) -> Vec<PathBuf> {
        let folder = self.root().join(bucket);
        let files = walk(&folder).into_iter().filter(|path| path.is_file());
        files.map(|path| path.strip_prefix(&folder).unwrap().to_owned()).collect()
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

async fn body_of(output: GetObjectOutput) -> Vec<u8> {
    output.body.collect().await.unwrap().to_vec()
}

/// The status and the code of a refusal. A refused HEAD has no body, so its code is what the SDK makes of the
/// status.
fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(result: Result<T, SdkError<E>>) -> (u16, String) {
    let error = result.unwrap_err();
    let status = error.raw_response().unwrap_or_else(|| panic!("no answer: {error:?}")).status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn completed(parts: impl IntoIterator<Item = CompletedPart>) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.into_iter().collect())).build()
}

/// Bytes that differ from offset to offset.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|position| (position * 31 + position / 251).to_le_bytes()[0]).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
