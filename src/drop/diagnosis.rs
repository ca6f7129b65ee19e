//! What a file is if it is not JSON Lines: one problem and one fix, instead of the same problem on every line. Pure.
//!
//! It is asked only about a file whose first line that is not blank is not a record, so it never refuses a good file. It
//! looks only at the start of the file.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::text;
use crate::drop::kinds::{self, ProblemKind};
use crate::drop::rejection::Problem;
use crate::record::judge_input::is_spelled_like;

/// How many bytes are looked at, from the first line that is not blank, at most.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

/// A file in which more than one byte in this many is a control character is not text. In random bytes, it is one in nine.
const MIN_CONTROLS_SHARE: usize = 50;

/// How many members of the first object are looked at, at most.
const MAX_MEMBERS: usize = 32;

/// The start of a file, from its first line that is not blank.
#[derive(Debug, Default)]
pub(super) struct FileStart {
    /// At most [`MAX_BYTES`].
    bytes: Vec<u8>,
    /// How many blank lines were skipped, and how many bytes they had.
    blank_lines: u64,
    blank_bytes: u64,
    is_diagnosed: bool,
}

impl FileStart {
    /// Looks at the next chunk.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !rest.is_empty() && !self.is_full() {
            let (taken, left) = rest.split_at(rest.len().min(MAX_BYTES - self.bytes.len()));
            self.bytes.extend_from_slice(taken);
            rest = left;
            self.skip_blank_lines();
        }
    }

    fn skip_blank_lines(&mut self) {
        let mut start = 0;
        while let Some(rest) = self.bytes.get(start..)
            && let Some(end) = memchr::memchr(b'\n', rest)
            && rest.get(..end).is_some_and(is_blank)
        {
            start += end + 1;
            self.blank_lines += 1;
        }
        self.blank_bytes += start as u64;
        self.bytes.drain(..start);
    }

    /// Whether more of the file would not change what is known about it.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() == MAX_BYTES
    }

    /// Whether all lines are blank, as far as the file was read.
    pub(super) fn is_blank(&self) -> bool {
        !self.is_full() && is_blank(&self.bytes)
    }

    /// Whether one of the first lines has characters in UTF-8 that are not ASCII.
    pub(super) fn has_utf_8(&self) -> bool {
        let is_utf_8 = |line: &[u8]| !line.is_ascii() && std::str::from_utf8(line).is_ok();
        self.bytes.split(|byte| *byte == b'\n').any(is_utf_8)
    }

    /// Returns the number of the first line that is not blank.
    pub(super) fn first_line(&self) -> u64 {
        self.blank_lines + 1
    }

    /// Returns where that line starts.
    pub(super) fn first_byte(&self) -> u64 {
        self.blank_bytes
    }

    /// Says what a file is whose first line is not a record. `None` if that is not known, or was asked before.
    pub(super) fn diagnose(&mut self) -> Option<Problem> {
        if self.is_diagnosed {
            return None;
        }
        self.is_diagnosed = true;
        diagnose(&self.bytes)
    }
}

/// Whether a line has only white space and byte order marks.
fn is_blank(line: &[u8]) -> bool {
    let mut rest = line;
    loop {
        rest = match rest {
            [] => return true,
            [b' ' | b'\t' | b'\r', after @ ..] | [0xef, 0xbb, 0xbf, after @ ..] => after,
            _ => return false,
        };
    }
}

