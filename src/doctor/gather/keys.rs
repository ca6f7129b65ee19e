//! The keys, from KMS.

use aws_sdk_kms::Client;

use super::answers::{document, found};
use crate::doctor::facts::{Bucket, Key, KeyMetadata};
use crate::doctor::subject::Subject;

/// The key for the jobs' output, and the key of the bucket that they read.
pub(super) async fn keys(kms: &Client, subject: &Subject, output: &Bucket) -> Vec<Key> {
    let of_bucket = output.encryption.iter().flatten().filter_map(|encryption| encryption.key_id.clone());
    let mut ids: Vec<String> = subject.config.s3_encryption_key_id.iter().cloned().collect();
    ids.extend(of_bucket);
    ids.dedup();
    let mut keys = Vec::new();
    for id in ids {
        let answer = kms.describe_key().key_id(&id).send().await;
        let metadata = found("kms:DescribeKey", answer, &["NotFoundException"]);
        let answer = kms.get_key_policy().key_id(&id).send().await;
        let policy = found("kms:GetKeyPolicy", answer, &["NotFoundException"]);
        keys.push(Key {
            metadata: metadata.map(|answer| {
                let key = answer?.key_metadata?;
                Some(KeyMetadata {
                    arn: key.arn.unwrap_or_default(),
                    state: key.key_state.map_or_else(String::new, |state| state.as_str().to_owned()),
                    spec: key.key_spec.map_or_else(String::new, |spec| spec.as_str().to_owned()),
                })
            }),
            policy: policy.map(|answer| document(&answer?.policy?)),
            id,
        });
    }
    keys
}
