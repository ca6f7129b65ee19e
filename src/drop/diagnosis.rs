//! What a file is if it is not JSON Lines: one problem and one fix, instead of the same problem a hundred times. Pure.
//!
//! It is asked only about a file whose first line is not a record, so it never refuses a good file. It looks only at
//! that line.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::drop::kinds::{self, ProblemKind};
use crate::drop::rejection::Problem;

/// How many bytes of the first line are looked at, at most.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// How many members of the first object are looked at, at most.
const MAX_MEMBERS: usize = 32;

/// How a kind of file that is not JSON Lines is recognized.
struct Rule {
    kind: &'static ProblemKind,
    is: fn(&FirstLine<'_>) -> bool,
}

/// The rules. The first that fits counts.
///
/// Where the bytes are from: RFC 1952 (gzip), RFC 8878 (Zstandard), <https://tukaani.org/xz/xz-file-format.txt>,
/// <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT> (ZIP), <https://parquet.apache.org/docs/file-format/>,
/// <https://avro.apache.org/docs/>, <https://orc.apache.org/specification/>, ISO 32000 (PDF), and
/// <https://www.unicode.org/faq/utf_bom.html>. Where the members are from: the batch APIs of
/// <https://platform.openai.com/docs/guides/batch>, <https://docs.claude.com/en/docs/build-with-claude/batch-processing>, and
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-gemini>.
const RULES: &[Rule] = &[
    Rule { kind: &kinds::GZIP, is: |line| line.starts_with(b"\x1f\x8b") },
    Rule { kind: &kinds::ZSTD, is: |line| line.starts_with(b"\x28\xb5\x2f\xfd") },
    Rule { kind: &kinds::XZ, is: |line| line.starts_with(b"\xfd7zXZ\0") },
    Rule { kind: &kinds::BZIP2, is: |line| line.starts_with(b"BZh") },
    Rule { kind: &kinds::ZIP, is: |line| line.starts_with(b"PK\x03\x04") },
    Rule { kind: &kinds::PARQUET, is: |line| line.starts_with(b"PAR1") },
    Rule { kind: &kinds::AVRO, is: |line| line.starts_with(b"Obj\x01") },
    Rule { kind: &kinds::ORC, is: |line| line.starts_with(b"ORC") },
    Rule { kind: &kinds::PDF, is: |line| line.starts_with(b"%PDF-") },
    Rule { kind: &kinds::UTF_32, is: |line| line.is_utf_32() },
    Rule { kind: &kinds::UTF_16, is: |line| line.is_utf_16() },
    Rule {
        kind: &kinds::NUL_PADDED,
        is: |line| !line.bytes.is_empty() && line.bytes.iter().all(|byte| *byte == 0),
    },
    Rule { kind: &kinds::NOT_TEXT, is: |line| line.is_binary() },
    Rule { kind: &kinds::WEB_PAGE, is: |line| line.text.starts_with('<') },
    Rule { kind: &kinds::JSON_ARRAY, is: |line| line.text.starts_with('[') },
    Rule { kind: &kinds::PYTHON_DICT, is: |line| line.text.starts_with("{'") },
    Rule { kind: &kinds::ANTHROPIC_BATCH, is: |line| line.has(&["custom_id", "params"]) },
    Rule {
        kind: &kinds::OPENAI_BATCH,
        is: |line| line.has(&["custom_id"]) && (line.has(&["body"]) || line.has(&["url"])),
    },
    Rule { kind: &kinds::VERTEX_BATCH, is: |line| line.has(&["request"]) && !line.has(&["modelInput"]) },
    Rule { kind: &kinds::SNAKE_CASE, is: |line| line.has(&["record_id"]) || line.has(&["model_input"]) },
    Rule { kind: &kinds::INDENTED_JSON, is: |line| line.is_start_of_object() },
    Rule { kind: &kinds::TABLE, is: |line| line.is_table() },
];

/// Says what a file is whose first line is not a record, given the first [`MAX_BYTES`] of that line. `None` if that is
/// not known.
pub(super) fn diagnose(first_line: &[u8]) -> Option<Problem> {
    let line = FirstLine::new(first_line);
    let rule = RULES.iter().find(|rule| (rule.is)(&line))?;
    Some(Problem::of_kind(rule.kind))
}

/// The first line of a file, or its start.
struct FirstLine<'a> {
    bytes: &'a [u8],
    /// As text, without a byte order mark and white space at both ends; empty if it is not UTF-8.
    text: &'a str,
    /// The members of the object that it starts with, as far as the line goes.
    members: Vec<String>,
}

