//! A running S3 server, and how a test controls it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aws_sdk_s3::config::{BehaviorVersion, Region};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::event::ObjectCreated;
use super::faults::Fault;
use super::gate::{Gate, OneKey};
use super::index::Versioning;
use super::key::KeyPair;
use super::operations::Service;
use super::request_log::{Request, RequestLog};
use super::store::Store;
use crate::aws::clients::plain_http_client;
use crate::aws::clock::now;
use crate::local::account::REGION;
use crate::local::check_clock::check_clock;

/// A running S3 server. When it is dropped, it stops serving and deletes its internal files; the plain files
/// stay.
#[derive(Debug)]
pub struct EmbeddedS3 {
    endpoint: String,
    key: KeyPair,
    store: Arc<Store>,
    requests: Arc<RequestLog>,
    server: JoinHandle<()>,
}

impl EmbeddedS3 {
    /// Starts an empty S3 on a free port of 127.0.0.1 that keeps its objects below `root`, and accepts a
    /// random key pair; see [`Self::key`].
    ///
    /// Existing files are left alone, but a new object may overwrite them.
    ///
    /// # Errors
    /// If the folder cannot be created, a port cannot be opened, or the system has no random numbers.
    pub async fn start(root: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start_with(root, KeyPair::random()?).await
    }

    /// Starts it with a key pair that another program knows too.
    ///
    /// # Errors
    /// If the folder cannot be created or a port cannot be opened.
    pub async fn start_with(root: impl Into<PathBuf>, key: KeyPair) -> io::Result<Self> {
        check_clock(now())?;
        let store = Arc::new(Store::open(&root.into())?);
        let requests = Arc::new(RequestLog::default());
        let mut builder = S3ServiceBuilder::new(Service(Arc::clone(&store)));
        builder.set_auth(OneKey(key.clone()));
        builder.set_access(Gate(Arc::clone(&requests)));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(serve(listener, builder.build()));
        Ok(Self { endpoint, key, store, requests, server })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The only key pair that is accepted.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// A client of the AWS SDK for this server. It takes nothing from the environment or from a profile.
    pub fn client(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(self.key.credentials())
            .endpoint_url(&self.endpoint)
            .force_path_style(true)
            .http_client(plain_http_client())
            .region(Region::from_static(REGION))
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Creates an empty bucket.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if the name is taken, or is not a valid name for a bucket.
    pub fn create_bucket(&self, name: &str, versioning: bool) -> io::Result<()> {
        self.store.with_index(|index| {
            // `S3Error` displays itself as Rust code.
            let bucket = index.create_bucket(name, now()).map_err(|error| {
                let message = error.message().unwrap_or_else(|| error.code().as_str()).to_owned();
                io::Error::new(io::ErrorKind::InvalidInput, message)
            })?;
            if versioning {
                bucket.versioning = Versioning::Enabled;
            }
            Ok(())
        })
    }

    /// Receives an event for every object that is created from now on, in all buckets, in the order of
    /// creation.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<ObjectCreated> {
        self.store.subscribe()
    }

    /// The plain file that holds the current version of a key, if there is one.
    pub fn file_of(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        self.store.with_index(|index| index.bucket_mut(bucket).ok()?.current_file(key).cloned())
    }

    /// Makes `ListObjectVersions` answer in pages of at most this many versions, as S3 may do.
    pub fn limit_list_pages(&self, versions: usize) {
        self.store.set_most_listed(versions);
    }

    /// Returns the path and the cause when files can no longer be written below the root folder, for example
    /// because the disk is full. From then on, no request that writes will succeed.
    pub fn broken(&self) -> impl Future<Output = String> + Send + use<> {
        self.store.folder.broken()
    }

    /// Keeps only this many of the newest requests from now on, because a run of days has millions.
    pub fn limit_log(&self, most: usize) {
        self.requests.limit(most);
    }

    /// Every request that was accepted so far, oldest first; only the newest ones if the log is limited.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.requests()
    }

    /// Injects faults from now on: `faults` is called once per request, and says what goes wrong with it, if
    /// anything. It replaces the function that was set before.
    pub fn inject(&self, faults: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) {
        self.requests.set_faults(Box::new(faults));
    }
}

impl Drop for EmbeddedS3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts connections until the task is aborted, which also ends the connections.
async fn serve(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { continue };
                // Answers are small, and clients wait for them.
                let _unset = socket.set_nodelay(true);
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone()));
            }
            // How a connection ended does not matter here. Joining its task frees its memory.
            Some(_ended) = connections.join_next() => {}
        }
    }
}
