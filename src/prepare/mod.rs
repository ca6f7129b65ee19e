//! Turns the files that people have into records: framing, then formats, then bodies. Pure: it gets a reader, and hands
//! each line to its caller.
//!
//! | file | what it does |
//! |---|---|
//! | `preparer` | reads a file to its end, and hands on one line after the other |
//! | `json` | writes JSON without changing the text of its pieces |
//! | `layers` | takes off compression and encodings |
//! | `framing` | cuts JSON of any layout into records |
//! | `table` | cuts a table into rows |
//! | `template` | makes a prompt of the cells of a row |
//! | `rows` | makes a record of a row |
//! | `options` | what a file is prepared for, and which options have no effect on it |
//! | `format` | what the records of a file are |
//! | `kind` | what the start of a file tells |
//! | `records` | repairs records of ours |
//! | `openai`, `anthropic`, `vertex` | read the batch files of other APIs |
//! | `members` | what becomes of members that are not converted, as tables |
//! | `conversation` | a request for a chat model, whichever API it was written for |
//! | `target` | which model and body the records are written for |
//! | `body` | writes a conversation as a body |
//! | `draft` | a record that is about to be written |
//! | `report` | what was changed, and what was not written |
//! | `error` | what keeps a file from being prepared |

mod anthropic;
mod body;
mod conversation;
mod draft;
pub mod error;
mod format;
mod framing;
pub(crate) mod json;
mod kind;
mod layers;
mod members;
mod openai;
pub mod options;
pub mod preparer;
mod records;
pub mod report;
mod rows;
pub(crate) mod table;
pub mod target;
pub mod template;
mod vertex;

pub use self::format::Format;
pub use self::layers::{Encoding, Layer};
