//! What the records of a file cost, before any of them is sent: tokens in, tokens out, and their price, each as a range.
//! Pure; imports `base`, `model`, `record`, `drop`, and `job`.
//!
//! ```text
//! chunks ─► sample ─► request ─► script ─► weights ─► tokens ─► price
//!           some       what        classes   tokens     of all    US dollars
//!           records    reaches     of        per class  records
//!                      the model   characters
//! ```
//!
//! - [`sample`]: which records are looked at, and what follows from them for all
//! - [`request`]: the texts, media, and limits of a record
//! - [`script`]: the classes of characters of a text
//! - [`weights`]: how many tokens each family's tokenizer makes of a character of each class
//! - [`tokens`]: the tokens of a record
//! - [`range`]: numbers that are not known exactly
//! - [`like`]: the tokens that the records of an earlier drop took
//! - [`price`]: published prices, and costs
//! - [`of_drop`]: what the jobs of a whole drop take and cost, with their padding
//!
//! The command line uses this room. The functions use it for the page about a drop, and if there is a budget.

pub mod like;
pub mod of_drop;
pub mod price;
pub mod range;
pub mod request;
pub mod sample;
pub mod script;
pub mod tokens;
pub mod weights;
