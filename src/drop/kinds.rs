//! The kinds of problems that a drop can have, in one table of codes, messages, and fixes. Pure.
//!
//! To add a kind, add it here, and report it where it is found: `check.rs`, `diagnosis.rs`, or `problems.rs`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::record::json_fault::JsonFault;
use crate::record::problem::{Encoding, Instead, RecordProblem};

/// What there is to know about a kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// The stable code: words in lower case, joined by hyphens.
    pub code: &'static str,
    /// What is wrong with any drop that has the problem.
    pub what: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Why it is a problem, and where it comes from: a sentence or two of Markdown.
    pub why: &'static str,
    /// A drop that has it.
    pub example: Example,
}

/// A drop that has a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// What the file starts with.
    File(&'static [u8]),
    /// A line of the file, after a good line.
    Line(&'static [u8]),
    /// A line that the file has twice.
    Twice(&'static [u8]),
    /// A situation that a few bytes cannot show.
    Told(&'static str),
}

/// The code of a kind of problem, such as `record-id-repeated`. Later releases may have more of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// Returns the code as text; empty if an earlier release wrote the problem.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the kind that has this code; `None` if this release does not know it.
    #[must_use]
    pub fn kind(&self) -> Option<&'static ProblemKind> {
        ALL.iter().copied().find(|kind| kind.code == self.0)
    }

    /// Whether an earlier release wrote the problem, without a code.
    pub(super) fn is_missing(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&'static ProblemKind> for Code {
    fn from(kind: &'static ProblemKind) -> Self {
        Self(Cow::Borrowed(kind.code))
    }
}

/// Returns the kind of a problem with a line.
#[must_use]
pub fn of_line(problem: &RecordProblem) -> &'static ProblemKind {
    match problem {
        RecordProblem::ByteOrderMark => &BYTE_ORDER_MARK,
        RecordProblem::Blank => &BLANK_LINE,
        RecordProblem::NotUtf8(_) => &NOT_UTF_8,
        RecordProblem::TooLong(_) => &LINE_TOO_LONG,
        RecordProblem::NotAnObject(_) => &NOT_AN_OBJECT,
        RecordProblem::NotJson(_) => &NOT_JSON,
        RecordProblem::LoneSurrogate => &LONE_SURROGATE,
        RecordProblem::TooDeep => &TOO_DEEP,
        RecordProblem::UnknownMember(_) => &UNKNOWN_MEMBER,
        RecordProblem::RepeatedMember(_) => &MEMBER_REPEATED,
        RecordProblem::MisspelledMember { .. } => &MEMBER_SPELLING,
        RecordProblem::NoModelInput(_) => &MODEL_INPUT_MISSING,
        RecordProblem::ModelInputNotObject(_) => &MODEL_INPUT_NOT_OBJECT,
        RecordProblem::RecordIdNotString(_) => &RECORD_ID_NOT_STRING,
        RecordProblem::RecordIdEmpty => &RECORD_ID_EMPTY,
        RecordProblem::RecordIdRepeated { .. } => &RECORD_ID_REPEATED,
    }
}

/// Returns what to do about a problem with a line. It depends on the cause if a kind has several.
#[must_use]
pub fn fix_of_line(problem: &RecordProblem) -> &'static str {
    match problem {
        RecordProblem::NotJson(fault) => fix_of_fault(*fault),
        RecordProblem::NotUtf8(Encoding::Mixed) => MIXED_ENCODINGS,
        RecordProblem::NotUtf8(Encoding::Unknown) => OTHER_ENCODING,
        RecordProblem::NoModelInput(Instead::Request) => WRAP,
        RecordProblem::NoModelInput(Instead::RequestWithId) => WRAP_WITH_ID,
        RecordProblem::NoModelInput(Instead::Others) => ROWS,
        problem => of_line(problem).fix,
    }
}

