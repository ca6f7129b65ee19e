//! Opens and judges a drop in S3 as the function `submit` does.

use std::error::Error;
use std::time::Duration;

use aws_config::BehaviorVersion;
use bedrock_vpc_batch::aws::clients::{Clients, prepare};
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::aws::store::reading::ObjectReader;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::check::{Validator, Verdict};
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::plan::Part;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::source::DropSource;

const MAX_RECORD_BYTES: usize = 25 << 20;

/// Returns a store that writes to `output_bucket`, and what the drop is. Region, credentials and endpoint
/// come from the environment.
pub(crate) async fn open(
    bucket: &str,
    key: &str,
    output_bucket: &str,
) -> Result<(Store, DropSource), Box<dyn Error>> {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    let sdk = prepare(loader, Duration::from_secs(20)).load().await;
    let store = Store::new(Clients::new(&sdk, true).s3, output_bucket);
    let source = store.head(&S3Uri::new(bucket, key), None).await?.ok_or("there is no such object")?;
    Ok((store, source))
}

/// Judges every line of a whole drop, and returns its parts.
pub(crate) async fn judge(
    mut reader: ObjectReader,
    source: &DropSource,
) -> Result<Vec<Part>, Box<dyn Error>> {
    let mut validator = Validator::new(DropId::derive(source), Quotas::default(), MAX_RECORD_BYTES);
    while let Some(chunk) = reader.next().await? {
        validator.feed(&chunk).map_err(|_| "too many problems")?;
    }
    match validator.finish() {
        Verdict::Valid(accepted) => Ok(accepted.parts),
        Verdict::Invalid { problems, .. } => Err(format!("the drop is not valid: {problems:?}").into()),
    }
}
