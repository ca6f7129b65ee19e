//! What is checked: a file, standard input, or an object in S3.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::BehaviorVersion;

use crate::aws::clients::{Clients, prepare};
use crate::aws::error::{Chain, Error};
use crate::aws::store::objects::Store;
use crate::aws::store::reading::ObjectReader;
use crate::base::s3_uri::S3Uri;
use crate::base::text;
use crate::base::timestamp::Timestamp;
use crate::drop::source::DropSource;

/// The name that the rules are applied to for standard input, which has none.
const STDIN_KEY: &str = "stdin.jsonl";

/// What is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    File(PathBuf),
    Stdin,
    S3(S3Uri),
}

impl Input {
    /// Returns the argument as it was given, as far as it is text.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Stdin => "-".to_owned(),
            Self::S3(uri) => uri.to_string(),
        }
    }

    /// Reads an argument: `-`, `s3://bucket/key`, or a path.
    pub(super) fn of(argument: &Path) -> Self {
        match argument.to_str() {
            Some("-") => Self::Stdin,
            Some(uri) if uri.starts_with("s3://") => {
                S3Uri::parse(uri).map_or_else(|| Self::File(argument.to_owned()), Self::S3)
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
        }
    }
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{}", Chain(.0))]
    S3(#[from] Error),
    #[error("there is no such object")]
    NoObject,
    #[error("the object was replaced while it was read")]
    Replaced,
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
    store: Option<Store>,
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
            Input::S3(uri) => {
                let store = self.store(call_timeout).await;
                let source = store.head(uri, None).await?.ok_or(ReadError::NoObject)?;
                let reader = store.read_drop(&source, &source.whole()).await?.ok_or(ReadError::Replaced)?;
                Ok((source, true, Opened::S3(reader)))
            }
        }
    }

    async fn store(&mut self, call_timeout: Duration) -> &Store {
        let store = match self.store.take() {
            Some(store) => store,
            None => {
                let loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
                let sdk = prepare(loader, call_timeout).load().await;
                Store::new(Clients::new(&sdk, false).s3, "")
            }
        };
        self.store.insert(store)
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
    }
}
