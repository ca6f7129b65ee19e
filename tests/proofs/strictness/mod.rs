//! No bad line is accepted, and no good line is refused.

pub(super) mod disagreement;
mod mutation;
pub(super) mod oracle;

use std::sync::atomic::{AtomicUsize, Ordering};

use bedrock_vpc_batch::record::input::parse_input_record;
use bedrock_vpc_batch::record::stop_reason::Usability;
use disagreement::{disagreement_with, input_disagreement, output_disagreement};
use fastrand::Rng;
use serde_json::Value;

/// Whole lines that are records.
const GOOD: [&str; 20] = [
    r#"{"recordId":"1","modelInput":{}}"#,
    r#"{"modelInput":{}}"#,
    r#"{"modelInput":{},"recordId":"1"}"#,
    " {\"recordId\":\"1\",\"modelInput\":{}}",
    "{\"recordId\":\"1\",\"modelInput\":{}}\r",
    "\t{ \"recordId\" :\t\"1\" , \r\"modelInput\" : { } } \t\r",
    r#"{"record\u0049d":"1","modelInput":{}}"#,
    r#"{"recordId":"1","\u006dodelInput":{}}"#,
    r#"{"recordId":" ","modelInput":{}}"#,
    r#"{"recordId":"\u0000","modelInput":{}}"#,
    r#"{"recordId":"a\"b\\c","modelInput":{}}"#,
    r#"{"recordId":"\ud83d\ude00","modelInput":{}}"#,
    r#"{"recordId":"идентификатор-識別子-🔑","modelInput":{}}"#,
    r#"{"recordId":"a name of more than thirty-two characters","modelInput":{}}"#,
    r#"{"recordId":"1","modelInput":{"recordId":"2","modelInput":3}}"#,
    r#"{"recordId":"1","modelInput":{"a":1,"a":2}}"#,
    r#"{"recordId":"1","modelInput":{"":""}}"#,
    r#"{"recordId":"1","modelInput":{"prompt":"Say \"{[,:]}\" and no more.\n\nThen stop\\"}}"#,
    r#"{"recordId":"1","modelInput":{"inputText":"Größe, café, 商品, заказ, 😅 and more of it, well beyond one block of text"}}"#,
    r#"{"recordId":"REC00000001","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":174,"temperature":0.7,"messages":[{"role":"user","content":[{"type":"text","text":"Please answer in their language:\n\"Wo bleibt mein Paket?\""}]}],"stop_sequences":[],"stream":false,"top_k":null}}"#,
];

/// Whole lines that are not records.
const BAD: [&[u8]; 54] = [
    b"",
    b" ",
    b"\r",
    b"\xef\xbb\xbf{\"recordId\":\"1\",\"modelInput\":{}}",
    b"\xff\xfe{\0}\0",
    b"\0",
    b"null",
    b"17",
    b"\"text\"",
    b"[\"1\",{}]",
    b"{}",
    b"{",
    b"}",
    b"{}{}",
    b"2,hello",
    br#"{"recordId":"1"}"#,
    br#"{"recordId":"1","modelInput":null}"#,
    br#"{"recordId":"1","modelInput":[]}"#,
    br#"{"recordId":"1","modelInput":"{}"}"#,
    br#"{"recordId":"1","modelInput":1}"#,
    br#"{"recordId":"1","modelInput":true}"#,
    br#"{"recordId":"","modelInput":{}}"#,
    br#"{"recordId":1,"modelInput":{}}"#,
    br#"{"recordId":null,"modelInput":{}}"#,
    br#"{"recordId":["1"],"modelInput":{}}"#,
    br#"{"recordId":"1","recordId":"1","modelInput":{}}"#,
    br#"{"recordId":"1","record\u0049d":"1","modelInput":{}}"#,
    br#"{"recordId":"1","modelInput":{},"modelInput":{}}"#,
    br#"{"recordId":"1","modelInput":{},"modelinput":{}}"#,
    br#"{"recordid":"1","modelInput":{}}"#,
    br#"{"recordId ":"1","modelInput":{}}"#,
    br#"{"recordId":"1","modelInput":{},"":0}"#,
    br#"{"recordId":"1","modelInput":{},"metadata":{}}"#,
    br#"{"recordId":"\ud83d","modelInput":{}}"#,
    br#"{"recordId":"\x","modelInput":{}}"#,
    b"{\"recordId\":\"\xe9\",\"modelInput\":{}}",
    b"{\"recordId\":\"\t\",\"modelInput\":{}}",
    br#"{"recordId":"1","modelInput":{}},"#,
    br#"{"recordId":"1","modelInput":{},}"#,
    br#"{,"recordId":"1","modelInput":{}}"#,
    br#"{"recordId":"1",,"modelInput":{}}"#,
    br#"{"recordId":"1""modelInput":{}}"#,
    br#"{"recordId":"1";"modelInput":{}}"#,
    br#"{"recordId"="1","modelInput":{}}"#,
    br#"{"recordId":"1","modelInput":{}"#,
    br#"{"recordId":"1","modelInput":{}]"#,
    br#"{"recordId":"1","modelInput":{]}"#,
    br#"{"recordId":"1","modelInput":{}}}"#,
    br#"{"recordId":"1","modelInput":{}} x"#,
    br#"{"recordId":"1","modelInput":{}} // no"#,
    br#"{'recordId':'1','modelInput':{}}"#,
    br#"{recordId:"1",modelInput:{}}"#,
    b"\x0c{\"recordId\":\"1\",\"modelInput\":{}}",
    b"\xc2\xa0{\"recordId\":\"1\",\"modelInput\":{}}",
];

