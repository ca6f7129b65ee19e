//! The rooms of the source: which may import which, that no files import each other in a circle, and that the pure rooms
//! are pure. It reads the paths in the code, including `use` lines, outside comments and unit tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

/// The rooms from the bottom up: each may import itself and those before it.
const ROOMS: [&str; 16] = [
    "base", "model", "record", "drop", "job", "ledger", "estimate", "prepare", "report", "answers", "aws",
    "flow", "local", "doctor", "cli", "bin",
];

/// The rooms that decide. They read and write nothing.
const PURE: [&str; 10] =
    ["base", "model", "record", "drop", "job", "ledger", "estimate", "prepare", "report", "answers"];

/// What a pure room must not name, and how to do without.
const IMPURE: [(&str, &str); 9] = [
    ("tokio", "a pure function does not wait: let `aws` or `flow` do so"),
    ("aws_", "the SDK's types stay in `aws`"),
    ("lambda_runtime", "only `bin` knows the runtime"),
    ("tracing", "return what is to be logged"),
    ("fastrand", "take the random value as an argument"),
    ("SystemTime::now", "take the time as an argument; `aws::clock` reads the clock"),
    ("Instant", "take the time as an argument; `aws::clock` reads the clock"),
    ("std::env", "take the setting as an argument; `aws::config` reads the environment"),
    ("std::fs", "take the bytes as an argument"),
];

/// What the rooms above the pure ones must not name. `local`, `doctor`, and `cli` may name everything but the runtime.
const ELSEWHERE: [(&str, &[&str]); 3] = [
    ("flow", &["aws_sdk_", "aws_smithy_", "lambda_runtime", "SystemTime::now", "std::env"]),
    ("aws", &["lambda_runtime"]),
    ("local", &["lambda_runtime"]),
];

/// The code of each file below `src`, by its path there, as [`code`] leaves it.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut folders) = (Sources::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                sources.insert(name, code(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}

/// The code without comments, strings, and unit tests.
fn code(source: &str) -> String {
    let tests = Regex::new(r"#\[cfg\(test\)\]\n(pub\(\w+\) )?mod \w+ \{").unwrap();
    let code = tests.split(source).next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let string = Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap();
    string.replace_all(&lines.collect::<Vec<_>>().join("\n"), "\"\"").into_owned()
}

/// The module that a file is: `drop/mod.rs` is `drop`, `drop/plan.rs` is `drop::plan`.
fn module(file: &str) -> String {
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if module == "lib" { String::new() } else { module.replace('/', "::") }
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default()
}

/// All paths that start with one of the roots, with the braces of `use` lines multiplied out.
fn paths(code: &str, roots: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for root in roots {
        for (at, _) in code.match_indices(root) {
            let is_start = !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if is_start {
                multiply_out("", &code[at..], &mut found);
            }
        }
    }
    found
}

/// Reads one path, such as `a::{b, c::{d, e}}`, and returns how many bytes it has.
fn multiply_out(before: &str, text: &str, found: &mut Vec<String>) -> usize {
    let is_path = |c: char| c.is_alphanumeric() || "_:*".contains(c);
    let length = text.find(|c| !is_path(c)).unwrap_or(text.len());
    let path = format!("{before}{}", &text[..length]);
    if !(path.ends_with("::") && text[length..].starts_with('{')) {
        found.push(path);
        return length;
    }
    let mut at = length + 1;
    while !text[at..].starts_with('}') {
        let skipped =
            text[at..].len() - text[at..].trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
        at += skipped;
        if !text[at..].starts_with('}') {
            at += multiply_out(&path, &text[at..], found);
            // `x as y`
            at += text[at..].find([',', '}']).unwrap_or(0);
        }
    }
    at + 1
}

