//! One object that a user put: what it is called, whether it is good, and the parts that it is cut into.
//! Pure; imports `record`, `model`, and `base` only.
//!
//! | file | what it does |
//! |---|---|
//! | `source` | describes the object in S3 that a drop is |
//! | `identity` | derives the ids of drops and jobs, and job names |
//! | `names` | says which objects are drops, by their names alone |
//! | `check` | judges a drop in one pass: every line, then the quotas |
//! | `diagnosis` | says what a file is if it is not JSON Lines |
//! | `kinds` | lists the kinds of problems, with their codes and fixes |
//! | `problems` | collects the problems of a drop, each kind once |
//! | `generated_id` | makes the ids of records that came without one |
//! | `model_door` | refuses a drop whose records are all certain to fail at the model |
//! | `line_numbers` | finds the line of one of the last records again |
//! | `padding` | makes the ids and lines of padding records |
//! | `plan` | cuts a drop into parts that fit one job each |
//! | `quotas` | holds Bedrock's quotas, and what is wrong with a drop that does not fit them |
//! | `routes` | says which settings a drop has, by the prefix of its key |
//! | `limits` | holds what a drop may cost, and whether a file may be dropped twice |
//! | `settings` | holds the settings that a drop keeps from its acceptance to its end |
//! | `rejection` | defines `rejection.json`, the report on a bad drop |
//! | `repairs` | counts the repairs of a drop |
//! | `retry` | names the drops that are another try at records of an earlier one |
//! | `rewriting` | writes the lines of a part as its job gets them |
//! | `shares` | says how the routes share the slots for jobs |
//! | `keys` | names every S3 key that the pipeline writes |
//! | `hints` | names the keys of hints, which say which jobs wait |

pub mod check;
pub(crate) mod diagnosis;
pub mod generated_id;
pub mod hints;
pub mod identity;
pub mod keys;
pub mod kinds;
pub mod limits;
mod line_numbers;
pub mod model_door;
pub mod names;
pub mod padding;
pub mod plan;
pub mod problems;
pub mod quotas;
pub mod rejection;
pub mod repairs;
pub mod retry;
pub mod rewriting;
pub mod routes;
pub mod settings;
pub mod shares;
pub mod source;
