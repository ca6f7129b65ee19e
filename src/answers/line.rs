//! Takes a line of the results apart, and says what became of its record. Pure.

use std::borrow::Cow;

use super::strings;
use crate::base::json::Members;
use crate::drop::keys::ResultKind;
use crate::record::output::OutputReader;
use crate::record::stop_reason::Usability;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It has an answer.
    Succeeded,
    /// It has an answer that a limit of tokens cut off.
    Truncated,
    /// The model refused, or a filter or guardrail took the answer away.
    Refused,
    /// Bedrock refused it for good.
    Failed,
    /// It was never processed.
    Unprocessed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Succeeded, Self::Truncated, Self::Refused, Self::Failed, Self::Unprocessed];

    /// Returns the word for it, as in `summary.json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Truncated => "truncated",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unprocessed => "unprocessed",
        }
    }
}

/// A line of the results: the texts are JSON as it is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultLine<'a> {
    /// The whole line.
    pub json: &'a str,
    /// The id of the record.
    pub record_id: Cow<'a, str>,
    /// What became of the record.
    pub status: Status,
    /// What was asked.
    pub model_input: Option<&'a str>,
    /// What the model answered.
    pub model_output: Option<&'a str>,
    /// Why there is no answer.
    pub error: Option<&'a str>,
    /// A member that the line has twice, or another reason why its members cannot be told. The line is passed on as a
    /// whole, but nothing in it is found.
    pub fault: Option<String>,
}

/// A line is not one that the pipeline writes, so the file is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a JSON object with a recordId")]
pub struct NotAResult;

/// Reads line after line of the files of one kind.
#[derive(Debug)]
pub struct LineReader {
    kind: ResultKind,
    output: OutputReader,
}

impl LineReader {
    /// Makes a reader for files of this kind.
    #[must_use]
    pub fn new(kind: ResultKind) -> Self {
        Self { kind, output: OutputReader::default() }
    }

    /// Returns the id of a line's record and what became of it.
    ///
    /// # Errors
    /// [`NotAResult`] if the line has no id, or is not an object.
    pub fn identify<'a>(&mut self, json: &'a str) -> Result<(Cow<'a, str>, Status), NotAResult> {
        if self.kind == ResultKind::Unprocessed {
            let members = Members::parse(json).map_err(|_| NotAResult)?;
            let id = members.get("recordId").and_then(strings::text).ok_or(NotAResult)?;
            return Ok((id, Status::Unprocessed));
        }
        let record = self.output.read(json.as_bytes()).ok_or(NotAResult)?;
        let status = match (self.kind, record.usability) {
            (ResultKind::Errors, _) => Status::Failed,
            (_, Usability::Truncated) => Status::Truncated,
            (_, Usability::Refused) => Status::Refused,
            (_, Usability::Usable) => Status::Succeeded,
        };
        Ok((record.record_id, status))
    }

    /// Takes a line apart, which is given without its `\n`.
    ///
    /// # Errors
    /// [`NotAResult`] as for [`identify`](Self::identify).
    pub fn read<'a>(&mut self, json: &'a str) -> Result<ResultLine<'a>, NotAResult> {
        let (record_id, status) = self.identify(json)?;
        let mut line = ResultLine {
            json,
            record_id,
            status,
            model_input: None,
            model_output: None,
            error: None,
            fault: None,
        };
        match Members::parse(json.strip_prefix('\u{feff}').unwrap_or(json)) {
            Ok(members) => {
                line.model_input = members.get("modelInput");
                line.model_output = members.get("modelOutput");
                line.error = members.get("error");
            }
            Err(error) => line.fault = Some(error.to_string()),
        }
        Ok(line)
    }
}

impl ResultLine<'_> {
    /// Returns the line with a member in front that says what became of its record.
    #[must_use]
    pub fn with_status(&self) -> String {
        let at = self.json.find('{').map_or(0, |at| at + 1);
        let (start, rest) = self.json.split_at_checked(at).unwrap_or_default();
        let start = start.trim_start_matches('\u{feff}');
        // There is another member: the id.
        format!("{start}\"status\":\"{}\",{rest}", self.status.as_str())
    }

    /// Returns the code and the message of the error, if there is one.
    #[must_use]
    pub fn failure(&self) -> Option<Failure<'_>> {
        let error = self.error?;
        let Ok(members) = Members::parse(error) else {
            let message = strings::text(error).unwrap_or(Cow::Borrowed(error));
            return Some(Failure { code: None, message });
        };
        let value = |name| {
            let json: &str = members.get(name)?;
            Some(strings::text(json).unwrap_or(Cow::Borrowed(json)))
        };
        Some(Failure { code: value("errorCode"), message: value("errorMessage").unwrap_or_default() })
    }
}

