//! `bedrock-vpc-batch erase`: asks the stack to erase drops, and waits until they are gone.

use serde_json::json;

use super::error::CliError;
use super::find::{DROP_HELP, Found, find, find_if_there};
use super::interruptible::until_interrupted;
use super::output::{print_aside, print_line};
use super::question::{ask, check_that_it_can_be_asked};
use super::stack::{Stack, StackArguments};
use super::standing::{Standing, read};
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
    /// What readers see of it; `None` if it is not there, or the user is not a reader.
    standing: Option<Standing>,
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
    for drop in &drops {
        print_line(&drop.describe())?;
    }
    let question = format!(
        "Erase {} in {}, which nobody can undo: this version of the file, its results, and the inputs and outputs of its jobs?",
        Counted(drops.len() as u64, "drop"),
        stack.name
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
        print_line(&format!("{}: to be erased, once it is over", drop.drop_id))?;
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
        print_line(&format!("{}: erased", drop.name()))?;
    }
    Ok(true)
}

/// The drop that an argument names. A whole id is enough for an operator who may not look.
async fn named(stack: &Stack, argument: &str) -> Result<Doomed, CliError> {
    if let Some(drop_id) = DropId::parse(argument) {
        let standing = match find_if_there(stack, argument).await {
            Ok(Some(found)) => seen(stack, found).await.ok(),
            Ok(None) | Err(_) => None,
        };
        return Ok(Doomed { drop_id, standing });
    }
    let standing = seen(stack, find(stack, argument).await?).await?;
    Ok(Doomed { drop_id: standing.found.drop_id.clone(), standing: Some(standing) })
}

async fn seen(stack: &Stack, found: Found) -> Result<Standing, CliError> {
    read(stack, Standing::found(found)).await
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
        let Self { drop_id, standing } = self;
        let Some(standing) = standing else {
            return format!("{drop_id}: not seen, because you are not a reader, or it is not there");
        };
        let put = standing.put.map(|put| format!(", put at {put}")).unwrap_or_default();
        let results = standing.status.as_ref().and_then(|status| status.results);
        let records =
            results.map(|results| format!(", {}", Counted(results.total, "record"))).unwrap_or_default();
        format!("{} ({drop_id}): {}{records}{put}", self.name(), standing.state())
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
