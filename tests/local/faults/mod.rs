//! The faults: each does what it says.

mod bedrock;
mod calls;
mod command_line;
mod local_runs;

use aws_sdk_bedrock::error::ProvideErrorMetadata;
use bedrock_vpc_batch::aws::config::Config;

use crate::local::bedrock::create;
use crate::support::{INPUT_BUCKET, OUTPUT_BUCKET};

/// Creates a job over `a.jsonl` in the input bucket.
async fn create_in_world(
    client: &aws_sdk_bedrock::Client,
    config: &Config,
    name: &str,
) -> Result<String, String> {
    use aws_sdk_bedrock::types::{
        ModelInvocationJobInputDataConfig, ModelInvocationJobOutputDataConfig,
        ModelInvocationJobS3InputDataConfig, ModelInvocationJobS3OutputDataConfig, VpcConfig,
    };
    let input = ModelInvocationJobS3InputDataConfig::builder().s3_uri(format!("s3://{INPUT_BUCKET}/a.jsonl"));
    let output = ModelInvocationJobS3OutputDataConfig::builder().s3_uri(format!("s3://{OUTPUT_BUCKET}/o/"));
    let vpc = VpcConfig::builder()
        .set_subnet_ids(Some(config.vpc.subnet_ids().to_vec()))
        .set_security_group_ids(Some(config.vpc.security_group_ids().to_vec()));
    let request = create(client, name)
        .role_arn(&config.job_role_arn)
        .model_id(crate::support::MODEL_ID)
        .input_data_config(ModelInvocationJobInputDataConfig::S3InputDataConfig(input.build().unwrap()))
        .output_data_config(ModelInvocationJobOutputDataConfig::S3OutputDataConfig(output.build().unwrap()))
        .vpc_config(vpc.build().unwrap());
    let sent = request.send().await;
    sent.map(|answer| answer.job_arn).map_err(|error| error.message().unwrap_or_default().to_owned())
}
