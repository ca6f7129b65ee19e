//! From bytes to records: lines of input as users write them, lines of output as Bedrock writes them. Pure;
//! imports `model` and `base` only.
//!
//! | file | what it does |
//! |---|---|
//! | `lines` | splits chunks of bytes into lines |
//! | `input` | says what a line of a drop must be, and reads line after line of a drop |
//! | `output` | says how a line of Bedrock's output is read, and reads line after line of it |
//! | `parsed` | the types for what a valid line says |
//! | `template` | recognizes a line that differs from an earlier one only in its values |
//! | `repair` | changes a line that is almost a record |
//! | `repairing` | reads lines that may need a repair |
//! | `scalars` | where the values of a line are |
//! | `scan` | proves in one pass that a line is good |
//! | `judge_input` | decides whether any line of input is good, and says what is wrong with it |
//! | `interpret_output` | finds out what any line of output says |
//! | `stop_reason` | says which answers are of no use, by the reason for which the model stopped |
//! | `error_text` | makes equal errors equal, so that they can be counted |
//! | `retryable` | says which errors of a record are worth another attempt |
//! | `escape` | decodes the escapes in JSON strings |
//! | `json_fault` | says in plain words why a line is not JSON |
//! | `problem` | lists what can be wrong with a line, and how to fix it |
//! | `key` | hashes record ids |
//! | `recent_ids` | remembers the ids of a drop's last records, to find an id that is used twice |
//! | `padding` | says what the padding of a small job asks for, and what that costs |
//!
//! # Three readers of one grammar
//!
//! A drop may have 50 GB, and a function has 15 minutes for it, so input and output are each read by three
//! readers. A line goes to the fastest one first, and to the next one only if that could not tell:
//!
//! 1. `template` compares the line with the last one that was proven, from one value to the next. Programs
//!    write drops, so almost all lines pass here.
//! 2. `scan` proves that the line is JSON with the usual members, many bytes at a time. It remembers nothing
//!    of the line but where its values are, which make the next template.
//! 3. `judge_input` and `interpret_output` read any line with `serde_json`, several times slower.
//!
//! The first two either prove that a line is good or say nothing about it. Only the third decides what is
//! wrong with a line of input, and what an unusual line of output says. So a mistake in a fast reader can
//! never refuse a good line; it could only accept a bad one, or take another line of output for a success.
//! `make strictness` looks for that: it compares what the three find on a million mutated lines with an
//! oracle that shares no code with them (`tests/strictness/oracle.rs`).

pub mod error_text;
mod escape;
pub mod input;
mod interpret_output;
pub mod json_fault;
pub(crate) mod judge_input;
pub mod key;
pub mod lines;
pub mod output;
pub mod padding;
pub mod parsed;
pub mod problem;
pub(crate) mod recent_ids;
pub mod repair;
pub mod repairing;
mod retryable;
mod scalars;
mod scan;
pub mod stop_reason;
mod template;