/// Why a record has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The `errorCode`.
    pub code: Option<Cow<'a, str>>,
    /// The `errorMessage`, or the whole error if it is not an object.
    pub message: Cow<'a, str>,
}

impl Failure<'_> {
    /// Returns the code as a status of HTTP, if it is one.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.code.as_ref()?.parse().ok().filter(|code| (100..600).contains(code))
    }

    /// Returns the name that the APIs of Anthropic and others have for such an error.
    /// <https://docs.anthropic.com/en/api/errors> (read 2026-11)
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.http_status() {
            Some(401) => "authentication_error",
            Some(403) => "permission_error",
            Some(404) => "not_found_error",
            Some(413) => "request_too_large",
            Some(429) => "rate_limit_error",
            Some(529) => "overloaded_error",
            Some(500..=599) => "api_error",
            _ => "invalid_request_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ResultKind, json: &str) -> ResultLine<'_> {
        LineReader::new(kind).read(json).unwrap()
    }

    #[test]
    fn kinds_of_files_and_reasons_say_what_became_of_a_record() {
        let table = [
            (
                ResultKind::Succeeded,
                r#"{"recordId":"a","modelOutput":{"stop_reason":"end_turn"}}"#,
                Status::Succeeded,
            ),
            (
                ResultKind::Succeeded,
                r#"{"recordId":"a","modelOutput":{"stop_reason":"max_tokens"}}"#,
                Status::Truncated,
            ),
            (
                ResultKind::Succeeded,
                r#"{"recordId":"a","modelOutput":{"stop_reason":"refusal"}}"#,
                Status::Refused,
            ),
            (ResultKind::Errors, r#"{"recordId":"a","error":{"errorCode":400}}"#, Status::Failed),
            (ResultKind::Unprocessed, r#"{"recordId":"a","modelInput":{}}"#, Status::Unprocessed),
        ];
        for (kind, json, status) in table {
            let line = read(kind, json);
            assert_eq!((line.status, &*line.record_id), (status, "a"));
            let told = line.with_status();
            let value: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert_eq!(value["status"], status.as_str());
            assert!(told.ends_with(&json[1..]), "{told}");
        }
        for (kind, bad) in [
            (ResultKind::Succeeded, r#"{"recordId":"a","modelOutp"#),
            (ResultKind::Errors, "[]"),
            (ResultKind::Unprocessed, r#"{"modelInput":{}}"#),
        ] {
            assert_eq!(LineReader::new(kind).read(bad), Err(NotAResult), "{bad}");
        }
    }

    #[test]
    fn members_that_cannot_be_told_are_a_fault_and_lose_nothing() {
        let json = r#"{"recordId":"a","modelOutput":{},"modelOutput":{"a":1}}"#;
        let line = read(ResultKind::Succeeded, json);
        assert_eq!((line.json, line.model_output), (json, None));
        assert!(line.fault.unwrap().contains("duplicate member"));
    }

    #[test]
    fn errors_of_any_form_have_a_message() {
        let table = [
            (r#"{"errorCode":400,"errorMessage":"bad"}"#, Some("400"), "bad", "invalid_request_error"),
            (r#"{"errorCode":"429","errorMessage":"slow"}"#, Some("429"), "slow", "rate_limit_error"),
            (r#"{"errorCode":503}"#, Some("503"), "", "api_error"),
            (r#""plain""#, None, "plain", "invalid_request_error"),
            ("7", None, "7", "invalid_request_error"),
        ];
        for (error, code, message, kind) in table {
            let json = format!(r#"{{"recordId":"a","error":{error}}}"#);
            let line = read(ResultKind::Errors, &json);
            let failure = line.failure().unwrap();
            assert_eq!((failure.code.as_deref(), &*failure.message, failure.kind()), (code, message, kind));
        }
    }
}
