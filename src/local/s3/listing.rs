//! One page of `ListObjectsV2` or of `ListObjectVersions`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>

use s3s::{S3Result, s3_error};

use super::index::{Bucket, Object, Version, versions_after};

/// The parameters of a listing.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    /// If empty, no keys are rolled up.
    pub(super) delimiter: &'a str,
    pub(super) start: Start,
    /// The limit for keys and common prefixes together.
    pub(super) max_keys: usize,
}

/// Where a listing starts: after something that was listed, or after what the caller names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    #[default]
    Beginning,
    AfterKey(String),
    /// After a common prefix and every key below it.
    AfterPrefix(String),
}

/// One page.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) objects: Vec<(&'a str, &'a Version, &'a Object)>,
    pub(super) common_prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    pub(super) next: Option<Start>,
}

impl Start {
    /// Encodes the position in an opaque continuation token.
    pub(super) fn to_token(&self) -> String {
        let (kind, position) = match self {
            Self::Beginning => ("k", ""),
            Self::AfterKey(key) => ("k", key.as_str()),
            Self::AfterPrefix(prefix) => ("p", prefix.as_str()),
        };
        aws_smithy_types::base64::encode(format!("{kind}{position}"))
    }

    /// Decodes a token from [`Start::to_token`].
    ///
    /// # Errors
    /// `InvalidArgument` for any other text.
    pub(super) fn from_token(token: &str) -> S3Result<Self> {
        let text =
            aws_smithy_types::base64::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref().and_then(|text| text.split_at_checked(1)) {
            Some(("k", key)) => Ok(Self::AfterKey(key.to_owned())),
            Some(("p", prefix)) => Ok(Self::AfterPrefix(prefix.to_owned())),
            Some(_) | None => Err(s3_error!(InvalidArgument, "The continuation token provided is incorrect")),
        }
    }

    fn is_past(&self, key: &str) -> bool {
        match self {
            Self::Beginning => true,
            Self::AfterKey(last) => key > last.as_str(),
            Self::AfterPrefix(prefix) => key > prefix.as_str() && !key.starts_with(prefix),
        }
    }
}

/// Lists the current objects of a bucket, in byte order of their keys.
pub(super) fn list<'a>(bucket: &'a Bucket, query: &Query<'_>) -> Page<'a> {
    let mut page = Page { objects: Vec::new(), common_prefixes: Vec::new(), next: None };
    let from = match &query.start {
        Start::Beginning => query.prefix,
        Start::AfterKey(last) | Start::AfterPrefix(last) => last.as_str().max(query.prefix),
    };
    let mut last = query.start.clone();
    for (key, version, object) in bucket.keys_from(from) {
        let Some(rest) = key.strip_prefix(query.prefix) else { break };
        if !last.is_past(key) {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == query.max_keys {
            // If pages may have no keys, there is no next page: the listing would never advance.
            page.next = (query.max_keys > 0).then_some(last);
            break;
        }
        if let Some(common_prefix) = rolled_up(query.prefix, rest, query.delimiter) {
            last = Start::AfterPrefix(common_prefix.clone());
            page.common_prefixes.push(common_prefix);
        } else {
            last = Start::AfterKey(key.to_owned());
            page.objects.push((key, version, object));
        }
    }
    page
}

/// The common prefix that a key is rolled up into. `rest` is the key without the requested prefix.
fn rolled_up(prefix: &str, rest: &str, delimiter: &str) -> Option<String> {
    if delimiter.is_empty() {
        return None;
    }
    let (head, _) = rest.split_once(delimiter)?;
    Some(format!("{prefix}{head}{delimiter}"))
}

/// The parameters of a listing of versions.
#[derive(Debug, Default)]
pub(super) struct VersionsQuery<'a> {
    pub(super) prefix: &'a str,
    /// If empty, no keys are rolled up.
    pub(super) delimiter: &'a str,
    /// The listing starts after this key. If it is empty, it starts at the beginning.
    pub(super) key_marker: &'a str,
    /// The listing starts after this version of the key in `key_marker`.
    pub(super) version_id_marker: Option<&'a str>,
    /// The limit for versions, delete markers, and common prefixes together.
    pub(super) max_keys: usize,
}

/// One page of versions.
#[derive(Debug, Default)]
pub(super) struct VersionsPage<'a> {
    pub(super) entries: Vec<VersionEntry<'a>>,
    pub(super) common_prefixes: Vec<String>,
    /// The markers of the next page, if there is one.
    pub(super) next: Option<Markers>,
}

/// A version or a delete marker.
#[derive(Clone, Copy, Debug)]
pub(super) struct VersionEntry<'a> {
    pub(super) key: &'a str,
    pub(super) version: &'a Version,
    pub(super) is_latest: bool,
}

/// The last thing on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Markers {
    /// A key or a common prefix.
    pub(super) key: String,
    /// `None` for a common prefix.
    pub(super) version_id: Option<String>,
}

/// Lists the versions and delete markers of a bucket: keys in byte order, and the versions of a key newest
/// first.
///
/// # Errors
/// `InvalidArgument` for a version marker that is not the id of a version, or that has no key marker.
pub(super) fn list_versions<'a>(bucket: &'a Bucket, query: &VersionsQuery<'_>) -> S3Result<VersionsPage<'a>> {
    match query.version_id_marker {
        Some(_) if query.key_marker.is_empty() => {
            let refusal = "A version-id marker cannot be specified without a key marker.";
            return Err(s3_error!(InvalidArgument, "{refusal}"));
        }
        Some("") => return Err(s3_error!(InvalidArgument, "A version-id marker cannot be empty.")),
        Some(id) => drop(versions_after(&[], id)?),
        None => {}
    }
    // A marker that is a common prefix stands for every key below it.
    let passed = query.key_marker.strip_prefix(query.prefix).and_then(|rest| {
        rolled_up(query.prefix, rest, query.delimiter).filter(|prefix| prefix == query.key_marker)
    });
    let mut page = VersionsPage::default();
    let mut last: Option<Markers> = None;
    for (key, versions) in bucket.versions_from(query.prefix.max(query.key_marker)) {
        let Some(rest) = key.strip_prefix(query.prefix) else { break };
        if passed.as_ref().is_some_and(|passed| key.starts_with(passed)) {
            continue;
        }
        let is_marker = key == query.key_marker && !key.is_empty();
        let common_prefix = rolled_up(query.prefix, rest, query.delimiter);
        if common_prefix.is_some() && common_prefix.as_ref() == page.common_prefixes.last() {
            continue;
        }
        let listed: Vec<_> = match (is_marker, query.version_id_marker) {
            (false, _) => versions.iter().rev().collect(),
            (true, Some(id)) => versions_after(versions, id)?.collect(),
            (true, None) => continue,
        };
        for version in listed {
            if page.entries.len() + page.common_prefixes.len() == query.max_keys {
                // If pages may have no keys, there is no next page: the listing would never advance.
                page.next = last;
                return Ok(page);
            }
            if let Some(common_prefix) = common_prefix {
                last = Some(Markers { key: common_prefix.clone(), version_id: None });
                page.common_prefixes.push(common_prefix);
                break;
            }
            let is_latest = versions.last().is_some_and(|latest| latest.id == version.id);
            page.entries.push(VersionEntry { key, version, is_latest });
            last = Some(Markers { key: key.to_owned(), version_id: Some(version.id.clone()) });
        }
    }
    Ok(page)
}
