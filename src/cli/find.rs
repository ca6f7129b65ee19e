//! Finds the drop that an argument names.

use std::collections::BTreeSet;

use super::error::CliError;
use super::index::{Index, drops_below};
use super::stack::Stack;
use crate::base::s3_uri::S3Uri;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::keys;

/// The shortest start of an id that names a drop.
const MIN_ID_CHARS: usize = 6;

/// The length of an id.
const ID_CHARS: usize = 32;

/// How the commands describe an argument that names a drop.
pub(super) const DROP_HELP: &str = "A drop: its id or at least 6 characters of it, its key (the newest drop with it), or the s3:// address of \
                                    its results";

/// A drop, and where its results are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Found {
    pub(super) drop_id: DropId,
    /// The folder of its results in the output bucket, with its `/`.
    pub(super) folder: String,
}

impl Found {
    /// Makes it from the key of the drop, which may be one that was truncated for the index.
    pub(super) fn new(key: &str, drop_id: DropId) -> Self {
        Self { folder: keys::results_folder(key, &drop_id), drop_id }
    }

    /// Returns the key of a file in the folder.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}

/// What an argument can be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// The folder of its results, or a file in it.
    Folder(Found),
    /// The start of an id, or all of it.
    Id(String),
    /// A key.
    Key,
}

/// Finds the drop that an argument names: an id or the start of one, a key, or the address of results.
pub(super) async fn find(stack: &Stack, argument: &str) -> Result<Found, CliError> {
    find_if_there(stack, argument).await?.ok_or_else(|| {
        CliError::Denied(format!(
            "{}: {} has no such drop{}. The command status lists those that it has; a new one appears once the function has \
             seen it",
            text::line(argument),
            stack.name,
            too_short(argument)
        ))
    })
}

/// What to say of an argument that may be the start of an id, and names no drop because it is too short; else nothing.
pub(super) fn too_short(argument: &str) -> String {
    let is_start =
        (1..MIN_ID_CHARS).contains(&argument.len()) && argument.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_start {
        format!("; if this is the start of an id, give at least {MIN_ID_CHARS} characters")
    } else {
        String::new()
    }
}

/// Finds the drop that an argument names; `None` if there is none yet.
pub(super) async fn find_if_there(stack: &Stack, argument: &str) -> Result<Option<Found>, CliError> {
    match named(argument, &stack.input_bucket, &stack.output_bucket)? {
        Named::Folder(found) => Ok(Some(found)),
        Named::Id(start) => match by_id(stack, &start).await? {
            Some(found) => Ok(Some(found)),
            // A name without a suffix can look like an id.
            None => by_key(stack, argument).await,
        },
        Named::Key => by_key(stack, &key_of(argument, &stack.input_bucket)).await,
    }
}

/// The key that an argument is, which may be the address of an object in the input bucket.
fn key_of(argument: &str, input_bucket: &str) -> String {
    let uri = S3Uri::parse(argument).filter(|uri| uri.bucket() == input_bucket);
    uri.map_or_else(|| argument.to_owned(), |uri| uri.key().to_owned())
}

fn named(argument: &str, input_bucket: &str, output_bucket: &str) -> Result<Named, CliError> {
    if argument.starts_with("s3://") {
        let uri = S3Uri::parse(argument);
        return match uri {
            Some(uri) if uri.bucket() == input_bucket => Ok(Named::Key),
            Some(uri) if uri.bucket() == output_bucket => in_results(uri.key()).map(Named::Folder).ok_or_else(|| {
                CliError::Usage(format!(
                    "{}: it is not in the results of a drop: write s3://{output_bucket}/results/KEY/DROP_ID/",
                    text::line(argument)
                ))
            }),
            _ => Err(CliError::Usage(format!(
                "{}: it is not in a bucket of this stack, whose results are in s3://{output_bucket}/results/",
                text::line(argument)
            ))),
        };
    }
    let is_id = (MIN_ID_CHARS..=ID_CHARS).contains(&argument.len())
        && argument.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(if is_id { Named::Id(argument.to_ascii_lowercase()) } else { Named::Key })
}

