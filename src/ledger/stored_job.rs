//! The JSON of a job's entry, in the versions that this release reads. Pure.
//!
//! | version | the records of the job | settings |
//! |---|---|---|
//! | 1 | `drop_id`, `source`, `part`, and `attempt` in the entry itself | those in force when it was submitted |
//! | 2, 3 | `segments`, each with these four members | `settings`, and `new_settings` after a refusal |

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::{DropId, JobId};
use crate::drop::plan::Part;
use crate::drop::settings::Settings;
use crate::drop::source::DropSource;
use crate::job::padding::Padding;
use crate::ledger::job_state::{JobState, Refusal};

/// The records of one drop in a job. So far, a job has exactly one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields of JobEntry")]
pub struct Segment {
    pub drop_id: DropId,
    pub source: DropSource,
    pub part: Part,
    pub attempt: u32,
}

/// What this release writes.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields of JobEntry")]
pub struct WrittenJob {
    pub version: u32,
    pub job_id: JobId,
    pub segments: [Segment; 1],
    pub padding: Option<Padding>,
    pub settings: Option<Settings>,
    pub new_settings: Option<Settings>,
    pub writer: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub input_written: Timestamp,
    pub refusal: Option<Refusal>,
    pub state: JobState,
}

/// What this release reads: the members of all versions.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the fields of JobEntry")]
pub struct ReadJob {
    pub version: u32,
    pub job_id: JobId,
    /// The only segment of version 1.
    #[serde(flatten)]
    pub segment: Option<Segment>,
    #[serde(default)]
    pub segments: Vec<Segment>,
    #[serde(default)]
    pub padding: Option<Padding>,
    #[serde(default)]
    pub settings: Option<Settings>,
    #[serde(default)]
    pub new_settings: Option<Settings>,
    pub writer: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub input_written: Timestamp,
    pub refusal: Option<Refusal>,
    pub state: JobState,
}
