//! Reads the output of jobs and judges every line, as the function `complete` does, and then either discards the bytes or
//! uploads them again while they are read: the least that making results can take.
//!
//! Usage: `judge_output judge|upload BUCKET KEY…`, with Region, credentials and endpoint in the environment.

use std::error::Error;

use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::job::answers::Answers;
use bedrock_vpc_batch::record::lines::{Line, LineSplitter};

#[expect(dead_code, reason = "the other programs judge drops")]
mod drop;

/// As many records as a job may have.
const RECORDS: u64 = 100_000;

const MAX_LINE_BYTES: usize = 116 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (uploads, bucket, keys) = match arguments.as_slice() {
        [how, bucket, keys @ ..] if how == "judge" || how == "upload" => (how == "upload", bucket, keys),
        _ => return Err("usage: judge_output judge|upload BUCKET KEY…".into()),
    };
    for key in keys {
        let (store, source) = drop::open(bucket, key, bucket).await?;
        let hasher = DropId::derive(&source).record_hasher();
        let mut answers = Answers::with_capacity(hasher, RECORDS);
        let mut lines = LineSplitter::new(MAX_LINE_BYTES);
        let mut judge = |line: Line<'_>| {
            answers.judge(line.bytes.unwrap_or_default());
            Ok::<(), Box<dyn Error>>(())
        };
        let mut reader = store.read(key).await?;
        let to = format!("uploaded/{key}");
        let mut writer = store.writer(&to);
        while let Some(chunk) = reader.next().await? {
            lines.feed(&chunk, &mut judge)?;
            if uploads {
                writer.write(&chunk).await?;
            }
        }
        lines.finish(&mut judge)?;
        writer.finish().await?;
        if answers.unreadable() > 0 {
            return Err(format!("{key} has lines that cannot be read").into());
        }
    }
    Ok(())
}
