//! Amazon S3: the drops in the input bucket, and everything in the output bucket. One adapter, one file for each kind
//! of call:
//!
//! - [`objects`]: [`Store`](objects::Store) itself; whole objects: look, read, write, delete, list
//! - [`entries`]: the ledger's entries, changed by conditional writes
//! - [`reading`]: large objects, piece by piece; [`lines`]: line by line
//! - [`copying`]: copies that S3 makes by itself
//! - [`uploading`]: large objects, in several parts
//! - [`deleting`]: many objects, and drops
//! - [`versions`]: the list of all versions in the input bucket
//! - `refusals`: what S3's refusals mean

pub mod copying;
pub mod deleting;
pub mod entries;
pub mod lines;
pub mod objects;
pub mod reading;
mod refusals;
pub mod uploading;
pub mod versions;
