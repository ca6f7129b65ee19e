//! The events of one kind on their way to one function, with their faults and counts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use super::ending::DropEnding;
use super::function::Function;
use crate::local::faults::EventFaults;
use crate::local::lock::lock;

/// What happened to the events of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// All events.
    pub events: u64,
    /// Events that never arrive.
    pub dropped: u64,
    /// Events that arrive twice.
    pub duplicated: u64,
    /// Arrivals that are late.
    pub delayed: u64,
}

impl EventCounts {
    fn add(&mut self, arrivals: &[Duration]) {
        self.events += 1;
        self.dropped += u64::from(arrivals.is_empty());
        self.duplicated += u64::from(arrivals.len() > 1);
        self.delayed += arrivals.iter().filter(|arrival| !arrival.is_zero()).count() as u64;
    }
}

/// The events of one kind on their way to one function.
pub(super) struct Stream {
    function: Function,
    faults: EventFaults,
    seed: u64,
    /// Whether a sweep finds what a lost event left undone.
    is_swept: bool,
    pub(super) counts: Arc<Mutex<EventCounts>>,
    deliveries: JoinSet<()>,
}

impl Stream {
    pub(super) fn new(function: Function, faults: EventFaults, seed: u64, is_swept: bool) -> Self {
        Self { function, faults, seed, is_swept, counts: Arc::default(), deliveries: JoinSet::new() }
    }

    pub(super) fn take(&mut self, event: &Value) {
        while self.deliveries.try_join_next().is_some() {}
        let mut counts = lock(&self.counts);
        let arrivals = self.faults.arrivals(self.seed, counts.events);
        counts.add(&arrivals);
        drop(counts);
        if arrivals.is_empty() && !self.is_swept {
            let error = format!("{}: the event was lost, and no sweep looks for it", self.function.name);
            self.function.listeners.tell(&DropEnding::GivenUp { event: event.clone(), error });
        }
        for arrival in arrivals {
            let (function, event) = (self.function.clone(), event.clone());
            self.deliveries.spawn(async move {
                tokio::time::sleep(arrival).await;
                function.deliver(event).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::local::pump::function::tests::function;

    #[tokio::test]
    async fn lost_event_that_nothing_looks_for_is_given_up() {
        let lost = EventFaults { dropped: 1.0, ..EventFaults::default() };
        for is_swept in [true, false] {
            let (complete, mut endings) = function(Arc::new(|_, _| Box::pin(async { Ok(()) })));
            Stream::new(complete, lost.clone(), 1, is_swept).take(&json!(1));
            let told = endings.recv().await;
            let error = "complete: the event was lost, and no sweep looks for it".to_owned();
            assert_eq!(told, (!is_swept).then_some(DropEnding::GivenUp { event: json!(1), error }));
        }
    }
}
