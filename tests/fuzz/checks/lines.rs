//! Lines are the text between two `\n`, however the bytes arrive.

use std::convert::Infallible;

use bedrock_vpc_batch::record::lines::{Line, LineSplitter, Run, RunSplitter};

use super::{chunks, lines_of, take_byte};

/// The data is the longest line's size, two sizes of chunks, and the text.
pub(crate) fn check(mut data: &[u8]) {
    let max_line_bytes = usize::from(take_byte(&mut data) % 32);
    let pattern = [take_byte(&mut data), take_byte(&mut data)];
    check_lines(data, pattern, max_line_bytes);
    check_runs(data, pattern, max_line_bytes);
}

fn check_lines(text: &[u8], pattern: [u8; 2], max_line_bytes: usize) {
    let mut found = Vec::new();
    let mut keep = |line: Line<'_>| {
        found.push((line.number, line.byte, line.bytes.map(<[u8]>::to_vec)));
        Ok::<(), Infallible>(())
    };
    let mut splitter = LineSplitter::new(max_line_bytes);
    for chunk in chunks(pattern, text) {
        let Ok(()) = splitter.feed(chunk, &mut keep);
    }
    let Ok(()) = splitter.finish(&mut keep);

    let mut expected = Vec::new();
    let mut byte = 0;
    for (number, line) in (1..).zip(lines_of(text)) {
        let is_kept = line.len() <= max_line_bytes;
        expected.push((number, byte, is_kept.then(|| line.to_vec())));
        byte += line.len() as u64 + 1;
    }
    assert_eq!(found, expected);
}

fn check_runs(text: &[u8], pattern: [u8; 2], max_line_bytes: usize) {
    let mut at = 0;
    let mut each = |run: Run<'_>| {
        assert_eq!(run.byte, at as u64, "runs follow each other");
        let rest = text.get(at..).unwrap_or_default();
        let first_line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        at += match run.bytes {
            Some(bytes) => {
                assert!(!bytes.is_empty() && rest.starts_with(bytes), "a run is what the text has there");
                assert!(bytes.ends_with(b"\n") || bytes.len() == rest.len(), "a run has whole lines");
                bytes.len()
            }
            None => {
                let line = rest.get(..first_line).unwrap_or_default();
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                assert!(line.len() > max_line_bytes, "only a line that is too long is dropped");
                first_line
            }
        };
        Ok::<(), Infallible>(())
    };
    let mut splitter = RunSplitter::new(max_line_bytes);
    for chunk in chunks(pattern, text) {
        let Ok(()) = splitter.feed(chunk, &mut each);
    }
    let Ok(()) = splitter.finish(&mut each);
    assert_eq!(at, text.len(), "the runs are the whole text");
}
