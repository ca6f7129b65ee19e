//! Reads one object as the function `submit` reads a drop, and either judges every line or discards the
//! bytes.
//!
//! Usage: `read_s3 validate|discard BUCKET KEY`, with Region, credentials and endpoint in the environment.

use std::error::Error;

mod drop;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, bucket, key] = arguments.as_slice() else {
        return Err("usage: read_s3 validate|discard BUCKET KEY".into());
    };
    let (store, source) = drop::open(bucket, key, bucket).await?;
    let mut reader = store.read_drop(&source, &source.whole()).await?.ok_or("the object has changed")?;
    match what.as_str() {
        "validate" => {
            drop::judge(reader, &source).await?;
        }
        "discard" => while reader.next().await?.is_some() {},
        _ => return Err(format!("neither validate nor discard: {what}").into()),
    }
    Ok(())
}
