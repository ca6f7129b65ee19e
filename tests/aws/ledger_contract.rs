//! One contract for the ledger's conditional writes, tested on the embedded S3, on SeaweedFS (an S3 server
//! that is not ours) and, if `TEST_S3_BUCKET` names a bucket of the environment's account, on Amazon S3
//! itself.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bedrock_vpc_batch::aws::clients::Clients;
use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::aws::store::entries::ETag;
use bedrock_vpc_batch::aws::store::entries::Stored;
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::local::clients_through;
use bedrock_vpc_batch::local::faults::{Action, Faults};
use bedrock_vpc_batch::local::s3::{EmbeddedS3, KeyPair};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{AnyEntry, BOUND, OUTPUT_BUCKET, config};

const ROUNDS: usize = 20;
const WRITERS: usize = 20;

/// The S3 under test: a store below `prefix`, whose calls go through `faults`.
struct Subject<'a> {
    store: &'a Store,
    faults: &'a Faults,
    prefix: &'a str,
}

impl Subject<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}{name}/job.json", self.prefix)
    }

    async fn read(&self, key: &str) -> Option<Stored<AnyEntry>> {
        self.store.get_entry::<AnyEntry>(key).await.unwrap()
    }

    /// Creates an entry, which must succeed.
    async fn create(&self, key: &str, entry: Value) -> Stored<AnyEntry> {
        self.store.create(key, AnyEntry(entry)).await.unwrap().expect("the entry is created")
    }

    async fn replace(&self, key: &str, entry: Value, etag: &ETag) -> Option<Stored<AnyEntry>> {
        self.store.replace(key, AnyEntry(entry), etag).await.unwrap()
    }

    async fn contract(&self) {
        self.entry_is_created_once().await;
        self.entry_is_changed_only_by_who_has_read_it().await;
        self.deleted_entry_is_gone_and_can_be_created_again().await;
        self.own_write_is_recognized_after_a_lost_answer().await;
        self.conflict_is_tried_again().await;
        self.of_racing_creators_one_wins().await;
        self.of_racing_replacers_one_wins().await;
        self.unreadable_entry_names_its_key().await;
        self.faults.reset();
        for key in self.store.list(self.prefix).await.unwrap() {
            self.store.delete(&key).await.unwrap();
        }
        assert_eq!(self.store.list(self.prefix).await.unwrap(), Vec::<String>::new());
    }

    async fn entry_is_created_once(&self) {
        let key = &self.key("created");
        assert_eq!(self.read(key).await, None);
        let first = self.create(key, json!({"n": 1})).await;
        assert_eq!(self.store.create(key, AnyEntry(json!({"n": 2}))).await.unwrap(), None);
        assert_eq!(self.read(key).await, Some(first));
    }

    async fn entry_is_changed_only_by_who_has_read_it(&self) {
        let key = &self.key("changed");
        let first = self.create(key, json!({"n": 1})).await;
        let second = self.replace(key, json!({"n": 2}), &first.etag).await.unwrap();
        assert_eq!(self.replace(key, json!({"n": 3}), &first.etag).await, None);
        assert_eq!(self.read(key).await, Some(second.clone()));
        // Continues from what was read, not from what was written.
        let read = self.read(key).await.unwrap();
        let third = self.replace(key, json!({"n": 4}), &read.etag).await.unwrap();
        assert_eq!(self.read(key).await, Some(third));
        assert_eq!(self.replace(&self.key("missing"), json!({"n": 5}), &second.etag).await, None);
        assert_eq!(self.read(&self.key("missing")).await, None);
    }

    async fn deleted_entry_is_gone_and_can_be_created_again(&self) {
        let key = &self.key("deleted");
        let first = self.create(key, json!({"n": 1})).await;
        self.store.delete(key).await.unwrap();
        self.store.delete(key).await.unwrap();
        assert_eq!(self.read(key).await, None);
        assert_eq!(self.replace(key, json!({"n": 2}), &first.etag).await, None);
        let again = self.create(key, json!({"n": 3})).await;
        assert_eq!(self.read(key).await, Some(again));
    }

    /// The SDK sends the write again and finds what it wrote before.
    async fn own_write_is_recognized_after_a_lost_answer(&self) {
        let key = &self.key("own");
        let lose_first = || {
            self.faults.reset();
            self.faults.set(|call| if call.number == 1 { Action::LoseAnswer } else { Action::Pass });
        };
        let calls = || self.faults.calls().into_iter().map(|call| call.operation).collect::<Vec<_>>();
        lose_first();
        let first = self.create(key, json!({"writer": "me", "n": 1})).await;
        assert_eq!(calls(), ["PutObject", "PutObject", "GetObject"]);
        lose_first();
        let second = self.replace(key, json!({"writer": "me", "n": 2}), &first.etag).await.unwrap();
        assert_eq!(calls(), ["PutObject", "PutObject", "GetObject"]);
        self.faults.reset();
        assert_eq!(self.read(key).await, Some(second.clone()));
        let third = self.replace(key, json!({"n": 3}), &second.etag).await;
        assert!(third.is_some(), "the ETag that was read back is good");
    }

    async fn conflict_is_tried_again(&self) {
        self.faults.reset();
        let conflict = Action::Refuse { status: 409, code: "ConditionalRequestConflict" };
        self.faults.set(move |call| if call.number < 4 { conflict.clone() } else { Action::Pass });
        self.create(&self.key("conflict"), json!({"n": 1})).await;
        self.faults.reset();
    }

    /// The rounds run at the same time, each with its own key: SeaweedFS takes seconds for twenty writers of
    /// one key.
    async fn of_racing_creators_one_wins(&self) {
        let round = async |round: usize| {
            let key = &self.key(&format!("create-{round}"));
            let entry = |writer| json!({"round": round, "writer": writer});
            let writes =
                join_all((0..WRITERS).map(|writer| self.store.create(key, AnyEntry(entry(writer))))).await;
            let won: Vec<_> = writes.into_iter().filter_map(Result::unwrap).collect();
            assert_eq!(won.len(), 1, "round {round}: {won:?}");
            assert_eq!(self.read(key).await.as_ref(), won.first());
        };
        join_all((0..ROUNDS).map(round)).await;
    }

    async fn of_racing_replacers_one_wins(&self) {
        let round = async |round: usize| {
            let key = &self.key(&format!("replace-{round}"));
            let read = self.create(key, json!({"round": round})).await;
            let entry = |writer| json!({"round": round, "writer": writer});
            let writes = (0..WRITERS).map(|writer| self.replace(key, entry(writer), &read.etag));
            let won: Vec<_> = join_all(writes).await.into_iter().flatten().collect();
            assert_eq!(won.len(), 1, "round {round}: {won:?}");
            assert_eq!(self.read(key).await.as_ref(), won.first());
        };
        join_all((0..ROUNDS).map(round)).await;
    }

    async fn unreadable_entry_names_its_key(&self) {
        let key = self.key("unreadable");
        self.store.put(&key, b"{cut".to_vec(), "application/json").await.unwrap();
        let error = self.store.get_entry::<AnyEntry>(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(error.to_string(), format!("cannot read {key} in the output bucket"));
        // The entry is not mistaken for our own write either.
        assert_eq!(
            self.store.create(&key, AnyEntry(json!({"n": 1}))).await.unwrap_err().to_string(),
            error.to_string()
        );
    }
}

