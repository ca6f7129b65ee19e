//! What every step works with.

use std::borrow::Cow;

use tracing::error;

use crate::aws::bedrock::Bedrock;
use crate::aws::clients::Clients;
use crate::aws::config::Config;
use crate::aws::error::Error;
use crate::aws::store::objects::Store;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::padding::SmallDrops;
use crate::drop::plan::{Part, Plan, PlanPage};
use crate::drop::settings::Settings;
use crate::drop::source::DropSource;
use crate::job::retry::RetryLimits;
use crate::ledger::job::JobEntry;
use crate::report::notice::Place;

/// How many parts of a drop are worked on at the same time.
pub(super) const CONCURRENT_PARTS: usize = 8;

/// The settings and the two services.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) bedrock: Bedrock,
}

impl Context {
    pub(super) fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.s3.clone(), &config.output_bucket);
        Self { config, store, bedrock: Bedrock::new(clients.bedrock.clone()) }
    }

    /// Where results are, for people.
    pub(super) fn place(&self) -> Place<'_> {
        Place::new(&self.config.output_bucket, &self.config.job_role_arn)
    }

    /// The settings that a job uses.
    pub(super) fn settings_of(&self, job: &JobEntry) -> Settings {
        job.settings_in_use().cloned().unwrap_or_else(|| self.config.settings())
    }

    /// The limits for the next attempt after a job.
    pub(super) fn retry_limits(&self, job: &JobEntry) -> RetryLimits {
        let Settings { max_attempts, quotas, small_drops, .. } = self.settings_of(job);
        let min_records = match small_drops {
            SmallDrops::Pad => 1,
            SmallDrops::Reject => quotas.min_records,
        };
        RetryLimits { max_attempts, min_records }
    }

    /// Reads the parts on a page of a drop's plan; pages are counted from 1.
    pub(super) async fn parts_on<'p>(
        &self,
        drop_id: &DropId,
        plan: &'p Plan,
        page: u32,
    ) -> Result<Cow<'p, [Part]>, Error> {
        match plan {
            Plan::Whole { parts } => Ok(parts.into()),
            Plan::Paged { plan_id, .. } => {
                let key = keys::plan_page(drop_id, plan_id, page);
                let page = self.store.get_json::<PlanPage>(&key).await?.ok_or_else(|| missing_entry(&key))?;
                Ok(page.parts.into())
            }
        }
    }

    /// Returns whether a drop still has its marker. If so, some of its jobs may not be recorded yet.
    pub(super) async fn is_marked(&self, source: &DropSource, drop_id: &DropId) -> Result<bool, Error> {
        self.store.exists(&keys::drop_marker(source.last_modified, drop_id)).await
    }
}

/// Reports that an entry of the ledger is missing. Nothing is guessed: an operator must look.
pub(super) fn missing_entry(key: &str) -> Error {
    error!(key, LedgerEntriesMissing = 1_u64, "ledger entry is missing");
    Error::Internal(format!("{key} is missing in the output bucket"))
}