/// The files that a file names.
fn imports<'a>(file: &str, code: &str, files: &BTreeMap<String, &'a str>) -> BTreeSet<&'a str> {
    let own = module(file);
    let parent = own.rsplit_once("::").map_or("", |(parent, _)| parent).to_owned();
    let grandparent = parent.rsplit_once("::").map_or("", |(parent, _)| parent).to_owned();
    // Within `mod.rs`, `self` is the folder.
    let mut named = Vec::new();
    for path in paths(code, &["crate::", "bedrock_vpc_batch::", "super::", "self::"]) {
        let (root, rest) = path.split_once("::").unwrap();
        let absolute = match (root, rest.strip_prefix("super::")) {
            ("crate" | "bedrock_vpc_batch", _) => rest.to_owned(),
            ("super", Some(rest)) => format!("{grandparent}::{rest}"),
            ("super", None) => format!("{parent}::{rest}"),
            _ => format!("{own}::{rest}"),
        };
        named.push(absolute.trim_start_matches("::").to_owned());
    }
    let longest = |path: &String| {
        let mut path = path.as_str();
        loop {
            if let Some(file) = files.get(path) {
                return Some(*file);
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    named.iter().filter_map(longest).filter(|named| *named != file).collect()
}

/// Everything that is wrong with the rooms.
fn problems(sources: &Sources) -> Vec<String> {
    let files: BTreeMap<String, &str> = sources.keys().map(|file| (module(file), file.as_str())).collect();
    let mut graph = BTreeMap::new();
    let mut problems = Vec::new();
    for (file, code) in sources {
        let imports = imports(file, code, &files);
        for other in &imports {
            let rank = |file: &str| ROOMS.iter().position(|known| *known == room(file));
            if rank(file) < rank(other) {
                problems.push(format!("src/{file} imports src/{other}, against the direction"));
            }
        }
        let forbidden = IMPURE.iter().filter(|_| PURE.contains(&room(file))).copied();
        let elsewhere = ELSEWHERE.iter().filter(|(name, _)| *name == room(file));
        let elsewhere =
            elsewhere.flat_map(|(_, names)| names.iter().map(|name| (*name, "it stays in another room")));
        for (name, instead) in forbidden.chain(elsewhere) {
            let is_named = code.match_indices(name).any(|(at, _)| {
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
                    && (name.ends_with('_')
                        || !code[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            if is_named {
                problems.push(format!("src/{file} names {name}: {instead}"));
            }
        }
        graph.insert(file.as_str(), imports);
    }
    problems.extend(cycles(&graph));
    problems
}

/// Each circle of imports once, by its first file.
fn cycles<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<String> {
    let mut cycles = Vec::new();
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        let mut path = Vec::new();
        follow(start, graph, &mut path, &mut done, &mut cycles);
    }
    cycles
}

fn follow<'a>(
    file: &'a str,
    graph: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    cycles: &mut Vec<String>,
) {
    if let Some(at) = path.iter().position(|earlier| *earlier == file) {
        cycles.push(format!("import cycle: src/{} ► src/{file}", path[at..].join(" ► src/")));
        return;
    }
    if done.contains(file) {
        return;
    }
    path.push(file);
    for other in graph.get(file).into_iter().flatten() {
        follow(other, graph, path, done, cycles);
    }
    path.pop();
    done.insert(file);
}

#[test]
fn imports_point_down_without_cycles_and_pure_rooms_are_pure() {
    let sources = sources();
    assert!(
        sources.keys().all(|file| file == "lib.rs" || ROOMS.contains(&room(file))),
        "a file outside the rooms"
    );
    assert!(sources.len() > 100, "{} files", sources.len());
    assert_eq!(problems(&sources), Vec::<String>::new());
    println!("rooms: {} files in {} rooms, 0 import cycles", sources.len(), ROOMS.len());
}

#[test]
fn planted_violations_are_found() {
    let sources = sources();
    for (file, line, expected) in [
        (
            "drop/identity.rs",
            "use crate::drop::{keys, plan::{Cutter, Part}};",
            "src/drop/identity.rs ► src/drop/plan.rs",
        ),
        (
            "job/retry.rs",
            "use crate::ledger::{\n    drop::DropEntry,\n    job::JobEntry as Entry,\n};",
            "src/job/retry.rs imports src/ledger/job.rs, against the direction",
        ),
        (
            "record/key.rs",
            "use super::super::flow::handlers;",
            "src/record/key.rs imports src/flow/handlers.rs, against the direction",
        ),
        (
            "flow/context.rs",
            "use crate::cli::names;",
            "src/flow/context.rs imports src/cli/names.rs, against the direction",
        ),
        ("ledger/lease.rs", "use tokio::time::sleep;", "src/ledger/lease.rs names tokio: "),
        ("drop/plan.rs", "use aws_sdk_s3::Client;", "src/drop/plan.rs names aws_: "),
        ("job/request.rs", "use {lambda_runtime::Context};", "src/job/request.rs names lambda_runtime: "),
        (
            "base/timestamp.rs",
            "fn now() -> SystemTime { SystemTime::now() }",
            "src/base/timestamp.rs names SystemTime::now: ",
        ),
        ("record/lines.rs", "fn home() { std::env::var(\"HOME\"); }", "src/record/lines.rs names std::env: "),
        ("flow/submit.rs", "use aws_sdk_bedrock::Client;", "src/flow/submit.rs names aws_sdk_: "),
    ] {
        let mut planted = sources.clone();
        let source = planted.get_mut(file).unwrap_or_else(|| panic!("there is no src/{file}"));
        *source = format!("{line}\n{source}");
        let problems = problems(&planted);
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{line}: {problems:#?}");
    }
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let code = "use crate::a::{self, b::{C, D as E}, f};\nlet x = crate::g::h(1); mycrate::i; use super::j;";
    let expected =
        ["crate::a::self", "crate::a::b::C", "crate::a::b::D", "crate::a::f", "crate::g::h", "super::j"];
    assert_eq!(paths(code, &["crate::", "super::"]), expected);
}
