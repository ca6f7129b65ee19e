//! What the fuzz targets check. Each check takes any bytes, and panics if the code under test breaks a promise.
//!
//! A parent of this module also has the module `strictness`, with the oracles for lines.

pub(crate) mod entries;
pub(crate) mod events;
pub(crate) mod input;
pub(crate) mod keys;
pub(crate) mod lines;
pub(crate) mod output;
pub(crate) mod plan;

/// A target's name, which is also the name of its corpus, and its check.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All targets.
pub(crate) const TARGETS: &[Target] = &[
    ("entries", entries::check),
    ("events", events::check),
    ("input", input::check),
    ("keys", keys::check),
    ("lines", lines::check),
    ("output", output::check),
    ("plan", plan::check),
];

/// Takes the first byte off the data; 0 if there is none.
fn take_byte(data: &mut &[u8]) -> u8 {
    let Some((first, rest)) = data.split_first() else { return 0 };
    *data = rest;
    *first
}

/// Cuts bytes into chunks of 1 to 16 bytes. The first two bytes say how: two chunks in turn have their sizes.
fn chunks(pattern: [u8; 2], mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut sizes = pattern.into_iter().map(|size| usize::from(size % 16) + 1).cycle();
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let (chunk, rest) = bytes.split_at(sizes.next().unwrap_or(1).min(bytes.len()));
        chunks.push(chunk);
        bytes = rest;
    }
    chunks
}

/// The lines of a text, by the definition: `\n` ends a line, which only the last one may lack.
fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    lines.pop_if(|last| last.is_empty());
    lines
}
