//! The requests so far.

use std::collections::VecDeque;

use hyper::http::{Method, Uri};
use serde_json::Value;

use super::fault::Operation;

/// A request that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRequest {
    /// The operation; `None` if the path does not name one.
    pub operation: Option<Operation>,
    /// The HTTP method.
    pub method: String,
    /// The path and the query, not decoded.
    pub path: String,
    /// The body: null if it was empty, and a string if it was not JSON.
    pub body: Value,
    /// The status of the answer; `None` if there was no answer.
    pub status: Option<u16>,
}

/// The newest requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    requests: VecDeque<RecordedRequest>,
    /// How many requests there were before the first of `requests`.
    forgotten: usize,
    /// How many requests are kept; `None` for all.
    most: Option<usize>,
}

impl RequestLog {
    /// Keeps only this many of the newest requests from now on.
    pub(super) fn limit(&mut self, most: usize) {
        self.most = Some(most);
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.requests.iter().cloned().collect()
    }

    /// Records a request, and returns its number for [`Self::set_status`].
    pub(super) fn record(
        &mut self,
        operation: Option<Operation>,
        method: &Method,
        uri: &Uri,
        body: &[u8],
    ) -> usize {
        let text = || Value::String(String::from_utf8_lossy(body).into_owned());
        let body = match body {
            [] => Value::Null,
            _ => serde_json::from_slice(body).unwrap_or_else(|_| text()),
        };
        self.requests.push_back(RecordedRequest {
            operation,
            method: method.to_string(),
            path: uri.to_string(),
            body,
            status: None,
        });
        while self.most.is_some_and(|most| self.requests.len() > most) {
            self.requests.pop_front();
            self.forgotten += 1;
        }
        (self.forgotten + self.requests.len()).saturating_sub(1)
    }

    pub(super) fn set_status(&mut self, number: usize, status: u16) {
        let index = number.checked_sub(self.forgotten);
        if let Some(request) = index.and_then(|index| self.requests.get_mut(index)) {
            request.status = Some(status);
        }
    }
}
