//! Reads and rewrites objects line by line, with one line and one upload part in memory.

use crate::aws::error::Error;
use crate::aws::store::objects::Store;
use crate::aws::store::reading::ObjectReader;
use crate::aws::store::uploading::ObjectWriter;
use crate::job::padding::{Padder, Padding};
use crate::record::lines::{Line, LineSplitter};

/// For a longer line, exactly the memory that it needs is reserved, plus [`MORE_BYTES`].
const LONG_LINE_BYTES: usize = 1 << 20;

/// Room for an id and a newline.
pub const MORE_BYTES: usize = 1 << 10;

/// Calls `each` with every line of an object.
///
/// # Errors
/// Returns the first failure to read, or the first error of `each`.
pub async fn each_line(
    mut reader: ObjectReader,
    max_line_bytes: usize,
    mut each: impl FnMut(Line<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut lines = LineSplitter::new(max_line_bytes);
    while let Some(chunk) = reader.next().await? {
        lines.feed(&chunk, &mut each)?;
    }
    lines.finish(each)
}

/// Calls `each` with every line of an object, and writes what it adds, and then the padding, to an object of the output
/// bucket. Returns a description of the padding, if there is a padder.
///
/// # Errors
/// Returns the first failure to read or write, or the first error of `each`.
pub async fn rewrite_lines(
    reader: ObjectReader,
    max_line_bytes: usize,
    store: &Store,
    to: &str,
    padder: Option<Padder<'_>>,
    each: impl FnMut(Line<'_>, &mut Vec<u8>) -> Result<(), Error>,
) -> Result<Option<Padding>, Error> {
    let mut writer = store.writer(to);
    match write_lines(reader, max_line_bytes, &mut writer, padder, each).await {
        Ok(padding) => {
            writer.finish().await?;
            Ok(padding)
        }
        Err(error) => Err(writer.abandon(error).await),
    }
}

async fn write_lines(
    mut reader: ObjectReader,
    max_line_bytes: usize,
    writer: &mut ObjectWriter<'_>,
    mut padder: Option<Padder<'_>>,
    mut each: impl FnMut(Line<'_>, &mut Vec<u8>) -> Result<(), Error>,
) -> Result<Option<Padding>, Error> {
    let mut lines = LineSplitter::new(max_line_bytes);
    let mut out = Vec::new();
    let mut add = |line: Line<'_>, out: &mut Vec<u8>| {
        let start = out.len();
        each(line, out)?;
        if let Some(padder) = &mut padder {
            out.get(start..)
                .unwrap_or_default()
                .split_inclusive(|byte| *byte == b'\n')
                .for_each(|line| padder.see(line));
        }
        Ok::<(), Error>(())
    };
    while let Some(chunk) = reader.next().await? {
        lines.feed(&chunk, |line| {
            let length = line.bytes.map_or(0, <[u8]>::len);
            if length > LONG_LINE_BYTES {
                // Growing by itself, the vector would take up to twice as much.
                out.reserve_exact(length + MORE_BYTES);
            }
            add(line, &mut out)
        })?;
        writer.write(&out).await?;
        out.clear();
    }
    lines.finish(|line| add(line, &mut out))?;
    writer.write(&out).await?;
    drop(out);
    let Some(padder) = padder else { return Ok(None) };
    let (padding, lines) = padder.finish();
    for line in lines {
        writer.write(&line).await?;
    }
    Ok(Some(padding))
}
