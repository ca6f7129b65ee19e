//! The four operations of the API.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::error::ApiError;
use super::job::{Counts, Job, JobStatus};
use super::list_query::ListQuery;
use super::model;
use super::options::{NameInUse, StandInOptions};
use super::request::CreateRequest;
use super::run::Run;
use super::state::Shared;
use super::time;
use crate::local::lock::lock;

/// The number of jobs on a page of List if the request does not name one.
///
/// AWS does not document the number. This one is small, so that a client that does not ask for the next page
/// is caught.
pub const DEFAULT_PAGE_JOBS: usize = 10;

/// `CreateModelInvocationJob`. Returns the ARN of the new job, or of the job that was made with the same
/// token before.
pub(super) fn create(shared: &Arc<Shared>, body: Value) -> Result<String, ApiError> {
    let options = &shared.options;
    let request = CreateRequest::parse(body).map_err(ApiError::validation)?;
    let model = model::resolve(&request.model_id, &options.region, &options.account_id)
        .map_err(ApiError::validation)?;
    let mut state = shared.state();
    state.known.check(&request, &options.account_id)?;
    if let Some(job_arn) = state.repeated(&request)? {
        return Ok(job_arn);
    }
    if state.jobs.named(&request.job_name).is_some() {
        let message = "The provided job name is currently in use.";
        return Err(match options.name_in_use {
            NameInUse::Conflict => ApiError::conflict(message),
            NameInUse::Validation => ApiError::validation(message),
        });
    }
    let most = state.max_jobs_in_flight.unwrap_or(options.quotas.max_jobs_in_flight);
    if state.jobs.count_open(|job| job.model.base_id == model.base_id) >= most {
        let message = format!("At most {most} batch inference jobs of this model may be in progress.");
        return Err(ApiError::quota(message));
    }
    let job_id = state.new_job_id();
    let StandInOptions { region, account_id, .. } = options;
    let partition = model::partition(region);
    let arn = format!("arn:{partition}:bedrock:{region}:{account_id}:model-invocation-job/{job_id}");
    let (stop, stopped) = watch::channel(false);
    let now = time::now();
    let ending = state.endings.pop_front();
    let newest = state.jobs.add(Job {
        id: job_id.clone(),
        arn: arn.clone(),
        account_id: account_id.clone(),
        region: region.clone(),
        request: request.clone(),
        model: model.clone(),
        status: JobStatus::Submitted,
        message: None,
        counts: Counts::default(),
        submit_time: now,
        last_modified_time: now,
        stop,
    });
    state.announce(newest);
    drop(state);
    let run = Run { shared: Arc::clone(shared), job_id, request, model, ending, stop: stopped };
    let mut tasks = lock(&shared.tasks);
    while tasks.try_join_next().is_some() {}
    tasks.spawn(run.run());
    Ok(arn)
}

/// `GetModelInvocationJob`.
pub(super) fn get(shared: &Shared, job_identifier: &str) -> Result<Value, ApiError> {
    let state = shared.state();
    let position = state.position(job_identifier)?;
    Ok(state.jobs.get(position).map(Job::describe).unwrap_or_default())
}

/// `ListModelInvocationJobs`. Newest first by default; AWS does not document the default.
pub(super) fn list(shared: &Shared, query: &ListQuery) -> Result<Value, ApiError> {
    let state = shared.state();
    let matches = |job: &Job| {
        query.submit_time_after.is_none_or(|after| job.submit_time > after)
            && query.submit_time_before.is_none_or(|before| job.submit_time < before)
            && query.status_equals.as_ref().is_none_or(|status| job.status.as_str() == status)
            && query.name_contains.as_ref().is_none_or(|part| job.request.job_name.contains(part))
    };
    // A token is the number of the first job on its page, so that new jobs do not shift the pages.
    let token = query.next_token.as_ref().map(|token| token.parse::<usize>());
    // AWS does not document what happens with a made-up token. The stand-in refuses it.
    let is_given = |first: Option<usize>| first.is_none_or(|first| first < state.jobs.all().len());
    let Some(first) = token.transpose().ok().filter(|first| is_given(*first)) else {
        return Err(ApiError::validation("The provided nextToken is invalid."));
    };
    let numbered = state.jobs.all().iter().enumerate();
    let mut found: Vec<_> = numbered.filter(|(_, job)| matches(job)).collect();
    if !query.ascending {
        found.reverse();
    }
    let is_before = |number: usize| {
        first.is_some_and(|first| if query.ascending { number < first } else { number > first })
    };
    let mut page = found.into_iter().skip_while(|(number, _)| is_before(*number));
    let limit = query.max_results.unwrap_or(DEFAULT_PAGE_JOBS);
    let summaries: Vec<_> = page.by_ref().take(limit).map(|(_, job)| job.describe()).collect();
    Ok(match page.next() {
        Some((next, _)) => json!({"invocationJobSummaries": summaries, "nextToken": next.to_string()}),
        None => json!({"invocationJobSummaries": summaries}),
    })
}

/// `StopModelInvocationJob`.
///
/// AWS does not document the error for a job that has ended or is being stopped. The stand-in answers with
/// the `ConflictException` that the service model lists for this operation.
pub(super) fn stop(shared: &Shared, job_identifier: &str) -> Result<Value, ApiError> {
    let mut state = shared.state();
    let position = state.position(job_identifier)?;
    let Some(job) = state.jobs.get_mut(position) else { return Ok(json!({})) };
    if !job.advance(JobStatus::Stopping, None, time::now()) {
        let status = job.status.as_str();
        return Err(ApiError::conflict(format!("The job cannot be stopped, its status is {status}.")));
    }
    job.stop.send_replace(true);
    state.announce(position);
    Ok(json!({}))
}
