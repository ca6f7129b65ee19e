//! How drops end, and who receives that.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::local::lock::lock;

/// How a drop ended, or that an event could not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropEnding {
    /// The drop has ended, and its `status.json` says so. This is the key of its `summary.json` or `rejection.json`.
    Reported(String),
    /// An event was given up. On AWS, it would be in the failure queue now.
    GivenUp {
        /// The event, as it was delivered.
        event: Value,
        /// Why the last delivery failed.
        error: String,
    },
}

/// The receivers of how drops end.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners(Arc<Mutex<Vec<mpsc::UnboundedSender<DropEnding>>>>);

impl Listeners {
    pub(super) fn add(&self) -> mpsc::UnboundedReceiver<DropEnding> {
        let (sender, receiver) = mpsc::unbounded_channel();
        lock(&self.0).push(sender);
        receiver
    }

    pub(super) fn tell(&self, ending: &DropEnding) {
        lock(&self.0).retain(|listener| listener.send(ending.clone()).is_ok());
    }
}
