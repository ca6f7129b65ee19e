//! Routes: takes over `config/routes.json` when it changes, and says which settings a drop has.
//!
//! The file is judged once, when its event comes or the next sweep finds it. What is good goes into the ledger, and only
//! that counts: a bad file, or one that nobody has looked at yet, changes nothing. The settings are pinned when a drop
//! is accepted, so a change never touches a drop that waits.

use tracing::{error, info};

use crate::aws::clock::now;
use crate::aws::error::Error;
use crate::aws::store::entries::Stored;
use crate::base::s3_uri::S3Uri;
use crate::drop::keys::{ROUTES_ENTRY, ROUTES_FILE, ROUTES_IN_FORCE};
use crate::drop::limits::Limits;
use crate::drop::routes::{MAX_BYTES, RouteProblem, Routes};
use crate::drop::settings::Settings;
use crate::drop::shares::Shares;
use crate::flow::context::Context;
use crate::ledger::lease::Invocation;
use crate::ledger::routes::{InForce, RoutesEntry};

/// What a drop that is judged now is judged by.
#[derive(Debug)]
pub(super) struct Terms {
    /// The settings that it keeps.
    pub(super) settings: Settings,
    /// What may hold it back.
    pub(super) limits: Limits,
}

/// Returns the terms of a drop with this key.
///
/// # Errors
/// Returns [`Error::Routes`] if the stack has changed so that its routes do not fit it any more. Nothing is guessed: a drop
/// that was meant for another model waits until an administrator has decided.
pub(super) async fn terms_for(context: &Context, key: &str) -> Result<Terms, Error> {
    let (stack, limits) = (context.config.stack(), context.config.limits);
    let Some(known) = context.store.get_entry::<RoutesEntry>(ROUTES_ENTRY).await? else {
        return Ok(Terms { settings: stack.settings, limits });
    };
    let routes = known.entry.in_force.routes;
    let Some(route) = routes.of(key) else { return Ok(Terms { settings: stack.settings, limits }) };
    let faults = Routes { routes: vec![route.clone()] }.faults(&stack);
    if faults.is_empty() {
        return Ok(Terms { settings: route.settings(&stack.settings), limits: route.limits(&limits) });
    }
    Err(Error::Routes(faults.join("; ")))
}

/// Returns how the routes in force share the slots for jobs.
pub(super) async fn shares(context: &Context) -> Result<Shares, Error> {
    let known = context.store.get_entry::<RoutesEntry>(ROUTES_ENTRY).await?;
    Ok(known.map(|known| Shares::of(&known.entry.in_force.routes)).unwrap_or_default())
}

/// Takes the file over if it has changed. A file that is gone leaves no routes. A lost race is fine: what the
/// winner has not seen is left to the next event or sweep. Returns how the routes share the slots, unless a race was lost.
pub(super) async fn take_over(context: &Context, by: &Invocation) -> Result<Option<Shares>, Error> {
    let known = context.store.get_entry::<RoutesEntry>(ROUTES_ENTRY).await?;
    let file = context.store.head(&S3Uri::new(&context.config.output_bucket, ROUTES_FILE), None).await?;
    let known = match (file, known) {
        (None, None) => return Ok(Some(Shares::default())),
        (Some(file), known) if is_in_force(known.as_ref(), &file.etag) => known,
        (None, Some(known)) if known.entry.in_force.last_etag().is_none() => Some(known),
        (None, known) => record(context, known, InForce::nothing(now().into()), by).await?,
        (Some(file), known) => {
            let (etag, read) = if file.size_bytes > MAX_BYTES as u64 {
                let what = format!("the file has {} bytes; at most {MAX_BYTES} are allowed", file.size_bytes);
                (file.etag, Err(vec![RouteProblem { line: 1, what }]))
            } else {
                let Some((bytes, etag)) = context.store.get(ROUTES_FILE).await? else { return Ok(None) };
                (etag.unwrap_or(file.etag), Routes::parse(&bytes, &context.config.stack()))
            };
            let before = known.as_ref().map(|known| known.entry.in_force.clone());
            let before = before.unwrap_or_else(|| InForce::nothing(now().into()));
            let after = before.after(etag, read, now().into());
            // A file that was refused is judged again each time, because the stack may have changed.
            if after == before { known } else { record(context, known, after, by).await? }
        }
    };
    let Some(known) = known else { return Ok(None) };
    tell(context, &known.entry.in_force).await?;
    Ok(Some(Shares::of(&known.entry.in_force.routes)))
}

fn is_in_force(known: Option<&Stored<RoutesEntry>>, etag: &str) -> bool {
    let in_force = known.map(|known| &known.entry.in_force);
    in_force.is_some_and(|in_force| in_force.refused.is_none() && in_force.last_etag() == Some(etag))
}

/// Records what is in force now. Returns `None` if another invocation has done so.
async fn record(
    context: &Context,
    known: Option<Stored<RoutesEntry>>,
    in_force: InForce,
    by: &Invocation,
) -> Result<Option<Stored<RoutesEntry>>, Error> {
    let next = RoutesEntry::new(in_force, &by.writer);
    let recorded = match known {
        Some(known) => context.store.replace(ROUTES_ENTRY, next, &known.etag).await?,
        None => context.store.create(ROUTES_ENTRY, next).await?,
    };
    if let Some(recorded) = &recorded {
        let in_force = &recorded.entry.in_force;
        match &in_force.refused {
            Some(refused) => error!(
                key = ROUTES_FILE,
                problems = problems(&refused.problems),
                RoutesRefused = 1_u64,
                "routes refused; the last good ones stay in force"
            ),
            None => info!(key = ROUTES_FILE, routes = in_force.routes.routes.len(), "routes are in force"),
        }
    }
    Ok(recorded)
}

fn problems(problems: &[RouteProblem]) -> String {
    problems.iter().map(RouteProblem::to_string).collect::<Vec<_>>().join("; ")
}

/// Shows people what is in force, unless that is there already. After a crash or a lost race, the next sweep does so.
async fn tell(context: &Context, in_force: &InForce) -> Result<(), Error> {
    let shown = context.store.get(ROUTES_IN_FORCE).await?;
    let is_shown = shown.is_some_and(|(bytes, _)| {
        serde_json::from_slice::<InForce>(&bytes).is_ok_and(|shown| shown == *in_force)
    });
    if is_shown { Ok(()) } else { context.store.put_json(ROUTES_IN_FORCE, in_force).await }
}
