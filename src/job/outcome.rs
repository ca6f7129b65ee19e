//! What became of the records of a job that is over, as the ledger records it. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::plan::Part;
use crate::job::answers::Matched;
use crate::job::ending::{EndStatus, JobEnd, Manifest, RecordCounts};
use crate::job::evidence::Evidence;
use crate::job::findings::Findings;
use crate::job::retry::{Attempt, RetryLimits};

/// Where the records of a job's input ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// In `succeeded/`.
    pub succeeded: u64,
    /// In `errors/`.
    pub failed: u64,
    /// In the next attempt.
    pub retried: u64,
    /// In `unprocessed/`.
    pub unprocessed: u64,
}

/// What became of a job's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The terminal status, as the API spells it, or one of our own.
    pub status: EndStatus,
    /// Bedrock's message, if the job failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When the job was submitted.
    pub submit_time: String,
    /// When the job ended, according to Bedrock.
    pub end_time: Option<String>,
    /// Where the records ended up.
    pub records: Counts,
    /// The next attempt, which takes the remaining records, if there is one.
    pub next: Option<Part>,
    /// The input tokens, if Bedrock wrote a manifest.
    pub input_tokens: Option<u64>,
    /// The output tokens, if Bedrock wrote a manifest.
    pub output_tokens: Option<u64>,
    /// Which figures disagree. If there are any, someone must look.
    pub mismatches: Vec<String>,
    /// Which answers are of no use, and which errors there are.
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
}

impl Outcome {
    /// Sums up a job that is over.
    #[must_use]
    pub fn new(
        end: &JobEnd,
        manifest: Option<&Manifest>,
        matched: &Matched,
        next: Option<Part>,
        evidence: Evidence,
    ) -> Self {
        let remaining = matched.remaining();
        let (retried, unprocessed) = if next.is_some() { (remaining, 0) } else { (0, remaining) };
        Self {
            status: end.status,
            message: end.message.clone(),
            model_id: end.model_id.clone(),
            submit_time: end.submit_time.clone(),
            end_time: end.end_time.clone(),
            records: Counts { succeeded: matched.succeeded, failed: matched.failed, retried, unprocessed },
            next,
            input_tokens: manifest.and_then(|manifest| manifest.input_token_count),
            output_tokens: manifest.and_then(|manifest| manifest.output_token_count),
            mismatches: evidence.mismatches,
            findings: Findings::default(),
        }
    }

    /// Returns the same outcome with what the output has besides usable answers.
    #[must_use]
    pub fn with_findings(self, findings: Findings) -> Self {
        Self { findings, ..self }
    }

    /// Sums up a job that was never created, because the job with this ARN, of another request, has its name. All of
    /// its records go to the next attempt, if there is to be one.
    #[must_use]
    pub fn name_in_use(
        attempt: Attempt<'_>,
        limits: RetryLimits,
        model_id: &str,
        foreign_arn: &str,
        now: Timestamp,
    ) -> Self {
        let matched = Matched::unanswered(attempt.part);
        let end = JobEnd {
            status: EndStatus::NameInUse,
            message: Some(format!(
                "{foreign_arn} has the name of this job, but was not made by this pipeline"
            )),
            model_id: model_id.to_owned(),
            submit_time: now.to_string(),
            end_time: Some(now.to_string()),
            counts: RecordCounts::default(),
        };
        let next = attempt.next(end.status, &matched, limits);
        Self::new(&end, None, &matched, next, Evidence::default())
    }

    /// Sums up a job that was cancelled before Bedrock had it. None of its records goes to a next attempt.
    #[must_use]
    pub fn cancelled(attempt: Attempt<'_>, model_id: &str, now: Timestamp) -> Self {
        let end = JobEnd {
            status: EndStatus::Cancelled,
            message: None,
            model_id: model_id.to_owned(),
            submit_time: now.to_string(),
            end_time: Some(now.to_string()),
            counts: RecordCounts::default(),
        };
        Self::new(&end, None, &Matched::unanswered(attempt.part), None, Evidence::default())
    }

    /// Returns the same outcome without the texts of Bedrock and of the records.
    #[must_use]
    pub fn without_texts(&self) -> Self {
        Self { message: None, mismatches: Vec::new(), findings: Findings::default(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::example::{BUSY, GOOD, answers, end, manifest, matched, part};

    #[test]
    fn outcome_says_where_the_records_went_and_what_was_found() {
        let matched = matched(&answers(&[("a", GOOD), ("b", BUSY)]));
        let next = Part { records: 3, ..part() };
        let findings = Findings { other_errors: 7, ..Findings::default() };
        let outcome = |next| {
            let manifest = manifest(1, 1);
            Outcome::new(&end(Some(1), Some(1)), Some(&manifest), &matched, next, Evidence::default())
        };
        let retried = outcome(Some(next.clone())).with_findings(findings.clone());
        assert_eq!((retried.findings, retried.next), (findings, Some(next)));
        assert_eq!((retried.input_tokens, retried.output_tokens), (Some(1), Some(2)));
        assert_eq!(retried.records, Counts { succeeded: 1, retried: 3, ..Counts::default() });
        assert_eq!(outcome(None).records, Counts { succeeded: 1, unprocessed: 3, ..Counts::default() });
    }
}
