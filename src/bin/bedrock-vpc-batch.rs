//! The command line `bedrock-vpc-batch`.

fn main() {}