/// Values that are JSON.
const GOOD_VALUES: [&str; 42] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1",
    "10",
    "0.1",
    "1e400",
    "-1E-400",
    "1e+07",
    "0e0",
    "0.10e01",
    "99999999999999999999999999999999999999999",
    "3.14159265358979323846264338327950288",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "[[],{}]",
    "[1,\t2 , 3]",
    r#"{"a":{"a":[{"a":"a"}]}}"#,
    r#""""#,
    r#"" ""#,
    r#""\"""#,
    r#""\\""#,
    r#""\\\"""#,
    r#""\\\\""#,
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\\ud83d""#,
    r#""\u0000\u001F\uFFFF\uaBcD""#,
    r#""\ud83d\ude00""#,
    r#""\uDBFF\uDFFF\ud800\udc00""#,
    r#""/""#,
    "\"\u{7f}\"",
    "\"\u{80}\u{2028}\u{2029}\u{feff}\"",
    "\"\u{fdd0}\u{ffff}\u{10ffff}\"",
    "\"é\"",
    "\"😀\"",
    r#""the quick brown fox jumps over the lazy dog while the other dogs sleep on in the sun""#,
    r#""{\"not\":[\"structure\",{}],:}""#,
];

/// Values that are not JSON.
const BAD_VALUES: [&[u8]; 66] = [
    b"",
    b"nul",
    b"nulls",
    b"True",
    b"tru e",
    b"NaN",
    b"Infinity",
    b"undefined",
    b"01",
    b"-01",
    b"00",
    b"-",
    b"+1",
    b".5",
    b"1.",
    b"-.5",
    b"1.e5",
    b"1e",
    b"1e+",
    b"1e5.5",
    b"0x10",
    b"1_000",
    b"1 2",
    b"--1",
    b"1,",
    b",",
    b"[",
    b"]",
    b"[1",
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"[1,,2]",
    b"[1}",
    b"{]",
    b"{\"a\"}",
    b"{\"a\":}",
    b"{\"a\":1,}",
    b"{\"a\":1 \"b\":2}",
    b"{1:2}",
    b"{a:1}",
    b"{\"a\"::1}",
    b"\"",
    b"\"\\",
    b"\"\\\"",
    b"\"a\"b\"",
    b"\"a\" \"b\"",
    b"'a'",
    b"\"\\x\"",
    b"\"\\v\"",
    b"\"\\u12G4\"",
    b"\"\\u123\"",
    b"\"\\U0041\"",
    b"\"\\ud83d\"",
    b"\"\\ude00\"",
    b"\"\\ud83d\\ud83d\"",
    b"\"\\ud83dx\\ude00\"",
    b"\"\\ud83d\\\\ude00\"",
    b"\"\0\"",
    b"\"\x1f\"",
    b"\"\t\"",
    b"\"\xff\"",
    b"\"\xc3\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xc0\xaf\"",
    b"\"\xf4\x90\x80\x80\"",
];

