//! Small types that every room uses. Pure; imports no other room.
//!
//! | file | what it does |
//! |---|---|
//! | `arn` | takes ARNs apart |
//! | `excerpt` | shows a piece of a line |
//! | `json` | takes JSON apart without changing its text |
//! | `s3_uri` | names an object in S3, and decodes the keys of notifications |
//! | `text` | makes text that others wrote fit to be shown to a person |
//! | `timestamp` | holds a point in time in whole seconds |
//! | `usd` | holds an amount of US dollars in whole millionths |

pub mod arn;
pub mod count;
pub mod excerpt;
pub(crate) mod json;
pub mod s3_uri;
pub mod text;
pub mod timestamp;
pub mod usd;
