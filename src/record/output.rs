//! How a line of Bedrock's output is read, and a reader for line after line of it. Pure.
//!
//! Output is read tolerantly, because it has been paid for.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html>

use std::ops::Range;

use crate::record::interpret_output::{interpret_lossy, interpret_output};
use crate::record::parsed::{Answer, OutputRecord};
use crate::record::problem::MAX_DEPTH;
use crate::record::scalars::Scalars;
use crate::record::scan::{Scanner, inside_quotes};
use crate::record::stop_reason::{Level, Usability};
use crate::record::template::Template;

/// Reads one line of Bedrock's output. Any JSON object with an id and an output or an error is an answer: it
/// was paid for, and a record without an answer may be submitted, and paid for, once more. Returns `None` for
/// any other line, such as the truncated last line of a job that was stopped.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
///
/// AWS documents a string `recordId` and either `modelOutput` or an `error` with a numeric `errorCode` and an
/// `errorMessage`; a boolean `expired` in the error has been seen. Anything else is read like this:
///
/// | in the line | reading |
/// |---|---|
/// | any member that is `null` | as if it were not there |
/// | other members | ignored |
/// | `recordId` that is an integer | the id is its digits |
/// | `recordId` that is empty | an id, though no input has it |
/// | `recordId` of another type, or twice with two values | no id, so no answer |
/// | `modelOutput` of any type, or twice | an output |
/// | `error` that is not an object, has no code, or has a code that is neither a number nor digits | final: [`Answer::Failed`] |
/// | `error`, or a member of it, twice | final unless each of them says that the error is temporary |
/// | an error and an output | final: there is an answer, whatever is wrong with it |
/// | a byte order mark before the object | ignored |
/// | bytes that are not UTF-8, half of a surrogate pair, any depth, any number | accepted, but not in the id |
///
/// Why the model stopped is read as the table in [`stop_reason`](crate::record::stop_reason) says.
#[must_use]
pub fn parse_output_record(line: &[u8]) -> Option<OutputRecord<'_>> {
    OutputReader::default().read(line)
}

/// Reads line after line of Bedrock's output, with the three readers that the [module](crate::record)
/// describes.
#[derive(Debug, Default)]
pub struct OutputReader {
    /// The last proven line.
    template: Template,
    /// Where in a line its values are. Kept only to reuse its memory.
    scalars: Scalars,
}