#[tokio::test]
async fn embedded_s3_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = EmbeddedS3::start(folder.path()).await.unwrap();
    s3.create_bucket(OUTPUT_BUCKET, false).unwrap();
    let faults = Faults::new();
    let clients = clients_through(&config(&[]), s3.key(), s3.endpoint(), "http://127.0.0.1:9", &faults);
    let store = Store::new(clients.s3, OUTPUT_BUCKET);
    Subject { store: &store, faults: &faults, prefix: "jobs/" }.contract().await;
}

#[tokio::test]
async fn seaweedfs_keeps_the_contract() {
    let server = SeaweedFs::start();
    let faults = Faults::new();
    let clients = clients_through(&config(&[]), &server.key, &server.endpoint, "http://127.0.0.1:9", &faults);
    server.until_ready(&clients).await;
    clients.s3.create_bucket().bucket(OUTPUT_BUCKET).send().await.unwrap();
    faults.reset();
    let store = Store::new(clients.s3, OUTPUT_BUCKET);
    Subject { store: &store, faults: &faults, prefix: "jobs/" }.contract().await;
}

#[tokio::test]
async fn amazon_s3_keeps_the_contract_if_there_is_a_bucket_for_it() {
    #[expect(clippy::disallowed_methods, reason = "it configures the test, not the functions")]
    let Ok(bucket) = std::env::var("TEST_S3_BUCKET") else {
        eprintln!("skipped for Amazon S3: TEST_S3_BUCKET does not name a bucket");
        return;
    };
    let sdk = bedrock_vpc_batch::aws::clients::prepare(
        aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12()),
        config(&[]).call_timeout,
    );
    let sdk = sdk.load().await;
    let faults = Faults::new();
    let http_client = faults.wrap(sdk.http_client().expect("a client was prepared"));
    let sdk = sdk.into_builder().http_client(http_client).build();
    let store = Store::new(Clients::new(&sdk, false).s3, bucket);
    let prefix = format!("ledger-contract/{:032x}/", fastrand::u128(..));
    Subject { store: &store, faults: &faults, prefix: &prefix }.contract().await;
}

/// A SeaweedFS server on loopback. Dropping it ends the server.
struct SeaweedFs {
    endpoint: String,
    key: KeyPair,
    process: Child,
    folder: TempDir,
}

impl SeaweedFs {
    fn start() -> Self {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin/weed");
        assert!(program.is_file(), "no {}: run `make tools`", program.display());
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let key = KeyPair::random().unwrap();
        let (access_key, secret_key) = (key.access_key_id(), key.secret_access_key());
        let keys = json!({"identities": [{
            "name": "test",
            "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
            "actions": ["Admin"],
        }]});
        std::fs::write(folder.path().join("s3.json"), keys.to_string()).unwrap();
        let ports = free_ports();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg("server")
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-dir=data", "-s3.config=s3.json"])
            .args(["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=10"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args(["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"])
            .args(PORTS.iter().zip(ports).map(|(option, port)| format!("-{option}={port}")))
            .current_dir(folder.path())
            // SeaweedFS looks for its settings in the home folder.
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { endpoint: format!("http://127.0.0.1:{}", ports[0]), key, process, folder }
    }

    async fn until_ready(&self, clients: &Clients) {
        let answered = async { while clients.s3.list_buckets().send().await.is_err() {} };
        if tokio::time::timeout(BOUND, answered).await.is_err() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("SeaweedFS does not answer: {log}");
        }
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The ports that SeaweedFS opens. It cannot choose free ones itself.
const PORTS: [&str; 8] = [
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
];

fn free_ports() -> [u16; PORTS.len()] {
    let listeners = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
