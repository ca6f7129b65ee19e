//! Flow 2: the end of a job becomes results.
//!
//! 1. [`end_job`]: ask Bedrock about the job, because the event is only a hint; read its output; compare all figures.
//!    Then record what becomes of its records (`Ended`), or that the evidence contradicts itself (`Doubtful`).
//! 2. [`carry_out`]: write `succeeded/` and `errors/`; make the next attempt's job, or write `unprocessed/`; record
//!    that it is done (`Settled`).
//! 3. [`finish_drop`]: after the last job of the drop, write `report.html` and `summary.json`, and record that the drop is `Finished`.
//!    Now the job's marker is deleted.
//!
//! Each round takes the step that the job's entry calls for, so an invocation that follows a crash goes on with what is
//! recorded.

use tracing::warn;

use crate::aws::error::Error;
use crate::drop::identity::JobId;
use crate::drop::keys;
use crate::flow::carry_out::carry_out;
use crate::flow::context::Context;
use crate::flow::end_job::{Ended, end_job};
use crate::flow::finish_drop::finish_drop;
use crate::flow::hint;
use crate::ledger::job::JobEntry;
use crate::ledger::job_state::JobState;
use crate::ledger::lease::Invocation;
use crate::report::notice::EndedDrop;

/// How often a job is read again after another invocation has changed its entry. Each change means that the job has
/// moved on, and it has few states.
const MAX_ROUNDS: u32 = 10;

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Completed {
    /// Everything that can be done now is done.
    Done {
        /// The model that the job was for. It has a free slot now.
        model_id: String,
        /// The drop, if this request has finished it.
        ended: Option<Box<EndedDrop>>,
    },
    /// Bedrock says that the job is not over.
    NotOver,
}

/// Takes a job that is over from wherever it stands to its end.
pub(super) async fn complete(
    context: &Context,
    job_id: &JobId,
    job_arn: &str,
    by: &Invocation,
) -> Result<Completed, Error> {
    for _ in 0..MAX_ROUNDS {
        let Some(job) = context.store.get_entry::<JobEntry>(&keys::job_entry(job_id)).await? else {
            warn!(job.id = %job_id, job.arn = job_arn, "job has a name of this stack, but is not in its ledger");
            return Ok(Completed::Done { model_id: context.config.model_id.clone(), ended: None });
        };
        let model_id = hint::model_id(context, &job.entry).to_owned();
        match &job.entry.state {
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted(_)
            | JobState::Stopping(_)
            | JobState::Doubtful(..) => match Box::pin(end_job(context, job, job_arn, by)).await? {
                Ended::Recorded(ended) => {
                    let (job, output) = *ended;
                    Box::pin(carry_out(context, job, Some(output), by)).await?;
                }
                Ended::ByAnother => {}
                Ended::NotNow => return Ok(Completed::Done { model_id, ended: None }),
                Ended::NotOver => return Ok(Completed::NotOver),
            },
            JobState::Ended(..) => Box::pin(carry_out(context, job, None, by)).await?,
            JobState::Settled(..) | JobState::SourceDeleted => {
                let ended = Box::pin(finish_drop(context, &job.entry, by)).await?.map(Box::new);
                context.store.delete(&job.entry.marker()).await?;
                return Ok(Completed::Done { model_id, ended });
            }
        }
    }
    Err(Error::Busy(format!("other invocations changed job {job_id} {MAX_ROUNDS} times")))
}
