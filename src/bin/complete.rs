//! The Lambda function `complete`: the end of a job becomes results. On a schedule, it also sweeps.

use std::time::{Duration, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;

use bedrock_vpc_batch::aws::clients::Clients;
use bedrock_vpc_batch::aws::config::Config;
use bedrock_vpc_batch::aws::error::Chain;
use bedrock_vpc_batch::aws::{clock, telemetry};
use bedrock_vpc_batch::flow::handlers::Complete;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    telemetry::init(&config.job_name_prefix);
    let clients = Clients::from_env(&config).await?;
    let complete = &Complete::new(config, &clients);
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline = UNIX_EPOCH + Duration::from_millis(event.context.deadline);
        let invocation = clock::invocation(event.context.request_id, deadline);
        complete.handle(event.payload, &invocation).await.map_err(|error| Diagnostic {
            error_type: error.kind().to_string(),
            error_message: Chain(&error).to_string(),
        })
    }))
    .await
}
