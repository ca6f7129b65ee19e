//! Decides conditional requests by the version that is current at that moment.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use hyper::HeaderMap;
use hyper::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::index::{Object, Version, no_such_key};

/// The conditions of a write.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteConditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    /// Reads `If-Match` and `If-None-Match` from the headers, where they are also for `CopyObject`.
    ///
    /// # Errors
    /// `InvalidArgument` for a value that is not an `ETag`; `NotImplemented` for an `If-None-Match` other
    /// than `*`.
    pub(super) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        let condition = |name| {
            headers
                .get(name)
                .map(|value| ETagCondition::parse_http_header(value.as_bytes()))
                .transpose()
                .map_err(|error| s3_error!(error, InvalidArgument))
        };
        let if_none_match: Option<ETagCondition> = condition(IF_NONE_MATCH)?;
        if if_none_match.as_ref().is_some_and(|condition| !condition.is_any()) {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented"
            ));
        }
        Ok(Self { if_match: condition(IF_MATCH)?, if_none_match })
    }

    /// Decides whether a write may follow `current`, the newest version of its key.
    ///
    /// # Errors
    /// `PreconditionFailed`; `NoSuchKey` for an `If-Match` if there is no object.
    pub(super) fn check(&self, current: Option<&Version>) -> S3Result<()> {
        let object = current.and_then(|version| version.object.as_ref());
        if self.if_none_match.is_some() && object.is_some() {
            return Err(precondition_failed());
        }
        if let Some(expected) = &self.if_match
            && !matches(expected, object.ok_or_else(no_such_key)?)
        {
            return Err(precondition_failed());
        }
        Ok(())
    }
}

/// Decides whether a delete with `If-Match` may proceed.
///
/// # Errors
/// `PreconditionFailed`, also for a delete marker; `NoSuchKey` if there is no version.
pub(super) fn check_delete(if_match: Option<&ETagCondition>, current: Option<&Version>) -> S3Result<()> {
    let Some(expected) = if_match else { return Ok(()) };
    let current = current.ok_or_else(no_such_key)?;
    match &current.object {
        Some(object) if matches(expected, object) => Ok(()),
        Some(_) | None => Err(precondition_failed()),
    }
}

/// The conditions of a read or of the source of a copy.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// Decides whether a read may proceed. An `ETag` condition overrides the corresponding date condition.
    ///
    /// # Errors
    /// `PreconditionFailed`; `NotModified` if the caller already has this version.
    pub(super) fn check(&self, version: &Version, object: &Object) -> S3Result<()> {
        let modified = Timestamp::from(version.modified);
        let is_expected = match (&self.if_match, &self.if_unmodified_since) {
            (Some(expected), _) => matches(expected, object),
            (None, Some(since)) => modified <= *since,
            (None, None) => true,
        };
        if !is_expected {
            return Err(precondition_failed());
        }
        let is_new = match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) => !matches(known, object),
            (None, Some(since)) => modified > *since,
            (None, None) => true,
        };
        if is_new { Ok(()) } else { Err(not_modified(object)) }
    }

    /// Decides whether a copy from this source may proceed.
    ///
    /// # Errors
    /// `PreconditionFailed`.
    pub(super) fn check_source(&self, version: &Version, object: &Object) -> S3Result<()> {
        self.check(version, object).map_err(|_| precondition_failed())
    }
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    }
}

fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

