//! A bucket, from S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::BucketLocationConstraint;

use super::answers::{document, found, known};
use crate::doctor::facts::{Bucket, Encryption};

pub(super) async fn bucket(s3: &Client, name: &str) -> Bucket {
    // Not HeadBucket, because the bucket's policy denies listing it from outside the VPC endpoint.
    let location = s3.get_bucket_location().bucket(name).send().await;
    let region = found("s3:GetBucketLocation", location, &["NoSuchBucket"])
        .map(|location| location.map(|location| region(location.location_constraint.as_ref())));
    let versioning = s3.get_bucket_versioning().bucket(name).send().await;
    let block = s3.get_public_access_block().bucket(name).send().await;
    let encryption = s3.get_bucket_encryption().bucket(name).send().await;
    let policy = s3.get_bucket_policy().bucket(name).send().await;
    Bucket {
        region,
        is_versioned: known("s3:GetBucketVersioning", versioning)
            .map(|versioning| versioning.status.is_some_and(|status| status.as_str() == "Enabled")),
        is_public_access_blocked: found(
            "s3:GetBucketPublicAccessBlock",
            block,
            &["NoSuchPublicAccessBlockConfiguration"],
        )
        .map(|block| {
            let block = block.and_then(|block| block.public_access_block_configuration);
            block.is_some_and(|block| {
                let all = [
                    block.block_public_acls,
                    block.block_public_policy,
                    block.ignore_public_acls,
                    block.restrict_public_buckets,
                ];
                all.iter().all(|is_set| *is_set == Some(true))
            })
        }),
        encryption: found(
            "s3:GetEncryptionConfiguration",
            encryption,
            &["ServerSideEncryptionConfigurationNotFoundError"],
        )
        .map(|answer| {
            let rules = answer?.server_side_encryption_configuration?.rules;
            let default = rules.into_iter().find_map(|rule| rule.apply_server_side_encryption_by_default)?;
            Some(Encryption {
                algorithm: default.sse_algorithm.as_str().to_owned(),
                key_id: default.kms_master_key_id,
            })
        }),
        policy: found("s3:GetBucketPolicy", policy, &["NoSuchBucketPolicy"])
            .map(|answer| document(&answer?.policy?)),
    }
}

/// The Region that a location stands for.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
fn region(location: Option<&BucketLocationConstraint>) -> String {
    match location.map_or("", BucketLocationConstraint::as_str) {
        "" => "us-east-1",
        "EU" => "eu-west-1",
        region => region,
    }
    .to_owned()
}
