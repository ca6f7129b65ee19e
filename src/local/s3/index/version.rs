//! A version of an object, and what is kept with it.

use std::path::PathBuf;
use std::time::SystemTime;

use s3s::{S3Result, dto, s3_error};

use crate::local::s3::checksum::Checksum;
use crate::local::s3::ids::number_of;

/// The version id of what was written while a bucket kept no versions.
pub(crate) const NULL_VERSION: &str = "null";

/// One version of one key.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// Its number among everything that was written to the bucket; newer is greater.
    pub(crate) number: u64,
    /// In whole seconds, as S3 tells it.
    pub(crate) modified: SystemTime,
    /// `None` in a delete marker.
    pub(crate) object: Option<Object>,
}

/// The bytes of a version and what belongs to them.
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

/// Headers that are kept and given back.
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

/// Those of a key's versions that a listing gives after the one with this id, newest first.
///
/// The version itself may be gone by now: its id tells where it was. Only the null version's does not; if that is
/// gone, every version is given.
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
