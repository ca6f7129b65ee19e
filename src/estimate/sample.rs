//! Looks at some records of a file, and estimates all of them. Pure; its memory does not grow with the file.
//!
//! It looks at the first records, and at some that are spread over the rest. Of the rest, it knows the tokens per byte. So
//! the cost of an estimate is a small share of that of the verdict.

use super::range::Range;
use super::request::{Request, read_record};
use super::script::float;
use super::tokens::Model;

/// How many of the first records are looked at, at most.
const FIRST_RECORDS: u64 = 1_000;

/// How many bytes of the first records are looked at, before the record that exceeds them.
const FIRST_BYTES: u64 = 1 << 20;

/// After the first records, one record is looked at in this number of bytes.
const STRIDE: u64 = 4 << 20;

/// After a record is looked at, at least this many times its bytes are skipped.
const SKIPPED_PER_BYTE: u64 = 200;

/// Sums over some records.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    records: u64,
    bytes: f64,
    input: Range,
    output: Range,
    /// For the spread of the tokens per byte: the squares of tokens and of bytes, and their product.
    tokens_squared: f64,
    bytes_squared: f64,
    product: f64,
    images: f64,
    other_media: f64,
    unlimited: f64,
}

impl Sums {
    fn add(&mut self, bytes: u64, request: &Request, (input, output): (Range, Range)) {
        let (bytes, tokens) = (float(bytes), f64::midpoint(input.least, input.most));
        self.records += 1;
        self.bytes += bytes;
        self.input += input;
        self.output += output;
        self.tokens_squared += tokens * tokens;
        self.bytes_squared += bytes * bytes;
        self.product += tokens * bytes;
        self.images += float(request.images);
        self.other_media += float(request.other_media);
        self.unlimited += f64::from(u8::from(request.max_tokens.is_none()));
    }

    /// The relative error that follows from having seen only some records: twice the standard error of a ratio. With one
    /// record nothing is known about it.
    fn error(&self) -> f64 {
        let tokens = f64::midpoint(self.input.least, self.input.most);
        if self.records < 2 || tokens <= 0.0 {
            return 1.0;
        }
        let ratio = tokens / self.bytes;
        let squares = self.tokens_squared - 2.0 * ratio * self.product + ratio * ratio * self.bytes_squared;
        let variance = squares.max(0.0) * float(self.records) / float(self.records - 1);
        (2.0 * variance.sqrt() / tokens).min(1.0)
    }
}

/// Looks at some records of a file while it is read. Feed it the same chunks as the validator.
#[derive(Debug)]
pub struct Sampler {
    model: Model,
    max_record_bytes: usize,
    /// How many bytes have been fed.
    offset: u64,
    /// The record to look at is the first that starts here or later.
    next: u64,
    /// Whether the bytes at `offset` belong to a line that is looked at.
    is_inside: bool,
    /// The start of that line, if it was in earlier chunks.
    carry: Vec<u8>,
    /// Whether the line is too long to be looked at.
    is_too_long: bool,
    /// Where the first records end, once that is known.
    first_end: Option<u64>,
    first: Sums,
    rest: Sums,
}

/// What the records of a file take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FileTokens {
    /// Tokens in.
    pub input: Range,
    /// Tokens out.
    pub output: Range,
    /// How many records were looked at.
    pub sampled: u64,
    /// The share of records that set no limit of output, from 0 to 1.
    pub unlimited: f64,
    /// Whether some records have images.
    pub has_images: bool,
    /// Whether some have media whose tokens are not counted.
    pub has_other_media: bool,
}

impl Sampler {
    /// Makes a sampler for a file that has not been read yet. Longer records are not looked at.
    #[must_use]
    pub fn new(model: Model, max_record_bytes: usize) -> Self {
        Self {
            model,
            max_record_bytes,
            offset: 0,
            next: 0,
            is_inside: true,
            carry: Vec::new(),
            is_too_long: false,
            first_end: None,
            first: Sums::default(),
            rest: Sums::default(),
        }
    }

