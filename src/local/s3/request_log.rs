//! The requests so far, and the faults of the next ones.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use super::faults::Fault;
use crate::local::lock::lock;

/// One request that was accepted, whether it then succeeded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The operation's name in the S3 API, such as `PutObject`.
    pub operation: String,
    /// The bucket, if the operation has one.
    pub bucket: Option<String>,
    /// The key, decoded, if the operation has one.
    pub key: Option<String>,
}

/// Decides what goes wrong with a request.
pub(super) type Faults = Box<dyn Fn(&Request) -> Option<Fault> + Send + Sync>;

/// Every request so far, and the faults.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Log>);

#[derive(Default)]
struct Log {
    requests: VecDeque<Request>,
    /// How many requests are kept; `None` for all.
    most: Option<usize>,
    faults: Option<Faults>,
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RequestLog").field(&self.lock().requests).finish()
    }
}

impl RequestLog {
    pub(super) fn requests(&self) -> Vec<Request> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(super) fn limit(&self, most: usize) {
        self.lock().most = Some(most);
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.lock().faults = Some(faults);
    }

    pub(super) fn admit(&self, request: Request) -> Option<Fault> {
        let mut log = self.lock();
        let fault = log.faults.as_ref().and_then(|faults| faults(&request));
        log.requests.push_back(request);
        while log.most.is_some_and(|most| log.requests.len() > most) {
            log.requests.pop_front();
        }
        fault
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        lock(&self.0)
    }
}
