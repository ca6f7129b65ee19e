//! `bedrock-vpc-batch erase`: asks the stack to erase drops, and waits until they are gone.

use serde::Deserialize;
use serde_json::json;

use super::error::CliError;
use super::find::DROP_HELP;
use super::interruptible::until_interrupted;
use super::output::{print_aside, print_done, print_line};
use super::question::{ask, check_that_it_can_be_asked};
use super::stack::{Stack, StackArguments};
use super::standing::{Standing, find_for_operator};
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::keys::{self, Request};

#[derive(Debug, clap::Args)]
pub(super) struct EraseArguments {
    /// Which drops. An operator who is not a reader gives whole ids.
    #[arg(required = true, value_name = "DROP", long_help = DROP_HELP)]
    drops: Vec<String>,

    /// Erase them without a question.
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    stack: StackArguments,
}

/// A drop to be erased.
#[derive(Debug)]
struct Doomed {
    drop_id: DropId,
    /// What readers see of it; `None` if the user is not a reader.
    standing: Option<Standing>,
    /// The drops that tried some of its records again, and stay.
    retries: Vec<DropId>,
}

/// The member of `summary.json` that names the retries.
#[derive(Deserialize)]
struct Retries {
    #[serde(default)]
    retries: Vec<DropId>,
}

/// Asks for the drops to be erased, and waits until they are gone. Returns true if that is done.
pub(super) async fn erase(arguments: &EraseArguments) -> Result<bool, CliError> {
    check_that_it_can_be_asked(arguments.yes, "erase the drops")?;
    until_interrupted(erase_all(arguments)).await
}

async fn erase_all(arguments: &EraseArguments) -> Result<bool, CliError> {
    let stack = arguments.stack.open().await?;
    let mut drops: Vec<Doomed> = Vec::new();
    for argument in &arguments.drops {
        let drop = named(&stack, argument).await?;
        drop.check_that_it_is_over(&arguments.stack.again())?;
        if drops.iter().all(|other| other.drop_id != drop.drop_id) {
            drops.push(drop);
        }
    }
    let erased: Vec<DropId> = drops.iter().map(|drop| drop.drop_id.clone()).collect();
    for drop in &mut drops {
        drop.retries.retain(|retry| !erased.contains(retry));
    }
    for drop in &drops {
        print_line(&drop.describe())?;
    }
    let kept: Vec<String> = drops.iter().filter_map(Doomed::describe_retries).collect();
    let question = format!(
        "Erase {} in {}, which nobody can undo: this version of the file, its results, and the inputs and outputs of its \
         jobs?{}",
        Counted(drops.len() as u64, "drop"),
        stack.name,
        kept.iter().map(|kept| format!(" {kept}.")).collect::<String>()
    );
    if !arguments.yes && !ask(&question).await? {
        print_aside("nothing was erased");
        return Ok(false);
    }
    for drop in &drops {
        let key = keys::request(&Request::Erase(drop.drop_id.clone()));
        stack.store.put_json(&key, &json!({})).await.map_err(|error| stack.explain(error))?;
    }
    let (seen, unseen): (Vec<_>, Vec<_>) = drops.iter().partition(|drop| drop.standing.is_some());
    for drop in unseen {
        print_done(&format!(
            "{}: asked for, once it is over; you are not a reader, so nothing here can confirm that there is such a drop",
            drop.drop_id
        ))?;
    }
    if !seen.is_empty() {
        print_aside(
            "waiting until nothing is left, which takes seconds, or up to 30 minutes if the request is only found by the \
             sweep; Ctrl-C does not stop it",
        );
    }
    for drop in seen {
        while !drop.is_gone(&stack).await? {
            tokio::time::sleep(stack.look_every).await;
        }
        let kept = drop.describe_retries().map(|kept| format!(". {kept}")).unwrap_or_default();
        print_done(&format!("{}: erased{kept}", drop.name()))?;
    }
    Ok(true)
}

/// The drop that an argument names.
async fn named(stack: &Stack, argument: &str) -> Result<Doomed, CliError> {
    let (drop_id, standing) = find_for_operator(stack, argument).await?;
    let summary: Option<Retries> = match &standing {
        Some(standing) => stack.read_json(&standing.found.key("summary.json")).await?,
        None => None,
    };
    let retries = summary.map(|summary| summary.retries).unwrap_or_default();
    Ok(Doomed { drop_id, standing, retries })
}

impl Doomed {
    fn name(&self) -> String {
        match &self.standing {
            Some(standing) => text::line(&standing.key).to_string(),
            None => self.drop_id.to_string(),
        }
    }

    fn check_that_it_is_over(&self, again: &str) -> Result<(), CliError> {
        let Some(standing) = self.standing.as_ref().filter(|standing| standing.status.is_some()) else {
            return Ok(());
        };
        if standing.has_ended() {
            return Ok(());
        }
        let Self { drop_id, .. } = self;
        Err(CliError::Denied(format!(
            "{}: it is {}, and only a drop that is over can be erased. Wait until it is, or cancel it first: \
             bedrock-vpc-batch cancel {drop_id}{again}",
            self.name(),
            standing.state()
        )))
    }

    /// What the user is asked about.
    fn describe(&self) -> String {
        let Self { drop_id, standing, .. } = self;
        let Some(standing) = standing else {
            return format!("{drop_id}: not seen, because you are not a reader");
        };
        let put = standing.put.map(|put| format!(", put at {put}")).unwrap_or_default();
        let results = standing.status.as_ref().and_then(|status| status.results);
        let records =
            results.map(|results| format!(", {}", Counted(results.total, "record"))).unwrap_or_default();
        format!("{} ({drop_id}): {}{records}{put}", self.name(), standing.state())
    }

    /// Which other drops have some of its records; `None` if there are none.
    fn describe_retries(&self) -> Option<String> {
        let ids: Vec<String> = self.retries.iter().map(ToString::to_string).collect();
        (!ids.is_empty())
            .then(|| format!("Retries keep the same records unless they are erased, too: {}", ids.join(" ")))
    }

    /// Whether nothing is left that a reader can see. The entry in the index is deleted last.
    async fn is_gone(&self, stack: &Stack) -> Result<bool, CliError> {
        let Some(Standing { found, key, put, .. }) = &self.standing else { return Ok(true) };
        let results = stack.list(&found.folder).await?;
        let own = |key: &String| key.strip_prefix(&found.folder).is_some_and(keys::is_result_name);
        if results.iter().any(own) {
            return Ok(false);
        }
        let Some(put) = put else { return Ok(true) };
        Ok(stack.list(&keys::index(key, *put, &self.drop_id)).await?.is_empty())
    }
}
