//! The external calls of an invocation, and the ways in which each can go.

use super::protocol::{Create, Protocol};
use super::world::{Entry, JobId, Outcome, Records};

/// Why an invocation looks at a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Its state change came, so the job exists and is over.
    StateChange,
    /// The sweep found its marker, or the invocation made it.
    Marker,
}

/// How Bedrock is asked for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Asked {
    /// With the recorded request and token.
    AsRecorded,
    /// The same, but the record is written only after it ([`Rule::RecordComesFirst`] is broken).
    BeforeTheRecord,
    /// With a token that was not sent before ([`Rule::JobIsLookedUp`] is broken).
    WithAFreshToken,
}

/// One external call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Task {
    /// A conditional write was made and its answer lost: read back, and skip `then` tasks if the entry is
    /// not one's own.
    Confirm {
        entry: Entry,
        current: bool,
        then: u8,
    },
    /// Looks for the entry of the version that was dropped.
    CompareDrop,
    ReadDrop,
    PutDropMarker,
    CreateDrop,
    TakeDrop {
        current: bool,
    },
    /// Reads the drop, and records the verdict.
    JudgeDrop {
        current: bool,
    },
    WriteRejection,
    /// Looks whether the job is there, and makes it otherwise.
    MakeJob(JobId),
    WriteInput(JobId),
    PutJobMarker(JobId),
    CreateJob(JobId),
    /// As `CreateJob`, of a job that can no longer be made.
    CreateSourceDeleted(JobId),
    ReadJob(JobId, Reason),
    TakeJob {
        id: JobId,
        current: bool,
        may_exist: bool,
    },
    FindByName {
        id: JobId,
        current: bool,
        /// Create was refused, because the name is in use.
        is_refused: bool,
    },
    CreateAtBedrock {
        id: JobId,
        current: bool,
        asked: Asked,
    },
    RecordSubmitted {
        id: JobId,
        current: bool,
    },
    RecordRefused {
        id: JobId,
        current: bool,
    },
    RecordNameInUse {
        id: JobId,
        current: bool,
    },
    GetFromBedrock {
        id: JobId,
        current: bool,
    },
    RecordDoubtful {
        id: JobId,
        current: bool,
    },
    RecordEnded {
        id: JobId,
        current: bool,
        /// What the output shows.
        seen: Records,
        /// Whether all that is known can be true.
        agrees: bool,
    },
    WriteResults(JobId),
    WriteUnprocessed(JobId),
    RecordSettled {
        id: JobId,
        current: bool,
        outcome: Outcome,
    },
    FinishDrop,
    /// Of the finish check, which read the drop before.
    CheckSettled {
        id: JobId,
        current: bool,
    },
    WriteSummary {
        current: bool,
    },
    RecordFinished {
        current: bool,
    },
    DeleteMarker(Entry),
}

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Course {
    Plain,
    /// The other answer, or the other decision: settings differ between invocations.
    Other,
    /// It has its effect, and the answer is lost.
    Lost,
    /// As `Other`, and the answer is lost. For Create: it is lost, and the SDK asks again by itself.
    LostOther,
}

impl Course {
    pub(crate) fn is_other(self) -> bool {
        matches!(self, Self::Other | Self::LostOther)
    }

    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::Lost | Self::LostOther)
    }
}

impl Task {
    /// The entry that this goes by has been written by another.
    pub(crate) fn outdate(&mut self, written: Entry) {
        let (entry, current) = match self {
            Self::Confirm { entry, current, .. } => (*entry, current),
            Self::TakeDrop { current }
            | Self::JudgeDrop { current }
            | Self::CheckSettled { current, .. }
            | Self::WriteSummary { current }
            | Self::RecordFinished { current } => (Entry::Drop, current),
            Self::TakeJob { id, current, .. }
            | Self::FindByName { id, current, .. }
            | Self::CreateAtBedrock { id, current, .. }
            | Self::RecordSubmitted { id, current }
            | Self::RecordRefused { id, current }
            | Self::RecordNameInUse { id, current }
            | Self::GetFromBedrock { id, current }
            | Self::RecordDoubtful { id, current }
            | Self::RecordEnded { id, current, .. }
            | Self::RecordSettled { id, current, .. } => (Entry::Job(*id), current),
            Self::CompareDrop
            | Self::ReadDrop
            | Self::PutDropMarker
            | Self::CreateDrop
            | Self::WriteRejection
            | Self::MakeJob(_)
            | Self::WriteInput(_)
            | Self::PutJobMarker(_)
            | Self::CreateJob(_)
            | Self::CreateSourceDeleted(_)
            | Self::ReadJob(..)
            | Self::WriteResults(_)
            | Self::WriteUnprocessed(_)
            | Self::FinishDrop
            | Self::DeleteMarker(_) => return,
        };
        if entry == written {
            *current = false;
        }
    }

    /// The ways in which the call can go. A lost answer counts only where something depends on it.
    pub(crate) fn courses(self, protocol: &Protocol) -> &'static [Course] {
        use Course::{Lost, LostOther, Other, Plain};
        match self {
            Self::JudgeDrop { .. } | Self::RecordEnded { .. } | Self::RecordNameInUse { .. } => {
                &[Plain, Other, Lost, LostOther]
            }
            Self::CreateDrop | Self::TakeDrop { .. } | Self::TakeJob { .. } | Self::RecordSettled { .. } => {
                &[Plain, Lost]
            }
            Self::CreateAtBedrock { .. } => match protocol.create {
                Create::SentOnce => &[Plain, Other, Lost],
                Create::SentAgainBySdk | Create::LookedUpFirst => &[Plain, Other, Lost, LostOther],
            },
            _ => &[Plain],
        }
    }
}