fn with_value(padding: usize, value: &[u8]) -> Vec<u8> {
    let before = format!(r#"{{"recordId":"1","modelInput":{{"p":"{}","a":"#, "x".repeat(padding));
    [before.as_bytes(), value, b"}}"].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    with_value(0, format!("{}{}", "[".repeat(depth - 2), "]".repeat(depth - 2)).as_bytes())
}

/// Lines, each with its expected verdict.
fn corpus() -> Vec<(Vec<u8>, bool)> {
    let good = GOOD.iter().map(|line| (line.as_bytes().to_vec(), true));
    let bad = BAD.iter().map(|line| (line.to_vec(), false));
    let good_values = GOOD_VALUES.iter().map(|value| (with_value(0, value.as_bytes()), true));
    let bad_values = BAD_VALUES.iter().map(|value| (with_value(0, value), false));
    let deep = [(nested(128), true), (nested(129), false), (nested(1_000_000), false)];
    good.chain(bad).chain(good_values).chain(bad_values).chain(deep).collect()
}

/// Compares the oracle with `serde_json`, which has its own range of numbers and its own depth.
fn assert_oracle_knows_json(line: &[u8]) {
    let oracle = oracle::json(line, 128).is_some();
    match serde_json::from_slice::<Value>(line) {
        Ok(_) => assert!(oracle, "{:?}", String::from_utf8_lossy(line)),
        Err(error) => {
            let message = error.to_string();
            let is_narrower =
                message.starts_with("number out of range") || message.starts_with("recursion limit");
            assert!(!oracle || is_narrower, "{:?}: {message}", String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn each_line_of_the_corpus_gets_its_verdict() {
    let corpus = corpus();
    assert!(corpus.len() >= 90);
    for (line, is_good) in &corpus {
        let text = String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
        assert_eq!(parse_input_record(line).is_ok(), *is_good, "{text}");
        assert_eq!(oracle::record(line).is_some(), *is_good, "the oracle on {text}");
        assert_oracle_knows_json(line);
    }
}

#[test]
fn values_get_their_verdict_at_every_offset_in_a_block() {
    let good = GOOD_VALUES.iter().map(|value| (value.as_bytes(), true));
    for (value, is_good) in good.chain(BAD_VALUES.iter().map(|value| (*value, false))) {
        for padding in 0..130 {
            let line = with_value(padding, value);
            assert_eq!(parse_input_record(&line).is_ok(), is_good, "{}", String::from_utf8_lossy(&line));
            // A string must also be accepted within one long string, next to an escape and a character that
            // is not ASCII.
            if let [b'"', inner @ .., b'"'] = value {
                let text = [b"\"\\n\xc3\xa9", "y".repeat(padding).as_bytes(), inner, b"\\\\\""].concat();
                let (wrong, _) = input_disagreement(&with_value(0, b"\"\""), &with_value(0, &text));
                assert_eq!(wrong, None);
            }
        }
    }
}

/// What is wrong, if anything, with the verdict on the second line after the first one, and whether it is
/// good.
type Judge = fn(&[u8], &[u8]) -> (Option<String>, bool);

/// Judges lines mutated from `seeds`, which are the same on every machine; gives the number of good ones.
fn count_good(seeds: &[Vec<u8>], lines: usize, judge: Judge) -> usize {
    const BATCHES: usize = 50;
    let next_batch = AtomicUsize::new(0);
    let work = || {
        let mut good = 0;
        loop {
            let batch = next_batch.fetch_add(1, Ordering::Relaxed);
            if batch >= BATCHES {
                return good;
            }
            let mut random = Rng::with_seed(batch as u64);
            for _ in 0..lines / BATCHES {
                let (seed, line) = mutation::mutated(&mut random, seeds);
                let (wrong, is_good) = judge(seed, &line);
                assert_eq!(wrong, None);
                good += usize::from(is_good);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn mutated_lines_get_the_verdict_of_the_oracle() {
    #[expect(clippy::disallowed_methods, reason = "the Makefile's MUTATED_LINES")]
    let mutated = std::env::var("MUTATED_LINES").ok().and_then(|lines| lines.parse().ok());
    let mutated: usize = mutated.unwrap_or(200_000);
    let corpus = corpus();
    let is_seed = |(line, is_good): &&(Vec<u8>, bool)| *is_good && line.len() < 1_000;
    let seeds: Vec<_> = corpus.iter().filter(is_seed).map(|(line, _)| line.clone()).collect();
    let good = count_good(&seeds, mutated, input_disagreement);
    let (lines, bad) = (corpus.len(), mutated - good);
    println!("strictness: {lines} lines, {mutated} mutated lines ({good} good, {bad} bad), 0 disagreements");
}

const OUTPUTS: [&str; 25] = [
    r#"{"modelInput":{},"modelOutput":{"type":"message","content":[],"stop_reason":"max_tokens","stop_sequence":null},"recordId":"1"}"#,
    r#"{"modelInput":{},"modelOutput":{"output":{"message":{}},"stopReason":"content_filtered","usage":{}},"recordId":"1"}"#,
    r#"{"modelInput":{},"modelOutput":{"generation":"a","stop_reason":"length"},"recordId":"1"}"#,
    r#"{"modelInput":{},"modelOutput":{"outputs":[{"text":"a","stop_reason":"stop"},{"text":"b","stop_reason":"length"}]},"recordId":"1"}"#,
    r#"{"modelInput":{},"modelOutput":{"choices":[{"message":{"content":"a","refusal":null},"finish_reason":"content_filter"}]},"recordId":"1"}"#,
    r#"{"modelInput":{},"modelOutput":{"choices":[{"message":{"refusal":"I can't"},"finish_reason":"stop"}]},"recordId":"1"}"#,
    r#"{"modelInput":{},"modelOutput":{"inputTextTokenCount":8,"results":[{"tokenCount":3,"completionReason":"LENGTH"}]},"recordId":"1"}"#,
    r#"{"modelInput":{"a":1},"modelOutput":{"content":[{"type":"text","text":"Gern! \"Ja\"\n"}]},"recordId":"1"}"#,
    r#"{"recordId":"1","modelInput":{},"modelOutput":{"x":1},"error":null}"#,
    r#"{"recordId":"1","modelOutput":null,"error":{"errorCode":400,"errorMessage":"no"}}"#,
    r#"{"recordId":"1","error":{"errorCode":"503","expired":true,"retryable":false}}"#,
    r#"{"recordId":"1","modelInput":{},"error":{}}"#,
    r#"{"recordId":"1","modelOutput":[null],"recordid":2,"recordid":3}"#,
    r#"{"record\u0049d":"\u0031","model\u004futput":"","new":[1e400]}"#,
    r#"{"recordId":"","modelOutput":0}"#,
    r#"{"recordId":"1","modelOutput":{"a":"\ud83d"},"modelInput":{"a":"\ude00"}}"#,
    r#"{"recordId":"1","error":{"errorCode":null,"errorMessage":null,"expired":null}}"#,
    r#"{"recordId":"1","error":"ThrottlingException: too many requests"}"#,
    r#"{"recordId":"1","error":["503"],"modelOutput":null}"#,
    r#"{"recordId":"1","error":{"errorCode":[503],"errorMessage":{"\ud83d":"\ud83d"}}}"#,
    r#"{"recordId":"1","error":{"errorCode":503},"modelOutput":{"x":1}}"#,
    r#"{"recordId":"1","modelOutput":{"x":1},"modelOutput":{"x":1},"recordId":"1"}"#,
    r#"{"recordId":"1","error":{"errorCode":503,"errorCode":400},"error":{"expired":true}}"#,
    r#"{"recordId":17,"error":{"errorCode":1e400,"expired":false},"":null}"#,
    "\u{feff}{\"recordId\":\"1\",\"modelOutput\":{\"a\":7}}\r",
];

#[test]
fn values_that_change_the_answer_are_not_part_of_a_template() {
    let values = ["null", "7", "true", r#""text""#, "{}", "[]", r#"{"errorCode":500}"#, "1e400", ""];
    let line = |id: &str, output: &str, error: &str| {
        format!(r#"{{"recordId":{id},"modelInput":{{"a":1}},"modelOutput":{output},"error":{error}}}"#)
            .into_bytes()
    };
    let mut lines = Vec::new();
    for id in values {
        for output in values {
            lines.extend(values.iter().map(|error| line(id, output, error)));
        }
    }
    for line in &lines {
        let expected = oracle::answer(line);
        for before in &lines {
            let wrong = disagreement_with(expected.as_ref(), before, line);
            assert_eq!(wrong, None, "{:?}", String::from_utf8_lossy(before));
        }
    }
}

/// A line whose model's output has these members, and members of choices, in this order.
fn with_reasons(reason: &str, choice: &str, refusal: &str) -> Vec<u8> {
    format!(
        r#"{{"recordId":"1","modelOutput":{{"stop_reason":{reason},"choices":[{{"finish_reason":{choice},"message":{{"refusal":{refusal}}}}}]}}}}"#
    )
    .into_bytes()
}

#[test]
fn stop_reasons_are_read_in_every_line_that_matches_the_one_before() {
    let values = [
        "null",
        "7",
        r#""""#,
        r#""stop""#,
        r#""length""#,
        r#""max\u005ftokens""#,
        r#""refusal""#,
        r#""\ud83d""#,
        "{}",
        r#"["length"]"#,
    ];
    let mut lines = Vec::new();
    for reason in values {
        for choice in values {
            lines.extend(values.iter().map(|refusal| with_reasons(reason, choice, refusal)));
        }
    }
    for before in lines.iter().step_by(7) {
        for line in &lines {
            let (wrong, is_answer) = output_disagreement(before, line);
            assert_eq!((wrong, is_answer), (None, true), "{:?}", String::from_utf8_lossy(before));
        }
    }
    let of = |reason, choice, refusal| oracle::answer(&with_reasons(reason, choice, refusal)).unwrap().2;
    assert_eq!(of(r#""end_turn""#, r#""stop""#, "null"), Usability::Usable);
    assert_eq!(of(r#""max\u005ftokens""#, r#""stop""#, r#""""#), Usability::Truncated);
    assert_eq!(of(r#""max_tokens""#, r#""stop""#, r#""no""#), Usability::Refused);
}

/// An output line with any members. Each number gives the same line on every machine.
fn any_output(number: u64) -> Vec<u8> {
    mutation::any_output(&mut Rng::with_seed(number))
}

#[test]
fn output_with_any_members_is_read_as_the_oracle_reads_it() {
    const LINES: u64 = 100_000;
    let (mut answers, mut unusable) = (0, 0);
    for number in 0..LINES {
        let line = any_output(number);
        let (wrong, is_answer) = output_disagreement(&any_output(number / 2), &line);
        assert_eq!(wrong, None);
        answers += u64::from(is_answer);
        unusable += u64::from(oracle::answer(&line).is_some_and(|(.., said)| said != Usability::Usable));
    }
    assert!(unusable > LINES / 100, "only {unusable} unusable answers");
    println!(
        "strictness of output: {LINES} lines with any members ({answers} answers, {unusable} of them unusable), \
         0 disagreements"
    );
}

#[test]
fn mutated_output_is_read_as_the_oracle_reads_it() {
    const MUTATED: usize = 200_000;
    let mut seeds: Vec<_> = OUTPUTS.iter().map(|line| line.as_bytes().to_vec()).collect();
    for line in &seeds {
        assert_eq!(output_disagreement(line, line), (None, true));
    }
    seeds.extend((0..50).map(any_output));
    let good = count_good(&seeds, MUTATED, output_disagreement);
    println!("strictness of output: {MUTATED} mutated lines ({good} answers), 0 disagreements");
}
