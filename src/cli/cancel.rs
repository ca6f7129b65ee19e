//! `bedrock-vpc-batch cancel`: asks the stack to cancel drops.

use serde_json::json;

use super::error::CliError;
use super::find::{DROP_HELP, find};
use super::interruptible::until_interrupted;
use super::output::{print_aside, print_line};
use super::question::{ask, check_that_it_can_be_asked};
use super::stack::{Stack, StackArguments};
use super::standing::Standing;
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

/// Asks for the drops to be cancelled. Returns true if that is done.
pub(super) async fn cancel(arguments: &CancelArguments) -> Result<bool, CliError> {
    check_that_it_can_be_asked(arguments.yes, "cancel the drops")?;
    until_interrupted(cancel_all(arguments)).await
}

async fn cancel_all(arguments: &CancelArguments) -> Result<bool, CliError> {
    let stack = arguments.stack.open().await?;
    let mut drops: Vec<(DropId, String)> = Vec::new();
    for argument in &arguments.drops {
        let (drop_id, name) = named(&stack, argument).await?;
        if drops.iter().all(|(other, _)| *other != drop_id) {
            drops.push((drop_id, name));
        }
    }
    let what = match drops.as_slice() {
        [(_, name)] => name.clone(),
        _ => Counted(drops.len() as u64, "drop").to_string(),
    };
    let question = format!(
        "Cancel {what} in {}? What is finished is kept, and what Bedrock has processed is charged.",
        stack.name
    );
    if !arguments.yes && !ask(&question).await? {
        print_aside("nothing was cancelled");
        return Ok(false);
    }
    for (drop_id, name) in &drops {
        let key = keys::request(&Request::Cancel(drop_id.clone()));
        stack.store.put_json(&key, &json!({})).await.map_err(|error| stack.explain(error))?;
        print_line(&format!("{name}: to be cancelled"))?;
    }
    let ids: String = drops.iter().map(|(id, _)| format!(" {id}")).collect();
    print_aside(&format!(
        "its jobs are stopped in seconds, or within 15 minutes if it is still being read; to follow: bedrock-vpc-batch watch{ids}{}",
        arguments.stack.again()
    ));
    Ok(true)
}

/// The drop that an argument names, and what to call it. A whole id needs no look, which an operator may not be allowed.
async fn named(stack: &Stack, argument: &str) -> Result<(DropId, String), CliError> {
    if let Some(drop_id) = DropId::parse(argument) {
        let name = drop_id.to_string();
        return Ok((drop_id, name));
    }
    let standing = Standing::found(find(stack, argument).await?);
    Ok((standing.found.drop_id, text::line(&standing.key).to_string()))
}
