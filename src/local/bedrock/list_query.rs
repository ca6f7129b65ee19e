//! What `ListModelInvocationJobs` is asked for.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use axum::extract::Query;
use hyper::http::Uri;
use serde_json::Value;

use super::error::ApiError;
use super::patterns;
use super::violation::{summary, violation};

/// What `ListModelInvocationJobs` is asked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ListQuery {
    pub(super) submit_time_after: Option<DateTime>,
    pub(super) submit_time_before: Option<DateTime>,
    pub(super) status_equals: Option<String>,
    pub(super) name_contains: Option<String>,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
    pub(super) ascending: bool,
}

impl ListQuery {
    pub(super) fn parse(uri: &Uri) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| ApiError::validation(error.to_string()))?;
        let mut query = Self::default();
        let mut violations = Vec::new();
        for (name, value) in pairs {
            let problems = query.set(&name, &value);
            let value = Value::String(value);
            violations.extend(problems.iter().map(|problem| violation(&value, &name, problem)));
        }
        if violations.is_empty() { Ok(query) } else { Err(ApiError::validation(summary(&violations))) }
    }

    /// Sets one parameter, and returns what is wrong with it.
    fn set(&mut self, name: &str, value: &str) -> Vec<String> {
        let text = Some(value.to_owned());
        match name {
            "submitTimeAfter" | "submitTimeBefore" => {
                let Ok(time) = DateTime::from_str(value, Format::DateTimeWithOffset) else {
                    return vec!["Member must be an ISO 8601 timestamp".to_owned()];
                };
                let slot = if name == "submitTimeAfter" {
                    &mut self.submit_time_after
                } else {
                    &mut self.submit_time_before
                };
                *slot = Some(time);
                Vec::new()
            }
            "statusEquals" => {
                self.status_equals = text;
                patterns::JOB_STATUS.problem(value).into_iter().collect()
            }
            "nameContains" => {
                self.name_contains = text;
                patterns::JOB_NAME.problems(value)
            }
            "maxResults" => {
                let range = patterns::MAX_RESULTS.min..=patterns::MAX_RESULTS.max;
                self.max_results = value.parse().ok().filter(|number| range.contains(number));
                let problem = || format!("Member must have value from {} to {}", range.start(), range.end());
                self.max_results.is_none().then(problem).into_iter().collect()
            }
            "nextToken" => {
                self.next_token = text;
                patterns::PAGINATION_TOKEN.problems(value)
            }
            "sortBy" => patterns::SORT_BY.problem(value).into_iter().collect(),
            "sortOrder" => {
                self.ascending = value == "Ascending";
                patterns::SORT_ORDER.problem(value).into_iter().collect()
            }
            // This is stricter than AWS, which ignores unknown parameters.
            _ => vec!["Member must be one that the service model knows".to_owned()],
        }
    }
}
