//! The ledger entry of a drop, and the moves between its states. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::plan::Part;
use crate::drop::rejection::Problem;
use crate::drop::source::DropSource;
use crate::ledger::illegal_move::{IllegalMove, VERSION};
use crate::ledger::lease::Invocation;

/// `ledger/drops/<drop-id>/drop.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropEntry {
    /// Of this shape.
    pub version: u32,
    /// The drop.
    pub drop_id: DropId,
    /// Where it is.
    pub source: DropSource,
    /// Which invocation wrote this, to recognise one's own write.
    pub writer: String,
    /// When the drop was claimed.
    pub created: Timestamp,
    /// When this was written.
    pub updated: Timestamp,
    /// Where the drop stands.
    pub state: DropState,
}

/// Where a drop stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "name")]
pub enum DropState {
    /// An invocation reads and judges it, until this time at the latest.
    Reading {
        /// When the lease ends.
        lease_until: Timestamp,
        /// The request of the invocation that reads; the same request may go on at any time.
        request_id: String,
        /// How often the reading was begun, counted from 1. One that an error has ended does not count.
        attempts: u32,
        /// How far the last reading came that ran out of time.
        too_slow: Option<TooSlow>,
    },
    /// It is valid, and this is the plan: jobs are made from it.
    Accepted {
        /// The parts, in order.
        parts: Vec<Part>,
    },
    /// It was refused, for these reasons; `rejection.json` is made from them.
    Rejected {
        /// What is wrong with it.
        problems: Vec<Problem>,
        /// Whether there may be more.
        stopped_early: bool,
    },
    /// All its jobs are settled; `summary.json` says how.
    Finished {
        /// The parts, in order.
        parts: Vec<Part>,
    },
    /// An operator has erased what there was of it. The entry stays, so that it is not run again.
    Erased,
}

/// How far a reading came that ran out of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TooSlow {
    /// The bytes that were read.
    pub bytes: u64,
    /// The seconds that it took, at least 1.
    pub seconds: u64,
}

impl DropState {
    /// The state's name in the drawing.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reading { .. } => "Reading",
            Self::Accepted { .. } => "Accepted",
            Self::Rejected { .. } => "Rejected",
            Self::Finished { .. } => "Finished",
            Self::Erased => "Erased",
        }
    }

    /// The lease of an invocation that begins to read for the time with this number.
    #[must_use]
    pub fn reading(attempts: u32, by: &Invocation) -> Self {
        let (lease_until, request_id) = (by.lease_until, by.request_id.clone());
        Self::Reading { lease_until, request_id, attempts, too_slow: None }
    }

    fn may_become(&self, next: &Self) -> bool {
        match (self, next) {
            // A lease may be given back, or taken over when it has ended.
            (Self::Reading { .. }, Self::Reading { .. } | Self::Accepted { .. } | Self::Rejected { .. })
            | (Self::Accepted { .. }, Self::Finished { .. })
            | (Self::Rejected { .. } | Self::Finished { .. }, Self::Erased) => true,
            (
                Self::Reading { .. }
                | Self::Accepted { .. }
                | Self::Rejected { .. }
                | Self::Finished { .. }
                | Self::Erased,
                _,
            ) => false,
        }
    }
}

impl DropEntry {
    /// The claim of a drop that nobody has claimed.
    #[must_use]
    pub fn claim(drop_id: DropId, source: DropSource, by: &Invocation) -> Self {
        Self {
            version: VERSION,
            drop_id,
            source,
            writer: by.writer.clone(),
            created: by.started,
            updated: by.started,
            state: DropState::reading(1, by),
        }
    }

    /// The entry with its next state.
    ///
    /// # Errors
    /// [`IllegalMove`] if the state does not follow on this one.
    pub fn advance(&self, state: DropState, by: &Invocation) -> Result<Self, IllegalMove> {
        if !self.state.may_become(&state) {
            let what = format!("drop {}", self.drop_id);
            return Err(IllegalMove { what, from: self.state.name(), to: state.name() });
        }
        Ok(Self { state, writer: by.writer.clone(), updated: by.started, ..self.clone() })
    }
}
