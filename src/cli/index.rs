//! The drops of a stack, newest first, as the index in the output bucket has them.

use std::collections::VecDeque;

use super::error::CliError;
use super::stack::Stack;
use crate::aws::sdk_error::classify;
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
                self.days = Some(days(self.stack).await?);
            }
            let Some(day) = self.days.as_mut().and_then(Vec::pop) else { return Ok(None) };
            let keys = self.stack.store.list(&day).await.map_err(|error| self.stack.explain(error))?;
            self.drops = keys.iter().rev().filter_map(|key| parse_index(key)).collect();
        }
    }
}

/// Returns the drops that were put at a time or later, oldest first.
pub(super) async fn drops_since(stack: &Stack, time: Timestamp) -> Result<Vec<Indexed>, CliError> {
    let request = stack.s3.list_objects_v2().bucket(&stack.output_bucket).prefix(INDEX_PREFIX);
    let mut pages = request.start_after(index_from(time)).into_paginator().send();
    let mut drops = Vec::new();
    while let Some(page) = pages.next().await {
        let call = || format!("S3 ListObjectsV2 s3://{}/{INDEX_PREFIX}", stack.output_bucket);
        let page = page.map_err(|error| stack.explain(classify(call(), error)))?;
        let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        drops.extend(keys.filter_map(|key| parse_index(&key)));
    }
    Ok(drops)
}

/// The prefixes of the days that have drops, oldest first.
async fn days(stack: &Stack) -> Result<Vec<String>, CliError> {
    let request = stack.s3.list_objects_v2().bucket(&stack.output_bucket).prefix(INDEX_PREFIX).delimiter("/");
    let mut pages = request.into_paginator().send();
    let mut days = Vec::new();
    while let Some(page) = pages.next().await {
        let call = || format!("S3 ListObjectsV2 s3://{}/{INDEX_PREFIX}", stack.output_bucket);
        let page = page.map_err(|error| stack.explain(classify(call(), error)))?;
        days.extend(page.common_prefixes.unwrap_or_default().into_iter().filter_map(|common| common.prefix));
    }
    days.sort();
    Ok(days)
}

/// Returns the ids of the drops whose results are in folders below a folder, in the order of the ids.
pub(super) async fn drops_below(stack: &Stack, folder: &str) -> Result<Vec<DropId>, CliError> {
    let request = stack.s3.list_objects_v2().bucket(&stack.output_bucket).prefix(folder).delimiter("/");
    let mut pages = request.into_paginator().send();
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await {
        let call = || format!("S3 ListObjectsV2 s3://{}/{folder}", stack.output_bucket);
        let page = page.map_err(|error| stack.explain(classify(call(), error)))?;
        let folders = page.common_prefixes.unwrap_or_default().into_iter().filter_map(|common| common.prefix);
        ids.extend(
            folders.filter_map(|prefix| DropId::parse(prefix.strip_prefix(folder)?.strip_suffix('/')?)),
        );
    }
    Ok(ids)
}
