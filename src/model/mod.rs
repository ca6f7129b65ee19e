//! What a model accepts in the body of a record, as far as it is certain. Pure; imports `base` only.
//!
//! A record that a model must refuse fails hours later, after the queue. These rules find it before it is submitted. A
//! rule exists only where AWS or the provider says that the record fails, or where the error was seen: a false alarm
//! would keep out a good record, which is worse than a fault that is missed. Models that are not in the tables have no
//! rules, and neither have custom models and application inference profiles, whose ids do not name a family.
//!
//! | file | what it does |
//! |---|---|
//! | `family` | says which family a model belongs to, by the start of its id |
//! | `facts` | the table: what fails in the bodies of a family, how to fix it, and who says so |
//! | `fault` | the kinds of faults that a fact can name, and how they are found in a body |
//! | `rules` | the facts that apply to one model, and what they say about a body |
//! | `findings` | groups what was found in many records by its code |

pub mod facts;
pub mod family;
mod fault;
pub mod findings;
pub mod rules;
