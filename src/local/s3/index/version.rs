//! A version of an object, and what is kept with it.

use std::path::PathBuf;
use std::time::SystemTime;

use s3s::{S3Result, dto, s3_error};

use crate::local::s3::checksum::Checksum;
use crate::local::s3::ids::number_of;

/// The version id of what was written while versioning was off.
pub(crate) const NULL_VERSION: &str = "null";

/// One version of one key.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// Its number among everything that was written to the bucket; newer versions have greater numbers.
    pub(crate) number: u64,
    /// In whole seconds, as in S3.
    pub(crate) modified: SystemTime,
    /// `None` in a delete marker.
    pub(crate) object: Option<Object>,
}

/// The bytes of a version, and what belongs to them.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) file: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) checksum: Checksum,
    pub(crate) attributes: Attributes,
}

/// Headers that are kept with an object, and returned with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) expires: Option<dto::Timestamp>,
    pub(crate) metadata: Option<dto::Metadata>,
}

/// The versions of a key that a listing returns after the version with this id, newest first.
///
/// If that version was deleted in the meantime, its id still tells where it was. The null version's id does
/// not: if that version was deleted, all versions are returned.
///
/// # Errors
/// `InvalidArgument` for an id that no version can have had.
pub(crate) fn versions_after<'a>(
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
