//! What is checked: a file, standard input, or an object in S3, and why it cannot be read.

use std::error::Error as StdError;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::ProvideCredentials;

use crate::aws::clients::{Clients, prepare};
use crate::aws::error::{Chain, Error};
use crate::aws::sdk_error::{Refusal, classify};
use crate::aws::store::objects::Store;
use crate::aws::store::reading::ObjectReader;
use crate::base::s3_uri::S3Uri;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::drop::source::DropSource;

/// The name that the rules are applied to for standard input, which has none.
const STDIN_KEY: &str = "stdin.jsonl";

/// What is checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Input {
    File(PathBuf),
    Stdin,
    S3(S3Uri),
    /// A URI of S3 that does not name an object.
    NoKey(String),
}

impl Input {
    /// Returns the argument as it was given, as far as it is text.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Stdin => "-".to_owned(),
            Self::S3(uri) => uri.to_string(),
            Self::NoKey(uri) => uri.clone(),
        }
    }

    /// Returns the path, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdin | Self::S3(_) | Self::NoKey(_) => None,
        }
    }

    /// Returns what is the same for two arguments that name the same file.
    pub(super) fn identity(&self) -> Self {
        match self {
            Self::File(path) => Self::File(path.canonicalize().unwrap_or_else(|_| path.clone())),
            other => other.clone(),
        }
    }

    /// Reads an argument: `-`, `s3://bucket/key`, or a path.
    pub(super) fn of(argument: &Path) -> Self {
        match argument.to_str() {
            Some("-") => Self::Stdin,
            Some(uri) if uri.starts_with("s3://") => {
                let object = S3Uri::parse(uri).filter(|uri| !uri.key().is_empty());
                object.map_or_else(|| Self::NoKey(uri.to_owned()), Self::S3)
            }
            _ => Self::File(argument.to_owned()),
        }
    }
}

/// Shows the argument as one line that is fit for a terminal.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", text::line(path.display())),
            Self::Stdin => f.write_str("-"),
            Self::S3(uri) => write!(f, "{}", text::line(uri)),
            Self::NoKey(uri) => write!(f, "{}", text::line(uri)),
        }
    }
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it does not name an object: write s3://BUCKET/KEY, with the whole key")]
    NoKey,
    #[error(
        "no Region is set: set AWS_REGION to that of the bucket, or AWS_PROFILE to a profile that has it"
    )]
    NoRegion,
    #[error(
        "no AWS credentials are found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again, as with aws \
         sso login"
    )]
    NoCredentials,
    #[error(
        "S3 denies access: the credentials must be allowed s3:GetObject on the object; without s3:ListBucket, S3 says the \
         same of an object that is not there"
    )]
    Denied,
    #[error("S3 does not accept the credentials ({0}): they are wrong or have expired; log in again")]
    BadCredentials(String),
    #[error("there is no such bucket")]
    NoBucket,
    #[error("the bucket is in another Region than {0}: set AWS_REGION to that of the bucket")]
    OtherRegion(String),
    #[error("S3 cannot be reached: {0}; check the network, the Region, and AWS_ENDPOINT_URL_S3 if it is set")]
    Unreachable(String),
    #[error("{}", Chain(.0))]
    S3(#[from] Error),
    #[error("there is no such object")]
    NoObject,
    #[error("the object was replaced while it was read")]
    Replaced,
}

/// Where S3 is, and with whose rights it is read.
#[derive(Debug)]
struct Connection {
    client: Client,
    store: Store,
    region: String,
}

impl Connection {
    /// Connects with the Region and the credentials of the environment or a profile.
    async fn new(call_timeout: Duration) -> Result<Self, ReadError> {
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
        let sdk = prepare(loader, call_timeout).load().await;
        let region = sdk.region().ok_or(ReadError::NoRegion)?.to_string();
        let credentials = sdk.credentials_provider().ok_or(ReadError::NoCredentials)?;
        // The SDK would say the same in many more words.
        credentials.provide_credentials().await.map_err(|_| ReadError::NoCredentials)?;
        let client = Clients::new(&sdk, false).s3;
        Ok(Self { store: Store::new(client.clone(), ""), client, region })
    }

    /// Opens an object.
    async fn open(&self, uri: &S3Uri) -> Result<(DropSource, ObjectReader), ReadError> {
        let source = match self.store.head(uri, None).await {
            Ok(source) => source.ok_or(ReadError::NoObject),
            Err(error) => Err(self.explain(uri, error).await),
        };
        let source = match source {
            // The answer to a HEAD request does not tell a bucket that is not there from an object that is not.
            Err(ReadError::NoObject) => return Err(self.reason(uri).await.unwrap_or(ReadError::NoObject)),
            source => source?,
        };
        let reader = self.store.read_drop(&source, &source.whole()).await?.ok_or(ReadError::Replaced)?;
        Ok((source, reader))
    }

    /// Says in plain words why a call failed.
    async fn explain(&self, uri: &S3Uri, error: Error) -> ReadError {
        let Error::Call { source, .. } = &error else { return error.into() };
        let Some(refusal) = source.downcast_ref::<Refusal>() else {
            let mut cause: &dyn StdError = &**source;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            return ReadError::Unreachable(text::line(cause).to_string());
        };
        let said = of_code(&refusal.code, refusal.status, &self.region);
        match said {
            Some(said) => said,
            None => self.reason(uri).await.unwrap_or_else(|| error.into()),
        }
    }

