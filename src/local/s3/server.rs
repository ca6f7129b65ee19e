//! A running S3 server, as its owner handles it.

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

/// A running S3 server. It stops serving when dropped; the plain files stay, what is its own is deleted.
#[derive(Debug)]
pub struct EmbeddedS3 {
    endpoint: String,
    key: KeyPair,
    store: Arc<Store>,
    requests: Arc<RequestLog>,
    server: JoinHandle<()>,
}

impl EmbeddedS3 {
    /// Starts an empty S3 on a free port of 127.0.0.1 that keeps its objects below `root`, and lets in a random
    /// key pair, see [`Self::key`].
    ///
    /// Files that are there already are left alone, but a new object may take their place.
    ///
    /// # Errors
    /// If the folder cannot be made, the port not be opened, or no random numbers be had.
    pub async fn start(root: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start_with(root, KeyPair::random()?).await
    }

    /// Starts it with a key pair that another program knows too.
    ///
    /// # Errors
    /// If the folder cannot be made or the port not be opened.
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

    /// The only key pair that is let in.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// A client of the AWS SDK that is set up for this server. Nothing about it comes from the environment or from a
    /// profile.
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

    /// Makes an empty bucket.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if the name is taken or no bucket may have it.
    pub fn create_bucket(&self, name: &str, versioning: bool) -> io::Result<()> {
        self.store.with_index(|index| {
            // `S3Error` shows itself as Rust code.
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

    /// Every object that is created from now on, in all buckets, in the order in which they took their places.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<ObjectCreated> {
        self.store.subscribe()
    }

    /// The plain file that holds the current version of a key, if there is one.
    pub fn file_of(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        self.store.with_index(|index| index.bucket_mut(bucket).ok()?.current_file(key).cloned())
    }

    /// Lets `ListObjectVersions` answer in pages of this many versions at most, as S3 may.
    pub fn limit_list_pages(&self, versions: usize) {
        self.store.set_most_listed(versions);
    }

    /// Ends when a file can no longer be written below the root folder, such as for a full disk, with the path and
    /// the cause: no request that writes will succeed any more.
    pub fn broken(&self) -> impl Future<Output = String> + Send + use<> {
        self.store.folder.broken()
    }

    /// Keeps only this many of the newest requests from now on: a run of days has millions.
    pub fn limit_log(&self, most: usize) {
        self.requests.limit(most);
    }

    /// Every request that was let in so far, oldest first; the newest of them if the log is limited.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.requests()
    }

    /// Lets requests go wrong from now on: `faults` is asked once for each and says how, or that it does not.
    /// It replaces what was set before.
    pub fn inject(&self, faults: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) {
        self.requests.set_faults(Box::new(faults));
    }
}

impl Drop for EmbeddedS3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts until it is aborted; the connections end with it.
async fn serve(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { continue };
                // Answers are small and waited for.
                let _unset = socket.set_nodelay(true);
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone()));
            }
            // How a connection ended is the client's business; asking only frees its memory.
            Some(_ended) = connections.join_next() => {}
        }
    }
}