    /// Takes the next chunk.
    pub fn feed(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let skipped = if self.is_inside { 0 } else { self.next.saturating_sub(self.offset) };
            let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
            let looked_at = chunk.get(skipped..).unwrap_or_default();
            let newline = memchr::memchr(b'\n', looked_at);
            let taken = newline.map_or(chunk.len(), |at| skipped + at + 1);
            if self.is_inside {
                self.take(
                    looked_at.get(..newline.unwrap_or(looked_at.len())).unwrap_or_default(),
                    newline.is_some(),
                );
            } else {
                self.is_inside = newline.is_some();
            }
            self.offset += taken as u64;
            chunk = chunk.get(taken..).unwrap_or_default();
        }
    }

    /// Takes bytes of a line that is looked at.
    fn take(&mut self, bytes: &[u8], is_end: bool) {
        self.is_too_long |= self.carry.len() + bytes.len() > self.max_record_bytes;
        if is_end && self.carry.is_empty() && !self.is_too_long {
            self.look_at(bytes, self.offset + bytes.len() as u64 + 1);
        } else if !self.is_too_long {
            self.carry.extend_from_slice(bytes);
            if is_end {
                let line = std::mem::take(&mut self.carry);
                self.look_at(&line, self.offset + bytes.len() as u64 + 1);
            }
        } else if is_end {
            self.look_at(&[], self.offset + bytes.len() as u64 + 1);
        }
        if is_end || self.is_too_long {
            self.carry = Vec::new();
        }
        self.is_too_long &= !is_end;
    }

    /// Looks at a line that ends at `end`, and decides where to go on.
    fn look_at(&mut self, line: &[u8], end: u64) {
        let is_first = self.first_end.is_none();
        let sums = if is_first { &mut self.first } else { &mut self.rest };
        // A carriage return cannot be within a record, and some files have them in place of newlines.
        for record in line.split(|byte| *byte == b'\r') {
            let record = record.strip_prefix("\u{feff}".as_bytes()).unwrap_or(record);
            if let Some(request) = read_record(record) {
                sums.add(record.len() as u64 + 1, &request, self.model.tokens(&request));
            }
        }
        let bytes = line.len() as u64 + 1;
        if is_first && (self.first.records >= FIRST_RECORDS || end >= FIRST_BYTES) {
            self.first_end = Some(end);
        }
        if self.first_end.is_some() {
            self.is_inside = false;
            self.next = end + STRIDE.max(bytes.saturating_mul(SKIPPED_PER_BYTE));
        }
    }

    /// Ends the file, of which all `records` are good, and says what they take; `None` if no record was looked at.
    #[must_use]
    pub fn finish(mut self, records: u64) -> Option<FileTokens> {
        if self.is_inside && !self.carry.is_empty() {
            let line = std::mem::take(&mut self.carry);
            self.look_at(&line, self.offset);
        }
        let Self { first, rest, .. } = self;
        let sampled = first.records + rest.records;
        if sampled == 0 {
            return None;
        }
        // What the first records are not. If none of it was looked at, the first records stand for it.
        let first_end = self.first_end.unwrap_or(self.offset);
        let rest_bytes = float(self.offset.saturating_sub(first_end));
        let rest_records = float(records.saturating_sub(first.records));
        let model = if rest.records > 0 { rest } else { first };
        let (mut input, mut output) = (first.input, first.output);
        if rest_bytes > 0.0 {
            let error = model.error();
            let scaled = model.input * (rest_bytes / model.bytes);
            input += Range { least: scaled.least * (1.0 - error), most: scaled.most * (1.0 + error) };
            output += model.output * (rest_records / float(model.records));
        }
        let share = |of: fn(&Sums) -> f64| (of(&first) + of(&rest)) / float(sampled);
        Some(FileTokens {
            input,
            output,
            sampled,
            unlimited: share(|sums| sums.unlimited),
            has_images: share(|sums| sums.images) > 0.0,
            has_other_media: share(|sums| sums.other_media) > 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "meta.llama3-3-70b-instruct-v1:0";

    fn record(words: usize) -> String {
        let prompt = "word ".repeat(words);
        format!(r#"{{"recordId":"r","modelInput":{{"prompt":"{prompt}","max_gen_len":10}}}}"#) + "\n"
    }

    fn sample(chunks: &[&[u8]], max_record_bytes: usize, records: u64) -> Option<FileTokens> {
        let mut sampler = Sampler::new(Model::of(Some(MODEL)), max_record_bytes);
        chunks.iter().for_each(|chunk| sampler.feed(chunk));
        sampler.finish(records)
    }

    fn tokens_of(words: usize) -> Range {
        Model::of(Some(MODEL)).tokens(&read_record(record(words).trim_end().as_bytes()).unwrap()).0
    }

    #[test]
    fn small_file_is_looked_at_whole_however_it_is_cut() {
        let file =
            format!("\u{feff}{}\r\n\n{}not a record\n{}", record(3), record(5), record(400).trim_end());
        let whole = sample(&[file.as_bytes()], 1 << 20, 3).unwrap();
        let expected = tokens_of(3) + tokens_of(5) + tokens_of(400);
        assert!((whole.input.least - expected.least).abs() < 0.001, "{whole:?} {expected:?}");
        assert_eq!((whole.sampled, whole.output), (3, Range { least: 3.0, most: 30.0 }));
        for size in [1, 2, 7, 100] {
            let chunks: Vec<&[u8]> = file.as_bytes().chunks(size).collect();
            assert_eq!(sample(&chunks, 1 << 20, 3), Some(whole), "chunks of {size}");
        }
        let returns = file.replace("\r\n", "\n").replace('\n', "\r");
        assert_eq!(sample(&[returns.as_bytes()], 1 << 20, 3).map(|found| found.sampled), Some(3));
        let short = sample(&[file.as_bytes()], 200, 3).unwrap();
        assert_eq!(short.sampled, 2, "longer records are not looked at");
        for size in [1, 7, 100] {
            let chunks: Vec<&[u8]> = file.as_bytes().chunks(size).collect();
            assert_eq!(sample(&chunks, 200, 3), Some(short), "chunks of {size}");
        }
        assert_eq!(sample(&[b"\n\n"], 1 << 20, 0), None);
    }

    #[test]
    fn large_file_is_estimated_from_few_records() {
        // Half of the records are long, and they come last.
        let (short, long) = (record(10), record(300));
        let mut sampler = Sampler::new(Model::of(Some(MODEL)), 1 << 20);
        let records = 50_000;
        let chunk: Vec<u8> = short.repeat(1_000).into_bytes();
        (0..records / 1_000).for_each(|_| sampler.feed(&chunk));
        let chunk: Vec<u8> = long.repeat(1_000).into_bytes();
        (0..records / 1_000).for_each(|_| sampler.feed(&chunk));
        let found = sampler.finish(2 * records).unwrap();
        let truth = (tokens_of(10) + tokens_of(300)) * float(records);
        let middle = f64::midpoint(truth.least, truth.most);
        assert!(found.input.least <= middle && middle <= found.input.most, "{found:?} {truth:?}");
        assert!(found.input.most < 1.3 * truth.most, "{found:?} {truth:?}");
        assert!(found.sampled < 1_100, "{found:?}");
        assert!((found.output.most / (20.0 * float(records)) - 1.0).abs() < 0.001, "{found:?}");
    }
}
