//! A second implementation of what a record is, and of what a line of Bedrock's output says: slow, plain, and
//! character by character along RFC 8259. It shares no code with what it judges.

use std::borrow::Cow;

use bedrock_vpc_batch::record::parsed::Answer;
use bedrock_vpc_batch::record::stop_reason::Usability;

/// A JSON value, in as much detail as a verdict needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    Text(String),
    /// A number as it is written.
    Number(String),
    True,
    Null,
    Other,
}

/// Reads a line as a record: `None` if it is not one, and otherwise its id, if it has one.
pub(crate) fn record(line: &[u8]) -> Option<Option<String>> {
    let Json::Object(members) = json(line, 128)? else { return None };
    let (mut record_id, mut has_input) = (None, false);
    for (key, value) in members {
        match (key.as_str(), value) {
            ("recordId", Json::Text(id)) if record_id.is_none() && !id.is_empty() => record_id = Some(id),
            ("modelInput", Json::Object(_)) if !has_input => has_input = true,
            _ => return None,
        }
    }
    has_input.then_some(record_id)
}

/// What a line of output says, about which record, and whether the answer can be used.
///
/// The guide describes a line as an object with `recordId`, `modelInput`, and `modelOutput`. If a record
/// failed, the line has `error` instead of `modelOutput`: an object with `errorCode`, a number, and
/// `errorMessage`. The guide says nothing about other lines. Two rules decide those: a record that Bedrock
/// has answered is never submitted again, and a record is answered if its line says so in any form.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html> (read 2026-11)
pub(crate) fn answer(line: &[u8]) -> Option<(String, Answer, Usability)> {
    let text = String::from_utf8_lossy(line);
    let text_is_exact = matches!(text, Cow::Borrowed(_));
    // A file may start with a byte order mark, which is not part of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // The last line of a job that was stopped may be cut off. Only a whole object says anything.
    let Json::Object(line) = parsed(text, 600, true)? else { return None };

    // An id is a string. If Bedrock writes it as an integer, it has the same digits.
    let mut ids = said(&line, "recordId").into_iter().map(|id| match id {
        Json::Text(id) => Some(id),
        Json::Number(id) if !id.contains(['.', 'e', 'E']) => Some(id),
        _ => None,
    });
    let id = ids.next()??;
    // An answer must not be taken for the answer to another record, so a line with two ids or a damaged id
    // says nothing.
    if !ids.all(|other| other == Some(id)) || (!text_is_exact && id.contains('\u{fffd}')) {
        return None;
    }

    let (outputs, errors) = (said(&line, "modelOutput"), said(&line, "error"));
    let answer = match (outputs.is_empty(), errors.is_empty()) {
        (true, true) => return None,
        (false, true) => Answer::Succeeded,
        // There is an output, so the record is answered.
        (false, false) => Answer::Failed,
        // An error that may not be transient counts as permanent.
        (true, false) if errors.iter().all(|error| passes(error)) => Answer::Retryable,
        (true, false) => Answer::Failed,
    };
    let usability = match answer {
        Answer::Succeeded => outputs.into_iter().map(usability).max().unwrap_or_default(),
        Answer::Failed | Answer::Retryable => Usability::Usable,
    };
    Some((id.clone(), answer, usability))
}

/// Where AWS's guide, and OpenAI's for the models with its format, have the reason for which a model stopped. `[]` is
/// each element of a list. The pages are linked in `src/record/stop_reason.rs`.
const REASONS: [&str; 15] = [
    // Anthropic, Llama
    "stop_reason",
    // Converse, Nova
    "stopReason",
    // Cohere Command R
    "finish_reason",
    // Mistral and DeepSeek, OpenAI, Titan Text, Cohere Command: each list with each name
    "outputs [] stop_reason",
    "outputs [] finish_reason",
    "outputs [] completionReason",
    "choices [] stop_reason",
    "choices [] finish_reason",
    "choices [] completionReason",
    "results [] stop_reason",
    "results [] finish_reason",
    "results [] completionReason",
    "generations [] stop_reason",
    "generations [] finish_reason",
    "generations [] completionReason",
];
/// The words for a limit of tokens: Anthropic and Converse, Llama and others, Titan Text, Cohere.
const TRUNCATED: [&str; 6] =
    ["max_tokens", "model_context_window_exceeded", "length", "LENGTH", "MAX_TOKENS", "ERROR_LIMIT"];
/// The words for a refusal: Anthropic, Converse and Nova, OpenAI, Titan Text, Cohere.
const REFUSED: [&str; 6] = [
    "refusal",
    "guardrail_intervened",
    "content_filtered",
    "content_filter",
    "CONTENT_FILTERED",
    "ERROR_TOXIC",
];

fn usability(output: &Json) -> Usability {
    let texts = |path: &str| -> Vec<String> {
        let found = path.split(' ').fold(vec![output], |found, step| {
            found.into_iter().flat_map(|value| children(value, step)).collect()
        });
        found
            .into_iter()
            .filter_map(|value| if let Json::Text(text) = value { Some(text.clone()) } else { None })
            .collect()
    };
    let reasons: Vec<String> = REASONS.into_iter().flat_map(texts).collect();
    let lists = ["outputs", "choices", "results", "generations"];
    let mut refusals = lists.into_iter().flat_map(|list| texts(&format!("{list} [] message refusal")));
    let has = |words: &[&str]| reasons.iter().any(|reason| words.contains(&reason.as_str()));
    if has(&REFUSED) || refusals.any(|text| !text.is_empty()) {
        Usability::Refused
    } else if has(&TRUNCATED) {
        Usability::Truncated
    } else {
        Usability::Usable
    }
}

