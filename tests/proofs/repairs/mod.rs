//! With repairs on, a drop becomes what an independent Python script makes of the same file.
//!
//! `REPAIR_FILES` says how many random files are compared; the script makes them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use bedrock_vpc_batch::drop::check::{Accepted, Validator, Verdict};
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::plan::Part;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::rewriting::Rewriter;
use bedrock_vpc_batch::record::lines::LineSplitter;

use super::strictness::disagreement::any_drop_id;

/// A random file, and what the script makes of it.
#[derive(serde::Deserialize)]
struct Case(String, Option<String>, Option<BTreeMap<String, (u64, u64)>>);

/// What all jobs of a drop get together, and the kinds of repairs, each with its lines and the first of them.
type Outcome = (Vec<u8>, BTreeMap<String, (u64, u64)>);

#[test]
fn repaired_drops_are_what_an_independent_script_makes_of_them() {
    #[expect(clippy::disallowed_methods, reason = "the Makefile's REPAIR_FILES")]
    let files =
        std::env::var("REPAIR_FILES").ok().and_then(|files| files.parse().ok()).unwrap_or(2_000_usize);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proofs/repairs/oracle.py");
    let drop_id = any_drop_id();
    let mut python = Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(["20261127", &files.to_string(), drop_id.as_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut refused, mut repaired, mut compared) = (0, BTreeMap::<String, usize>::new(), 0);
    for line in BufReader::new(python.stdout.take().unwrap()).lines() {
        let Case(file, lines, repairs) = serde_json::from_str(&line.unwrap()).unwrap();
        let file = bytes_of(&file);
        let expected = lines.map(|lines| bytes_of(&lines)).zip(repairs);
        for part_records in [100, 3] {
            let found = outcome(&drop_id, &file, part_records);
            assert_eq!(
                found.as_ref().map(|(lines, repairs)| (String::from_utf8_lossy(lines), repairs)),
                expected.as_ref().map(|(lines, repairs)| (String::from_utf8_lossy(lines), repairs)),
                "in parts of {part_records}: {:?}",
                String::from_utf8_lossy(&file)
            );
        }
        compared += 1;
        match expected {
            None => refused += 1,
            Some((_, repairs)) => {
                repairs.into_keys().for_each(|kind| *repaired.entry(kind).or_default() += 1)
            }
        }
    }
    assert!(python.wait().unwrap().success());
    assert_eq!((compared, repaired.len()), (files, 5), "each kind of repair is tried: {repaired:?}");
    assert!(repaired.values().all(|count| *count > files / 200), "{repaired:?}");
    println!(
        "repairs: {compared} files compared with the script, {refused} refused by both; repaired {repaired:?}"
    );
}

/// Decodes hexadecimal digits.
fn bytes_of(digits: &str) -> Vec<u8> {
    let bytes = digits.as_bytes().chunks(2);
    bytes.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What becomes of a file; `None` if it is refused.
fn outcome(drop_id: &DropId, file: &[u8], part_records: u64) -> Option<Outcome> {
    let quotas = Quotas { min_records: 1, max_records: part_records, max_file_bytes: u64::MAX };
    // An id that is used twice is refused only if both records could be in one job.
    let ids_quotas = Quotas { max_records: part_records.max(100), ..quotas };
    let mut ids = Validator::new(drop_id.clone(), ids_quotas, 1 << 20).with_repairs(true);
    let mut validator = Validator::new(drop_id.clone(), quotas, 1 << 20).with_repairs(true);
    for chunk in file.chunks(7) {
        if ids.feed(chunk).is_err() || validator.feed(chunk).is_err() {
            break;
        }
    }
    let Verdict::Valid(_) = ids.finish() else { return None };
    let Verdict::Valid(Accepted { parts, repairs, .. }) = validator.finish() else {
        panic!("one of them is valid")
    };
    let input = parts.iter().flat_map(|part| input_of(drop_id, file, part)).collect();
    let repairs = serde_json::to_value(repairs).unwrap();
    let lines = |counted: &serde_json::Value| {
        (counted["lines"].as_u64().unwrap(), counted["first_line"].as_u64().unwrap())
    };
    let kinds = repairs.as_object().unwrap().iter().map(|(kind, counted)| (kind.clone(), lines(counted)));
    Some((input, kinds.collect()))
}

/// What the job of a part gets: a copy of the part, unless it must be rewritten.
fn input_of(drop_id: &DropId, file: &[u8], part: &Part) -> Vec<u8> {
    let [start, end] = [part.bytes.start, part.bytes.end].map(|at| usize::try_from(at).unwrap());
    let bytes = &file[start..end];
    if part.without_id == 0 && part.repaired == 0 {
        return if bytes.ends_with(b"\n") { bytes.to_vec() } else { [bytes, b"\n"].concat() };
    }
    let mut input = Vec::new();
    let mut rewriter = Rewriter::new(drop_id, part.first_line);
    let mut lines = LineSplitter::new(1 << 20);
    lines.feed(bytes, |line| rewriter.push(line.bytes, &mut input)).unwrap();
    lines.finish(|line| rewriter.push(line.bytes, &mut input)).unwrap();
    input
}
