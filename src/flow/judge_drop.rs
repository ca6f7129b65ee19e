//! A step of flow 1: reads a claimed drop once, judges every line, and records the verdict.
//!
//! If the step fails, it gives the lease back, so that the next delivery of the event need not wait for its end.

use std::time::Duration;

use tracing::{info, warn};

use crate::aws::clock::now;
use crate::aws::error::{Chain, Error};
use crate::aws::store::entries::Stored;
use crate::base::timestamp::Timestamp;
use crate::drop::check::{Accepted, Verdict, check_source};
use crate::drop::identity::DropId;
use crate::drop::keys;
use crate::drop::kinds;
use crate::drop::plan::{PARTS_PER_PAGE, Part, Plan, PlanPage};
use crate::drop::rejection::Problem;
use crate::drop::source::DropSource;
use crate::estimate::of_drop::{self, Records};
use crate::estimate::price::Prices;
use crate::estimate::sample::Sampler;
use crate::estimate::tokens::Model;
use crate::flow::context::Context;
use crate::flow::routes::{Terms, terms_for};
use crate::ledger::drop::{DropEntry, DropState, Reading, TooSlow};
use crate::ledger::held::Held;
use crate::ledger::lease::Invocation;

/// How much of the invocation's time is reserved for recording the verdict.
const TIME_FOR_THE_VERDICT: Duration = Duration::from_secs(5);

/// How often a drop that cannot be read in time is read, at most. Each reading takes all of a function's time, which
/// other drops need, too.
const MAX_READS: u32 = 3;

/// What an invocation has seen of a drop, even if the reading fails.
#[derive(Debug, Default)]
struct Seen {
    bytes: u64,
    /// Looks at some records for an estimate of the cost; `None` if nothing can hold the drop.
    sampler: Option<Sampler>,
}

/// Reads a drop, and records the verdict. Returns `None` if another invocation has taken the drop over.
pub(super) async fn judge_drop(
    context: &Context,
    drop: &Stored<DropEntry>,
    reading: &Reading,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let mut seen = Seen::default();
    let judged = async {
        let terms = Box::pin(terms_for(context, &drop.entry.source.key)).await?;
        let verdict = reach_verdict(context, &drop.entry, reading, &terms, &mut seen, by);
        Ok((Box::pin(verdict).await?, terms))
    };
    let (verdict, terms) = match judged.await {
        Ok(judged) => judged,
        Err(error) => {
            let too_slow = matches!(error, Error::OutOfTime(_)).then(|| slowness(seen.bytes, by));
            give_lease_back(context, drop, reading.given_back(too_slow, by), by).await;
            return Err(error);
        }
    };
    let recorded = Box::pin(record_verdict(context, drop, verdict, terms, seen.sampler, by)).await;
    if recorded.is_err() {
        give_lease_back(context, drop, reading.given_back(None, by), by).await;
    }
    recorded
}

/// Reads a drop, unless that was tried too often.
async fn reach_verdict(
    context: &Context,
    drop: &DropEntry,
    reading: &Reading,
    terms: &Terms,
    seen: &mut Seen,
    by: &Invocation,
) -> Result<Verdict, Error> {
    let source = &drop.source;
    if reading.attempts > MAX_READS {
        return Ok(refuse(unreadable_in_time(source, reading.too_slow)));
    }
    match read_drop(context, drop, terms, seen, by).await {
        Err(Error::OutOfTime(_)) if reading.attempts == MAX_READS => {
            Ok(refuse(unreadable_in_time(source, Some(slowness(seen.bytes, by)))))
        }
        verdict => verdict,
    }
}

async fn read_drop(
    context: &Context,
    drop: &DropEntry,
    Terms { settings, limits }: &Terms,
    seen: &mut Seen,
    by: &Invocation,
) -> Result<Verdict, Error> {
    let source = &drop.source;
    let config = &context.config;
    if let Some(problem) = check_source(source, config.name_rule(), config.max_drop_bytes) {
        return Ok(refuse(problem));
    }
    let Some(mut reader) = context.store.read_drop(source, &source.whole()).await? else {
        return Ok(refuse(Problem::of_kind(&kinds::FILE_GONE)));
    };
    let mut validator = config.validator(drop.drop_id.clone(), settings);
    seen.sampler = limits.hold_anything().then(|| {
        let model = Model::of(Some(&settings.model_id));
        Sampler::new(model, config.max_record_bytes)
    });
    while let Some(chunk) = reader.next().await? {
        if validator.feed(&chunk).is_err() {
            break;
        }
        if let Some(sampler) = &mut seen.sampler {
            sampler.feed(&chunk);
        }
        seen.bytes += chunk.len() as u64;
        if !by.has_time_at(now(), TIME_FOR_THE_VERDICT) {
            // A drop with a problem is rejected whatever the rest of it is: another attempt would only delay that.
            if let Some(verdict) = validator.stop() {
                return Ok(verdict);
            }
            let (size_bytes, slowness) = (source.size_bytes, slowness(seen.bytes, by));
            return Err(Error::OutOfTime(format!(
                "{source}: only {} of {size_bytes} bytes were read in {} s before the time ran out; give the function \
                 more memory, which also gives it more processor time, or lower MAX_DROP_BYTES",
                slowness.bytes, slowness.seconds
            )));
        }
    }
    Ok(validator.finish())
}

