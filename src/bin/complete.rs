//! The Lambda function `complete`: a job's change of state becomes results.

use bedrock_vpc_batch::clients::Clients;
use bedrock_vpc_batch::complete::Complete;
use bedrock_vpc_batch::config::Config;
use bedrock_vpc_batch::telemetry;
use bedrock_vpc_batch::timestamp::Invocation;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    telemetry::init(&config.job_name_prefix);
    let clients = Clients::from_env(&config).await?;
    let complete = &Complete::new(config, &clients);
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let invocation = Invocation::from_context(&event.context);
        complete.handle(event.payload, &invocation).await.map_err(Diagnostic::from)
    }))
    .await
}
