//! Which routes are in force. Pure.

use serde::{Deserialize, Serialize};

use crate::base::timestamp::Timestamp;
use crate::drop::routes::{RouteProblem, Routes};
use crate::ledger::entry::Entry;

/// The entry of the routes: `ledger/routes.json`. It has the routes of the last good file, so that a bad one changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesEntry {
    /// The schema version.
    pub version: u32,
    /// Which invocation wrote this entry, so that it recognizes its own write.
    pub writer: String,
    /// When this entry was written.
    pub updated: Timestamp,
    /// What is in force.
    #[serde(flatten)]
    pub in_force: InForce,
}

/// The routes in force. `config/in-force.json` shows them to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The routes of the last good file.
    #[serde(flatten)]
    pub routes: Routes,
    /// The file that they are from; `None` if there was no file, and so there are no routes.
    pub file: Option<RoutesFile>,
    /// Since when they are in force.
    pub since: Timestamp,
    /// The file that is there instead, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedFile>,
}

/// A version of the file with the routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesFile {
    /// Its `ETag`, with the quotes.
    pub etag: String,
}

/// A file of routes that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFile {
    /// Its `ETag`, with the quotes.
    pub etag: String,
    /// What is wrong with it.
    pub problems: Vec<RouteProblem>,
}

impl InForce {
    /// What is in force before there is any file.
    #[must_use]
    pub fn nothing(since: Timestamp) -> Self {
        Self { routes: Routes::default(), file: None, since, refused: None }
    }

    /// Returns the `ETag` of the last file that was looked at; `None` if there was none.
    #[must_use]
    pub fn last_etag(&self) -> Option<&str> {
        match (&self.refused, &self.file) {
            (Some(refused), _) => Some(&refused.etag),
            (None, Some(file)) => Some(&file.etag),
            (None, None) => None,
        }
    }

    /// Returns what is in force after a file with this `ETag` was read: a bad one changes no route.
    #[must_use]
    pub fn after(&self, etag: String, read: Result<Routes, Vec<RouteProblem>>, now: Timestamp) -> Self {
        match read {
            Ok(routes) => Self { routes, file: Some(RoutesFile { etag }), since: now, refused: None },
            Err(problems) => Self { refused: Some(RefusedFile { etag, problems }), ..self.clone() },
        }
    }
}

impl RoutesEntry {
    /// An entry that an invocation is about to write.
    #[must_use]
    pub fn new(in_force: InForce, writer: &str) -> Self {
        Self { version: Self::VERSION, writer: writer.to_owned(), updated: in_force.since, in_force }
    }
}

impl Entry for RoutesEntry {
    const VERSION: u32 = 1;

    fn stamp(&mut self, time: Timestamp, _is_new: bool) {
        self.updated = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::routes::Route;

    #[test]
    fn bad_file_changes_no_route_and_a_good_one_ends_the_refusal() {
        let at = Timestamp::from_secs;
        let routes =
            |prefix: &str| Routes { routes: vec![Route { prefix: prefix.into(), ..Route::default() }] };
        let problem = RouteProblem { line: 3, what: "no".into() };
        let first = InForce::nothing(at(1)).after("\"a\"".into(), Ok(routes("a/")), at(2));
        assert_eq!((first.last_etag(), first.since), (Some("\"a\""), at(2)));
        let refused = first.after("\"b\"".into(), Err(vec![problem]), at(3));
        assert_eq!(
            (&refused.routes, refused.since, refused.last_etag()),
            (&routes("a/"), at(2), Some("\"b\""))
        );
        let good = refused.after("\"c\"".into(), Ok(routes("c/")), at(4));
        assert_eq!((&good.routes, good.since, &good.refused), (&routes("c/"), at(4), &None));

        let entry = RoutesEntry::new(refused, "writer");
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            json,
            "{\"version\":1,\"writer\":\"writer\",\"updated\":\"1970-01-01T00:00:02Z\",\"routes\":[{\"prefix\":\"a/\"}],\
             \"file\":{\"etag\":\"\\\"a\\\"\"},\"since\":\"1970-01-01T00:00:02Z\",\
             \"refused\":{\"etag\":\"\\\"b\\\"\",\"problems\":[{\"line\":3,\"what\":\"no\"}]}}"
        );
        assert_eq!(crate::ledger::entry::parse::<RoutesEntry>(json.as_bytes()).unwrap(), entry);
    }
}
