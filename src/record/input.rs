//! What a line of a drop must be, and a reader for line after line of a drop. Pure.
//!
//! Input is judged strictly, because a job with one bad line fails as a whole, minutes or hours later.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html>

use std::borrow::Cow;

use crate::record::judge_input::judge_input;
use crate::record::parsed::InputRecord;
use crate::record::problem::{MAX_DEPTH, RecordError};
use crate::record::scalars::Scalars;
use crate::record::scan::{Scanner, inside_quotes};
use crate::record::template::Template;

/// Judges one line of a drop, given without its `\n`. A `\r` at its end is white space, as in all JSON.
///
/// RFC 8259 leaves some choices, and Bedrock or a model might stumble over others:
///
/// | in the line | verdict |
/// |---|---|
/// | byte order mark | refused |
/// | a member twice, or any member but `recordId` and `modelInput` | refused |
/// | a member twice within `modelInput` | accepted: that is up to the model |
/// | half of a surrogate pair, such as `\ud83d` | refused: it is not a character |
/// | more than [`MAX_DEPTH`] levels | refused |
/// | a number of any size and precision, such as `1e400` | accepted: it is passed on as it is |
/// | `\u0000`, U+2028, and other odd characters in a string | accepted |
///
/// # Errors
/// The first thing that is wrong with the line.
pub fn parse_input_record(line: &[u8]) -> Result<InputRecord<'_>, RecordError> {
    InputReader::default().read(line)
}

/// Judges line after line of a drop, with the three readers that the [module](crate::record) describes.
#[derive(Debug, Default)]
pub struct InputReader {
    /// Whether a line may need a [repair](crate::record::repairing).
    is_repairing: bool,
    /// The last proven line that had an id.
    template: Template,
    /// Where in that line its object starts.
    object_start: usize,
    /// Where in a line its values are. Kept only to reuse its memory.
    scalars: Scalars,
}

impl InputReader {
    /// Returns a reader that also accepts a record whose id is an integer, or that has other members, and says how it must
    /// be changed.
    #[must_use]
    pub fn repairing() -> Self {
        Self { is_repairing: true, ..Self::default() }
    }

    /// Judges a line of a drop, as [`parse_input_record`] does.
    ///
    /// # Errors
    /// The first thing that is wrong with the line.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Result<InputRecord<'a>, RecordError> {
        let text = simdutf8::basic::from_utf8(line).ok();
        match text.and_then(|text| self.prove(text, 0)) {
            Some(proven) if proven.end == line.len() => Ok(proven.into()),
            _ => judge_input(line, self.is_repairing),
        }
    }

    /// Returns the record of the line that starts at `at`, in a text of whole lines. `None` means that the line is not
    /// proven: it may be good or bad.
    #[inline]
    pub(crate) fn prove<'a>(&mut self, text: &'a str, at: usize) -> Option<Proven<'a>> {
        match self.template.match_line(Scanner::new(text), at) {
            Some(matching) => {
                let record_id = Some(text.get(matching.record_id)?);
                Some(Proven { record_id, object_start: self.object_start, end: matching.end })
            }
            None => self.prove_by_scan(text, at),
        }
    }

    /// Proves a line that the template does not match, and makes it the new template.
    fn prove_by_scan<'a>(&mut self, text: &'a str, at: usize) -> Option<Proven<'a>> {
        let text = text.get(at..)?;
        let scanner = Scanner::new(text);
        let object_start = scanner.skip_space(0);
        let mut record_id = None;
        let mut has_input = false;
        self.scalars.clear();
        let end = scanner.object(object_start, |key, value| match text.get(key)? {
            r#""recordId""# if record_id.is_none() => {
                let end = scanner.plain_string(value)?;
                self.scalars.push(value..end);
                record_id = Some(value..end);
                Some(end)
            }
            r#""modelInput""# if !has_input && scanner.byte(value) == b'{' => {
                has_input = true;
                scanner.value(value, MAX_DEPTH - 1, &mut self.scalars)
            }
            _ => None,
        })?;
        let end = scanner.skip_space(end);
        if !has_input || !scanner.is_line_end(end) {
            return None;
        }
        let record_id = match record_id {
            None => None,
            Some(record_id) => {
                let id = inside_quotes(&record_id)?;
                self.template.learn(text.as_bytes().get(..end)?, &self.scalars, &record_id);
                self.object_start = object_start;
                Some(text.get(id)?)
            }
        };
        Some(Proven { record_id, object_start, end: at + end })
    }
}