impl OutputReader {
    /// Reads a line of Bedrock's output, as [`parse_output_record`] does.
    #[must_use]
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Option<OutputRecord<'a>> {
        let Ok(text) = simdutf8::basic::from_utf8(line) else { return interpret_lossy(line) };
        let proven = match self.template.match_line(Scanner::new(text), 0) {
            Some(matching) if matching.end == text.len() => Some((matching.record_id, matching.usability)),
            _ => self.prove_success(text),
        };
        match proven {
            Some((id, usability)) => {
                let record_id = text.get(id)?.into();
                Some(OutputRecord { record_id, answer: Answer::Succeeded, usability, error: None })
            }
            None => interpret_output(text),
        }
    }

    /// Proves that a line is the usual one with a model's output, makes it the new template, and returns
    /// where its id is and whether the output can be used. `None` means that the line is not proven: it may
    /// say anything.
    pub(super) fn prove_success(&mut self, text: &str) -> Option<(Range<usize>, Usability)> {
        let scanner = Scanner::new(text);
        let mut record_id = None;
        let mut has_output = false;
        let mut has_error = false;
        let mut usability = Usability::Usable;
        self.scalars.clear();
        let end = scanner.object(scanner.skip_space(0), |key, value| {
            let key = text.get(key)?;
            let first = scanner.byte(value);
            let end = match first {
                b'{' if key == r#""modelOutput""# => {
                    let (depth, scalars) = (MAX_DEPTH - 1, &mut self.scalars);
                    scanner.model_output(value, depth, Level::Output, scalars, &mut usability)?
                }
                b'{' | b'[' => scanner.value(value, MAX_DEPTH, &mut self.scalars)?,
                // Not one of the values that may differ in the next line: whether a member is null, and so
                // counts as missing, makes a difference.
                _ => scanner.scalar(value)?,
            };
            match key {
                r#""recordId""# if record_id.is_none() && scanner.plain_string(value).is_some() => {
                    self.scalars.push(value..end);
                    record_id = Some(value..end);
                }
                r#""modelOutput""# if !has_output && first != b'n' => has_output = true,
                r#""error""# if !has_error && first == b'n' => has_error = true,
                r#""recordId""# | r#""modelOutput""# | r#""error""# => return None,
                key if key.contains('\\') => return None,
                _ => {}
            }
            Some(end)
        })?;
        let record_id = record_id.filter(|_| has_output && scanner.skip_space(end) == text.len())?;
        self.template.learn(text.as_bytes(), &self.scalars, &record_id);
        Some((inside_quotes(&record_id)?, usability))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outputs are those of the pages that [`crate::record::stop_reason`] names.
    #[test]
    fn each_family_says_whether_its_answer_can_be_used() {
        use Usability::{Refused, Truncated, Usable};
        let table = [
            (r#"{"type":"message","content":[],"stop_reason":"end_turn","stop_sequence":null}"#, Usable),
            (r#"{"type":"message","content":[],"stop_reason":"max_tokens","stop_sequence":null}"#, Truncated),
            (r#"{"content":[],"stop_reason":"model_context_window_exceeded"}"#, Truncated),
            (r#"{"type":"message","content":[],"stop_reason":"refusal","stop_sequence":null}"#, Refused),
            (r#"{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"tool_use"}"#, Usable),
            (r#"{"output":{"message":{}},"stopReason":"malformed_model_output"}"#, Usable),
            (r#"{"output":{"message":{}},"stopReason":"max_tokens","usage":{}}"#, Truncated),
            (r#"{"output":{"message":{}},"stopReason":"guardrail_intervened"}"#, Refused),
            (r#"{"output":{"message":{}},"stopReason":"content_filtered"}"#, Refused),
            (r#"{"generation":"a","generation_token_count":9,"stop_reason":"stop"}"#, Usable),
            (r#"{"generation":"a","generation_token_count":9,"stop_reason":"length"}"#, Truncated),
            (r#"{"outputs":[{"text":"a","stop_reason":"length"}]}"#, Truncated),
            (r#"{"choices":[{"index":0,"message":{"content":"a"},"stop_reason":"length"}]}"#, Truncated),
            (r#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"tool_calls"}]}"#, Usable),
            (r#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"length"}]}"#, Truncated),
            (r#"{"choices":[{"message":{"refusal":null},"finish_reason":"content_filter"}]}"#, Refused),
            (r#"{"choices":[{"message":{"refusal":"I can't"},"finish_reason":"stop"}]}"#, Refused),
            (r#"{"choices":[{"message":{"refusal":""},"finish_reason":"stop"}]}"#, Usable),
            (r#"{"choices":[{"stop_reason":"stop"},{"stop_reason":"length"}]}"#, Truncated),
            (r#"{"results":[{"tokenCount":3,"outputText":"b","completionReason":"FINISH"}]}"#, Usable),
            (r#"{"results":[{"tokenCount":3,"outputText":"b","completionReason":"LENGTH"}]}"#, Truncated),
            (r#"{"results":[{"outputText":"","completionReason":"CONTENT_FILTERED"}]}"#, Refused),
            (r#"{"text":"a","finish_reason":"MAX_TOKENS"}"#, Truncated),
            (r#"{"text":"","finish_reason":"ERROR_TOXIC"}"#, Refused),
            (r#"{"generations":[{"text":"a","finish_reason":"MAX_TOKENS"}]}"#, Truncated),
            (r#"{"embedding":[0.5],"inputTextTokenCount":2}"#, Usable),
            (r#"{"content":[{"stop_reason":"max_tokens"}],"usage":{"stop_reason":"refusal"}}"#, Usable),
            (r#""max_tokens""#, Usable),
        ];
        for (output, expected) in table {
            let line = |output| format!(r#"{{"modelInput":{{}},"modelOutput":{output},"recordId":"a"}}"#);
            let line = line(output);
            let mut reader = OutputReader::default();
            let proven = reader.prove_success(&line).map(|(_, usability)| usability);
            let [again, by_reading] = [reader.read(line.as_bytes()), interpret_output(&line)];
            assert_eq!(proven, Some(expected), "{line}");
            assert_eq!(again, by_reading, "{line}");
            assert_eq!(by_reading.map(|record| record.usability), Some(expected), "{line}");
        }
        let both = r#"{"recordId":"a","modelOutput":{"stop_reason":"length"},"error":{"errorCode":400}}"#;
        let record = parse_output_record(both.as_bytes()).unwrap();
        assert_eq!((record.answer, record.usability), (Answer::Failed, Usable));
    }

    #[test]
    fn errors_are_read_whatever_their_shape() {
        let table = [
            (r#"{"errorCode":400,"errorMessage":"at 17"}"#, Some("400"), "at #"),
            (
                r#"{"errorMessage":["a",1],"errorCode":"ThrottlingException"}"#,
                Some("ThrottlingException"),
                r#"["a",#]"#,
            ),
            (r#"{"errorCode":null,"errorMessage":null}"#, None, ""),
            (r#""text""#, None, "text"),
            (r#"[503]"#, None, "[#]"),
        ];
        for (error, code, message) in table {
            let line = format!(r#"{{"recordId":"a","error":{error}}}"#);
            let read = parse_output_record(line.as_bytes()).and_then(|record| record.error).unwrap();
            assert_eq!((read.code.as_deref(), read.message.as_str()), (code, message), "{error}");
        }
    }

    #[test]
    fn reads_output_records_tolerantly() {
        use Answer::{Failed, Retryable, Succeeded};
        let answer = |line: &str| {
            parse_output_record(line.as_bytes()).map(|record| (record.record_id.into_owned(), record.answer))
        };
        let table = [
            (r#"{"recordId":"a","modelInput":{},"modelOutput":{"x":1},"new":2}"#, Some(Succeeded)),
            (r#"{"recordId":"a","modelOutput":{"x":1},"error":null}"#, Some(Succeeded)),
            (
                r#"{"recordId":"a","modelOutput":null,"error":{"errorCode":400,"errorMessage":"m"}}"#,
                Some(Failed),
            ),
            (r#"{"recordId":"a","error":{"errorCode":"424"}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":"ThrottlingException"}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":429}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":"500"}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":599}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":600}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":400,"expired":true}}"#, Some(Retryable)),
            (
                r#"{"recordId":"a","error":{"errorCode":500,"errorMessage":null,"expired":null}}"#,
                Some(Retryable),
            ),
            (
                r#"{"recordId":"a","error":{"errorCode":null,"expired":null},"modelOutput":null}"#,
                Some(Failed),
            ),
            (r#"{"recordId":"a","error":"text"}"#, Some(Failed)),
            (r#"{"recordId":"a","error":503}"#, Some(Failed)),
            (r#"{"recordId":"a","error":[{"errorCode":503}]}"#, Some(Failed)),
            (r#"{"recordId":"a","error":false}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":[503]}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":1e400,"expired":"true"}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":503,"errorCode":503}}"#, Some(Retryable)),
            (r#"{"recordId":"a","error":{"errorCode":400,"errorCode":503}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":503},"error":{"errorCode":400}}"#, Some(Failed)),
            (r#"{"recordId":"a","error":{"errorCode":503},"modelOutput":{}}"#, Some(Failed)),
            (r#"{"recordId":"a","modelOutput":{},"modelOutput":null}"#, Some(Succeeded)),
            (r#"{"recordId":"a","recordId":"a","modelOutput":""}"#, Some(Succeeded)),
            (r#"{"recordId":null,"recordId":"a","modelOutput":false}"#, Some(Succeeded)),
            (
                r#"{"recordId":"a","modelInput":{"a":"\ud83d"},"error":{"errorMessage":"\ude00"},"\ud83d":1}"#,
                Some(Failed),
            ),
            ("\u{feff}{\"recordId\":\"a\",\"modelOutput\":{}}\r", Some(Succeeded)),
            (r#"{"recordId":"a","recordId":"b","modelOutput":{}}"#, None),
            (r#"{"recordId":"a","recordId":true,"modelOutput":{}}"#, None),
            (r#"{"recordId":["a"],"modelOutput":{}}"#, None),
            (r#"{"recordId":1.0,"modelOutput":{}}"#, None),
            (r#"{"recordId":null,"modelOutput":{}}"#, None),
            (r#"{"recordId":"a","error":null,"modelOutput":null}"#, None),
            (r#"["a",{},{"errorCode":429}]"#, None),
            (r#"{"recordId":"a","modelInput":{}}"#, None),
            (r#"{"modelOutput":{}}"#, None),
            (r#"{"recordId":"a","modelOut"#, None),
            ("", None),
        ];
        for (line, expected) in table {
            assert_eq!(answer(line), expected.map(|expected| ("a".to_owned(), expected)), "{line}");
        }
        let id = |line: &[u8]| parse_output_record(line).map(|record| record.record_id.into_owned());
        assert_eq!(id(br#"{"recordId":17,"modelOutput":{}}"#).as_deref(), Some("17"));
        assert_eq!(id(b"{\"recordId\":\"a\",\"modelOutput\":\"\xff\xed\xa0\xbd\"}").as_deref(), Some("a"));
        assert_eq!(id(b"{\"recordId\":\"\xff\",\"modelOutput\":{}}"), None);
        let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
        let deep = format!(r#"{{"recordId":"a","modelInput":{open}{close},"error":{open}{close}}}"#);
        assert_eq!(answer(&deep), Some(("a".to_owned(), Failed)));
    }
}
