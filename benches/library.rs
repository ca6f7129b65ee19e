//! Measures the library alone, on one thread, over records in memory: `cargo bench --bench library`.

use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::drop::check::Validator;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::quotas::Quotas;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::job::answers::Answers;
use bedrock_vpc_batch::record::input::parse_input_record;
use bedrock_vpc_batch::record::lines::LineSplitter;
use bedrock_vpc_batch::record::output::parse_output_record;
use divan::Bencher;
use divan::counter::BytesCount;

mod records;

use records::{LARGE, SMALL, input, output};

const DROP_BYTES: usize = 4 << 20;
const MAX_RECORD_BYTES: usize = 25 << 20;
const CHUNK_BYTES: usize = 64 << 10;

fn main() {
    divan::main();
}

fn drop_id() -> DropId {
    DropId::derive(&DropSource {
        bucket: "in".into(),
        key: "a.jsonl".into(),
        version_id: None,
        etag: String::new(),
        last_modified: Timestamp::from_secs(0),
        size_bytes: 0,
        retry_of: None,
        estimate: None,
    })
}

/// Splits a drop into lines, and does nothing with them.
#[divan::bench(args = [LARGE, SMALL])]
fn split_lines(bencher: Bencher<'_, '_>, record_bytes: usize) {
    let drop = input(record_bytes, DROP_BYTES);
    bencher.counter(BytesCount::of_slice(&drop)).bench(|| {
        let mut lines = 0_u64;
        let mut splitter = LineSplitter::new(MAX_RECORD_BYTES);
        for chunk in drop.chunks(CHUNK_BYTES) {
            let _ = splitter.feed(chunk, |_| {
                lines += 1;
                Ok::<(), ()>(())
            });
        }
        lines
    });
}

/// Reads one line of a drop.
#[divan::bench(args = [LARGE, SMALL])]
fn parse_input(bencher: Bencher<'_, '_>, record_bytes: usize) {
    let line = input(record_bytes, 1);
    let line = line.trim_ascii_end();
    bencher.counter(BytesCount::of_slice(line)).bench(|| parse_input_record(divan::black_box(line)).is_ok());
}

/// Reads one line of Bedrock's output.
#[divan::bench(args = [LARGE, SMALL])]
fn parse_output(bencher: Bencher<'_, '_>, record_bytes: usize) {
    let line = output(record_bytes, 1);
    let line = line.trim_ascii_end();
    bencher
        .counter(BytesCount::of_slice(line))
        .bench(|| parse_output_record(divan::black_box(line)).is_some());
}

/// Judges a whole drop.
#[divan::bench(args = [LARGE, SMALL])]
fn validate(bencher: Bencher<'_, '_>, record_bytes: usize) {
    let drop = input(record_bytes, DROP_BYTES);
    bencher.counter(BytesCount::of_slice(&drop)).bench(|| {
        let mut validator = Validator::new(drop_id(), Quotas::default(), MAX_RECORD_BYTES);
        for chunk in drop.chunks(CHUNK_BYTES) {
            let _ = validator.feed(chunk);
        }
        validator.finish()
    });
}

/// Reads a whole output.
#[divan::bench(args = [LARGE, SMALL])]
fn scan_output(bencher: Bencher<'_, '_>, record_bytes: usize) {
    let output = output(record_bytes, DROP_BYTES);
    bencher.counter(BytesCount::of_slice(&output)).bench(|| {
        let mut answers = Answers::with_capacity(drop_id().record_hasher(), 0);
        let mut lines = LineSplitter::new(MAX_RECORD_BYTES);
        for chunk in output.chunks(CHUNK_BYTES) {
            let _ = lines.feed(chunk, |line| {
                answers.judge(line.bytes.unwrap_or_default());
                Ok::<(), ()>(())
            });
        }
        answers.is_all_success()
    });
}
