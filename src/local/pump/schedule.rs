//! The schedule that wakes the sweep.

use std::time::Duration;

use tokio::time::Instant;

use super::events::schedule_event;
use super::function::Function;
use crate::aws::clock::now;

/// How many times longer than a sweep the pause after it is, so that long sweeps take little time from the other
/// invocations.
const PAUSE: u32 = 9;

/// The longest pause after a sweep, as a multiple of the usual one.
const MAX_PAUSE: u32 = 5;

/// Invokes a function on a schedule, about once in each period. On AWS, the period is as long as a function may run, so
/// hardly ever do two sweeps run at the same time. Here, it is short, and the next invocation waits for the previous
/// one: sweeps that overlap repeat each other's work, and a slow machine would never get done with them.
pub(super) async fn sweep(function: Function, every: Duration) {
    let mut pause = every;
    loop {
        tokio::time::sleep(pause).await;
        let started = Instant::now();
        function.deliver(schedule_event(now())).await;
        pause = (started.elapsed() * PAUSE).clamp(every, every * MAX_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;
    use tokio::task::JoinSet;

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

    #[tokio::test]
    async fn sweeps_never_overlap_however_long_they_take() {
        let (seen, mut most_running) = mpsc::unbounded_channel();
        let running = Arc::new(AtomicUsize::new(0));
        let (complete, _endings) = function(Arc::new(move |_, _| {
            let (running, seen) = (running.clone(), seen.clone());
            Box::pin(async move {
                let before = running.fetch_add(1, Ordering::Relaxed);
                // Several periods pass.
                tokio::time::sleep(Duration::from_millis(5)).await;
                running.fetch_sub(1, Ordering::Relaxed);
                let _ = seen.send(before);
                Ok(())
            })
        }));
        let mut tasks = JoinSet::new();
        tasks.spawn(sweep(complete, Duration::from_millis(1)));
        for _ in 0..5 {
            assert_eq!(most_running.recv().await, Some(0));
        }
    }
}
