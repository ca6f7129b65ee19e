//! Makes lines that are almost records, and records that are almost not.

use fastrand::Rng;

/// Pieces that are put into a line at random offsets. Many are good only within a string, or only outside
/// one.
const FRAGMENTS: [&[u8]; 64] = [
    b"\"",
    b"\\",
    b"\\\"",
    b"\\\\",
    b"\\\\\\",
    b"\\/",
    b"\\b",
    b"\\f",
    b"\\n",
    b"\\r",
    b"\\t",
    b"\\v",
    b"\\x41",
    b"\\u",
    b"\\u00e9",
    b"\\u12G4",
    b"\\u000",
    b"\\ud83d\\ude00",
    b"\\ud83d",
    b"\\ude00",
    b"\\ude00\\ud83d",
    b"\\uD83D\\u0041",
    b"\\u0000",
    "\u{e9}".as_bytes(),
    "\u{1f600}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"\xc3",
    b"\xa9",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"\xff",
    b"\0",
    b"\x01",
    b"\x1f",
    b"\x7f",
    b"\t",
    b"\r",
    b" ",
    b"  ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"[]",
    b",",
    b":",
    b"0",
    b"-",
    b"01",
    b".5",
    b"1.",
    b"1e400",
    b"-0.0E-7",
    b"+1",
    b"NaN",
    b"true",
    b"nul",
    b",\"a\":1",
    b",[null]",
    b"\"recordId\":\"7\",",
    b"\"modelInput\":{},",
];

/// One of `seeds`, and a line made from it by up to three changes, some of them with bytes of another seed.
/// The line has no `\n`.
pub(crate) fn mutated<'a>(random: &mut Rng, seeds: &'a [Vec<u8>]) -> (&'a [u8], Vec<u8>) {
    let seed = random.choice(seeds).expect("there are seeds");
    let mut line = seed.clone();
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(..=line.len());
        let end = line.len().min(at + random.usize(..8));
        match random.u8(..12) {
            0 if at < line.len() => line[at] ^= 1 << random.u8(..8),
            1 if at < line.len() => line[at] = random.u8(..),
            2 => line.insert(at, random.u8(..)),
            3 => drop(line.drain(at..end)),
            4 => line.truncate(at),
            5 => {
                let repeated = line[at..end].to_vec();
                line.splice(at..at, repeated);
            }
            6 => {
                let other = random.choice(seeds).expect("there are seeds");
                line.truncate(at);
                line.extend_from_slice(&other[at.min(other.len())..]);
            }
            7 => nest(random, &mut line),
            8 => drop(line.splice(at..at, vec![b'x'; random.usize(..70)])),
            _ => {
                let fragment = random.choice(FRAGMENTS).expect("there are fragments");
                drop(line.splice(at..at, fragment.iter().copied()));
            }
        }
    }
    line.retain(|byte| *byte != b'\n');
    (seed, line)
}

/// Nests a value (the first number of the line, if there is one) in many arrays or objects.
fn nest(random: &mut Rng, line: &mut Vec<u8>) {
    let Some(at) = line.windows(2).position(|pair| pair[0] == b':' && pair[1].is_ascii_digit()) else {
        return;
    };
    let depth = random.usize(1..=130);
    let (open, close) = if random.bool() { ("[", "]") } else { ("{\"a\":", "}") };
    line.splice(at + 2..at + 2, close.repeat(depth).bytes());
    line.splice(at + 1..at + 1, open.repeat(depth).bytes());
}

/// The keys of a line of output and of its error, and keys that look like them.
const KEYS: [&str; 9] = [
    "recordId",
    "modelInput",
    "modelOutput",
    "modelOutput",
    "error",
    "error",
    "new",
    "mod\\u0065lOutput",
    "recordid",
];
const ERROR_KEYS: [&str; 7] =
    ["errorCode", "errorCode", "errorMessage", "expired", "expired", "retryable", "error\\u0043ode"];

