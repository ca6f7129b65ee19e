//! The operations of the S3 API, one function each.
//!
//! | file | job |
//! |---|---|
//! | `service.rs` | the table: operation → function |
//! | `buckets.rs` | buckets and their listings |
//! | `objects.rs` | put, get, head, and delete of whole objects |
//! | `copies.rs` | copies within the server |
//! | `multipart.rs` | multipart uploads and their rules: part sizes and numbers, checksums, what completing takes |
//! | `answers.rs` | what many answers have in common |

mod answers;
mod buckets;
mod copies;
mod multipart;
mod objects;
mod service;

pub(super) use self::service::Service;
