//! Hints: which jobs wait, by model and by route, so that a free slot finds the next of them with one list, however many wait.
//!
//! A job gets its hint when it is left to wait: Bedrock refuses it, its drop has more jobs than Bedrock accepts for now,
//! or it is a next attempt. A job that Bedrock accepts at once never has one. The hint stays while Bedrock is asked, and
//! is deleted when Bedrock has the job.
//!
//! A hint decides nothing. An invocation that asks for a job reads the job's entry. The sweep goes by the markers, but
//! does not read the entry of every job that has a hint:
//!
//! - A hint is lost if the function dies before it is written. The job waits for the sweep, which asks for it, or writes
//!   its hint again.
//! - A hint is stale if the function dies before it is deleted, or if an invocation that was overtaken writes it late.
//!   An invocation that finds it sees in the entry that the job does not wait,
//!   and deletes it. The sweep deletes a stale hint when it reads the entry, which takes hours if many jobs wait.

use serde_json::json;
use tracing::warn;

use crate::aws::error::Chain;
use crate::drop::hints;
use crate::drop::identity::{JobId, RouteId};
use crate::drop::keys;
use crate::flow::context::Context;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;

/// What an invocation that asks for a job knows about the job's hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// There is none, because this invocation has just recorded the job.
    None,
    /// It has this key.
    Key(String),
    /// There may be one.
    Unknown,
}

/// Returns the model that a job was asked for, or is to be asked for unless its settings change.
pub(super) fn model_id<'a>(context: &'a Context, job: &'a JobEntry) -> &'a str {
    match &job.state {
        JobState::Submitting { request, .. } => &request.model_id,
        JobState::Submitted(known)
        | JobState::Stopping(known)
        | JobState::Doubtful(known, _)
        | JobState::Ended(known, _)
        | JobState::Settled(known, _) => &known.request.model_id,
        JobState::Waiting | JobState::SourceDeleted => {
            job.settings_in_use().map_or(&context.config.model_id, |settings| &settings.model_id)
        }
    }
}

/// Returns the route whose turn a job waits for; `None` if it has none.
pub(super) fn route(job: &JobEntry) -> Option<RouteId> {
    job.route().map(RouteId::derive)
}

/// Returns the key of the hint that a job has if it waits.
pub(super) fn key(context: &Context, job: &JobEntry) -> String {
    let (model_id, route) = (model_id(context, job), route(job));
    hints::key(model_id, route.as_ref(), job.source.last_modified, &job.job_id, job.is_refused())
}

/// Writes the hint of a job that is left to wait.
pub(super) async fn put(context: &Context, job: &JobEntry) {
    let body = json!({ "job_id": job.job_id, "model_id": model_id(context, job) });
    let key = key(context, job);
    if let Err(failure) = context.store.put_json(&key, &body).await {
        warn!(key, error = %Chain(&failure), "hint not written; the sweep finds the job by its marker");
    }
}

/// Writes the hint of a job that Bedrock is not asked for now, if the job waits. Returns the job's entry.
pub(super) async fn put_if_waiting(context: &Context, job_id: &JobId) -> Option<JobEntry> {
    match context.store.get_entry::<JobEntry>(&keys::job_entry(job_id)).await {
        Ok(job) => {
            let job = job?.entry;
            if job.state == JobState::Waiting {
                put(context, &job).await;
            }
            Some(job)
        }
        Err(failure) => {
            warn!(job.id = %job_id, error = %Chain(&failure), "job not read; the sweep finds it by its marker");
            None
        }
    }
}

/// Deletes a hint.
pub(super) async fn delete(context: &Context, key: &str) {
    if let Err(failure) = context.store.delete(key).await {
        warn!(key, error = %Chain(&failure), "hint not deleted; the sweep deletes it");
    }
}

/// Writes and deletes what Bedrock's answer calls for: `before` is the entry when Bedrock was asked, and `after` is the
/// entry now.
pub(super) async fn update(context: &Context, known: &Known, before: &JobEntry, after: &JobEntry) {
    let old = match known {
        Known::None => None,
        Known::Key(key) => Some(key.clone()),
        Known::Unknown => Some(key(context, before)),
    };
    let waits = after.state == JobState::Waiting;
    let is_same = waits && old.as_ref() == Some(&key(context, after));
    if waits && !(is_same && matches!(known, Known::Key(_))) {
        put(context, after).await;
    }
    if let Some(old) = old
        && !is_same
    {
        delete(context, &old).await;
    }
}
