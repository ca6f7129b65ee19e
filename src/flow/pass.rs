//! What one pass of the sweep has found, and how much time it reserves.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tracing::{error, info};

use crate::aws::error::{Chain, Error};
use crate::drop::identity::{DropId, JobId, RouteId};
use crate::drop::shares::Shares;
use crate::flow::release_drop::Purse;
use crate::ledger::status::OpenJobs;
use crate::report::notice::EndedDrop;

/// How much time the sweep reserves for one marker: it stops between markers, not in the middle of one.
pub(super) const TIME_FOR_ONE: Duration = Duration::from_secs(10);

/// How much time a pass keeps for what is open, while it does what is less urgent.
pub(super) const TIME_FOR_WHAT_IS_OPEN: Duration = Duration::from_secs(200);

/// What one pass has done.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// For how many models Bedrock accepts no more jobs.
    pub(super) full_models: usize,
    /// The age in seconds of the oldest job that waits.
    pub(super) oldest_waiting_seconds: u64,
    /// The open jobs of the drops with several parts.
    pub(super) open_jobs: HashMap<DropId, OpenJobs>,
    /// The other open jobs, which wait according to their hints, by drop.
    pub(super) hinted_jobs: HashMap<DropId, Vec<JobId>>,
    /// The drops that may have open jobs besides these.
    pub(super) uncounted: HashSet<DropId>,
    /// How the routes share the slots; `None` if that is not known, and then no job of a route is asked for.
    pub(super) shares: Option<Shares>,
    /// What this pass knows about budgets.
    pub(super) purse: Purse,
    /// The drops that have ended.
    pub(super) ended: Vec<EndedDrop>,
    first_error: Option<Error>,
}

impl Pass {
    /// Returns how often the jobs of a route are asked for, compared with others: 0 if it is paused.
    pub(super) fn weight(&self, route: Option<&RouteId>) -> u32 {
        match &self.shares {
            Some(shares) => shares.weight(route),
            None => u32::from(route.is_none()),
        }
    }

    /// Takes what a part of the sweep returns, and keeps its error for the end.
    pub(super) fn note<T>(&mut self, key: &str, resumed: Result<T, Error>) -> Option<T> {
        match resumed {
            Ok(resumed) => Some(resumed),
            Err(error) if error.is_of_newer_release() => {
                info!(key, error = %Chain(&error), "left to the newer release");
                None
            }
            Err(error) => {
                if self.first_error.is_some() {
                    error!(key, error = %Chain(&error), "another part of the sweep failed");
                }
                self.first_error.get_or_insert(error);
                None
            }
        }
    }

    /// Returns the drops that have ended, or else the first error, if there was one. An error together with drops is only
    /// logged: Lambda passes on what a function returns only if it succeeds, and the next sweep meets the error again.
    pub(super) fn into_result(self) -> Result<Vec<EndedDrop>, Error> {
        match self.first_error {
            Some(failure) if self.ended.is_empty() => Err(failure),
            Some(failure) => {
                error!(error = %Chain(&failure), "a part of the sweep failed");
                Ok(self.ended)
            }
            None => Ok(self.ended),
        }
    }
}
