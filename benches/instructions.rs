//! Does a fixed piece of work several times, so that its instructions can be counted:
//! `instructions validate|output large|small TIMES`.
//!
//! The difference between two runs is what the work itself takes: everything else is the same in both.

use std::error::Error;
use std::hint::black_box;

use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::drop::check::Validator;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::job::answers::Answers;
use bedrock_vpc_batch::model::rules::Rules;
use bedrock_vpc_batch::record::lines::LineSplitter;

mod records;

/// The size of the drop or of the output.
const BYTES: usize = 8_000_000;
const MAX_RECORD_BYTES: usize = 25 << 20;
const CHUNK_BYTES: usize = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, kind, times] = arguments.as_slice() else {
        return Err("usage: instructions validate|output large|small TIMES".into());
    };
    let record_bytes = if kind == "large" { records::LARGE } else { records::SMALL };
    let (drop, output) = (records::input(record_bytes, BYTES), records::output(record_bytes, BYTES));
    for _ in 0..times.parse()? {
        if what == "validate" {
            validate(&drop);
        } else {
            scan(&output);
        }
    }
    Ok(())
}

/// Validates as `submit` does: with repairs, and with the rules of a model that takes the records.
fn validate(drop: &[u8]) {
    let mut validator = Validator::new(drop_id(), Quotas::default(), MAX_RECORD_BYTES)
        .with_repairs(true)
        .with_rules(Rules::of("amazon.titan-embed-text-v2:0", "InvokeModel"));
    for chunk in drop.chunks(CHUNK_BYTES) {
        let _enough = black_box(validator.feed(chunk));
    }
    black_box(validator.finish());
}

fn drop_id() -> DropId {
    DropId::derive(&DropSource {
        bucket: String::new(),
        key: String::new(),
        version_id: None,
        etag: String::new(),
        last_modified: Timestamp::from_secs(0),
        size_bytes: 0,
        retry_of: None,
        estimate: None,
    })
}

fn scan(output: &[u8]) {
    let mut answers = Answers::with_capacity(drop_id().record_hasher(), 0);
    let mut lines = LineSplitter::new(MAX_RECORD_BYTES);
    for chunk in output.chunks(CHUNK_BYTES) {
        let _always = lines.feed(chunk, |line| {
            answers.judge(line.bytes.unwrap_or_default());
            Ok::<(), ()>(())
        });
    }
    black_box(&answers);
}
