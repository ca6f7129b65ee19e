//! A record that is about to be written. Pure.

use std::borrow::Cow;

use crate::prepare::json::{Object, quoted};

/// What a record says.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) record_id: Option<Cow<'a, str>>,
    /// The JSON of its `modelInput`.
    pub(super) body: Cow<'a, str>,
}

impl Draft<'_> {
    /// Returns its line, without a line break.
    pub(super) fn line(&self) -> String {
        let record_id = self.record_id.as_deref().map(quoted);
        Object::new().maybe("recordId", record_id.as_deref()).json("modelInput", &self.body).end()
    }
}

/// Returns the id of the n-th row or request of a file that has no ids, counted from 1.
pub(super) fn row_id(row: u64) -> String {
    format!("row-{row:06}")
}
