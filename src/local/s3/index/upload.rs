//! An open multipart upload and its parts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use super::version::Attributes;
use crate::local::s3::checksum::{Algorithm, Checksum};
use crate::local::s3::temp_file::TempFile;

/// An open multipart upload.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) initiated: SystemTime,
    pub(crate) attributes: Attributes,
    /// The algorithm in `CreateMultipartUpload`, which the parts and the object then have too.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) composite: bool,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// One uploaded part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) file: TempFile,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) etag: String,
    pub(crate) checksum: Checksum,
    pub(crate) modified: SystemTime,
}

impl Part {
    /// The file with the part's bytes.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}
