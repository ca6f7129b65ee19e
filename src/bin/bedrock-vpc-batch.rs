//! The command line `bedrock-vpc-batch`.

use std::process::ExitCode;

use clap::Parser;

use bedrock_vpc_batch::cli::{Arguments, print_usage, run};

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(arguments).await,
        Err(error) => print_usage(&error),
    }
}