/// How a kind of file that is not JSON Lines is recognized.
struct Rule {
    kind: &'static ProblemKind,
    is: fn(&Start<'_>) -> bool,
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
    Rule { kind: &kinds::GZIP, is: |file| file.starts_with(b"\x1f\x8b") },
    Rule { kind: &kinds::ZSTD, is: |file| file.starts_with(b"\x28\xb5\x2f\xfd") },
    Rule { kind: &kinds::XZ, is: |file| file.starts_with(b"\xfd7zXZ\0") },
    Rule { kind: &kinds::BZIP2, is: |file| file.starts_with(b"BZh") },
    Rule { kind: &kinds::SPREADSHEET, is: |file| file.is_office_document() },
    Rule { kind: &kinds::ZIP, is: |file| file.starts_with(b"PK\x03\x04") },
    Rule { kind: &kinds::TAR, is: |file| file.bytes.get(257..262) == Some(b"ustar") },
    Rule { kind: &kinds::PARQUET, is: |file| file.starts_with(b"PAR1") },
    Rule { kind: &kinds::AVRO, is: |file| file.starts_with(b"Obj\x01") },
    Rule { kind: &kinds::ORC, is: |file| file.starts_with(b"ORC") },
    Rule { kind: &kinds::PDF, is: |file| file.starts_with(b"%PDF-") },
    Rule { kind: &kinds::NUL_PADDED, is: |file| file.starts_with_nuls() },
    Rule { kind: &kinds::UTF_32, is: |file| file.is_utf_32() },
    Rule { kind: &kinds::UTF_16, is: |file| file.is_utf_16() },
    Rule { kind: &kinds::NOT_TEXT, is: |file| file.is_binary() },
    Rule { kind: &kinds::WEB_PAGE, is: |file| file.text.starts_with('<') },
    Rule { kind: &kinds::GIT_LFS_POINTER, is: |file| file.text.starts_with("version https://git-lfs") },
    Rule { kind: &kinds::JSON_ARRAY, is: |file| file.text.starts_with('[') },
    Rule { kind: &kinds::PYTHON_DICT, is: |file| file.text.starts_with("{'") },
    Rule {
        kind: &kinds::ANTHROPIC_BATCH,
        is: |file| file.has(&["custom_id", "params"]) || file.has(&["requests"]),
    },
    Rule { kind: &kinds::OPENAI_CHAT, is: |file| file.is_for_openai(Some("/chat/completions")) },
    Rule { kind: &kinds::OPENAI_EMBEDDINGS, is: |file| file.is_for_openai(Some("/embeddings")) },
    Rule { kind: &kinds::OPENAI_RESPONSES, is: |file| file.is_for_openai(Some("/responses")) },
    Rule { kind: &kinds::OPENAI_BATCH, is: |file| file.is_for_openai(None) },
    Rule { kind: &kinds::VERTEX_BATCH, is: |file| file.has(&["request"]) && !file.has(&["modelInput"]) },
    Rule { kind: &kinds::SNAKE_CASE, is: |file| file.has(&["record_id"]) || file.has(&["model_input"]) },
    Rule { kind: &kinds::MEMBER_SPELLING, is: |file| !file.misspelled().is_empty() },
    Rule { kind: &kinds::INDENTED_JSON, is: |file| file.is_start_of_object() },
    Rule { kind: &kinds::TABLE, is: |file| file.is_table() },
];

/// Says what a file is whose first line is not a record, given its first [`MAX_BYTES`]. `None` if that is not known.
fn diagnose(bytes: &[u8]) -> Option<Problem> {
    let kind = recognize(bytes)?;
    let problem = Problem::of_kind(kind);
    let is_misspelled = [&kinds::SNAKE_CASE, &kinds::MEMBER_SPELLING].contains(&kind);
    let what = is_misspelled.then(|| format!("{}: {}", kind.what, Start::new(bytes).misspelled().join(", ")));
    Some(Problem { what: what.unwrap_or(problem.what), ..problem })
}

/// Says what kind of file starts with these bytes, of which there are at most [`MAX_BYTES`]. `None` if it may be JSON
/// Lines.
pub(crate) fn recognize(bytes: &[u8]) -> Option<&'static ProblemKind> {
    let file = Start::new(bytes);
    RULES.iter().find(|rule| (rule.is)(&file)).map(|rule| rule.kind)
}

/// The start of a file, as the rules see it.
struct Start<'a> {
    bytes: &'a [u8],
    /// The first line, as far as it is known.
    line: &'a [u8],
    /// The first line as text, without a byte order mark and white space at both ends; empty if it is not UTF-8.
    text: &'a str,
    /// What the first line says about the object that it starts with.
    members: Members<'a>,
}

/// The members of an object.
#[derive(Default)]
struct Members<'a> {
    names: Vec<String>,
    /// The value of `url`, as it is written.
    url: Option<&'a str>,
}

