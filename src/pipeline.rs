//! What both functions work with.

use crate::bedrock::Bedrock;
use crate::clients::Clients;
use crate::config::Config;
use crate::store::Store;

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
}
