//! Malformed drops: each gets the documented verdict, with the right line and byte.

use bedrock_vpc_batch::drop::check::{Accepted, Validator, Verdict};
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::kinds::{self, Example};
use bedrock_vpc_batch::drop::problems::MAX_BAD_LINES;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::rejection::Problem;
use bedrock_vpc_batch::ledger::status::Stage;
use bedrock_vpc_batch::record::json_fault::JsonFault;

use crate::support::{World, any_drop, drop_of, peak_memory, record};

const GOOD: &str = r#"{"recordId":"1","modelInput":{"a":1}}"#;
const GOOD_LEN: u64 = 37;

/// The line and the byte of the problem, and the start of its description; none if the drop is accepted.
type Expected = Option<(Option<u64>, Option<u64>, &'static str)>;

fn at(line: u64, byte: u64, what: &'static str) -> Expected {
    Some((Some(line), Some(byte), what))
}

fn of_file(what: &'static str) -> Expected {
    Some((None, None, what))
}

/// A good line, followed by `line`.
fn second(line: impl AsRef<[u8]>) -> Vec<u8> {
    [GOOD.as_bytes(), b"\n", line.as_ref(), b"\n"].concat()
}

fn second_input(model_input: &str) -> Vec<u8> {
    second(format!(r#"{{"recordId":"2","modelInput":{model_input}}}"#))
}

fn table() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let line_2 = GOOD_LEN + 1;
    // Where modelInput starts in `second_input`.
    let input = line_2 + 29;
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    vec![
        // Drops that are accepted.
        ("newline at the end", format!("{GOOD}\n").into(), None),
        ("no newline at the end", GOOD.into(), None),
        ("CRLF", format!("{GOOD}\r\n{}\r\n", GOOD.replace('1', "2")).into(), None),
        ("white space around", format!(" \t{GOOD} \t\n").into(), None),
        ("no recordId", second(r#"{"modelInput":{}}"#), None),
        ("other order of members", second(r#"{"modelInput":{},"recordId":"2"}"#), None),
        ("escaped surrogate pair", second_input(r#"{"a":"\ud83d\ude00"}"#), None),
        ("escaped backslash before u", second_input(r#"{"a":"\\ud83d"}"#), None),
        ("U+2028 in a string", second_input("{\"a\":\"\u{2028}\u{85}\"}"), None),
        ("huge number", second_input(r#"{"a":1e400,"b":-0.0,"c":99999999999999999999999999}"#), None),
        ("same key twice in modelInput", second_input(r#"{"a":1,"a":2}"#), None),
        ("deep, but not too deep", second_input(&nested(127)), None),
        ("recordId of 10,000 characters", second(record(&"i".repeat(10_000))), None),
        ("recordId in many scripts", second(record("идентификатор-識別子-\u{1f511}")), None),
        // Not UTF-8.
        (
            "stray byte FF",
            second(b"{\"recordId\":\"2\",\"modelInput\":{\"a\":\"\xff\"}}"),
            at(2, line_2 + 35, "the bytes are not UTF-8"),
        ),
        (
            "Latin-1",
            second(b"{\"recordId\":\"caf\xe9\",\"modelInput\":{}}"),
            at(2, line_2 + 16, "the bytes are not UTF-8"),
        ),
        (
            "surrogate in UTF-8",
            second(b"{\"recordId\":\"\xed\xa0\x80\"}"),
            at(2, line_2 + 13, "the bytes are not UTF-8"),
        ),
        (
            "overlong encoding",
            second(b"{\"recordId\":\"\xc0\xaf\"}"),
            at(2, line_2 + 13, "the bytes are not UTF-8"),
        ),
        ("UTF-16", b"\xff\xfe{\0}\0".into(), of_file("the file is UTF-16")),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0".into(), of_file("the file is compressed with gzip")),
        ("JSON array", format!("[{GOOD},\n{GOOD}]\n").into(), of_file("the file is a JSON array")),
        ("indented", b"{\n  \"recordId\": \"1\",\n".into(), of_file("each JSON object takes several lines")),
        ("table", b"id,prompt\n1,\"Hi\"\n".into(), of_file("the file is a table")),
        (
            "OpenAI",
            br#"{"custom_id":"1","method":"POST","url":"/v1/responses","body":{}}"#.into(),
            of_file("the file is a batch file for OpenAI's Responses API"),
        ),
        // A bad first line before good ones is a bad line.
        ("header", format!("recordId\n{GOOD}\n").into(), at(1, 0, "the line is not valid JSON")),
        // Later lines do not say what the file is.
        ("table later", second("id,prompt"), at(2, line_2, "the line is not valid JSON")),
        (
            "byte order mark",
            format!("\u{feff}{GOOD}\n").into(),
            at(1, 0, "the line begins with a byte order mark"),
        ),
        // Blank lines.
        ("empty file", vec![], of_file("the file has no records")),
        ("one newline", b"\n".into(), of_file("the file has no records")),
        (
            "blank line within",
            format!("{GOOD}\n\n{}\n", GOOD.replace('1', "2")).into(),
            at(2, line_2, "the line is blank"),
        ),
        ("blank line at the end", format!("{GOOD}\n\n").into(), at(2, line_2, "the line is blank")),
        ("line of spaces", second("  \t "), at(2, line_2, "the line is blank")),
        ("CRLF blank line", format!("{GOOD}\r\n\r\n").into(), at(2, line_2 + 1, "the line is blank")),
        // Not JSON.
        (
            "cut last line",
            format!("{GOOD}\n{{\"recordId\":\"2\",\"mod").into(),
            at(2, line_2 + 20, "the line is not valid JSON: the line ends within a text"),
        ),
        (
            "cut after the value",
            second(r#"{"recordId":"2","modelInput":{}"#),
            at(2, line_2 + 31, "the line is not valid JSON: the line ends before the object does"),
        ),
        (
            "trailing garbage",
            second(format!("{} x", GOOD.replace('1', "2"))),
            at(2, line_2 + GOOD_LEN + 1, "the line is not valid JSON: something after the object"),
        ),
        (
            "two objects on a line",
            second(format!("{GOOD}{GOOD}").replace('1', "2")),
            at(2, line_2 + GOOD_LEN, "the line is not valid JSON: a second object on the same line"),
        ),
        (
            "trailing comma",
            second_input(r#"{"a":1,}"#),
            at(2, input + 6, "the line is not valid JSON: a comma with nothing after it"),
        ),
        (
            "single quotes",
            second("{'recordId':'2','modelInput':{}}"),
            at(2, line_2 + 1, "the line is not valid JSON: JSON has no single quotes"),
        ),
        (
            "comment",
            second(format!("{} // no", GOOD.replace('1', "2"))),
            at(2, line_2 + GOOD_LEN + 1, "the line is not valid JSON: JSON has no comments"),
        ),
        (
            "NaN",
            second_input(r#"{"a":NaN}"#),
            at(2, input + 5, "the line is not valid JSON: JSON has no NaN"),
        ),
        (
            "leading zero",
            second_input(r#"{"a":01}"#),
            at(2, input + 5, "the line is not valid JSON: a number with a leading zero"),
        ),
        (
            "leading plus",
            second_input(r#"{"a":+1}"#),
            at(2, input + 5, "the line is not valid JSON: JSON does not write numbers like this"),
        ),
        (
            "bad escape",
            second_input(r#"{"a":"\x"}"#),
            at(2, input + 6, "the line is not valid JSON: JSON has no such escape"),
        ),
        (
            "bad unicode escape",
            second_input(r#"{"a":"\u12G4"}"#),
            at(2, input + 6, "the line is not valid JSON: JSON has no such escape"),
        ),
        (
            "control character in a string",
            second_input("{\"a\":\"\u{1}\"}"),
            at(2, input + 6, "the line is not valid JSON: a control character that is not escaped"),
        ),
        (
            "tab in a string",
            second_input("{\"a\":\"\t\"}"),
            at(2, input + 6, "the line is not valid JSON: a tab that is not escaped"),
        ),
        ("NUL byte", second("\0"), at(2, line_2, "the file is padded with NUL bytes")),
        (
            "form feed",
            second(format!("\u{c}{GOOD}")),
            at(2, line_2, "the line is not valid JSON: this is not a JSON object"),
        ),
        ("CSV", second("2,hello"), at(2, line_2, "the line is not valid JSON: this is not a JSON object")),
        (
            "lone CR between records",
            format!("{GOOD}\r{GOOD}").into(),
            at(1, line_2, "the line is not valid JSON: a second object on the same line"),
        ),
        (
            "pretty-printed",
            format!("{GOOD}\n{{\n").into(),
            at(2, line_2 + 1, "the line is not valid JSON: the line ends before the object does"),
        ),
        // JSON that is not a record.
        (
            "lone high surrogate",
            second_input(r#"{"a":"\ud83d"}"#),
            at(2, input + 6, "a \\u escape is half of a surrogate pair"),
        ),
        (
            "lone low surrogate",
            second_input(r#"{"a":"\ude00x"}"#),
            at(2, input + 6, "a \\u escape is half of a surrogate pair"),
        ),
        (
            "too deep",
            second_input(&nested(128)),
            at(2, input + 127 * 5, "the JSON nests deeper than 128 levels"),
        ),
        (
            "deep enough to overflow a stack",
            second_input(&nested(200_000)),
            at(2, input + 127 * 5, "the JSON nests deeper than 128 levels"),
        ),
        ("array", second("[1,{}]"), at(2, line_2, "the line is not a JSON object but an array")),
        ("string", second("\"text\""), at(2, line_2, "the line is not a JSON object but a string")),
        ("number", second(" 17"), at(2, line_2 + 1, "the line is not a JSON object but a number")),
        ("null", second("null"), at(2, line_2, "the line is not a JSON object but null")),
        ("empty object", second("{}"), at(2, line_2, "modelInput is missing")),
        ("no modelInput", second(r#"{"recordId":"2"}"#), at(2, line_2, "modelInput is missing")),
        (
            "modelInput is a string",
            second_input("\"{}\""),
            at(2, input, "the modelInput of a record is a string that has JSON in it"),
        ),
        (
            "modelInput is an array",
            second_input("[{}]"),
            at(2, input, "modelInput is not an object but an array"),
        ),
        ("modelInput is null", second_input("null"), at(2, input, "modelInput is not an object but null")),
        (
            "recordId is a number",
            second(r#"{"recordId":2,"modelInput":{}}"#),
            at(2, line_2 + 12, "recordId is not a string but a number"),
        ),
        (
            "recordId is null",
            second(r#"{"recordId":null,"modelInput":{}}"#),
            at(2, line_2 + 12, "recordId is not a string but null"),
        ),
        (
            "recordId is empty",
            second(r#"{"recordId":"","modelInput":{}}"#),
            at(2, line_2 + 12, "recordId is empty"),
        ),
        (
            "recordId twice in a record",
            second(r#"{"recordId":"2","recordId":"3","modelInput":{}}"#),
            at(2, line_2 + 16, "a record has recordId and modelInput once each: duplicate member `recordId`"),
        ),
        (
            "unknown member",
            second(r#"{"recordid":"2","modelInput":{}}"#),
            at(2, line_2 + 1, "the member `recordid` should be called recordId"),
        ),
        (
            "unknown member with escapes",
            second(r#"{"a\u001b[2J\"":"2","modelInput":{}}"#),
            at(2, line_2 + 1, r#"a record has only recordId and modelInput: unknown member `a\u001b[2J\"`"#),
        ),
        (
            "unknown member that a terminal obeys",
            second("{\"modelInput\":{}, \"\u{9b}2J\u{202e}\u{7f}\u{feff}\":1}"),
            at(
                2,
                line_2 + 18,
                r"a record has only recordId and modelInput: unknown member `\u{9b}2J\u{202e}\u{7f}\u{feff}`",
            ),
        ),
        (
            "modelInput twice, once escaped",
            second(r#"{"modelInput":{},"model\u0049nput":{}}"#),
            at(
                2,
                line_2 + 17,
                "a record has recordId and modelInput once each: duplicate member `modelInput`",
            ),
        ),
        (
            "lone surrogate in an unknown member",
            second(r#"{"a\ud83d":1,"modelInput":{}}"#),
            at(2, line_2 + 1, r"a record has only recordId and modelInput: unknown member `a\ud83d`"),
        ),
        (
            "too deep, then cut",
            second(format!(r#"{{"modelInput":{}"#, r#"{"a":"#.repeat(128))),
            at(2, line_2 + 14 + 127 * 5, "the JSON nests deeper than 128 levels"),
        ),
        (
            "cut before it is too deep",
            second(format!(r#"{{"modelInput":{{"a":}}{}"#, "[".repeat(200))),
            at(2, line_2 + 19, "the line is not valid JSON: a value is missing before this"),
        ),
        ("deep array", second("[".repeat(200)), at(2, line_2, "the line is not a JSON object but an array")),
        ("same recordId", second(GOOD), at(2, line_2 + 12, "recordId \"1\" is already used on line 1")),
        (
            "same recordId, which a terminal obeys",
            [r#"{"recordId":"\u001b]0;\u0007\u202e\"","modelInput":{}}"#; 2].join("\n").into(),
            at(2, 67, r#"recordId "\u{1b}]0;\u{7}\u{202e}"" is already used on line 1"#),
        ),
        (
            "same recordId, escaped",
            second(r#"{"recordId":"\u0031","modelInput":{}}"#),
            at(2, line_2 + 12, "recordId \"1\" is already used on line 1"),
        ),
    ]
}

#[tokio::test]
async fn each_malformed_drop_gets_the_documented_verdict() {
    let table = table();
    assert!(table.iter().filter(|row| row.2.is_some()).count() >= 40);
    let mut jobs = 0;
    let settings = [("MIN_RECORDS_PER_JOB", "1"), ("REPAIR", "off"), ("MODEL_RULES", "off")];
    let mut world = World::with(&settings).await;
    let mut wrong = Vec::new();
    for (number, (name, body, expected)) in table.into_iter().enumerate() {
        let event = world.put(&format!("{number}.jsonl"), body).await;
        world.submit(event).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut results = world.results().await;
        results.files.retain(|key, _| key.starts_with(&format!("results/{number}.jsonl/")));
        let verdict =
            (results.status().state == Stage::Rejected).then(|| results.rejection().problems.remove(0));
        let is_right = match (&verdict, &expected) {
            (None, None) => true,
            (Some(found), Some((line, byte, what))) => {
                assert!(!found.fix.is_empty(), "{name}");
                (found.line, found.byte) == (*line, *byte) && found.what.starts_with(what)
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{name}: {verdict:?}, not {expected:?}"));
        }
        jobs += usize::from(verdict.is_none());
        assert_eq!(world.stand_in.jobs().len(), jobs, "{name}");
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn diagnosis_does_not_depend_on_how_the_file_is_cut_into_chunks() {
    for (name, body, expected) in table() {
        let verdict = |chunk_bytes: usize| {
            let quotas = Quotas { min_records: 1, ..Quotas::default() };
            let mut validator = Validator::new(DropId::derive(&any_drop()), quotas, 1 << 20);
            let _ = body.chunks(chunk_bytes).try_for_each(|chunk| validator.feed(chunk));
            validator.finish()
        };
        let whole = verdict(body.len().max(1));
        assert_eq!((&verdict(1), &verdict(7)), (&whole, &whole), "{name}");
        if matches!(expected, Some((None, ..))) {
            assert!(matches!(&whole, Verdict::Invalid { problems, .. } if problems.len() == 1), "{name}");
        }
    }
}

#[tokio::test]
async fn quotas_are_enforced_and_the_fix_is_named() {
    type Settings = &'static [(&'static str, &'static str)];
    let table: [(usize, Settings, &str, &str); 6] = [
        (99, &[], "the file has 99 records; a job needs at least 100", "put more records into one file"),
        (0, &[], "the file has no records", "export it again, with at least one record"),
        (
            168,
            &[("MAX_RECORDS_PER_JOB", "100")],
            "the 168 records cannot be cut into files of 100 records",
            "put 100 or 200 records into one file",
        ),
        (
            121,
            &[("MAX_RECORDS_PER_JOB", "120")],
            "the 121 records cannot be cut into files of 100 to 120 records",
            "put 100 to 120 or 200 to 240 records into one file",
        ),
        (
            100,
            &[("MAX_INPUT_FILE_BYTES", "10000")],
            "the 100 records cannot be cut into files of 100 to 100000",
            "make the records smaller: they have ",
        ),
        (
            100,
            &[("MAX_DROP_BYTES", "10000")],
            "the file has ",
            "split the file and drop its parts one by one",
        ),
    ];
    for (count, changes, what, fix) in table {
        let mut world = World::with(changes).await;
        let event = world.put("a.jsonl", drop_of(count)).await;
        world.submit(event.clone()).await.unwrap();
        world.submit(event).await.unwrap();
        let rejection = world.results().await.rejection();
        assert_eq!(rejection.problems.len(), 1);
        let problem = &rejection.problems[0];
        assert!(problem.what.starts_with(what) && problem.fix.starts_with(fix), "{problem:?}");
        assert_eq!((world.stand_in.requests(), world.markers().await), (vec![], vec![]));
    }
}

#[tokio::test]
async fn reading_stops_after_ten_thousand_bad_lines() {
    let mut world = World::new().await;
    let event = world.put("a.jsonl", "x\n".repeat(50_000)).await;
    world.submit(event).await.unwrap();
    let rejection = world.results().await.rejection();
    assert_eq!((rejection.problems.len(), rejection.stopped_early), (1, true));
    let problem = &rejection.problems[0];
    assert_eq!((problem.code.as_str(), problem.lines, MAX_BAD_LINES), ("not-json", 10_000, 10_000));
    let places: Vec<_> = problem.places.iter().map(|place| (place.line, place.byte)).collect();
    assert_eq!(places, [(1, 0), (2, 2), (3, 4), (4, 6), (5, 8)]);
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// A file with every kind of problem that a line can have, far apart, and each twice.
fn all_kinds_at_once() -> (Vec<u8>, Vec<&'static str>) {
    let mut body = format!("{GOOD}\n").into_bytes();
    let mut codes = Vec::new();
    for round in 0..2 {
        for kind in kinds::ALL {
            let (Example::Line(line) | Example::Twice(line)) = kind.example else { continue };
            // A repeated id is that of the first line.
            body.extend([line, b"\n"].concat());
            for number in 0..50 {
                body.extend(format!("{}\n", record(&format!("{round} {} {number}", kind.code))).into_bytes());
            }
            codes.push(kind.code);
        }
    }
    body.extend(b"\0\0\0\0");
    codes.truncate(codes.len() / 2);
    codes.push(kinds::NUL_PADDED.code);
    (body, codes)
}

#[test]
fn all_kinds_of_problems_are_told_in_one_pass() {
    let (body, codes) = all_kinds_at_once();
    assert!(codes.len() >= 14, "{codes:?}");
    let verdict = |chunk_bytes: usize| {
        let mut validator = validator(1 << 20);
        body.chunks(chunk_bytes).try_for_each(|chunk| validator.feed(chunk)).unwrap();
        validator.finish()
    };
    let whole = verdict(body.len());
    assert_eq!(verdict(7), whole);
    let Verdict::Invalid { problems, stopped_early: false } = whole else { panic!("{whole:?}") };
    let found: Vec<_> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(found, codes);
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    for problem in &problems {
        let count = if problem.code.as_str() == kinds::NUL_PADDED.code { 1 } else { 2 };
        assert_eq!((problem.lines, problem.places.len()), (count, size(count)), "{problem:?}");
        for place in &problem.places {
            let line_start: usize = lines[..size(place.line) - 1].iter().map(|line| line.len() + 1).sum();
            let line = lines[size(place.line) - 1];
            let offset = size(place.byte) - line_start;
            assert!(offset <= line.len(), "{place:?}");
            // The caret is below the byte.
            let before = String::from_utf8_lossy(&line[..offset]);
            let shown: String = place.excerpt.chars().take(place.caret).collect();
            assert!(before.ends_with(shown.trim_start_matches('…')), "{place:?}");
        }
    }
}

/// The problems of a line after a good one, each with its place in the line.
fn problems_of_line(line: &str, is_repairing: bool) -> Vec<(String, u64, u64)> {
    let mut validator = validator(1 << 20).with_repairs(is_repairing);
    validator.feed(&second(line)).unwrap();
    let Verdict::Invalid { problems, .. } = validator.finish() else { return vec![] };
    let place = |problem: &Problem| {
        let place = &problem.places[0];
        (problem.code.as_str().to_owned(), place.byte - GOOD_LEN - 1, problem.lines)
    };
    problems.iter().map(place).collect()
}

/// The code of a problem, and its place in the line.
type Told = (&'static str, u64);

#[test]
fn everything_that_is_wrong_with_a_line_is_told() {
    let table: [(&str, bool, &[Told]); 17] = [
        (
            r#"{"recordId":1.5,"modelInput":"Hi"}"#,
            true,
            &[("record-id-not-string", 12), ("model-input-not-object", 29)],
        ),
        (
            r#"{"modelInput":"{}","recordId":""}"#,
            true,
            &[("model-input-string", 14), ("record-id-empty", 30)],
        ),
        // A request without a record around it, and a row.
        (r#"{"messages":[],"x":1}"#, true, &[("model-input-missing", 0), ("unknown-member", 1)]),
        (r#"{"id":1,"prompt":"x"}"#, true, &[("model-input-missing", 0), ("unknown-member", 1)]),
        // What has an id is a record, and its other members are left out.
        (r#"{"recordId":"2","x":1}"#, true, &[("model-input-missing", 0)]),
        (r#"{"recordId":"2","x":1}"#, false, &[("model-input-missing", 0), ("unknown-member", 16)]),
        (r#"{"recordId":2,"x":1,"modelInput":{}}"#, true, &[]),
        (
            r#"{"recordId":2,"x":1,"modelInput":{}}"#,
            false,
            &[("record-id-not-string", 12), ("unknown-member", 14)],
        ),
        (r#"{"recordId":"2","modelinput":{}}"#, true, &[("member-spelling", 16)]),
        (r#"{"record_id":"2","x":1,"ModelInput":{}}"#, true, &[("member-spelling", 1)]),
        (r#"{"recordId":"2","recordID":"3","modelInput":{}}"#, true, &[]),
        (
            r#"{"recordId":"2","recordId":3,"modelInput":[]}"#,
            true,
            &[("member-repeated", 16), ("model-input-not-object", 42)],
        ),
        (
            r#"{"recordId":null,"modelInput":{"a":"\ud83d"}}"#,
            true,
            &[("record-id-not-string", 12), ("lone-surrogate", 36)],
        ),
        // An id with half of a surrogate pair is a string.
        (
            r#"{"recordId":"\ud83d","modelInput":1}"#,
            true,
            &[("lone-surrogate", 13), ("model-input-not-object", 34)],
        ),
        // After a mistake, nothing is certain: neither what is there nor what is not.
        (
            r#"{"recordId":1.5,"modelInput":{"a":NaN,"b":"\ud83d"}}"#,
            true,
            &[("record-id-not-string", 12), ("not-json", 34)],
        ),
        (r#"{"x":1,"recordId":1.5,"mod"#, true, &[("record-id-not-string", 18), ("not-json", 26)]),
        (
            "\u{feff}{\"recordId\":7,\"modelInput\":{}}",
            false,
            &[("byte-order-mark", 0), ("record-id-not-string", 15)],
        ),
    ];
    for (line, is_repairing, expected) in table {
        let expected: Vec<_> = expected.iter().map(|(code, byte)| ((*code).to_owned(), *byte, 1)).collect();
        assert_eq!(problems_of_line(line, is_repairing), expected, "{line}");
    }
    // A line that is bad in two ways is one bad line.
    let body = "{\"recordId\":1.5,\"modelInput\":1}\n".repeat(size(MAX_BAD_LINES));
    let mut validator = validator(1 << 20);
    validator.feed(body.as_bytes()).unwrap_err();
    let Verdict::Invalid { problems, .. } = validator.finish() else { panic!("it is bad") };
    assert_eq!(problems.iter().map(|problem| problem.lines).collect::<Vec<_>>(), [MAX_BAD_LINES; 2]);
}

#[test]
fn each_cause_of_a_kind_has_its_fix() {
    let line = |input: &str| format!("{{\"recordId\":\"2\",\"modelInput\":{input}}}\n");
    let lines = [r#"{"a":NaN}"#, r#"{"a":1,}"#, r#"{"b":NaN}"#, r#"{"a":'b'}"#, r#"{"a":01}"#];
    let mut validator = validator(1 << 20);
    validator.feed(lines.map(line).concat().as_bytes()).unwrap();
    let Verdict::Invalid { problems, .. } = validator.finish() else { panic!("it is bad") };
    let fixes = [JsonFault::NoNumber("NaN"), JsonFault::TrailingComma, JsonFault::SingleQuotes];
    assert_eq!((problems.len(), problems[0].lines), (1, 5));
    assert_eq!(problems[0].fix, fixes.map(kinds::fix_of_fault).join("; or "), "those of the first causes");
}

#[test]
fn kind_that_shows_after_thousands_of_bad_lines_is_told() {
    let body = format!("{GOOD}\n{}{GOOD}\n", "{}\n".repeat(size(MAX_BAD_LINES) - 2));
    let mut validator = validator(1 << 20);
    validator.feed(body.as_bytes()).unwrap();
    let Verdict::Invalid { problems, stopped_early: false } = validator.finish() else { panic!("it is bad") };
    let found: Vec<_> = problems.iter().map(|problem| (problem.code.as_str(), problem.lines)).collect();
    assert_eq!(found, [("model-input-missing", MAX_BAD_LINES - 2), ("record-id-repeated", 1)]);
}

#[test]
fn file_on_one_line_is_not_read_to_its_end() {
    for (start, code) in [("[", "json-array"), ("\n\n{\"custom_id\":\"1\",\"body\":{}},", "openai-batch")] {
        let mut validator = validator(1 << 20);
        validator.feed(start.as_bytes()).unwrap();
        let chunk = "{\"recordId\":\"1\",\"modelInput\":{}},".repeat(1_000);
        let read = (1..1_000)
            .find(|_| validator.feed(chunk.as_bytes()).is_err())
            .expect("it is not read to its end");
        assert!(read * chunk.len() < 2 << 20, "{read}");
        let Verdict::Invalid { problems, .. } = validator.finish() else { panic!("it is bad") };
        assert_eq!((problems.len(), problems[0].code.as_str()), (1, code));
    }
}

fn validator(max_record_bytes: usize) -> Validator {
    Validator::new(
        DropId::derive(&any_drop()),
        Quotas { min_records: 1, ..Quotas::default() },
        max_record_bytes,
    )
}

#[test]
fn position_of_a_problem_does_not_depend_on_the_chunks() {
    for (name, body, _) in table() {
        let verdict = |chunk_bytes: usize| {
            let mut validator = validator(1 << 20);
            for chunk in body.chunks(chunk_bytes) {
                if validator.feed(chunk).is_err() {
                    break;
                }
            }
            validator.finish()
        };
        let whole = verdict(usize::MAX);
        for chunk_bytes in [1, 2, 3, 7, 64] {
            // The most deeply nested lines are long, and would take too many chunks.
            if body.len() < 10_000 || chunk_bytes > 3 {
                assert_eq!(verdict(chunk_bytes), whole, "{name}, chunks of {chunk_bytes}");
            }
        }
    }
}

#[tokio::test]
async fn line_of_a_hundred_megabytes_is_located_and_not_kept_in_memory() {
    let settings = [("MIN_RECORDS_PER_JOB", "1"), ("MAX_RECORD_BYTES", "1000000"), ("MODEL_RULES", "off")];
    let mut world = World::with(&settings).await;
    let file = world.folder.path().join("long.jsonl");
    {
        use std::io::Write;
        let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
        writeln!(out, "{GOOD}").unwrap();
        write!(out, r#"{{"recordId":"2","modelInput":{{"a":""#).unwrap();
        for _ in 0..100 {
            out.write_all(&[b'x'; 1_000_000]).unwrap();
        }
        writeln!(out, "\"}}}}\nnot json").unwrap();
        out.flush().unwrap();
    }
    let event = world.put_file("long.jsonl", &file).await;
    let before = peak_memory();
    world.submit(event).await.unwrap();
    let grown = peak_memory() - before;

    let rejection = world.results().await.rejection();
    let found: Vec<_> = rejection
        .problems
        .iter()
        .map(|problem| (problem.line, problem.byte, problem.what.as_str()))
        .collect();
    let third = GOOD_LEN + 1 + 35 + 100_000_000 + 3 + 1;
    assert_eq!(
        found,
        [
            (Some(2), Some(GOOD_LEN + 1), "the line is longer than 1000000 bytes"),
            (Some(3), Some(third), "the line is not valid JSON: this is not a JSON object"),
        ]
    );
    assert!(grown < 16 << 20, "memory grew by {grown} bytes");
}

#[test]
fn memory_does_not_grow_with_the_bytes_of_a_drop() {
    let line = record("x").replace("\"x\"", "\"i\"");
    let mut validator = validator(1 << 20);
    let padding = "y".repeat(100_000);
    let before = peak_memory();
    for number in 0..2_000 {
        let line = line.replace("\"i\"", &format!("\"{number}\"")).replace("Was sagt x?", &padding) + "\n";
        validator.feed(line.as_bytes()).unwrap();
    }
    let Verdict::Valid(Accepted { parts, .. }) = validator.finish() else { panic!("the drop is valid") };
    assert_eq!(parts.iter().map(|part| part.records).sum::<u64>(), 2_000);
    assert!(parts.last().unwrap().bytes.end > 200_000_000);
    let grown = peak_memory() - before;
    assert!(grown < 8 << 20, "memory grew by {grown} bytes");
}

#[test]
fn line_of_a_million_values_needs_no_memory_for_the_values() {
    let values = format!("[{}{{\"{}\":1}}]", "1,".repeat(1_000_000), "k".repeat(1_000_000));
    let line = |number: u32| format!("{{\"recordId\":\"{number}\",\"modelInput\":{{\"a\":{values}}}}}\n");
    let lines = [line(1), line(2), line(2)].concat();
    let mut validator = validator(8 << 20);
    let before = peak_memory();
    validator.feed(lines.as_bytes()).unwrap();
    let grown = peak_memory() - before;
    let Verdict::Invalid { problems, .. } = validator.finish() else { panic!("an id comes twice") };
    assert_eq!(problems.first().and_then(|problem| problem.line), Some(3));
    assert!(grown < 8 << 20, "memory grew by {grown} bytes");
}
