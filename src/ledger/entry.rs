//! What all entries of the ledger have in common: a version, and the time at which they were written. Pure.
//!
//! Two releases may work on one ledger, while a deployment replaces one by the other:
//!
//! * A reader looks at `version` first. It converts an older entry, and leaves a newer one alone: the newer release, or
//!   this one after an update, goes on with it.
//! * A reader ignores members that it does not know. If it rewrites the entry, they are lost. So a member that must
//!   survive a rewrite needs a new version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::job::summary::Summary;

/// The schema version in which drops and jobs are written. Older ones are still read.
///
/// | version | what is new |
/// |---|---|
/// | 2 | a drop keeps its settings, its plan may have pages, and a job has segments |
/// | 3 | drops are cancelled: a job may be `Stopping`, and may end as `Cancelled` |
/// | 4 | only of a drop that is `Held`; all other entries are still written as version 3, so that an older release reads them |
pub const VERSION: u32 = 3;

/// An entry of the ledger, which only conditional writes change.
pub trait Entry: Serialize + DeserializeOwned + PartialEq + Send + Sync {
    /// The newest schema version that this release can read, and the one that it writes.
    const VERSION: u32;

    /// Notes that the entry is about to be written at this time. `is_new` says that it is created.
    fn stamp(&mut self, time: Timestamp, is_new: bool);
}

/// `summary.json`: only its list of retries changes.
impl Entry for Summary {
    const VERSION: u32 = 1;

    fn stamp(&mut self, _time: Timestamp, _is_new: bool) {}
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// A newer release has written it.
    #[error(
        "it was written by a newer release: its version is {version}, and this release reads up to {newest}"
    )]
    Newer {
        /// The version of the entry.
        version: u32,
        /// The newest version that this release can read.
        newest: u32,
    },
    /// It is not the JSON that it should be.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Reads an entry of any version that this release knows.
///
/// # Errors
/// [`EntryError`] if the entry is newer, or is not the JSON that it should be.
pub fn parse<T: Entry>(json: &[u8]) -> Result<T, EntryError> {
    #[derive(Deserialize)]
    struct Version {
        #[serde(default)]
        version: u32,
    }

    // The other members of a newer entry may have any shape, so they are read only after this.
    let Version { version } = serde_json::from_slice(json)?;
    if version > T::VERSION {
        return Err(EntryError::Newer { version, newest: T::VERSION });
    }
    Ok(serde_json::from_slice(json)?)
}