/// Returns what to do about a mistake for which a line is not JSON.
#[must_use]
pub fn fix_of_fault(fault: JsonFault) -> &'static str {
    match fault {
        JsonFault::CutOff => "write or copy the file again: the line was cut off",
        JsonFault::CutOffInText => {
            "write a line break within a text as \\n; if the file was cut off, write or copy it again"
        }
        JsonFault::SecondRecord => {
            "start each record on a line of its own: jq -c . FILE > NEW.jsonl, or bedrock-vpc-batch prepare FILE > NEW.jsonl"
        }
        JsonFault::CommaAfterRecord => {
            "remove the comma at the end of each line: sed 's/,[[:space:]]*$//' FILE > NEW.jsonl"
        }
        JsonFault::AfterRecord => "remove what follows the object",
        JsonFault::Comment => "remove the comments",
        JsonFault::TrailingComma => "remove the comma before the closing bracket",
        JsonFault::NoComma => {
            "put a comma between members, and write a quote within a text as \\\"; a JSON library does both"
        }
        JsonFault::NoColon => "put a colon between a name and its value",
        JsonFault::NoValue => "write null where there is no value, or leave the member out",
        JsonFault::WrongBracket => "close each { with } and each [ with ]",
        JsonFault::SingleQuotes | JsonFault::CurlyQuotes => {
            "put names and texts in straight double quotes; in Python, write json.dumps(record), not str(record)"
        }
        JsonFault::UnquotedName | JsonFault::UnquotedValue => "put names and texts in double quotes",
        JsonFault::NoNumber(_) => {
            "write null, or leave the member out; in Python, json.dumps(record, allow_nan=False) finds such numbers"
        }
        JsonFault::PythonWord(..) => {
            "write true, false, and null; in Python, write json.dumps(record), not str(record)"
        }
        JsonFault::LeadingZero => "write the number without leading zeros, or in quotes if they matter",
        JsonFault::OddNumber => "write the number like 10, 0.5, or 1e-5, or put it in quotes if it is a text",
        JsonFault::UnknownEscape => "write each backslash in a text as \\\\",
        JsonFault::ControlCharacter(_) => {
            "write it as an escape, such as \\t for a tab; a JSON library does so"
        }
        JsonFault::Text | JsonFault::Other => ONE_OBJECT,
    }
}

/// Defines the kinds, and the list of all of them: a kind cannot be missing there.
macro_rules! kinds {
    ($($name:ident = $code:literal { $($field:ident: $value:expr),* $(,)? })*) => {
        $(
            #[doc = concat!("The kind `", $code, "`.")]
            pub static $name: ProblemKind = ProblemKind { code: $code, $($field: $value),* };
        )*
        /// All kinds, in the order of the documentation.
        pub static ALL: &[&ProblemKind] = &[$(&$name),*];
    };
}

const DECOMPRESS: &str = "decompress it, and drop the JSONL file that was in it";
pub(super) const EXPORT: &str = r#"write one record per line, like {"recordId": "1", "modelInput": {…}}, where modelInput is the request for your model"#;
const CONVERT: &str = "convert it: bedrock-vpc-batch prepare FILE --model-id MODEL > NEW.jsonl";
const SPLIT: &str = "split the file and drop its parts one by one";
const ONE_OBJECT: &str = "write one JSON object per line, such as {\"recordId\": \"1\", \"modelInput\": {…}}";
const WRAP: &str = "put each request into modelInput: jq -c '{modelInput: .}' FILE > NEW.jsonl";
const WRAP_WITH_ID: &str = "put each request into modelInput, next to its recordId: \
    jq -c '{recordId, modelInput: del(.recordId)}' FILE > NEW.jsonl";
pub(super) const MIXED_ENCODINGS: &str =
    "write these lines again as UTF-8: others are UTF-8 already, so do not convert the whole file";
const OTHER_ENCODING: &str = "save the file as UTF-8: iconv -f ENCODING -t UTF-8 FILE > NEW.jsonl, with its encoding; iconv -l lists them";
const ROWS: &str = "put the request body of the model into modelInput; if the lines are rows of data, make a request of each: \
    bedrock-vpc-batch prepare FILE --template PROMPT.txt --model-id MODEL > NEW.jsonl";
const AGAIN: &str = "write or copy the file again";

