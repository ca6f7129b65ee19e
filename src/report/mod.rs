//! `report.html`: what became of a drop, as a page for a person. Pure.
//!
//! | file | job |
//! |---|---|
//! | `page.rs` | the page and its sections |
//! | `words.rs` | the outcome in a sentence, and times in words |
//! | `style.css` | how it looks, on a screen and on paper |

pub mod page;
pub mod words;