fn not_modified(object: &Object) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(etag) = format!("\"{}\"", object.etag).parse() {
        headers.insert(ETAG, etag);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    use hyper::header::HeaderName;

    use super::super::checksum::{Algorithm, Checksum};
    use super::super::index::Attributes;
    use super::*;

    const AT: SystemTime = SystemTime::UNIX_EPOCH;

    fn object() -> Version {
        let checksum = Checksum { algorithm: Algorithm::Crc32, value: String::new(), composite: false };
        let object = Object {
            file: PathBuf::new(),
            size: 0,
            etag: "abc".to_owned(),
            checksum,
            attributes: Attributes::default(),
        };
        Version { id: "null".to_owned(), number: 1, modified: AT, object: Some(object) }
    }

    fn marker() -> Version {
        Version { id: "null".to_owned(), number: 1, modified: AT, object: None }
    }

    fn verdict(result: S3Result<()>) -> Result<(), S3ErrorCode> {
        result.map_err(|error| error.code().clone())
    }

    #[test]
    fn conditional_writes_are_decided_as_in_s3() {
        let table = [
            (IF_NONE_MATCH, "*", None, Ok(())),
            (IF_NONE_MATCH, "*", Some(marker()), Ok(())),
            (IF_NONE_MATCH, "*", Some(object()), Err(S3ErrorCode::PreconditionFailed)),
            (IF_MATCH, "\"abc\"", Some(object()), Ok(())),
            (IF_MATCH, "abc", Some(object()), Ok(())),
            (IF_MATCH, "*", Some(object()), Ok(())),
            (IF_MATCH, "\"other\"", Some(object()), Err(S3ErrorCode::PreconditionFailed)),
            (IF_MATCH, "\"abc\"", None, Err(S3ErrorCode::NoSuchKey)),
            (IF_MATCH, "\"abc\"", Some(marker()), Err(S3ErrorCode::NoSuchKey)),
        ];
        for (header, value, current, expected) in table {
            let case = format!("{header}: {value} on {current:?}");
            let conditions = conditions(header, value).unwrap();
            assert_eq!(verdict(conditions.check(current.as_ref())), expected, "{case}");
        }
        let error = conditions(IF_NONE_MATCH, "\"abc\"").unwrap_err();
        assert_eq!(error.code(), &S3ErrorCode::NotImplemented);
    }

    fn conditions(header: HeaderName, value: &'static str) -> S3Result<WriteConditions> {
        WriteConditions::from_headers(&HeaderMap::from_iter([(header, value.parse().unwrap())]))
    }

    #[test]
    fn conditional_deletes_are_decided_as_in_s3() {
        let table = [
            ("abc", Some(object()), Ok(())),
            ("*", Some(object()), Ok(())),
            ("other", Some(object()), Err(S3ErrorCode::PreconditionFailed)),
            ("*", Some(marker()), Err(S3ErrorCode::PreconditionFailed)),
            ("abc", None, Err(S3ErrorCode::NoSuchKey)),
        ];
        for (value, current, expected) in table {
            let condition: ETagCondition = value.parse().unwrap();
            assert_eq!(
                verdict(check_delete(Some(&condition), current.as_ref())),
                expected,
                "{value} on {current:?}"
            );
        }
        assert_eq!(verdict(check_delete(None, None)), Ok(()));
    }

    #[test]
    fn conditional_reads_are_decided_as_in_s3() {
        let etag = |value: &str| Some(value.parse().unwrap());
        let at = |seconds: u64| Some(Timestamp::from(AT + Duration::from_secs(seconds)));
        let before = || Some(Timestamp::from(AT - Duration::from_secs(1)));
        let table = [
            (ReadConditions { if_match: etag("abc"), ..Default::default() }, Ok(())),
            (
                ReadConditions { if_match: etag("other"), ..Default::default() },
                Err(S3ErrorCode::PreconditionFailed),
            ),
            (
                ReadConditions { if_none_match: etag("abc"), ..Default::default() },
                Err(S3ErrorCode::NotModified),
            ),
            (ReadConditions { if_none_match: etag("other"), ..Default::default() }, Ok(())),
            (
                ReadConditions { if_modified_since: at(0), ..Default::default() },
                Err(S3ErrorCode::NotModified),
            ),
            (ReadConditions { if_modified_since: before(), ..Default::default() }, Ok(())),
            (ReadConditions { if_unmodified_since: at(0), ..Default::default() }, Ok(())),
            (
                ReadConditions { if_unmodified_since: before(), ..Default::default() },
                Err(S3ErrorCode::PreconditionFailed),
            ),
            (
                ReadConditions { if_match: etag("abc"), if_unmodified_since: before(), ..Default::default() },
                Ok(()),
            ),
            (
                ReadConditions {
                    if_none_match: etag("other"),
                    if_modified_since: at(0),
                    ..Default::default()
                },
                Ok(()),
            ),
        ];
        let version = object();
        let object = version.object.clone().unwrap();
        for (conditions, expected) in table {
            assert_eq!(verdict(conditions.check(&version, &object)), expected, "{conditions:?}");
        }
    }
}
