//! One page of `ListObjectsV2`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use s3s::{S3Result, s3_error};

use super::index::{Bucket, Object, Version};

/// What a listing asks for.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    /// Empty: nothing is rolled up.
    pub(super) delimiter: &'a str,
    pub(super) start: Start,
    /// Keys and common prefixes together.
    pub(super) max_keys: usize,
}

/// Where a listing starts: after something that was listed, or that the caller names.
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
    /// Writes the place into an opaque continuation token.
    pub(super) fn to_token(&self) -> String {
        let (kind, place) = match self {
            Self::Beginning => ("k", ""),
            Self::AfterKey(key) => ("k", key.as_str()),
            Self::AfterPrefix(prefix) => ("p", prefix.as_str()),
        };
        aws_smithy_types::base64::encode(format!("{kind}{place}"))
    }

    /// Reads a token that [`Start::to_token`] wrote.
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

/// Lists the current objects of a bucket in the order of their keys' bytes.
pub(super) fn list<'a>(bucket: &'a Bucket, query: &Query<'_>) -> Page<'a> {
    let mut page = Page { objects: Vec::new(), common_prefixes: Vec::new(), next: None };
    let from = match &query.start {
        Start::Beginning => query.prefix,
        Start::AfterKey(place) | Start::AfterPrefix(place) => place.as_str().max(query.prefix),
    };
    let mut last = query.start.clone();
    for (key, version, object) in bucket.keys_from(from) {
        let Some(rest) = key.strip_prefix(query.prefix) else { break };
        if !last.is_past(key) {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == query.max_keys {
            // A page of no keys has no next one: it would never get on.
            page.next = (query.max_keys > 0).then_some(last);
            break;
        }
        let rolled_up = (!query.delimiter.is_empty()).then(|| rest.split_once(query.delimiter)).flatten();
        if let Some((head, _)) = rolled_up {
            let common_prefix = format!("{}{head}{}", query.prefix, query.delimiter);
            last = Start::AfterPrefix(common_prefix.clone());
            page.common_prefixes.push(common_prefix);
        } else {
            last = Start::AfterKey(key.to_owned());
            page.objects.push((key, version, object));
        }
    }
    page
}
