//! The schedule that wakes the sweep.

use std::time::Duration;

use tokio::task::JoinSet;

use super::events::schedule_event;
use super::function::Function;
use crate::aws::clock::now;

/// Invokes a function on a schedule. As on AWS, the next invocation does not wait for the previous one.
pub(super) async fn sweep(function: Function, every: Duration) {
    let mut sweeps = JoinSet::new();
    let mut ticks = tokio::time::interval(every);
    // The first tick is immediate.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        while sweeps.try_join_next().is_some() {}
        let (function, event) = (function.clone(), schedule_event(now()));
        sweeps.spawn(async move { function.deliver(event).await });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;
    use crate::local::pump::function::tests::function;

    #[tokio::test]
    async fn schedule_wakes_the_function_again_and_again() {
        let (seen, mut events) = mpsc::unbounded_channel();
        let (complete, _endings) = function(Arc::new(move |event, _| {
            let _ = seen.send(event);
            Box::pin(async { Ok(()) })
        }));
        let mut tasks = JoinSet::new();
        tasks.spawn(sweep(complete, Duration::from_millis(1)));
        let first = events.recv().await.unwrap();
        let second = events.recv().await.unwrap();
        assert_ne!(first["id"], second["id"]);
        assert_eq!(second["detail-type"], "Scheduled Event");
    }
}