impl<'a> FirstLine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // The last character may have been cut off.
        let text = std::str::from_utf8(bytes)
            .or_else(|error| std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()))
            .unwrap_or_default();
        let is_text = text.len() + 3 >= bytes.len();
        let text = if is_text { text.trim_start_matches('\u{feff}').trim() } else { "" };
        let mut members = Vec::new();
        // What is cut off is an error, but not what came before.
        let _ = MemberNames(&mut members).deserialize(&mut serde_json::Deserializer::from_str(text));
        Self { bytes, text, members }
    }

    fn starts_with(&self, magic: &[u8]) -> bool {
        self.bytes.starts_with(magic)
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.members.iter().any(|member| member == name))
    }

    /// With a byte order mark or without one.
    fn is_utf_32(&self) -> bool {
        [b"\xff\xfe\0\0", b"\0\0\xfe\xff"].into_iter().any(|mark| self.starts_with(mark))
            || matches!(self.bytes, [first, 0, 0, 0, ..] | [0, 0, 0, first, ..] if first.is_ascii_graphic())
    }

    fn is_utf_16(&self) -> bool {
        [b"\xff\xfe", b"\xfe\xff"].into_iter().any(|mark| self.starts_with(mark))
            || matches!(self.bytes, [first, 0, ..] | [0, first, ..] if first.is_ascii_graphic())
    }

    /// Returns whether the line is not UTF-8, and has control characters that no text in another encoding has.
    fn is_binary(&self) -> bool {
        let is_control = |byte: &u8| byte.is_ascii_control() && !b"\t\r".contains(byte);
        self.text.is_empty() && self.bytes.iter().any(is_control)
    }

    /// Returns whether an object goes on in the next line: it ends where a line of indented JSON does.
    fn is_start_of_object(&self) -> bool {
        self.text.starts_with('{')
            && self.bytes.len() < MAX_BYTES
            && self.text.ends_with(['{', '[', ','])
            && serde_json::from_str::<IgnoredAny>(self.text).is_err_and(|error| error.is_eof())
    }

    /// Returns whether the line looks like the header or the first row of a table.
    fn is_table(&self) -> bool {
        let is_json = || serde_json::from_str::<IgnoredAny>(self.text).is_ok();
        let starts_like_text = |first: char| first.is_alphanumeric() || first == '"' || first == '_';
        self.text.starts_with(starts_like_text)
            && self.text.contains([',', ';', '\t'])
            && !self.text.contains(['{', '}'])
            && !is_json()
    }
}

/// Collects the names of an object's members.
struct MemberNames<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for MemberNames<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MemberNames<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if self.0.len() < MAX_MEMBERS {
                self.0.push(name);
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(line: impl AsRef<[u8]>) -> Option<String> {
        diagnose(line.as_ref()).map(|problem| problem.what)
    }

    fn encoded(text: &str, width: usize, is_big_endian: bool) -> Vec<u8> {
        let unit = |byte| {
            let mut unit = vec![0; width];
            unit[if is_big_endian { width - 1 } else { 0 }] = byte;
            unit
        };
        text.bytes().flat_map(unit).collect()
    }