    /// Asks once more in a way that is answered with an error code.
    async fn reason(&self, uri: &S3Uri) -> Option<ReadError> {
        let get =
            self.client.get_object().bucket(uri.bucket()).key(uri.key()).range("bytes=0-0").send().await;
        let error = classify(String::new(), get.err()?);
        let Error::Call { source, .. } = &error else { return None };
        let refusal = source.downcast_ref::<Refusal>()?;
        of_code(&refusal.code, refusal.status, &self.region)
            // A HEAD request has no code, and neither has this answer.
            .or_else(|| (refusal.status == 403).then_some(ReadError::Denied))
    }
}

/// Returns what an error code of S3 means for a person who wants to read an object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (read 2026-11)
fn of_code(code: &str, status: u16, region: &str) -> Option<ReadError> {
    Some(match (code, status) {
        ("NoSuchKey", _) => ReadError::NoObject,
        ("NoSuchBucket", _) => ReadError::NoBucket,
        ("AccessDenied" | "AllAccessDisabled", _) => ReadError::Denied,
        (
            "ExpiredToken"
            | "InvalidAccessKeyId"
            | "InvalidToken"
            | "SignatureDoesNotMatch"
            | "TokenRefreshRequired"
            | "RequestTimeTooSkewed",
            _,
        ) => ReadError::BadCredentials(code.to_owned()),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
        | (_, 301 | 307) => ReadError::OtherRegion(region.to_owned()),
        _ => return None,
    })
}

/// Something that is open for reading.
pub(super) enum Opened {
    /// A file or standard input. Reading it blocks.
    Local(Box<dyn Read + Send>),
    /// An object.
    S3(ObjectReader),
}

/// Opens what is checked. It connects to S3 once, and only if something is there.
#[derive(Debug, Default)]
pub(super) struct Sources {
    connection: Option<Connection>,
}

impl Sources {
    /// Opens an input. Returns what it is, as the function would see it, and whether its size is known.
    pub(super) async fn open(
        &mut self,
        input: &Input,
        call_timeout: Duration,
    ) -> Result<(DropSource, bool, Opened), ReadError> {
        match input {
            Input::File(path) => {
                let file = File::open(path)?;
                let metadata = file.metadata()?;
                let key = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                let is_regular = metadata.is_file();
                if metadata.is_dir() {
                    return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
                }
                // A pipe has the name of a descriptor, such as /dev/fd/63.
                let key = if is_regular { key } else { STDIN_KEY.to_owned() };
                let size_bytes = if is_regular { metadata.len() } else { 0 };
                Ok((local_source(key, size_bytes), is_regular, Opened::Local(Box::new(file))))
            }
            Input::Stdin => Ok((local_source(STDIN_KEY.into(), 0), false, Opened::Local(Box::new(stdin())))),
            Input::NoKey(_) => Err(ReadError::NoKey),
            Input::S3(uri) => {
                let connection = match self.connection.take() {
                    Some(connection) => connection,
                    None => Connection::new(call_timeout).await?,
                };
                let opened = connection.open(uri).await;
                self.connection = Some(connection);
                let (source, reader) = opened?;
                Ok((source, true, Opened::S3(reader)))
            }
        }
    }
}

fn local_source(key: String, size_bytes: u64) -> DropSource {
    DropSource {
        bucket: String::new(),
        key,
        version_id: None,
        etag: String::new(),
        last_modified: Timestamp::from_secs(0),
        size_bytes,
        retry_of: None,
        estimate: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_s3_are_explained() {
        let said = |code, status| of_code(code, status, "eu-west-1").map(|error| error.to_string());
        for (code, status, start) in [
            ("NoSuchKey", 404, "there is no such object"),
            ("NoSuchBucket", 404, "there is no such bucket"),
            ("AccessDenied", 403, "S3 denies access: the credentials must be allowed s3:GetObject"),
            ("ExpiredToken", 400, "S3 does not accept the credentials (ExpiredToken)"),
            ("SignatureDoesNotMatch", 403, "S3 does not accept the credentials (SignatureDoesNotMatch)"),
            ("PermanentRedirect", 301, "the bucket is in another Region than eu-west-1"),
            ("unknown error", 301, "the bucket is in another Region than eu-west-1"),
        ] {
            assert!(said(code, status).unwrap().starts_with(start), "{code}");
        }
        // There is more to ask, or nothing to explain.
        assert_eq!([said("unknown error", 403), said("SlowDown", 503)], [None, None]);
    }

    #[test]
    fn arguments_that_name_the_same_file_are_the_same() {
        let of = |argument: &str| Input::of(Path::new(argument)).identity();
        assert_eq!(of("Cargo.toml"), of("./src/../Cargo.toml"));
        assert_ne!(of("Cargo.toml"), of("Cargo.lock"));
        assert_eq!(of("s3://b/k"), of("s3://b/k"));
        assert_eq!(of("missing.jsonl"), of("missing.jsonl"));
        for uri in ["s3://", "s3://b", "s3://b/"] {
            assert_eq!(of(uri), Input::NoKey(uri.into()));
        }
    }
}