/// A line that a fast reader has proven to be a record as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proven<'a> {
    /// Its id, which has no escapes; `None` if it does not have one.
    pub(crate) record_id: Option<&'a str>,
    /// Where in the line the object starts.
    pub(crate) object_start: usize,
    /// Where in the text the line ends.
    pub(crate) end: usize,
}

impl<'a> From<Proven<'a>> for InputRecord<'a> {
    fn from(proven: Proven<'a>) -> Self {
        let Proven { record_id, object_start, .. } = proven;
        Self { record_id: record_id.map(Cow::Borrowed), object_start, repair: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::output::OutputReader;
    use crate::record::problem::RecordProblem;

    fn input(line: &str) -> Result<Option<String>, (usize, RecordProblem)> {
        parse_input_record(line.as_bytes())
            .map(|record| record.record_id.map(Cow::into_owned))
            .map_err(|error| (error.offset, error.what))
    }

    #[test]
    fn accepts_records() {
        let table = [
            (r#"{"recordId":"1","modelInput":{}}"#, Some("1")),
            (r#"{"modelInput":{"a":1}}"#, None),
            (r#"{"modelInput":{},"recordId":"1"}"#, Some("1")),
            ("\t { \"recordId\" : \"1\" , \"modelInput\" : { } } \r", Some("1")),
            (r#"{"recordId":"\u00e9\ud83d\ude00","modelInput":{}}"#, Some("é😀")),
            (
                r#"{"recordId":"1","modelInput":{"a":"\\ud800","n":1e400,"big":123456789012345678901234567890}}"#,
                Some("1"),
            ),
        ];
        for (line, id) in table {
            assert_eq!(input(line), Ok(id.map(Into::into)), "{line}");
        }
    }

    #[test]
    fn usual_lines_need_no_slow_reader() {
        let text = r#"Größe,\n\"商品\" \ud83d\ude00 \\ and more than sixty-four bytes of text with escapes \u00e9\/"#;
        for record_id in ["1", "REC00000001", "идентификатор-識別子-🔑, longer than any short string"]
        {
            let input =
                format!(r#"{{"a":"{text}","b":[1,-2.5e7,true,false,null,[],{{}},""],"c":{{"d":"é"}}}}"#);
            let line = format!(r#"{{"recordId":"{record_id}","modelInput":{input}}}"#);
            for line in [line.replace("\":", "\" : ").replace(",\"", ", \""), line] {
                let proven = InputReader::default().prove(&line, 0).unwrap();
                assert_eq!((proven.record_id, proven.end), (Some(record_id), line.len()), "{line}");
                let line = line.replace("modelInput", "modelOutput");
                assert!(OutputReader::default().prove_success(&line).is_some(), "{line}");
            }
        }
        assert!(InputReader::default().prove(r#"{"modelInput":{}}"#, 0).is_some());
    }

    #[test]
    fn finds_lone_surrogates_wherever_they_are() {
        for bad in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud800x", r"\uD83D\u0041", r"\ude00\ud83d"] {
            let line = format!(r#"{{"recordId":"1","modelInput":{{"a":"{bad}"}}}}"#);
            assert!(matches!(input(&line), Err((35, RecordProblem::LoneSurrogate))), "{line}");
        }
        assert!(matches!(
            input(r#"{"recordId":"\ud800","modelInput":{}}"#),
            Err((13, RecordProblem::LoneSurrogate))
        ));
    }

    #[test]
    fn two_lines_are_not_one() {
        let line = r#"{"recordId":"1","modelInput":{}}"#;
        assert!(input(&format!("{line}\n{line}")).is_err());
        let mut reader = InputReader::default();
        assert!(reader.read(line.as_bytes()).is_ok());
        assert!(reader.read(format!("{line}\n{line}").as_bytes()).is_err());

        let line = r#"{"recordId":"1","modelOutput":{}}"#;
        let mut reader = OutputReader::default();
        assert!(reader.read(line.as_bytes()).is_some());
        assert_eq!(reader.read(format!("{line}\n{line}").as_bytes()), None);
    }

    #[test]
    fn limits_depth_outside_strings() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
            format!(r#"{{"modelInput":{{"s":"{}","a":{open}{close}}}}}"#, "[".repeat(500))
        };
        assert_eq!(input(&nested(MAX_DEPTH)), Ok(None));
        assert!(matches!(input(&nested(MAX_DEPTH + 1)), Err((_, RecordProblem::TooDeep))));
        assert!(matches!(input(&nested(1_000_000)), Err((_, RecordProblem::TooDeep))));
    }
}