    #[test]
    fn files_of_other_kinds_are_recognized() {
        let long = "x".repeat(MAX_BYTES);
        let openai = r#"{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":["#;
        let table: Vec<(Vec<u8>, &str)> = vec![
            (b"\x1f\x8b\x08\0\0".into(), "gzip"),
            (b"\x28\xb5\x2f\xfd\x04".into(), "Zstandard"),
            (b"\xfd7zXZ\0\0\x04".into(), "xz"),
            (b"BZh91AY&SY".into(), "bzip2"),
            (b"PK\x03\x04\x14\0".into(), "ZIP"),
            (b"PAR1\x15\x04".into(), "Parquet"),
            (b"Obj\x01\x04".into(), "Avro"),
            (b"ORC\x0a".into(), "ORC"),
            (b"%PDF-1.7\r".into(), "PDF"),
            ([b"\xff\xfe".into(), encoded("{\"a", 2, false)].concat(), "UTF-16"),
            ([b"\xfe\xff".into(), encoded("{\"a", 2, true)].concat(), "UTF-16"),
            (encoded("{\"a", 2, false), "UTF-16"),
            (encoded("{\"a", 2, true), "UTF-16"),
            ([b"\xff\xfe\0\0".into(), encoded("{\"a", 4, false)].concat(), "UTF-32"),
            (encoded("{\"a", 4, false), "UTF-32"),
            (encoded("{\"a", 4, true), "UTF-32"),
            (vec![0; 512], "NUL"),
            (b"<!DOCTYPE html>".into(), "web page"),
            ("\u{feff}<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>".into(), "XML"),
            (b"[{\"recordId\":\"1\"".into(), "array"),
            (b"[".into(), "array"),
            (b"{'recordId': '1', 'modelInput': {}}".into(), "Python"),
            (br#"{"custom_id":"1","params":{"model":"m"}}"#.into(), "Anthropic"),
            (openai.into(), "OpenAI"),
            (format!("{openai}\"{long}").into_bytes()[..MAX_BYTES].into(), "OpenAI"),
            (br#"{"request":{"contents":[{"role":"user"}]}}"#.into(), "Vertex"),
            (br#"{"record_id":"1","model_input":{}}"#.into(), "snake case"),
            (br#"{"recordId":"1","model_input":{}}"#.into(), "snake case"),
            (b"{".into(), "several lines"),
            (b"{ \"recordId\": \"1\",\r".into(), "several lines"),
            (b"id,prompt".into(), "table"),
            (b"id\tprompt".into(), "table"),
            ("\u{feff}\"id\";\"größe\"\r".into(), "table"),
            (b"12,5".into(), "table"),
            (b"\x89\xff\x01\x02".into(), "not text"),
        ];
        for (line, kind) in table {
            let found = what(&line).unwrap_or_default();
            assert!(found.contains(kind), "{kind}: {found:?} for {}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn lines_that_are_only_faulty_are_left_to_the_checks_of_lines() {
        for line in [
            "",
            " ",
            "\r",
            "{}",
            "null",
            "true",
            r#""text, with a comma""#,
            r#"{"recordId":"1"}"#,
            r#"{"recordId":1,"modelInput":{}}"#,
            r#"{"recordId":"1","modelInput":"{}"}"#,
            r#"{"recordId":"1","modelInput":{},"request":1}"#,
            // Cut off, and not where indented JSON ends a line.
            r#"{"recordId":"1","mod"#,
            r#"{"recordId":"1","modelInput":{"#.trim_end_matches('{'),
            r#"{"recordId":"1","modelInput":{},}"#,
            r#"recordId: 1"#,
            "\u{feff}{\"recordId\":\"1\",\"modelInput\":{}}",
        ] {
            assert_eq!(what(line), None, "{line}");
        }
        assert_eq!(what(b"caf\xe9\ta"), None, "Latin-1");
        assert_eq!(what(b"{\"recordId\":\"caf\xe9\",\"modelInput\":{}}"), None);
        assert_eq!(what(vec![b'{'; MAX_BYTES]), None);
    }
}