impl<'a> Start<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let line = memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..end)).unwrap_or(bytes);
        // The last character may have been cut off.
        let text = std::str::from_utf8(line)
            .or_else(|error| std::str::from_utf8(line.get(..error.valid_up_to()).unwrap_or_default()))
            .unwrap_or_default();
        let is_text = text.len() + 3 >= line.len();
        let text = if is_text { text.trim_start_matches('\u{feff}').trim() } else { "" };
        let mut members = Members::default();
        // What is cut off is an error, but not what came before.
        let _ = MemberReader(&mut members).deserialize(&mut serde_json::Deserializer::from_str(text));
        Self { bytes, line, text, members }
    }

    fn starts_with(&self, magic: &[u8]) -> bool {
        self.bytes.starts_with(magic)
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.members.names.iter().any(|member| member == name))
    }

    /// Returns which members have another spelling, such as "`RecordID` instead of recordId".
    fn misspelled(&self) -> Vec<String> {
        let missing = ["recordId", "modelInput"].into_iter().filter(|right| !self.has(&[right]));
        let misspelled = missing.filter_map(|right| {
            let letters = right.to_ascii_lowercase();
            let name = self.members.names.iter().find(|name| is_spelled_like(name, &letters))?;
            Some(format!("`{}` instead of {right}", text::name(name)))
        });
        misspelled.collect()
    }

    /// Whether this is a request for `OpenAI`, for the API whose path ends like this, or for any of its APIs.
    fn is_for_openai(&self, path: Option<&str>) -> bool {
        let is_request = self.has(&["custom_id"]) && (self.has(&["body"]) || self.has(&["url"]));
        let url = self.members.url.unwrap_or_default().trim_matches('"');
        is_request && path.is_none_or(|path| url.ends_with(path))
    }

    /// Returns whether the first file of a ZIP archive has a name as office documents have it.
    fn is_office_document(&self) -> bool {
        const NAME_AT: usize = 30;
        let name = self.bytes.get(NAME_AT..).unwrap_or_default();
        let names: [&[u8]; 6] = [
            b"[Content_Types].xml",
            b"_rels/",
            b"docProps/",
            b"xl/",
            b"word/",
            b"mimetypeapplication/vnd.oasis.",
        ];
        self.starts_with(b"PK\x03\x04") && names.into_iter().any(|start| name.starts_with(start))
    }

    /// Four are neither UTF-16 nor UTF-32: NUL would be the first character.
    fn starts_with_nuls(&self) -> bool {
        self.starts_with(&[0; 4]) || (!self.line.is_empty() && self.line.iter().all(|byte| *byte == 0))
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

    /// Returns whether the line is not UTF-8, and has control characters that no text in another encoding has. The first line
    /// of a binary file may be short. Then it is enough that the file has many, and that the line does not start an object.
    fn is_binary(&self) -> bool {
        let controls = |bytes: &[u8]| {
            bytes.iter().filter(|byte| byte.is_ascii_control() && !b"\t\r\n".contains(byte)).count()
        };
        let is_utf_8 = |bytes| match std::str::from_utf8(bytes) {
            Ok(_) => true,
            // The last character may have been cut off.
            Err(error) => error.error_len().is_none(),
        };
        let is_mostly_binary =
            || !is_utf_8(self.bytes) && MIN_CONTROLS_SHARE * controls(self.bytes) > self.bytes.len();
        (self.text.is_empty() && controls(self.line) > 0)
            || (!self.text.starts_with('{') && is_mostly_binary())
    }

    /// Returns whether an object goes on in the next line: it ends where a line of indented JSON does.
    fn is_start_of_object(&self) -> bool {
        self.text.starts_with('{')
            && self.line.len() < MAX_BYTES
            && self.text.ends_with(['{', '[', ','])
            && serde_json::from_str::<IgnoredAny>(self.text).is_err_and(|error| error.is_eof())
    }

    /// Returns whether the line looks like the header or the first row of a table.
    fn is_table(&self) -> bool {
        let is_json = || serde_json::from_str::<IgnoredAny>(self.text).is_ok();
        let starts_like_text = |first: char| first.is_alphanumeric() || first == '"' || first == '_';
        self.text.starts_with(starts_like_text)
            && self.text.contains([',', ';', '\t', '|'])
            && !self.text.contains(['{', '}'])
            && !is_json()
    }
}

/// Collects the members of an object.
struct MemberReader<'a, 'm>(&'m mut Members<'a>);

