//! `report.html`: what became of a drop, as a page for a person; and the notice that people are sent. Pure.
//!
//! | file | job |
//! |---|---|
//! | `page.rs` | the page about a drop that is finished |
//! | `rejected.rs` | the page about a drop that was refused |
//! | `frame.rs` | what both have in common |
//! | `jobs.rs` | the jobs, with a timeline |
//! | `distributions.rs` | how the jobs differ |
//! | `samples.rs` | some records with their answers, if they are asked for |
//! | `notice.rs` | what people are told when drops have ended |
//! | `words.rs` | the outcome in a sentence, and times and costs in words |
//! | `style.css` | how it looks, on a screen and on paper |

mod distributions;
mod frame;
mod jobs;
pub mod notice;
pub mod page;
pub mod rejected;
pub mod samples;
pub mod words;
