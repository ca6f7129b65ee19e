//! The drops of a stack, newest first, as the index in the output bucket has them.

use std::collections::VecDeque;

use super::error::CliError;
use super::stack::Stack;
use crate::base::timestamp::Timestamp;
use crate::drop::identity::DropId;
use crate::drop::keys::{INDEX_PREFIX, Indexed, index_from, parse_index};

/// Reads the drops of a stack, newest first: one list of the days, and then one for each day that is needed.
#[derive(Debug)]
pub(super) struct Index<'a> {
    stack: &'a Stack,
    /// The prefixes of the days that have not been listed, newest last; `None` before they are listed.
    days: Option<Vec<String>>,
    /// The drops of the last day that was listed, newest first.
    drops: VecDeque<Indexed>,
}

impl<'a> Index<'a> {
    pub(super) fn new(stack: &'a Stack) -> Self {
        Self { stack, days: None, drops: VecDeque::new() }
    }

    /// Returns the next drop, which was put before the one before; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Indexed>, CliError> {
        loop {
            if let Some(drop) = self.drops.pop_front() {
                return Ok(Some(drop));
            }
            if self.days.is_none() {
                self.days = Some(self.stack.list_folders(INDEX_PREFIX).await?);
            }
            let Some(day) = self.days.as_mut().and_then(Vec::pop) else { return Ok(None) };
            let keys = self.stack.list(&day).await?;
            self.drops = keys.iter().rev().filter_map(|key| parse_index(key)).collect();
        }
    }
}

/// Returns the drops that were put at a time or later, oldest first.
pub(super) async fn drops_since(stack: &Stack, time: Timestamp) -> Result<Vec<Indexed>, CliError> {
    let keys = stack.list_after(INDEX_PREFIX, &index_from(time)).await?;
    Ok(keys.iter().filter_map(|key| parse_index(key)).collect())
}

/// Returns the ids of the drops whose results are in folders below a folder, in the order of the ids.
pub(super) async fn drops_below(stack: &Stack, folder: &str) -> Result<Vec<DropId>, CliError> {
    let folders = stack.list_folders(folder).await?;
    let id = |below: &String| DropId::parse(below.strip_prefix(folder)?.strip_suffix('/')?);
    Ok(folders.iter().filter_map(id).collect())
}
