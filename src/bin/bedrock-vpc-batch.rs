//! The command line `bedrock-vpc-batch`.

use std::process::ExitCode;

use bedrock_vpc_batch::cli::{Arguments, run};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    run(Arguments::parse()).await
}
