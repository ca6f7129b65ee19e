//! A function that is invoked asynchronously, as Lambda does it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::warn;

use super::ending::{DropEnding, Listeners};
use crate::aws::clock;
use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::ledger::lease::Invocation;
use crate::local::uuid::uuid;

/// How many times an event is delivered before it goes to the failure queue.
const DELIVERIES: u32 = 3;

/// The pause before the second delivery. The next one is twice as long. Lambda waits one minute, and then
/// two.
const REDELIVERY_PAUSE: Duration = Duration::from_millis(500);

/// The longest time that a Lambda function may run.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11)
pub const MAX_FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

/// A handler of events. Its future is boxed because the handlers of the two functions have different types.
pub(super) type Handle = dyn Fn(Value, Invocation) -> BoxFuture<'static, Result<(), Error>> + Send + Sync;

/// A function, invoked asynchronously.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) handle: Arc<Handle>,
    pub(super) timeout: Duration,
    /// How many more invocations of all functions may run now.
    pub(super) executions: Arc<Semaphore>,
    pub(super) listeners: Listeners,
}

impl Function {
    pub(super) async fn deliver(&self, event: Value) {
        let function = self.name;
        let mut pause = REDELIVERY_PAUSE;
        let request_id = uuid();
        for delivery in 1..=DELIVERIES {
            let Ok(running) = self.executions.acquire().await else { return };
            let request_id = request_id.clone();
            let invocation = Invocation { request_id, ..clock::invocation_until(now() + self.timeout) };
            let handled = tokio::time::timeout(self.timeout, (self.handle)(event.clone(), invocation)).await;
            let error = match handled {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    warn!(function, delivery, kind = ?error.kind(), error = %Chain(&error), "function failed");
                    Chain(&error).to_string()
                }
                Err(_) => {
                    warn!(function, delivery, "function timed out");
                    format!("timed out after {} s", self.timeout.as_secs_f64())
                }
            };
            if delivery == DELIVERIES {
                let error = format!("{function}: {error}");
                return self.listeners.tell(&DropEnding::GivenUp { event, error });
            }
            drop(running);
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;

    /// A function with this handler, and the endings that it reports.
    pub(crate) fn function(handle: Arc<Handle>) -> (Function, mpsc::UnboundedReceiver<DropEnding>) {
        let listeners = Listeners::default();
        let endings = listeners.add();
        let (timeout, executions) = (Duration::from_millis(20), Arc::new(Semaphore::new(2)));
        (Function { name: "complete", handle, timeout, executions, listeners }, endings)
    }

    #[tokio::test]
    async fn only_so_many_invocations_run_at_once_and_none_is_lost() {
        let running = Arc::new(AtomicUsize::new(0));
        let (seen, mut most) = mpsc::unbounded_channel();
        let (mut complete, _endings) = function(Arc::new(move |_, _| {
            let (running, seen) = (running.clone(), seen.clone());
            Box::pin(async move {
                let _ = seen.send(running.fetch_add(1, Ordering::SeqCst) + 1);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        }));
        complete.timeout = MAX_FUNCTION_TIMEOUT;
        join_all((0..20).map(|number| complete.deliver(json!(number)))).await;
        drop(complete);
        let mut running = Vec::new();
        while let Some(count) = most.recv().await {
            running.push(count);
        }
        assert_eq!((running.len(), running.iter().max()), (20, Some(&2)));
    }

    #[tokio::test]
    async fn function_that_takes_too_long_is_killed_and_its_event_given_up() {
        let (seen, mut events) = mpsc::unbounded_channel();
        let (complete, mut endings) = function(Arc::new(move |event, _| {
            let _ = seen.send(event);
            Box::pin(std::future::pending())
        }));
        complete.deliver(json!(1)).await;
        let error = "complete: timed out after 0.02 s".to_owned();
        assert_eq!(endings.recv().await, Some(DropEnding::GivenUp { event: json!(1), error }));
        drop(complete);
        let mut delivered = Vec::new();
        while let Some(event) = events.recv().await {
            delivered.push(event);
        }
        assert_eq!(delivered, [1, 1, 1]);
    }
}
