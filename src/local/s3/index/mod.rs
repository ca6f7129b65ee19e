//! What the server holds: buckets, the versions of every key, and open multipart uploads. In memory, no IO.

mod bucket;
mod contents;
mod refusals;
mod upload;
mod version;

pub(super) use self::bucket::{Bucket, Deleted, Versioning};
pub(super) use self::contents::Index;
pub(super) use self::refusals::no_such_key;
pub(super) use self::upload::{Part, Upload};
pub(super) use self::version::{Attributes, NULL_VERSION, Object, Version, versions_after};
