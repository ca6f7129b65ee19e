//! The jobs so far, with indexes, so that the work for a request or a record does not grow with the jobs. Pure.

use std::collections::{BTreeSet, HashMap};

use super::job::Job;

/// All jobs, oldest first. Jobs are never deleted, as on AWS.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    all: Vec<Job>,
    /// By id, and by ARN.
    by_identifier: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
    by_token: HashMap<String, usize>,
    /// The jobs that may not have ended.
    open: BTreeSet<usize>,
}

impl Jobs {
    /// Adds a job whose id, name, and token no other job has, and returns its number, from 0.
    pub(super) fn add(&mut self, job: Job) -> usize {
        let number = self.all.len();
        self.by_identifier.insert(job.id.clone(), number);
        self.by_identifier.insert(job.arn.clone(), number);
        self.by_name.insert(job.request.job_name.clone(), number);
        if let Some(token) = &job.request.client_request_token {
            self.by_token.insert(token.clone(), number);
        }
        self.open.insert(number);
        self.all.push(job);
        number
    }

    /// All jobs, oldest first.
    pub(super) fn all(&self) -> &[Job] {
        &self.all
    }

    pub(super) fn get(&self, number: usize) -> Option<&Job> {
        self.all.get(number)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Job> {
        self.all.get_mut(number)
    }

    /// The number of the job with this id or ARN.
    pub(super) fn position(&self, identifier: &str) -> Option<usize> {
        self.by_identifier.get(identifier).copied()
    }

    pub(super) fn named(&self, name: &str) -> Option<&Job> {
        self.get(*self.by_name.get(name)?)
    }

    pub(super) fn with_token(&self, token: &str) -> Option<&Job> {
        self.get(*self.by_token.get(token)?)
    }

    /// How many jobs have not ended and match.
    pub(super) fn count_open(&mut self, matches: impl Fn(&Job) -> bool) -> usize {
        let all = &self.all;
        self.open.retain(|number| all.get(*number).is_some_and(|job| !job.status.is_terminal()));
        self.open.iter().filter(|number| all.get(**number).is_some_and(&matches)).count()
    }
}
