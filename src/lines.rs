//! Objects of S3 line by line, in memory for one line and one upload part each.

use std::array;

use crate::error::Error;
use crate::jsonl::{Line, LineSplitter};
use crate::store::{ObjectReader, ObjectWriter, Store};

/// Gives every line of an object to `each`, which adds what it wants written to the bytes of each writer.
///
/// # Errors
/// The first failure to read, of `each`, or to write; the writers are then to be abandoned.
pub async fn sort_lines<const N: usize>(
    mut reader: ObjectReader,
    max_line_bytes: usize,
    writers: &mut [ObjectWriter<'_>; N],
    mut each: impl FnMut(Line<'_>, &mut [Vec<u8>; N]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut lines = LineSplitter::new(max_line_bytes);
    let mut sorted: [Vec<u8>; N] = array::from_fn(|_| Vec::new());
    while let Some(chunk) = reader.next().await? {
        lines.feed(chunk.as_ref(), |line| each(line, &mut sorted))?;
        flush(writers, &mut sorted).await?;
    }
    lines.finish(|line| each(line, &mut sorted))?;
    flush(writers, &mut sorted).await
}

async fn flush<const N: usize>(
    writers: &mut [ObjectWriter<'_>; N],
    sorted: &mut [Vec<u8>; N],
) -> Result<(), Error> {
    for (writer, bytes) in writers.iter_mut().zip(sorted) {
        writer.write(bytes).await?;
        bytes.clear();
    }
    Ok(())
}

/// Finishes the writers if all went well, and abandons them otherwise.
///
/// # Errors
/// That of `written`, or of a writer.
pub async fn end<const N: usize>(
    writers: [ObjectWriter<'_>; N],
    written: Result<(), Error>,
) -> Result<(), Error> {
    let mut ended = written;
    for writer in writers {
        ended = match ended {
            Ok(()) => writer.finish().await,
            Err(error) => Err(writer.abandon(error).await),
        };
    }
    ended
}

/// Gives every line of an object to `each`.
///
/// # Errors
/// The first failure to read, or of `each`.
pub async fn each_line(
    reader: ObjectReader,
    max_line_bytes: usize,
    mut each: impl FnMut(Line<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    sort_lines(reader, max_line_bytes, &mut [], |line, []| each(line)).await
}

/// Writes what `each` makes of the lines of an object to one object of the output bucket.
///
/// # Errors
/// The first failure to read, of `each`, or to write.
pub async fn rewrite_lines(
    reader: ObjectReader,
    max_line_bytes: usize,
    store: &Store,
    to: &str,
    mut each: impl FnMut(Line<'_>, &mut Vec<u8>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut writers = [store.writer(to)];
    let written = sort_lines(reader, max_line_bytes, &mut writers, |line, [out]| each(line, out)).await;
    end(writers, written).await
}
