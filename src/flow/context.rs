//! What both functions work with.

use tracing::error;

use crate::aws::bedrock::Bedrock;
use crate::aws::clients::Clients;
use crate::aws::config::Config;
use crate::aws::error::Error;
use crate::aws::store::Store;
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::source::DropSource;

/// How many parts of a drop are worked on at the same time.
pub(crate) const SIDE_BY_SIDE: usize = 8;

/// The settings and the two services. `submit`, `jobs`, `complete` and `sweep` add the steps.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) bedrock: Bedrock,
}

impl Pipeline {
    pub(crate) fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.s3.clone(), &config.output_bucket);
        Self { config, store, bedrock: Bedrock::new(clients.bedrock.clone()) }
    }

    /// Whether a drop still has its marker: then not all of its jobs may be recorded.
    pub(crate) async fn is_marked(&self, source: &DropSource, drop_id: &DropId) -> Result<bool, Error> {
        self.store.exists(&keys::drop_marker(source.last_modified, drop_id)).await
    }

    /// An entry that must be there is not. Nothing is guessed: an operator must look.
    pub(crate) fn missing_entry(&self, key: &str) -> Error {
        error!(key, metric.LedgerEntriesMissing = 1_u64, "ledger entry is missing");
        Error::Internal(format!("{key} is missing in the output bucket"))
    }
}