/// A value of every type, and the values that each member of a line may have.
const VALUES: [&str; 24] = [
    "null",
    "null",
    "true",
    "false",
    "0",
    "1",
    "429",
    "500",
    "5e2",
    "1e400",
    "-1",
    r#""""#,
    r#""1""#,
    r#""2""#,
    r#""400""#,
    r#""503""#,
    r#""ThrottlingException""#,
    r#""\ud83d""#,
    "[]",
    "[503]",
    "{}",
    r#"{"a":null}"#,
    r#"{"content":[{"text":"é"}]}"#,
    "[[[[[{}]]]]]",
];

/// A line of output: a record's id, and any members with any values, some of them repeated.
pub(crate) fn any_output(random: &mut Rng) -> Vec<u8> {
    let mut members = Vec::new();
    if random.u8(..8) > 0 {
        members.push(r#""recordId":"1""#.to_owned());
    }
    for _ in 0..random.usize(1..=4) {
        let key = random.choice(KEYS).expect("there are keys");
        let value = if key == "error" && random.bool() {
            let members: Vec<_> = (0..random.usize(..4)).map(|_| member(random, &ERROR_KEYS)).collect();
            format!("{{{}}}", members.join(","))
        } else if key == "modelOutput" && random.bool() {
            model_output(random)
        } else {
            random.choice(VALUES).expect("there are values").to_owned()
        };
        members.push(format!("\"{key}\":{value}"));
    }
    random.shuffle(&mut members);
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// The members of a model's output that may say why the model stopped, and members that look like them.
const REASON_KEYS: [&str; 8] = [
    "stop_reason",
    "stopReason",
    "finish_reason",
    "completionReason",
    "refusal",
    "message",
    "stop\\u005freason",
    "text",
];
const LIST_KEYS: [&str; 5] = ["choices", "outputs", "results", "generations", "content"];
const REASON_VALUES: [&str; 20] = [
    r#""end_turn""#,
    r#""stop""#,
    r#""max_tokens""#,
    r#""max_tokens""#,
    r#""model_context_window_exceeded""#,
    r#""length""#,
    r#""LENGTH""#,
    r#""MAX_TOKENS""#,
    r#""ERROR_LIMIT""#,
    r#""refusal""#,
    r#""guardrail_intervened""#,
    r#""content_filtered""#,
    r#""content_filter""#,
    r#""CONTENT_FILTERED""#,
    r#""ERROR_TOXIC""#,
    r#""Length""#,
    r#""len\u0067th""#,
    r#""\ud83d""#,
    "null",
    "7",
];

/// A model's output that may say why the model stopped, once, several times, or elsewhere.
fn model_output(random: &mut Rng) -> String {
    let mut members: Vec<_> = (0..random.usize(..3)).map(|_| reason(random)).collect();
    for _ in 0..random.usize(..2) {
        let elements: Vec<_> = (0..random.usize(..3)).map(|_| choice(random)).collect();
        let key = random.choice(LIST_KEYS).expect("there are keys");
        members.push(format!("\"{key}\":[{}]", elements.join(",")));
    }
    random.shuffle(&mut members);
    format!("{{{}}}", members.join(","))
}

fn choice(random: &mut Rng) -> String {
    if random.u8(..8) == 0 {
        return random.choice(VALUES).expect("there are values").to_owned();
    }
    let mut members: Vec<_> = (0..random.usize(..3)).map(|_| reason(random)).collect();
    if random.bool() {
        members.push(format!("\"message\":{{{}}}", reason(random)));
    }
    format!("{{{}}}", members.join(","))
}

fn reason(random: &mut Rng) -> String {
    let key = random.choice(REASON_KEYS).expect("there are keys");
    let value = match random.u8(..8) {
        0 => random.choice(VALUES).expect("there are values"),
        _ => random.choice(REASON_VALUES).expect("there are values"),
    };
    format!("\"{key}\":{value}")
}

fn member(random: &mut Rng, keys: &[&str]) -> String {
    let (key, value) = (random.choice(keys), random.choice(VALUES));
    format!("\"{}\":{}", key.expect("there are keys"), value.expect("there are values"))
}
