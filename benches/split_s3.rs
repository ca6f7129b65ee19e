//! Judges a drop as the function `submit` does, and makes its parts. Either S3 copies them, as it does for
//! `submit`, or they are read again and uploaded.
//!
//! Usage: `split_s3 copy|upload BUCKET KEY OUTPUT_BUCKET`, with Region, credentials and endpoint in the
//! environment.

use std::error::Error;
use std::ops::Range;

use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::drop::source::DropSource;

mod drop;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [how, bucket, key, output_bucket] = arguments.as_slice() else {
        return Err("usage: split_s3 copy|upload BUCKET KEY OUTPUT_BUCKET".into());
    };
    let (store, source) = drop::open(bucket, key, output_bucket).await?;
    let reader = store.read_drop(&source, &source.whole()).await?.ok_or("the object has changed")?;
    for part in drop::judge(reader, &source).await? {
        let to = format!("parts/{:05}.jsonl", part.number);
        match how.as_str() {
            "copy" => assert!(store.copy_drop(&source, &part.bytes, &to).await?, "the drop is gone"),
            "upload" => upload(&store, &source, &part.bytes, &to).await?,
            _ => return Err(format!("neither copy nor upload: {how}").into()),
        }
    }
    Ok(())
}

/// Reads some bytes of a drop and writes them unchanged.
async fn upload(
    store: &Store,
    source: &DropSource,
    bytes: &Range<u64>,
    to: &str,
) -> Result<(), Box<dyn Error>> {
    let mut reader = store.read_drop(source, bytes).await?.ok_or("the object has changed")?;
    let mut writer = store.writer(to);
    while let Some(chunk) = reader.next().await? {
        writer.write(&chunk).await?;
    }
    Ok(writer.finish().await?)
}
