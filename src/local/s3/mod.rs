//! Embedded S3: enough of Amazon S3 for the whole pipeline, over HTTP on the loopback address, and as strict
//! as S3.
//!
//! The `s3s` crate parses what the AWS SDK sends, and verifies its signature. This module keeps S3's
//! promises: atomic conditional writes, versions, multipart uploads, checksums, notifications. Objects are
//! plain files, so a person can open `<root>/<bucket>/<key>`. The index is in memory, so S3 is empty after
//! every start.
//!
//! | file | job |
//! |---|---|
//! | `server.rs` | starts it, and lets a test decide what goes wrong |
//! | `gate.rs`, `key.rs` | who is let in, with which key pair |
//! | `request_log.rs`, `faults.rs` | what was asked, and faults for tests |
//! | `operations/` | one function for each operation of the API; `multipart.rs` has the rules for multipart uploads |
//! | `store.rs`, `event.rs` | index and files behind one lock, and the events of new objects |
//! | `index/` | what is there: buckets, versions, and open uploads; pure |
//! | `condition.rs`, `listing.rs` | S3's rules for conditional requests and listings; pure |
//! | `checksum.rs` | what a request promises about its body, and what the body is; pure |
//! | `folder.rs`, `temp_file.rs` | the files |
//! | `path.rs`, `ids.rs` | key → path; ids in S3's form; pure |
//!
//! Known differences from S3: a repeated `CompleteMultipartUpload` gets `NoSuchUpload`; a malformed `Range`
//! header is refused, not ignored; a GET of a single part and a HEAD of a part or a range are not supported;
//! open uploads are listed in one page; form uploads are not supported; conflicts are decided immediately, so
//! that no request gets 409 `ConditionalRequestConflict` (it can be injected); an XML body with the wrong
//! SHA-256 gets `InternalError`; tags, ACLs, bucket owners, and encryption headers are accepted and ignored.

mod checksum;
mod condition;
mod event;
mod faults;
mod folder;
mod gate;
mod ids;
mod index;
mod key;
mod listing;
mod operations;
mod path;
mod request_log;
mod server;
mod store;
mod temp_file;

pub use self::event::ObjectCreated;
pub use self::faults::Fault;
pub use self::key::KeyPair;
pub use self::request_log::Request;
pub use self::server::EmbeddedS3;
pub use crate::local::account::REGION;
