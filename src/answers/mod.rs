//! Reads the results of a drop, and writes them as the person who dropped the file wants them. Pure.
//!
//! | file | what it does |
//! |---|---|
//! | `line` | takes a line of `succeeded/`, `errors/`, or `unprocessed/` apart, and says what became of its record |
//! | `output` | finds text, calls of tools, and tokens in the output of every family of models |
//! | `strings` | decodes strings of JSON, also those that are not quite text |
//! | `fields` | the fields that a person names, and their values |
//! | `csv` | writes cells that no spreadsheet runs |
//! | `openai`, `anthropic` | write a line as the batch APIs of others do |
//! | `advice` | how to fix an error |
//! | `groups` | the errors of a drop, by what they say |
//! | `again` | makes a record of a line, so that it can be dropped once more |

pub mod advice;
pub mod again;
pub mod anthropic;
pub mod csv;
pub mod fields;
pub mod groups;
pub mod line;
pub mod openai;
pub mod output;
mod strings;
