//! Runs the embedded S3 in its own process: `s3_server FOLDER BUCKET…`.
//!
//! It accepts the key pair in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, which it shares with the
//! functions. It prints its endpoint, and answers each line of its standard input with the requests since the
//! last one, as a JSON array of `[operation, key]`. It ends when its standard input ends.

use std::error::Error;

use bedrock_vpc_batch::local::s3::{EmbeddedS3, KeyPair};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program reads it")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: s3_server FOLDER BUCKET…")?;
    #[expect(clippy::disallowed_methods, reason = "all users of the machine can read an argument")]
    let [id, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(std::env::var);
    let key = KeyPair::new(id?, secret?);
    let s3 = EmbeddedS3::start_with(folder, key).await?;
    for bucket in arguments {
        s3.create_bucket(&bucket, false)?;
    }
    println!("{}", s3.endpoint());
    let mut lines = BufReader::new(stdin()).lines();
    let mut told = 0;
    while lines.next_line().await?.is_some() {
        let requests = s3.requests();
        let new = requests.iter().skip(told).map(|request| json!([request.operation, request.key]));
        println!("{}", new.collect::<serde_json::Value>());
        told = requests.len();
    }
    Ok(())
}
