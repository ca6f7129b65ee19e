//! Some records with their answers, for a page that was asked to have them. Pure.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::text;

/// How much of a prompt or an answer is shown, in characters.
const MAX_CHARS: usize = 4_000;

/// A record with its answer, fit to be shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    record_id: String,
    request: String,
    answer: String,
}

/// The members of a line of a result file that are shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    record_id: String,
    #[serde(borrow)]
    model_input: Option<&'a RawValue>,
    #[serde(borrow)]
    model_output: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl Sample {
    /// Reads a line of a result file; `None` if it is not one.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        let answer = line.model_output.or(line.error);
        Some(Self {
            record_id: text::name(&line.record_id).to_string(),
            request: line.model_input.map(indented).unwrap_or_default(),
            answer: answer.map(indented).unwrap_or_default(),
        })
    }
}

/// Indents JSON, truncates it, and escapes what cannot be seen.
fn indented(json: &RawValue) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(json.get()).ok();
    let whole = value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_default();
    let mut shown: String = whole.chars().take(MAX_CHARS).collect();
    if shown.len() < whole.len() {
        shown.push('…');
    }
    text::lines(shown).to_string()
}

/// The section with the samples, if there are any.
pub(super) fn section(samples: &[Sample]) -> Markup {
    html! {
        @if !samples.is_empty() {
            h2 { "Samples" }
            @for Sample { record_id, request, answer } in samples {
                h3 { code { (record_id) } }
                p { "The request:" }
                pre tabindex="0" { (request) }
                p { "The answer:" }
                pre tabindex="0" { (answer) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_shown_indented_truncated_and_escaped() {
        let long = "x".repeat(2 * MAX_CHARS);
        let line =
            format!(r#"{{"modelInput":{{"a":"\u202e"}},"modelOutput":"{long}","recordId":"r\u001b"}}"#);
        let sample = Sample::parse(line.as_bytes()).unwrap();
        assert_eq!(
            (sample.record_id.as_str(), sample.request.as_str()),
            (r"r\u{1b}", "{\n  \"a\": \"\\u{202e}\"\n}")
        );
        assert_eq!(sample.answer.chars().count(), MAX_CHARS + 1);
        let failed = Sample::parse(br#"{"recordId":"a","error":{"errorCode":400}}"#).unwrap();
        assert_eq!((failed.request.as_str(), failed.answer.as_str()), ("", "{\n  \"errorCode\": 400\n}"));
        assert_eq!([&b"{}"[..], b"no", b"[]"].map(Sample::parse), [None, None, None]);
    }

    #[test]
    fn samples_stay_text() {
        let line = br#"{"modelInput":"</pre><script>","modelOutput":"<b>","recordId":"<i>"}"#;
        let section = section(&[Sample::parse(line).unwrap()]).into_string();
        assert!(section.contains("&lt;/pre&gt;&lt;script&gt;") && section.contains("&lt;i&gt;"), "{section}");
        assert!(!section.contains("<script") && !section.contains("<b>") && !section.contains("<i>"));
    }
}
