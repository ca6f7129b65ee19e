//! Names an object in S3: a bucket and a decoded key. Pure.

use std::fmt;

use percent_encoding::percent_decode_str;

/// `s3://bucket/key`, with the key decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S3Uri {
    bucket: String,
    key: String,
}

impl S3Uri {
    /// Names the object `key` in `bucket`.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into() }
    }

    /// Parses `s3://bucket/key`; `None` if the text does not have that form. The key may be empty.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (bucket, key) = text.strip_prefix("s3://")?.split_once('/')?;
        (!bucket.is_empty()).then(|| Self::new(bucket, key))
    }

    /// Returns the bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the decoded key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Decodes the key in an S3 notification, which is form-encoded: `+` is a space, `%2B` is a plus. Returns
/// `None` if the decoded bytes are not UTF-8. The key in an EventBridge `Object Created` event is not
/// encoded.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
#[must_use]
pub fn decode_notification_key(encoded: &str) -> Option<String> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    #[test]
    fn decodes_keys_as_s3_encodes_them() {
        let table = [
            ("HappyFace.jsonl", "HappyFace.jsonl"),
            ("red+flower.jsonl", "red flower.jsonl"),
            ("a%2Bb.jsonl", "a+b.jsonl"),
            ("100%25.jsonl", "100%.jsonl"),
            ("dt%3D2026-01-01/a.jsonl", "dt=2026-01-01/a.jsonl"),
            ("%C3%A9t%C3%A9.jsonl", "été.jsonl"),
            ("a//b/../c.jsonl", "a//b/../c.jsonl"),
        ];
        for (encoded, key) in table {
            assert_eq!(decode_notification_key(encoded).as_deref(), Some(key));
        }
        assert_eq!(decode_notification_key("%FF.jsonl"), None);
    }

    #[test]
    fn parses_what_it_prints() {
        let uri = S3Uri::new("bucket", "in/a b.jsonl");
        assert_eq!((uri.bucket(), uri.key()), ("bucket", "in/a b.jsonl"));
        assert_eq!(S3Uri::parse(&uri.to_string()), Some(uri));
        assert_eq!(S3Uri::parse("https://bucket/key"), None);
        assert_eq!(S3Uri::parse("s3:///key"), None);
        assert_eq!(S3Uri::parse("s3://bucket"), None);
    }

    proptest! {
        #[test]
        fn every_key_survives_form_encoding(key in "\\PC{0,60}") {
            let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
            prop_assert_eq!(decode_notification_key(&encoded), Some(key));
        }
    }
}
