//! Reads one object as the function `submit` reads a drop, and judges every line or throws the bytes away.
//!
//! Usage: `read_s3 validate|discard BUCKET KEY`, with Region, credentials and endpoint in the environment.

use std::error::Error;
use std::time::Duration;

use aws_config::BehaviorVersion;
use bedrock_vpc_batch::clients::{Clients, prepare};
use bedrock_vpc_batch::layout::DropId;
use bedrock_vpc_batch::plan::Quotas;
use bedrock_vpc_batch::s3_uri::S3Uri;
use bedrock_vpc_batch::store::Store;
use bedrock_vpc_batch::validate::{Validator, Verdict};

const MAX_RECORD_BYTES: usize = 25 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, bucket, key] = arguments.as_slice() else {
        return Err("usage: read_s3 validate|discard BUCKET KEY".into());
    };
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    let sdk = prepare(loader, Duration::from_secs(20)).load().await;
    let store = Store::new(Clients::new(&sdk, true).s3, bucket);
    let source = store.head(&S3Uri::new(bucket, key), None).await?.ok_or("there is no such object")?;
    let mut reader = store.read_drop(&source, &source.whole()).await?.ok_or("the object has changed")?;
    match what.as_str() {
        "validate" => {
            let mut validator = Validator::new(DropId::derive(&source), Quotas::default(), MAX_RECORD_BYTES);
            while let Some(chunk) = reader.next().await? {
                validator.feed(chunk.as_ref()).map_err(|_| "too many problems")?;
            }
            if let Verdict::Invalid { problems, .. } = validator.finish() {
                return Err(format!("the drop is not valid: {problems:?}").into());
            }
        }
        "discard" => while reader.next().await?.is_some() {},
        _ => return Err(format!("neither validate nor discard: {what}").into()),
    }
    Ok(())
}
