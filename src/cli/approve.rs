//! `bedrock-vpc-batch approve`: asks the stack to submit drops that are held.

use serde_json::json;

use super::error::CliError;
use super::find::DROP_HELP;
use super::interruptible::until_interrupted;
use super::output::{columns, print_aside, print_done, print_line};
use super::problems::wrapped_to;
use super::question::{ask, check_that_it_can_be_asked};
use super::stack::StackArguments;
use super::standing::{Standing, find_for_operator};
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::keys::{self, Request};
use crate::ledger::status::Stage;

#[derive(Debug, clap::Args)]
pub(super) struct ApproveArguments {
    /// Which drops. An operator who is not a reader gives whole ids.
    #[arg(required = true, value_name = "DROP", long_help = DROP_HELP)]
    drops: Vec<String>,

    /// Approve them without a question.
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    stack: StackArguments,
}

/// A drop to be approved, and what readers see of it; `None` if the user is not a reader.
type Named = (DropId, Option<Standing>);

/// Asks for the drops to be approved. Returns true if that is done.
pub(super) async fn approve(arguments: &ApproveArguments) -> Result<bool, CliError> {
    check_that_it_can_be_asked(arguments.yes, "approve the drops")?;
    until_interrupted(approve_all(arguments)).await
}

async fn approve_all(arguments: &ApproveArguments) -> Result<bool, CliError> {
    let stack = arguments.stack.open().await?;
    let mut drops: Vec<Named> = Vec::new();
    for argument in &arguments.drops {
        let drop = find_for_operator(&stack, argument).await?;
        if drops.iter().all(|(other, _)| *other != drop.0) {
            drops.push(drop);
        }
    }
    // One that is still being read may be held in a moment.
    let may_be_held = |(_, standing): &Named| match standing.as_ref().map(|known| known.status.as_ref()) {
        None | Some(None) => true,
        Some(Some(status)) => matches!(status.state, Stage::Reading | Stage::Held),
    };
    let (held, others): (Vec<Named>, Vec<Named>) = drops.into_iter().partition(may_be_held);
    for drop in &others {
        let state = drop.1.as_ref().map_or("", Standing::state);
        print_line(&format!("{}: it is not held ({state}), so there is nothing to approve", name(drop)))?;
    }
    for drop in &held {
        if let Some(status) = drop.1.as_ref().and_then(|standing| standing.status.as_ref()) {
            let said = text::line(&status.message).to_string();
            let said = wrapped_to(columns(), said.split(' '), "  ");
            print_line(&format!("{}:\n{}", name(drop), said.join("\n")))?;
        }
    }
    let what = match held.as_slice() {
        [] => return Ok(false),
        [drop] => name(drop),
        _ => Counted(held.len() as u64, "drop").to_string(),
    };
    let question = format!("Submit {what} in {}, whatever it costs?", stack.name);
    if !arguments.yes && !ask(&question).await? {
        print_aside("nothing was approved");
        return Ok(false);
    }
    for (drop_id, _) in &held {
        let key = keys::request(&Request::Approve(drop_id.clone()));
        stack.store.put_json(&key, &json!({})).await.map_err(|error| stack.explain(error))?;
    }
    for drop in &held {
        print_done(&match drop {
            (_, Some(_)) => format!("{}: to be submitted", name(drop)),
            (drop_id, None) => format!(
                "{drop_id}: asked for; you are not a reader, so nothing here can confirm that there is such a drop"
            ),
        })?;
    }
    let seen = held.iter().filter(|(_, standing)| standing.is_some());
    let ids: String = seen.map(|(id, _)| format!(" {id}")).collect();
    if !ids.is_empty() {
        print_aside(&format!("to follow: bedrock-vpc-batch watch{ids}{}", arguments.stack.again()));
    }
    Ok(others.is_empty())
}

/// What to call a drop.
fn name((drop_id, standing): &Named) -> String {
    standing.as_ref().map_or_else(|| drop_id.to_string(), |standing| text::line(&standing.key).to_string())
}