kinds! {
    // The whole file: it is not JSON Lines.
    EMPTY_FILE = "empty-file" {
        what: "the file has no records",
        fix: "export it again, with at least one record",
        why: "It is empty, or all of its lines are blank. An export that failed often leaves such a file.",
        example: Example::File(b""),
    }
    GZIP = "gzip" {
        what: "the file is compressed with gzip",
        fix: "decompress it: gunzip -c FILE > NEW.jsonl, or bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "Bedrock reads plain JSON Lines. Some tools compress what they upload and keep the name.",
        example: Example::File(b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
    }
    ZSTD = "zstd" {
        what: "the file is compressed with Zstandard",
        fix: "decompress it: zstd -dc FILE > NEW.jsonl, or bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "Bedrock reads plain JSON Lines.",
        example: Example::File(b"\x28\xb5\x2f\xfd\x04\x00"),
    }
    XZ = "xz" {
        what: "the file is compressed with xz",
        fix: "decompress it, and drop the JSONL file that was in it: xz -dc FILE > NEW.jsonl",
        why: "Bedrock reads plain JSON Lines.",
        example: Example::File(b"\xfd7zXZ\x00\x00\x04"),
    }
    BZIP2 = "bzip2" {
        what: "the file is compressed with bzip2",
        fix: "decompress it, and drop the JSONL file that was in it: bzip2 -dc FILE > NEW.jsonl",
        why: "Bedrock reads plain JSON Lines.",
        example: Example::File(b"BZh91AY&SY"),
    }
    SPREADSHEET = "spreadsheet" {
        what: "the file is a spreadsheet or another office document",
        fix: "export the rows as CSV, and make a request of each: bedrock-vpc-batch prepare ROWS.csv --template PROMPT.txt --model-id MODEL > NEW.jsonl",
        why: "A spreadsheet (.xlsx, .ods) is a ZIP archive of XML files.",
        example: Example::File(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00\x21\x00\x62\xee\x9d\x68\x5e\x01\x00\x00\x90\x04\x00\x00\
            \x13\x00\x00\x00[Content_Types].xml"),
    }
    ZIP = "zip" {
        what: "the file is a ZIP archive",
        fix: DECOMPRESS,
        why: "Bedrock reads plain JSON Lines.",
        example: Example::File(b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x21\x00\x62\xee\x9d\x68\x5e\x01\x00\x00\x90\x04\x00\x00\
            \x0d\x00\x00\x00records.jsonl"),
    }
    TAR = "tar" {
        what: "the file is a tar archive",
        fix: "unpack it, and drop the JSONL files that were in it: tar -xf FILE",
        why: "Bedrock reads plain JSON Lines.",
        example: Example::Told("the archive starts with the names of its files"),
    }
    PARQUET = "parquet" {
        what: "the file is a Parquet file",
        fix: EXPORT,
        why: "Data frames and queries are often saved as Parquet.",
        example: Example::File(b"PAR1\x15\x04\x15"),
    }
    AVRO = "avro" {
        what: "the file is an Avro file",
        fix: EXPORT,
        why: "Streams of events are often saved as Avro.",
        example: Example::File(b"Obj\x01\x04\x14"),
    }
    ORC = "orc" {
        what: "the file is an ORC file",
        fix: EXPORT,
        why: "Queries of data lakes are often saved as ORC.",
        example: Example::File(b"ORC\x08\x03"),
    }
    PDF = "pdf" {
        what: "the file is a PDF document",
        fix: EXPORT,
        why: "A document is not a file of records. Its text, or the document itself in base64, goes into a request.",
        example: Example::File(b"%PDF-1.7\r\n"),
    }
    NUL_PADDED = "nul-padded" {
        what: "the file is padded with NUL bytes, so it was not written completely",
        fix: AGAIN,
        why: "After a crash, or a copy that was cut off, a file can have the right size and NUL bytes in place of its data, \
            at its start or at its end.",
        example: Example::File(b"\x00\x00\x00\x00\x00\x00\x00\x00"),
    }
    UTF_32 = "utf-32" {
        what: "the file is UTF-32, not UTF-8",
        fix: "save it as UTF-8: bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "JSON is UTF-8.",
        example: Example::File(b"\xff\xfe\x00\x00{\x00\x00\x00\"\x00\x00\x00"),
    }
    UTF_16 = "utf-16" {
        what: "the file is UTF-16, not UTF-8",
        fix: "save it as UTF-8: bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "JSON is UTF-8. In Windows PowerShell, `>` and `Out-File` write UTF-16.",
        example: Example::File(b"\xff\xfe{\x00\"\x00r\x00e\x00c\x00"),
    }
    NOT_TEXT = "not-text" {
        what: "the file is not text",
        fix: EXPORT,
        why: "It has bytes that no text has, and it is not one of the kinds that are recognized.",
        example: Example::File(b"\x89\xff\x01\x02\x03"),
    }
    WEB_PAGE = "web-page" {
        what: "the file is a web page or XML, perhaps an error message that was saved in its place",
        fix: "look at it in an editor, and get the file again",
        why: "A download that needed a login, or whose link had expired, saves the page or the error that it got.",
        example: Example::File(b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
    }
    GIT_LFS_POINTER = "git-lfs-pointer" {
        what: "the file is a pointer of Git LFS, not the data it points to",
        fix: "run git lfs pull, and drop the file again",
        why: "A clone without Git LFS has a few lines of text in place of each large file.",
        example: Example::File(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a"),
    }
    JSON_ARRAY = "json-array" {
        what: "the file is a JSON array, not JSON Lines",
        fix: "write each element on a line of its own: jq -c '.[]' FILE > NEW.jsonl, or bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "JSON Lines has one object per line, without brackets around them and commas between them.",
        example: Example::File(b"[{\"recordId\": \"1\", \"modelInput\": {}}]"),
    }
    PYTHON_DICT = "python-dict" {
        what: "the lines are Python dicts, not JSON",
        fix: "write each record with json.dumps(record), not with str(record)",
        why: "Python prints dicts with single quotes, `True`, and `None`. None of these is JSON.",
        example: Example::File(b"{'recordId': '1', 'modelInput': {}}"),
    }
    ANTHROPIC_BATCH = "anthropic-batch" {
        what: "the file is a batch file for Anthropic's API, not for Bedrock",
        fix: CONVERT,
        why: "Its `params` are what goes into `modelInput`, without `model`, and with `anthropic_version`.",
        example: Example::File(br#"{"custom_id": "1", "params": {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": []}}"#),
    }
    OPENAI_CHAT = "openai-chat" {
        what: "the file is a batch file for OpenAI's Chat Completions API, not for Bedrock",
        fix: CONVERT,
        why: "Bedrock takes such a body only for OpenAI's own models and a few others. Every other model has a format of its own.",
        example: Example::File(br#"{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-5"}}"#),
    }
    OPENAI_EMBEDDINGS = "openai-embeddings" {
        what: "the file is a batch file for OpenAI's Embeddings API, not for Bedrock",
        fix: "convert it for an embedding model: bedrock-vpc-batch prepare FILE --model-id amazon.titan-embed-text-v2:0 > NEW.jsonl",
        why: "Bedrock's embedding models take one text per record, such as `{\"inputText\": …}` for Titan.",
        example: Example::File(br#"{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"input": "text"}}"#),
    }
    OPENAI_RESPONSES = "openai-responses" {
        what: "the file is a batch file for OpenAI's Responses API, not for Bedrock",
        fix: CONVERT,
        why: "Batch inference does not have this API.",
        example: Example::File(br#"{"custom_id": "1", "method": "POST", "url": "/v1/responses", "body": {"input": "text"}}"#),
    }
    OPENAI_BATCH = "openai-batch" {
        what: "the file is a batch file for an endpoint of OpenAI's API that Bedrock does not have",
        fix: "write the requests anew, each as modelInput in the format of your model",
        why: "Each line has a `custom_id`, a `url`, and a `body`.",
        example: Example::File(br#"{"custom_id": "1", "method": "POST", "url": "/v1/completions", "body": {"prompt": "text"}}"#),
    }
    VERTEX_BATCH = "vertex-batch" {
        what: "the file is a batch file for Vertex AI, not for Bedrock",
        fix: CONVERT,
        why: "Each line has a `request` for Gemini, whose `contents` and `parts` no model of Bedrock takes.",
        example: Example::File(br#"{"request": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}}"#),
    }
    SNAKE_CASE = "snake-case" {
        what: "the members of the records are in snake case",
        fix: "call them recordId and modelInput: bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "Names of members are matched letter by letter.",
        example: Example::File(br#"{"record_id": "1", "model_input": {}}"#),
    }
    MEMBER_SPELLING = "member-spelling" {
        what: "the members of the records are spelled in another way",
        fix: "call them recordId and modelInput: bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "Names of members are matched letter by letter, and upper and lower case differ. If only some lines have it, they \
              are listed.",
        example: Example::File(br#"{"RecordID": "1", "ModelInput": {}}"#),
    }
    INDENTED_JSON = "indented-json" {
        what: "each JSON object takes several lines",
        fix: "write one record per line: jq -c . FILE > NEW.jsonl, or bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "Editors and libraries indent JSON for people. JSON Lines has one object per line.",
        example: Example::File(b"{\n  \"recordId\": \"1\",\n  \"modelInput\": {}\n}"),
    }
    TABLE = "table" {
        what: "the file is a table, not JSON Lines",
        fix: "make a request of each row: bedrock-vpc-batch prepare FILE --template PROMPT.txt --model-id MODEL > NEW.jsonl",
        why: "CSV and TSV have no place for a request; each row has to become one.",
        example: Example::File(b"id,prompt\n1,Hello\n"),
    }

    // The whole file: its name, its size, and the number of its records.
    NAME_NOT_JSONL = "name-not-jsonl" {
        what: "the name is not one of a JSON Lines file",
        fix: "give the file a name that ends in .jsonl, and drop it again",
        why: "Files whose names end in `.jsonl`, `.ndjson`, `.jsonlines`, or `.json` are read; `INPUT_SUFFIXES` changes that.",
        example: Example::Told("`in/records.csv`"),
    }
    NAME_IGNORED = "name-ignored" {
        what: "a file with this name is ignored",
        fix: "do nothing; if it is a file of records after all, give it another name, and drop it again",
        why: "Tools leave such files beside data: folder markers, hidden files, `_SUCCESS`, media. In S3 they are met with a \
              line in the log only.",
        example: Example::Told("`in/.records.jsonl`"),
    }
    MODEL_REFUSES = "model-refuses" {
        what: "every record that was examined is certain to fail at the model",
        fix: "write modelInput as the model takes it, or disable these rules with MODEL_RULES=off",
        why: "Such a job would wait in Bedrock's queue for hours, and then answer each record with the same error. \
              [What models refuse](model-rules.md) has the rules.",
        example: Example::Told("records for Claude without `anthropic_version`"),
    }
    FILE_TOO_LARGE = "file-too-large" {
        what: "the file has more bytes than a drop may have",
        fix: SPLIT,
        why: "`MAX_DROP_BYTES` limits what one invocation of a function has to read in its 15 minutes.",
        example: Example::Told("a file of 60 GB with `MAX_DROP_BYTES=50000000000`"),
    }
    FILE_GONE = "file-gone" {
        what: "the file was overwritten or deleted before it was read",
        fix: "drop it again",
        why: "Without versions of objects, only the last one that was put can be read.",
        example: Example::Told("two puts under the same key within a second"),
    }
    CANCELLED = "cancelled" {
        what: "the drop was cancelled while it was held, before any of its records was submitted",
        fix: "drop it again if its records are to be processed",
        why: "A budget, or the setting `DUPLICATE_DROPS`, held the drop. Nothing is wrong with the file.",
        example: Example::Told("a drop that is over the budget, and that an operator cancels instead of approving it"),
    }
    NOT_READ_IN_TIME = "not-read-in-time" {
        what: "the file could not be read in the time that a function has",
        fix: "split the file and drop its parts one by one, or ask for more memory and time for the function",
        why: "The message says how far the last attempt came, and how fast.",
        example: Example::Told("a file of 40 GB, and a function with little memory, which also gives it little processor time"),
    }
    TOO_FEW_RECORDS = "too-few-records" {
        what: "the file has fewer records than a job needs",
        fix: "put more records into one file",
        why: "Bedrock has a minimum per job, usually 100. `MIN_RECORDS_PER_JOB` is the quota of your model. With \
            `SMALL_DROPS=pad`, small jobs are filled up.",
        example: Example::Told("99 records with `MIN_RECORDS_PER_JOB=100` and `SMALL_DROPS=reject`"),
    }
    RECORDS_NOT_DIVISIBLE = "records-not-divisible" {
        what: "this number of records cannot be cut into jobs that are within the quotas",
        fix: "put another number of records into one file; the message says which",
        why: "Each job needs at least `MIN_RECORDS_PER_JOB` records, and may have at most `MAX_RECORDS_PER_JOB`.",
        example: Example::Told("168 records, if a job must have exactly 100"),
    }
    RECORDS_TOO_LARGE = "records-too-large" {
        what: "records of this size cannot be cut into jobs that are within the quotas",
        fix: "make the records smaller, or change their number; the message says how",
        why: "The smallest job that Bedrock accepts must fit into `MAX_INPUT_FILE_BYTES`.",
        example: Example::Told("100 records of 20 MB each"),
    }
    TOO_MANY_JOBS = "too-many-jobs" {
        what: "the file would need more jobs than one drop may have",
        fix: SPLIT,
        why: "The list of a drop's jobs is kept in memory, and in one object of the ledger.",
        example: Example::Told("10 million records with `MAX_RECORDS_PER_JOB=10`"),
    }

    // A line: it is not a JSON object.
    BLANK_LINE = "blank-line" {
        what: "a line is blank",
        fix: "remove the blank line; the file may end with one newline at most",
        why: "A problem only with `REPAIR=off`; otherwise, blank lines are [left out](configuration.md#repairs). Bedrock wants a \
              record on each line.",
        example: Example::Line(b""),
    }
    BYTE_ORDER_MARK = "byte-order-mark" {
        what: "a line begins with a byte order mark",
        fix: "save the file as UTF-8 without a byte order mark",
        why: "A problem only with `REPAIR=off`; otherwise, the mark is [left out](configuration.md#repairs). Windows tools write \
              these three invisible bytes in front of a file. JSON does not have them.",
        example: Example::Line(b"\xef\xbb\xbf{\"recordId\": \"2\", \"modelInput\": {}}"),
    }
    NOT_UTF_8 = "not-utf-8" {
        what: "a line has bytes that are not UTF-8",
        fix: "save the file as UTF-8; if all of it is in Windows-1252 (Latin-1): iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW.jsonl",
        why: "Such a file is often in Latin-1 or Windows-1252, which programs on Windows write. Other causes are files in different \
              encodings that were joined, and characters that were cut in half.",
        example: Example::Line(b"{\"recordId\": \"caf\xe9\", \"modelInput\": {}}"),
    }
    LINE_TOO_LONG = "line-too-long" {
        what: "a line is longer than a record may be",
        fix: "shorten the record, or split it into several",
        why: "`MAX_RECORD_BYTES` is the limit. Often a newline between two records is missing.",
        example: Example::Told("a line of 30 MB with `MAX_RECORD_BYTES=26214400`"),
    }
    NOT_JSON = "not-json" {
        what: "a line is not valid JSON",
        fix: ONE_OBJECT,
        why: "The caret is below the mistake, with its name. `rejection.json` and the command line tell the fix of each of the first \
            three causes that a file has.",
        example: Example::Line(b"{\"recordId\": \"2\", \"modelInput\": {\"max_tokens\": NaN}}"),
    }
    NOT_AN_OBJECT = "not-an-object" {
        what: "a line is JSON, but not an object",
        fix: ONE_OBJECT,
        why: "A record is an object with `recordId` and `modelInput`.",
        example: Example::Line(b"\"Summarize this text\""),
    }
    LONE_SURROGATE = "lone-surrogate" {
        what: "a \\u escape is half of a surrogate pair",
        fix: "write the character as UTF-8, or both halves of the pair",
        why: "Characters such as emoji take two escapes. Text that was cut between them has only one, which is not a character.",
        example: Example::Line(br#"{"recordId": "2", "modelInput": {"inputText": "\ud83d"}}"#),
    }
    TOO_DEEP = "nested-too-deep" {
        what: "the JSON nests deeper than 128 levels",
        fix: "flatten modelInput",
        why: "Requests to models have far fewer levels, and many parsers give up at this depth.",
        example: Example::Told("a schema of a tool that contains itself"),
    }

    // A line: it is an object, but not a record.
    UNKNOWN_MEMBER = "unknown-member" {
        what: "a record has a member other than recordId and modelInput",
        fix: "put the request for the model into modelInput, keep other data out of the file, and join it to the results by recordId",
        why: "In a record with a `recordId`, a problem only with `REPAIR=off`; otherwise, other members are \
              [left out](configuration.md#repairs). Without a `recordId`, one of them may be the id. AWS documents only these \
              two members.",
        example: Example::Line(br#"{"modelInput": {}, "category": "billing"}"#),
    }
    MEMBER_REPEATED = "member-repeated" {
        what: "a record has recordId or modelInput twice",
        fix: "write each member once",
        why: "Parsers do not agree on which of the two counts.",
        example: Example::Line(br#"{"recordId": "2", "recordId": "3", "modelInput": {}}"#),
    }
    MODEL_INPUT_MISSING = "model-input-missing" {
        what: "a record does not have modelInput",
        fix: "put the request body of the model into modelInput, as a JSON object",
        why: "It is the request, in the format of the model that the stack uses. For lines that are requests without `modelInput`, the \
              fix has the `jq` command that wraps them; for rows of data, that of [prepare](prepare.md).",
        example: Example::Line(br#"{"recordId": "2"}"#),
    }
    MODEL_INPUT_NOT_OBJECT = "model-input-not-object" {
        what: "the modelInput of a record is not an object",
        fix: "put the request body of the model into modelInput, as a JSON object",
        why: "A prompt alone is not a request.",
        example: Example::Line(br#"{"recordId": "2", "modelInput": "Summarize this text"}"#),
    }
    MODEL_INPUT_STRING = "model-input-string" {
        what: "the modelInput of a record is a string that has JSON in it",
        fix: "decode it: jq -c '.modelInput |= fromjson' FILE > NEW.jsonl, or bedrock-vpc-batch prepare FILE > NEW.jsonl",
        why: "Databases and data frames often keep JSON as text. Bedrock wants the object itself.",
        example: Example::Line(br#"{"recordId": "2", "modelInput": "{\"max_tokens\": 100}"}"#),
    }
    RECORD_ID_NOT_STRING = "record-id-not-string" {
        what: "the recordId of a record is not a string",
        fix: "write each recordId as text, in quotes, or leave it out of the record",
        why: "Results are matched to records by the text of their ids. A fraction or an exponent can be written in many ways.",
        example: Example::Line(br#"{"recordId": 7.0, "modelInput": {}}"#),
    }
    RECORD_ID_EMPTY = "record-id-empty" {
        what: "the recordId of a record is empty",
        fix: "give the record an id, or leave recordId out",
        why: "A record without an id gets one.",
        example: Example::Line(br#"{"recordId": "", "modelInput": {}}"#),
    }
    RECORD_ID_REPEATED = "record-id-repeated" {
        what: "a recordId is used more than once",
        fix: "give every record a different recordId",
        why: "Within one job, the answers of two records with the same id could not be told apart. Files that were joined, and \
            ids that start over with each page of an export, often have this.",
        example: Example::Twice(br#"{"recordId": "1", "modelInput": {}}"#),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_written_alike() {
        let codes: BTreeSet<&str> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), ALL.len());
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        for code in codes {
            assert!(code.chars().all(is_letter) && !code.starts_with('-'), "{code}");
        }
    }

    #[test]
    fn code_is_serialized_as_its_text() {
        let code = Code::from(&RECORD_ID_REPEATED);
        assert_eq!(serde_json::to_string(&code).unwrap(), r#""record-id-repeated""#);
        assert_eq!(code.kind(), Some(&RECORD_ID_REPEATED));
        let later: Code = serde_json::from_str(r#""of-a-later-release""#).unwrap();
        assert_eq!((later.as_str(), later.kind()), ("of-a-later-release", None));
        assert_eq!(serde_json::to_string(&later).unwrap(), r#""of-a-later-release""#);
    }

    #[test]
    fn texts_read_as_parts_of_a_message() {
        for kind in ALL {
            for text in [kind.what, kind.fix] {
                assert!(
                    !text.is_empty() && !text.ends_with(['.', ';', ' ']) && !text.contains('\n'),
                    "{text}"
                );
            }
            assert!(kind.why.ends_with('.') && !kind.why.contains("  "), "{}", kind.why);
        }
    }
}
