//! The external calls of an invocation, and the courses that each can take.

use super::protocol::{Create, Protocol};
use super::world::{Entry, JobId, Outcome, Records};

/// Why an invocation looks at a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Its state change arrived, so the job exists and is over.
    StateChange,
    /// The sweep found its marker, or the invocation made it.
    Marker,
    /// A slot is free, and the invocation found its hint; or the sweep compares the hint with the entry.
    Hint,
}

/// How Bedrock is asked for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Asked {
    /// With the recorded request and token.
    AsRecorded,
    /// With the request and token, which are recorded only afterwards ([`Rule::RecordComesFirst`] is broken).
    BeforeTheRecord,
    /// With a token that was not sent before ([`Rule::JobIsLookedUp`] is broken).
    WithAFreshToken,
}

/// One external call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Task {
    /// Reads an entry back after the answer to a conditional write was lost, and skips `then` tasks if
    /// another invocation wrote the entry.
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
    /// Reads the drop and records the verdict.
    JudgeDrop {
        current: bool,
    },
    WriteRejection,
    /// Looks for the job's entry, and creates it if there is none.
    MakeJob(JobId),
    WriteInput(JobId),
    PutJobMarker(JobId),
    CreateJob(JobId),
    /// As `CreateJob`, for a job that can no longer be created.
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
        /// Whether Create was refused because the name is in use.
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
        /// The records that the output shows.
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
    /// Reads the drop of a job that is settled.
    FinishDrop(JobId),
    /// Checks that a job is settled, for a drop that may be finished and was read before. `counted` are the records of
    /// the jobs before it.
    CheckSettled {
        id: JobId,
        current: bool,
        counted: u8,
    },
    /// Writes how many records a page of the plan has, after all its jobs were settled.
    WriteTally {
        page: u8,
        current: bool,
        counted: u8,
    },
    /// Lists the tallies. `own` is that of the page if it is written only afterwards ([`Rule::TallyComesFirst`] is
    /// broken).
    ListTallies {
        current: bool,
        own: Option<(u8, u8)>,
    },
    WriteSummary {
        current: bool,
        counted: u8,
    },
    RecordFinished {
        current: bool,
    },
    DeleteMarker(Entry),
    /// Reads the drop that an operator has cancelled.
    CancelDrop,
    PutCancelMarker,
    DeleteCancelMarker,
    ReadCancelledJob(JobId),
    /// Looks for a job that waits, in case that a refusal was not the truth.
    FindToCancel {
        id: JobId,
        current: bool,
    },
    /// Ends a job that Bedrock does not have.
    RecordCancelled {
        id: JobId,
        current: bool,
    },
    RecordStopping {
        id: JobId,
        current: bool,
    },
    /// Asks Bedrock to stop a job. When it ends, and what it has done by then, is up to Bedrock.
    StopAtBedrock(JobId),
    /// Writes the hint of a job that is left to wait.
    PutHint(JobId),
    DeleteHint(JobId),
}

/// The course of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Course {
    Plain,
    /// The other answer, or the other decision, since settings differ between invocations.
    Other,
    /// The call has its effect, and its answer is lost.
    Lost,
    /// As `Other`, and the answer is lost. For Create, the answer is lost and the SDK sends the request
    /// again.
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
    /// Notes that another invocation wrote an entry, which may be the one that this task is based on.
    pub(crate) fn outdate(&mut self, written: Entry) {
        let (entry, current) = match self {
            Self::Confirm { entry, current, .. } => (*entry, current),
            Self::TakeDrop { current }
            | Self::JudgeDrop { current }
            | Self::CheckSettled { current, .. }
            | Self::WriteTally { current, .. }
            | Self::ListTallies { current, .. }
            | Self::WriteSummary { current, .. }
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
            | Self::FindToCancel { id, current }
            | Self::RecordCancelled { id, current }
            | Self::RecordStopping { id, current }
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
            | Self::FinishDrop(_)
            | Self::DeleteMarker(_)
            | Self::CancelDrop
            | Self::PutCancelMarker
            | Self::DeleteCancelMarker
            | Self::ReadCancelledJob(_)
            | Self::StopAtBedrock(_)
            | Self::PutHint(_)
            | Self::DeleteHint(_) => return,
        };
        if entry == written {
            *current = false;
        }
    }

    /// The courses that the call can take. A lost answer is a course only if something depends on the answer.
    pub(crate) fn courses(self, protocol: &Protocol) -> &'static [Course] {
        use Course::{Lost, LostOther, Other, Plain};
        match self {
            Self::JudgeDrop { .. } | Self::RecordEnded { .. } | Self::RecordNameInUse { .. } => {
                &[Plain, Other, Lost, LostOther]
            }
            Self::CreateDrop
            | Self::TakeDrop { .. }
            | Self::TakeJob { .. }
            | Self::RecordSettled { .. }
            | Self::RecordCancelled { .. }
            | Self::RecordStopping { .. } => &[Plain, Lost],
            Self::CreateAtBedrock { .. } => match protocol.create {
                Create::SentOnce => &[Plain, Other, Lost],
                Create::SentAgainBySdk | Create::LookedUpFirst => &[Plain, Other, Lost, LostOther],
            },
            _ => &[Plain],
        }
    }
}
