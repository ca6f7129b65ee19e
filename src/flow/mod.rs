//! The order of the steps. Each flow has a file that calls its steps from top to bottom, and each step is a function
//! with the name of the step; steps that need more than a few lines have files of their own.
//!
//! ```text
//! handlers  what Lambda calls: reads the payload, and calls a flow
//! submit    flow 1: identify_drop ► claim_drop ► judge_drop ► release_drop
//!                   ► report_rejection or make_jobs ► ask_for_jobs
//! complete  flow 2: end_job ► carry_out ► finish_drop; then the handler calls ask_for_next_jobs
//! sweep     flow 3: reconcile ► resume_jobs ► resume_drops, which take the steps of flows 1 and 2
//! cancel    flow 4: cancel_job, for each open job of a drop
//! erase     flow 5: record ► delete_data
//! ```
//!
//! All but the last tell the user where a drop stands: `status_file`.
//!
//! The steps are functions of a `Context`, which has the settings and the services. Nothing here
//! names an SDK: `aws` has the calls, and `drop`, `job`, and `ledger` the decisions.
//!
//! Steps are called as `Box::pin(step(…)).await`. The future of an `async fn` contains the futures that it awaits, and
//! those of the SDK take kilobytes each. Without boxes, the future of a flow would be as large as all its steps
//! together, and would be moved as a whole.

mod ask_bedrock;
mod cancel;
mod carry_out;
mod claim_drop;
mod complete;
mod context;
mod end_job;
mod erase;
mod finish_drop;
pub mod handlers;
mod hint;
mod judge_drop;
mod make_jobs;
mod pass;
mod queues;
mod reconcile;
mod release_drop;
mod requests;
mod reserve;
mod resume_jobs;
mod routes;
mod status_file;
mod submit;
mod sweep;
mod take_turns;