fn children<'a>(value: &'a Json, step: &str) -> Vec<&'a Json> {
    match value {
        Json::List(elements) if step == "[]" => elements.iter().collect(),
        Json::Object(members) => {
            members.iter().filter(|(key, _)| key == step).map(|(_, value)| value).collect()
        }
        _ => vec![],
    }
}

/// The values of a member, which may be repeated. A `null` counts as absent, because the output of Converse
/// jobs has `null` for the alternatives that are absent.
fn said<'a>(object: &'a [(String, Json)], name: &str) -> Vec<&'a Json> {
    let of_name = object.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    of_name.filter(|value| **value != Json::Null).collect()
}

/// Whether an error has nothing to do with its record: too many requests, a fault of the service, or a
/// timeout.
fn passes(error: &Json) -> bool {
    let Json::Object(error) = error else { return false };
    let (codes, expired) = (said(error, "errorCode"), said(error, "expired"));
    let is_passing = |code: &&Json| match code {
        Json::Text(code) | Json::Number(code) => {
            let is_number = !code.is_empty() && code.chars().all(|c| c.is_ascii_digit());
            let code = code.trim_start_matches('0');
            is_number && (code == "429" || code.len() == 3 && code.starts_with('5'))
        }
        _ => false,
    };
    let by_code = !codes.is_empty() && codes.iter().all(is_passing);
    let by_time = !expired.is_empty() && expired.iter().all(|expired| **expired == Json::True);
    by_code || by_time
}

/// The JSON value of a line, unless it nests deeper than `depth` levels.
pub(crate) fn json(line: &[u8], depth: usize) -> Option<Json> {
    parsed(std::str::from_utf8(line).ok()?, depth, false)
}

/// The JSON value of a text. A string with half of a surrogate pair is not valid; a tolerant reader takes it
/// for a value that is not a string.
fn parsed(text: &str, depth: usize, is_tolerant: bool) -> Option<Json> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, is_tolerant };
    parser.space();
    let value = parser.value(depth)?;
    parser.space();
    (parser.at == parser.chars.len()).then_some(value)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    is_tolerant: bool,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.chars.get(self.at - 1).copied()
    }

    fn next_if(&mut self, is: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(is);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while self.next_if(|c| [' ', '\t', '\r', '\n'].contains(&c)) {}
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        match self.peek()? {
            '{' => self.object(depth.checked_sub(1)?).map(Json::Object),
            '[' => self.array(depth.checked_sub(1)?),
            '"' => {
                let units = self.text()?;
                match String::from_utf16(&units) {
                    Ok(text) => Some(Json::Text(text)),
                    Err(_) => self.is_tolerant.then_some(Json::Other),
                }
            }
            't' => self.word("true", Json::True),
            'f' => self.word("false", Json::Other),
            'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Vec<(String, Json)>> {
        let mut members = Vec::new();
        self.next();
        self.space();
        if self.next_if(|c| c == '}') {
            return Some(members);
        }
        loop {
            self.space();
            let key = self.text()?;
            let key = match String::from_utf16(&key) {
                Ok(key) => key,
                Err(_) if self.is_tolerant => String::from_utf16_lossy(&key),
                Err(_) => return None,
            };
            self.space();
            if self.next()? != ':' {
                return None;
            }
            self.space();
            members.push((key, self.value(depth)?));
            self.space();
            match self.next()? {
                ',' => {}
                '}' => return Some(members),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.next();
        self.space();
        let mut elements = Vec::new();
        if self.next_if(|c| c == ']') {
            return Some(Json::List(elements));
        }
        loop {
            self.space();
            elements.push(self.value(depth)?);
            self.space();
            match self.next()? {
                ',' => {}
                ']' => return Some(Json::List(elements)),
                _ => return None,
            }
        }
    }

    /// A string in UTF-16, in which half of a surrogate pair is an error in itself.
    fn text(&mut self) -> Option<Vec<u16>> {
        if self.next()? != '"' {
            return None;
        }
        let mut units: Vec<u16> = Vec::new();
        loop {
            match self.next()? {
                '"' => return Some(units),
                '\\' => match self.next()? {
                    'u' => {
                        let mut unit = 0;
                        for _ in 0..4 {
                            unit = unit * 16 + self.next()?.to_digit(16)?;
                        }
                        units.push(unit.try_into().ok()?);
                    }
                    c @ ('"' | '\\' | '/') => units.push(c as u16),
                    'b' => units.push(8),
                    'f' => units.push(12),
                    'n' => units.push(10),
                    'r' => units.push(13),
                    't' => units.push(9),
                    _ => return None,
                },
                '\0'..='\x1f' => return None,
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        word.chars().all(|c| self.next() == Some(c)).then_some(value)
    }

    fn number(&mut self) -> Option<Json> {
        let begin = self.at;
        self.next_if(|c| c == '-');
        if !self.next_if(|c| c == '0') {
            self.digits()?;
        }
        if self.next_if(|c| c == '.') {
            self.digits()?;
        }
        if self.next_if(|c| c == 'e' || c == 'E') {
            self.next_if(|c| c == '+' || c == '-');
            self.digits()?;
        }
        Some(Json::Number(self.chars.get(begin..self.at)?.iter().collect()))
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.next_if(|c| c.is_ascii_digit()) {}
        (self.at > begin).then_some(())
    }
}
