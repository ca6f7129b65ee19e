//! The command line `bedrock-vpc-batch`.

use std::process::ExitCode;

use clap::Parser;

use bedrock_vpc_batch::cli::{Arguments, refuse, run};

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(arguments).await,
        Err(error) => refuse(&error),
    }
}
