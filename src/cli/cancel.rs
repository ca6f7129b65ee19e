//! `bedrock-vpc-batch cancel`: asks the stack to cancel drops.

use serde_json::json;

use super::error::CliError;
use super::find::DROP_HELP;
use super::interruptible::until_interrupted;
use super::output::{print_aside, print_done, print_line};
use super::question::{ask, check_that_it_can_be_asked};
use super::stack::StackArguments;
use super::standing::{Standing, find_for_operator};
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::keys::{self, Request};

#[derive(Debug, clap::Args)]
pub(super) struct CancelArguments {
    /// Which drops. An operator who is not a reader gives whole ids.
    #[arg(required = true, value_name = "DROP", long_help = DROP_HELP)]
    drops: Vec<String>,

    /// Cancel them without a question.
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    stack: StackArguments,
}

/// A drop to be cancelled, and what readers see of it; `None` if the user is not a reader.
type Named = (DropId, Option<Standing>);

/// Asks for the drops to be cancelled. Returns true if that is done.
pub(super) async fn cancel(arguments: &CancelArguments) -> Result<bool, CliError> {
    check_that_it_can_be_asked(arguments.yes, "cancel the drops")?;
    until_interrupted(cancel_all(arguments)).await
}

async fn cancel_all(arguments: &CancelArguments) -> Result<bool, CliError> {
    let stack = arguments.stack.open().await?;
    let mut drops: Vec<Named> = Vec::new();
    for argument in &arguments.drops {
        let drop = find_for_operator(&stack, argument).await?;
        if drops.iter().all(|(other, _)| *other != drop.0) {
            drops.push(drop);
        }
    }
    let has_ended = |(_, standing): &Named| standing.as_ref().is_some_and(Standing::has_ended);
    let (over, open): (Vec<Named>, Vec<Named>) = drops.into_iter().partition(has_ended);
    for drop in &over {
        let state = drop.1.as_ref().map_or("", Standing::state);
        print_line(&format!("{}: it is over ({state}), so there is nothing to cancel", name(drop)))?;
    }
    let what = match open.as_slice() {
        [] => return Ok(false),
        [drop] => name(drop),
        _ => Counted(open.len() as u64, "drop").to_string(),
    };
    let question = format!(
        "Cancel {what} in {}? What is finished is kept, and what Bedrock has processed is charged.",
        stack.name
    );
    if !arguments.yes && !ask(&question).await? {
        print_aside("nothing was cancelled");
        return Ok(false);
    }
    for (drop_id, _) in &open {
        let key = keys::request(&Request::Cancel(drop_id.clone()));
        stack.store.put_json(&key, &json!({})).await.map_err(|error| stack.explain(error))?;
    }
    for drop in &open {
        print_done(&match drop {
            (_, Some(_)) => format!("{}: to be cancelled", name(drop)),
            (drop_id, None) => format!(
                "{drop_id}: asked for; you are not a reader, so nothing here can confirm that there is such a drop"
            ),
        })?;
    }
    let seen = open.iter().filter(|(_, standing)| standing.is_some());
    let ids: String = seen.map(|(id, _)| format!(" {id}")).collect();
    if !ids.is_empty() {
        print_aside(&format!(
            "its jobs are stopped in seconds, or within 15 minutes if it is still being read; to follow: bedrock-vpc-batch watch{ids}{}",
            arguments.stack.again()
        ));
    }
    Ok(over.is_empty())
}

/// What to call a drop.
fn name((drop_id, standing): &Named) -> String {
    standing.as_ref().map_or_else(|| drop_id.to_string(), |standing| text::line(&standing.key).to_string())
}