async fn record_verdict(
    context: &Context,
    drop: &Stored<DropEntry>,
    verdict: Verdict,
    Terms { settings, limits }: Terms,
    sampler: Option<Sampler>,
    by: &Invocation,
) -> Result<Option<Stored<DropEntry>>, Error> {
    let DropEntry { drop_id, source, .. } = &drop.entry;
    let (mut part_count, mut records) = (0, 0_u64);
    let route = settings.route.clone();
    let state = match verdict {
        Verdict::Valid(Accepted { parts, repairs, .. }) => {
            part_count = parts.len();
            let of_jobs = Records::of_jobs(&settings, parts.iter().map(|part| part.records));
            records = of_jobs.own;
            let plan = Box::pin(record_plan(context, drop_id, parts, records, by)).await?;
            let repairs = (!repairs.is_empty()).then(|| Box::new(repairs));
            if limits.hold_anything() {
                let prices = Prices::shipped().map_err(|error| Error::Internal(error.to_string()))?;
                let tokens = sampler.and_then(|sampler| sampler.finish(records));
                let cost = of_drop::cost(&settings, of_jobs, tokens.as_ref(), &prices);
                let day = limits.have_a_day().then(|| by.started.day());
                let (since, reasons, approved) = (now().into(), Vec::new(), None);
                DropState::Held(Box::new(Held {
                    since,
                    settings,
                    repairs,
                    cost,
                    reasons,
                    approved,
                    day,
                    turn: 0,
                    plan,
                }))
            } else {
                DropState::Accepted { settings: Some(settings), repairs, plan }
            }
        }
        Verdict::Invalid { problems, stopped_early } => DropState::Rejected { problems, stopped_early },
    };
    let next = drop.entry.advance(state, by)?;
    let judged = context.store.replace(&keys::drop_entry(drop_id), next, &drop.etag).await?;
    let Some(recorded) = judged.as_ref().map(|judged| &judged.entry) else { return Ok(None) };
    match &recorded.state {
        DropState::Accepted { .. } => info!(
            drop.id = %drop_id, input.uri = %source, part.count = part_count, repairs = %recorded.repairs(),
            Route = route, DropsAccepted = 1_u64, Records = records, "drop accepted"
        ),
        DropState::Rejected { problems, stopped_early } => warn!(
            drop.id = %drop_id, input.uri = %source, problem.count = problems.len(), stopped_early,
            report = keys::rejection(&source.key, drop_id), Route = route, DropsRejected = 1_u64, "drop rejected"
        ),
        // It is told of when it is released.
        DropState::Held(_) | DropState::Reading(_) | DropState::Finished { .. } | DropState::Erased => {}
    }
    Ok(judged)
}

/// Writes the pages of a plan with many parts. Returns what the drop's entry says about the plan.
async fn record_plan(
    context: &Context,
    drop_id: &DropId,
    parts: Vec<Part>,
    records: u64,
    by: &Invocation,
) -> Result<Plan, Error> {
    if parts.len() <= PARTS_PER_PAGE as usize {
        return Ok(Plan::Whole { parts });
    }
    let plan_id = &by.writer;
    let mut pages = 0;
    for page in parts.chunks(PARTS_PER_PAGE as usize) {
        pages += 1;
        let key = keys::plan_page(drop_id, plan_id, pages);
        context.store.put_json(&key, &PlanPage { parts: page.to_vec() }).await?;
    }
    Ok(Plan::Paged { plan_id: plan_id.clone(), pages, records })
}

/// Records a reading without a lease. If even that fails, the lease ends by itself.
async fn give_lease_back(context: &Context, drop: &Stored<DropEntry>, reading: Reading, by: &Invocation) {
    let drop_id = &drop.entry.drop_id;
    let Ok(next) = drop.entry.advance(DropState::Reading(reading), by) else { return };
    if let Err(failure) = context.store.replace(&keys::drop_entry(drop_id), next, &drop.etag).await {
        warn!(drop.id = %drop_id, error = %Chain(&failure), "lease not given back; it will end by itself");
    }
}

fn refuse(problem: Problem) -> Verdict {
    Verdict::Invalid { problems: vec![problem], stopped_early: false }
}

fn slowness(bytes: u64, by: &Invocation) -> TooSlow {
    TooSlow { bytes, seconds: Timestamp::from(now()).seconds_since(by.started).max(1) }
}

/// The problem of a drop that no invocation could read to its end.
fn unreadable_in_time(source: &DropSource, too_slow: Option<TooSlow>) -> Problem {
    let what = match too_slow {
        Some(TooSlow { bytes, seconds }) => format!(
            "the file could not be read in time, in {MAX_READS} attempts; the last one read {bytes} of {} bytes in \
             {seconds} s, which is {} kB/s",
            source.size_bytes,
            bytes / seconds / 1_000,
        ),
        None => format!("the function that reads the file ended {MAX_READS} times without saying why"),
    };
    Problem::of_file(&kinds::NOT_READ_IN_TIME, what, kinds::NOT_READ_IN_TIME.fix)
}