impl<'a> DeserializeSeed<'a> for MemberReader<'a, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for MemberReader<'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Members { names, url } = self.0;
        while let Some(name) = map.next_key::<String>()? {
            let is_url = name == "url";
            if names.len() < MAX_MEMBERS {
                names.push(name);
            }
            if is_url {
                *url = Some(map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
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

    /// The header of the first file in an archive. Its other fields may have any bytes, newlines among them.
    fn zip_of(name: &str) -> Vec<u8> {
        [b"PK\x03\x04".as_slice(), &[b'\n'; 26], name.as_bytes()].concat()
    }

    fn tar_of(name: &str) -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[257..262].copy_from_slice(b"ustar");
        header
    }

    #[test]
    fn binary_file_is_recognized_though_its_first_line_is_short() {
        let is_not_text = |file: &[u8]| recognize(file).is_some_and(|kind| kind.code == "not-text");
        let bytes: Vec<u8> = (0..=u8::MAX).rev().collect();
        assert!(is_not_text(&[b"-\n".as_slice(), &bytes].concat()));
        // A text in Latin-1, one with a few control characters, and one that is cut off within a character.
        assert!(!is_not_text(b"caf\xe9\ncr\xe8me\n"));
        assert!(!is_not_text(&[b"caf\xe9\n".as_slice(), &[b'x'; 100], b"\x1b\x1b"].concat()));
        assert!(!is_not_text("a\n\u{1}\u{1}é".as_bytes().split_last().unwrap().1));
        // Its first line starts a record.
        assert!(!is_not_text(&[b"{\n".as_slice(), &bytes].concat()));
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
            (zip_of("data/records.jsonl"), "ZIP"),
            (zip_of("[Content_Types].xml"), "spreadsheet"),
            (zip_of("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "spreadsheet"),
            (tar_of("records.jsonl"), "tar"),
            (b"version https://git-lfs.github.com/spec/v1\n".into(), "Git LFS"),
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
            (b"\0\0\0\0{\"recordId\"".into(), "NUL"),
            (b"\0\0\n{}\n".into(), "NUL"),
            (b"<!DOCTYPE html>".into(), "web page"),
            ("\u{feff}<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>".into(), "XML"),
            (b"[{\"recordId\":\"1\"".into(), "array"),
            (b"[".into(), "array"),
            (b"{'recordId': '1', 'modelInput': {}}".into(), "Python"),
            (br#"{"custom_id":"1","params":{"model":"m"}}"#.into(), "Anthropic"),
            (openai.into(), "OpenAI's Chat"),
            (openai.replace("chat/completions", "embeddings").into(), "OpenAI's Embeddings"),
            (openai.replace("v1/chat/completions", "v1/responses").into(), "OpenAI's Responses"),
            (openai.replace("v1/chat/completions", "v1/images").into(), "OpenAI's API"),
            (br#"{"custom_id":"1","body":{"messages":["#.into(), "OpenAI's API"),
            (format!("{openai}\"{long}").into_bytes()[..MAX_BYTES].into(), "OpenAI"),
            (br#"{"requests":[{"custom_id":"1","params":"#.into(), "Anthropic"),
            (br#"{"request":{"contents":[{"role":"user"}]}}"#.into(), "Vertex"),
            (br#"{"record_id":"1","model_input":{}}"#.into(), "snake case"),
            (br#"{"recordId":"1","model_input":{}}"#.into(), "snake case"),
            (br#"{"RecordId":"1","ModelInput":{}}"#.into(), "another way"),
            (br#"{"recordId":"1","model-input":{}}"#.into(), "another way"),
            (b"{".into(), "several lines"),
            (b"{\n  \"recordId\": \"1\"".into(), "several lines"),
            (b"{ \"recordId\": \"1\",\r".into(), "several lines"),
            (b"id,prompt".into(), "table"),
            (b"id\tprompt".into(), "table"),
            ("\u{feff}\"id\";\"größe\"\r".into(), "table"),
            (b"12,5".into(), "table"),
            (b"id|prompt".into(), "table"),
            (b"sep=;".into(), "table"),
            (b"\x89\xff\x01\x02".into(), "not text"),
        ];
        for (line, kind) in table {
            let found = what(&line).unwrap_or_default();
            assert!(found.contains(kind), "{kind}: {found:?} for {}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn misspelled_members_are_named() {
        for (line, said) in [
            (
                r#"{"RecordID":"1","model-input":{}}"#,
                "`RecordID` instead of recordId, `model-input` instead of modelInput",
            ),
            (r#"{"recordid":"1","modelInput":{}}"#, "`recordid` instead of recordId"),
            (r#"{"recordId":"1","model_input":{}}"#, "`model_input` instead of modelInput"),
            ("{\"record\u{202e}\":1,\"Record Id\":\"1\"}", "`Record Id` instead of recordId"),
        ] {
            let found = what(line).unwrap();
            assert!(found.ends_with(&format!(": {said}")), "{found}");
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
        assert_eq!(what(zip_of("a").split_off(4)), None, "not the start of the archive");
    }

    #[test]
    fn blank_lines_and_marks_at_the_start_do_not_count() {
        let mark = "\u{feff}";
        let table = [
            ("[1]", 1, false),
            ("\n[1]", 2, false),
            (" \t\r\n\r\n[1]", 3, false),
            (&format!("{mark}\n{mark} \n[1]"), 3, false),
            (&format!("\n\n{mark}[1]"), 3, false),
            (&format!("{}[1]", " \n".repeat(MAX_BYTES)), MAX_BYTES as u64 + 1, false),
            ("", 1, true),
            (" ", 1, true),
            (&format!("{mark}\n\n{mark}"), 3, true),
        ];
        for (file, line, is_blank) in table {
            for chunk_bytes in [1, 7, file.len().max(1)] {
                let mut start = FileStart::default();
                file.as_bytes().chunks(chunk_bytes).for_each(|chunk| start.feed(chunk));
                assert_eq!((start.first_line(), start.is_blank()), (line, is_blank), "{file:?}");
                let rest = file.len() as u64 - start.first_byte();
                assert!(is_blank || rest == 3 || rest == 6 || line == 1, "{file:?}: {rest}");
                let code = start.diagnose().map(|problem| problem.code.as_str().to_owned());
                assert_eq!(code.as_deref(), (!is_blank).then_some("json-array"), "{file:?}");
            }
        }
        let mut spaces = FileStart::default();
        spaces.feed(&[b' '; MAX_BYTES]);
        assert!(spaces.is_full() && !spaces.is_blank(), "there may be more in the line");
    }
}