/// The drop in whose results a key is. The last id in it counts, because a key of a drop may have one, too.
fn in_results(key: &str) -> Option<Found> {
    let below = key.strip_prefix("results/")?;
    let mut start = below.len();
    for part in below.rsplit('/') {
        start -= part.len();
        if let Some(drop_id) = DropId::parse(part) {
            let before = below.get(..start)?.strip_suffix('/')?;
            return Some(Found { folder: format!("results/{before}/{drop_id}/"), drop_id });
        }
        start = start.saturating_sub(1);
    }
    None
}

/// Looks in the whole index, unless the id is whole.
async fn by_id(stack: &Stack, start: &str) -> Result<Option<Found>, CliError> {
    let mut index = Index::new(stack);
    let mut found: Option<Found> = None;
    while let Some(drop) = index.next().await? {
        if !drop.drop_id.as_str().starts_with(start) {
            continue;
        }
        let drop = Found::new(&drop.key, drop.drop_id);
        if start.len() == ID_CHARS {
            return Ok(Some(drop));
        }
        match &found {
            Some(other) if *other != drop => {
                return Err(CliError::Usage(format!(
                    "{start}: more than one drop has an id that starts with it, such as {} and {}: give more of it",
                    other.drop_id, drop.drop_id
                )));
            }
            _ => found = Some(drop),
        }
    }
    Ok(found)
}

/// The newest drop with a key.
async fn by_key(stack: &Stack, key: &str) -> Result<Option<Found>, CliError> {
    let folder = keys::results_of(key);
    let ids: BTreeSet<String> = drops_below(stack, &folder).await?.iter().map(ToString::to_string).collect();
    let mut candidates = ids.iter();
    if let (Some(only), None) = (candidates.next(), candidates.next())
        && let Some(drop_id) = DropId::parse(only)
    {
        return Ok(Some(Found::new(key, drop_id)));
    }
    let mut index = Index::new(stack);
    while !ids.is_empty()
        && let Some(drop) = index.next().await?
    {
        if ids.contains(drop.drop_id.as_str()) {
            return Ok(Some(Found::new(key, drop.drop_id)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn said(argument: &str) -> Result<Named, String> {
        named(argument, "in", "out").map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_told_apart() {
        assert_eq!(said("012345"), Ok(Named::Id("012345".into())));
        assert_eq!(said(&ID.to_uppercase()), Ok(Named::Id(ID.into())));
        for key in ["01234", "a.jsonl", "s3://in/a.jsonl", &format!("{ID}0"), "", "\u{1b}[2J"] {
            assert_eq!(said(key), Ok(Named::Key), "{key}");
        }
        assert_eq!(key_of("s3://in/a b.jsonl", "in"), "a b.jsonl");
        assert_eq!(key_of("a b.jsonl", "in"), "a b.jsonl");
        for (address, expected) in [
            ("s3://out/work/x", "it is not in the results of a drop"),
            ("s3://out/results/a.jsonl", "it is not in the results of a drop"),
            ("s3://other/results/a.jsonl", "it is not in a bucket of this stack"),
            ("s3://", "it is not in a bucket of this stack"),
        ] {
            assert!(said(address).unwrap_err().contains(expected), "{address}");
        }
    }

    #[test]
    fn addresses_of_results_name_the_last_id_in_them() {
        let other = "f".repeat(32);
        for (rest, key) in [
            (format!("a.jsonl/{ID}/"), "a.jsonl".to_owned()),
            (format!("a.jsonl/{ID}"), "a.jsonl".to_owned()),
            (format!("a/b.jsonl/{ID}/succeeded/part-00001.jsonl"), "a/b.jsonl".to_owned()),
            (format!("{other}/{ID}/summary.json"), other.clone()),
            (format!("a//{other}/b/{ID}/"), format!("a//{other}/b")),
        ] {
            let expected = Found::new(&key, DropId::parse(ID).unwrap());
            assert_eq!(said(&format!("s3://out/results/{rest}")), Ok(Named::Folder(expected)), "{rest}");
        }
        assert!(said(&format!("s3://out/results/{ID}/")).is_err(), "a drop has a key");
    }
}
