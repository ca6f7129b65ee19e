//! One line of the input, and the line of the output that answers it.
//!
//! Pure. `modelInput` is kept as the bytes it came in, because Bedrock echoes it and a client may compare
//! them.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html> (read 2026-11).

use std::str;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A valid line of the input.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// The JSON string as it came, including its quotes and escapes.
    record_id: Option<&'a str>,
    /// The JSON object as it came.
    pub(super) model_input: &'a str,
}

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "the members of the wire format")]
struct Line<'a> {
    #[serde(borrow, default, deserialize_with = "some")]
    recordId: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "some")]
    modelInput: Option<&'a RawValue>,
}

/// Distinguishes `null` from absent, which an `Option` alone does not.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What became of a record.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// The model's answer, and the tokens that it took.
    Answer { model_output: Value, input_tokens: u64, output_tokens: u64 },
    /// The record's own error.
    Error { code: i64, message: String },
}

impl<'a> Record<'a> {
    /// Reads a line without its newline.
    ///
    /// AWS documents that a record is a JSON object with an object `modelInput`, and that its body is not
    /// checked here. It does not document blank lines, a byte order mark, or other members. The stand-in
    /// refuses the first two, because they are not JSON objects, and ignores the third.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, String> {
        let text = str::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned())?;
        if !text.trim_start_matches([' ', '\t', '\r']).starts_with('{') {
            return Err("the line is not a JSON object".to_owned());
        }
        let line: Line<'_> =
            serde_json::from_str(text).map_err(|error| format!("the line is not JSON: {error}"))?;
        let record_id = line.recordId.map(RawValue::get);
        if record_id.is_some_and(|id| serde_json::from_str::<String>(id).is_err()) {
            return Err("recordId is not a string".to_owned());
        }
        let model_input = line.modelInput.map(RawValue::get).ok_or("modelInput is missing")?;
        if !model_input.starts_with('{') {
            return Err("modelInput is not an object".to_owned());
        }
        Ok(Self { record_id, model_input })
    }

    /// The id as JSON: the record's own, or one that is generated for the record at `position` (from 0).
    ///
    /// AWS adds a missing id, but does not document its form. The stand-in's ids have eleven letters and
    /// digits, as in AWS's samples.
    pub(super) fn id(&self, position: usize) -> String {
        self.record_id.map_or_else(|| format!("\"R{:010}\"", position + 1), str::to_owned)
    }

    /// Writes the line of the output, with its newline.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html> (read 2026-11).
    pub(super) fn output_line(&self, position: usize, outcome: &Outcome) -> Vec<u8> {
        let (name, value) = match outcome {
            Outcome::Answer { model_output, .. } => ("modelOutput", model_output.clone()),
            Outcome::Error { code, message } => {
                ("error", serde_json::json!({"errorCode": code, "errorMessage": message}))
            }
        };
        let id = self.id(position);
        format!("{{\"recordId\":{id},\"modelInput\":{},\"{name}\":{value}}}\n", self.model_input).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn accepts_what_the_guide_allows() {
        for line in [
            r#"{"recordId":"A","modelInput":{}}"#,
            r#"{"modelInput":{"a":1}}"#,
            " {\"modelInput\" : {} } \r",
            r#"{"modelInput":{},"more":1}"#,
            r#"{"recordId":"","modelInput":{"deep":"\ud800"}}"#,
        ] {
            assert!(Record::parse(line.as_bytes()).is_ok(), "{line}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_record() {
        let table: [(&[u8], &str); 11] = [
            (b"", "the line is not a JSON object"),
            (b"  \r", "the line is not a JSON object"),
            (b"[\"A\",{}]", "the line is not a JSON object"),
            (b"\xef\xbb\xbf{\"modelInput\":{}}", "the line is not a JSON object"),
            (b"{\"modelInput\":{\"a\":\"\xff\"}}", "the line is not UTF-8"),
            (b"{\"recordId\":1,\"modelInput\":{}}", "recordId is not a string"),
            (b"{\"recordId\":null,\"modelInput\":{}}", "recordId is not a string"),
            (b"{\"recordId\":\"A\"}", "modelInput is missing"),
            (b"{\"modelInput\":null}", "modelInput is not an object"),
            (b"{\"modelInput\":\"{}\"}", "modelInput is not an object"),
            (b"{\"modelInput\":[]}", "modelInput is not an object"),
        ];
        for (line, expected) in table {
            assert_eq!(Record::parse(line).unwrap_err(), expected, "{}", String::from_utf8_lossy(line));
        }
        for line in [r#"{"modelInput":{}"#, r#"{"modelInput":{}}{}"#, r#"{"modelInput":{},"modelInput":{}}"#]
        {
            assert!(
                Record::parse(line.as_bytes()).unwrap_err().starts_with("the line is not JSON"),
                "{line}"
            );
        }
    }

    #[test]
    fn echoes_the_input_byte_for_byte() {
        let line = r#"{ "modelInput" : {"n":1.50e+2 , "s":"\u00e9é"} , "recordId":"a\/b"}"#;
        let record = Record::parse(line.as_bytes()).unwrap();
        let answer = Outcome::Answer { model_output: json!({"x": 1}), input_tokens: 1, output_tokens: 1 };
        assert_eq!(
            String::from_utf8(record.output_line(0, &answer)).unwrap(),
            "{\"recordId\":\"a\\/b\",\"modelInput\":{\"n\":1.50e+2 , \"s\":\"\\u00e9é\"},\"modelOutput\":{\"x\":1}}\n"
        );
        let nameless = Record::parse(br#"{"modelInput":{}}"#).unwrap();
        let error = Outcome::Error { code: 400, message: "bad \"request\"".to_owned() };
        assert_eq!(
            String::from_utf8(nameless.output_line(6, &error)).unwrap(),
            "{\"recordId\":\"R0000000007\",\"modelInput\":{},\"error\":{\"errorCode\":400,\"errorMessage\":\"bad \\\"request\\\"\"}}\n"
        );
    }
}
