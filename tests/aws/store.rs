//! The S3 adapter on the embedded S3: conditional writes, writing in pieces, and copies.

use aws_sdk_s3::primitives::ByteStream;
use bedrock_vpc_batch::aws::error::{Error, ErrorKind};
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::base::s3_uri::S3Uri;
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::local::faults::Action;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{AnyEntry, World};

async fn store() -> (World, Store) {
    let world = World::new().await;
    let store = Store::new(world.clients.s3.clone(), &world.config.output_bucket);
    (world, store)
}

#[tokio::test]
async fn entry_is_created_once_and_replaced_only_with_its_current_etag() {
    let (_world, store) = store().await;
    assert_eq!(store.get_entry::<AnyEntry>("jobs/x/job.json").await.unwrap(), None);
    let first = store.create("jobs/x/job.json", AnyEntry(json!({"n": 1}))).await.unwrap().unwrap();
    assert_eq!(store.create("jobs/x/job.json", AnyEntry(json!({"n": 2}))).await.unwrap(), None);
    let second =
        store.replace("jobs/x/job.json", AnyEntry(json!({"n": 3})), &first.etag).await.unwrap().unwrap();
    assert_eq!(store.replace("jobs/x/job.json", AnyEntry(json!({"n": 4})), &first.etag).await.unwrap(), None);
    assert_eq!(store.get_entry::<AnyEntry>("jobs/x/job.json").await.unwrap(), Some(second.clone()));
    store.delete("jobs/x/job.json").await.unwrap();
    store.delete("jobs/x/job.json").await.unwrap();
    assert_eq!(
        store.replace("jobs/x/job.json", AnyEntry(json!({"n": 5})), &second.etag).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn own_earlier_write_is_recognized() {
    let (_world, store) = store().await;
    let entry = AnyEntry(json!({"writer": "me", "n": 1}));
    let first = store.create("e", entry.clone()).await.unwrap().unwrap();
    assert_eq!(store.create("e", entry).await.unwrap(), Some(first.clone()));
    let next = AnyEntry(json!({"writer": "me", "n": 2}));
    let second = store.replace("e", next.clone(), &first.etag).await.unwrap().unwrap();
    assert_eq!(store.replace("e", next, &first.etag).await.unwrap(), Some(second));
}

#[tokio::test]
async fn exactly_one_of_twenty_concurrent_writers_wins() {
    let (_world, store) = store().await;
    for round in 0..5 {
        let key = &format!("e{round}");
        let writes =
            join_all((0..20).map(|writer| store.create(key, AnyEntry(json!({ "writer": writer }))))).await;
        let won: Vec<_> = writes.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(won.len(), 1);
        let writes =
            (20..40).map(|writer| store.replace(key, AnyEntry(json!({ "writer": writer })), &won[0].etag));
        let won = join_all(writes).await.into_iter().filter_map(Result::unwrap).count();
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn unreadable_entry_names_its_key() {
    let (_world, store) = store().await;
    store.put("drops/x/drop.json", b"{cut".to_vec(), "application/json").await.unwrap();
    let error = store.get_entry::<AnyEntry>("drops/x/drop.json").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(error.to_string(), "cannot read drops/x/drop.json in the output bucket");
}

#[tokio::test]
async fn writer_makes_the_same_object_in_one_piece_and_in_parts() {
    let (world, store) = store().await;
    for bytes in [1, 5 << 20, (5 << 20) + 1, (20 << 20) + 7] {
        let content: Vec<u8> = (0..bytes).map(|at: usize| u8::try_from(at % 251).unwrap()).collect();
        let mut writer = store.writer("big");
        for piece in content.chunks(1_000_003) {
            writer.write(piece).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert!(world.read_output("big").await == content, "{bytes} bytes");
    }
    let mut writer = store.writer("empty");
    writer.write(b"").await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(world.output_keys().await, ["big"]);
}

#[tokio::test]
async fn abandoned_writer_leaves_nothing() {
    let (world, store) = store().await;
    let mut writer = store.writer("big");
    writer.write(&vec![0; 9 << 20]).await.unwrap();
    let error = writer.abandon(Error::Internal("cause".into())).await;
    assert_eq!(error.to_string(), "cause");
    assert_eq!(world.output_keys().await, Vec::<String>::new());
    let bucket = &world.config.output_bucket;
    let uploads = world.clients.s3.list_multipart_uploads().bucket(bucket).send().await.unwrap();
    assert_eq!(uploads.uploads(), []);
}

#[tokio::test]
async fn drop_is_read_and_copied_in_the_version_that_was_judged() {
    let (world, store) = store().await;
    let (bucket, key) = (&world.config.input_bucket, "a b+ü?.jsonl");
    let put = async |body: &'static [u8]| {
        let request =
            world.clients.s3.put_object().bucket(bucket).key(key).body(ByteStream::from_static(body));
        request.send().await.unwrap().version_id
    };
    let version_id = put(b"first").await;
    let uri = S3Uri::new(bucket, key);
    let drop: DropSource = store.head(&uri, version_id.as_deref()).await.unwrap().unwrap();
    assert_eq!((drop.key.as_str(), drop.size_bytes, &drop.version_id), (key, 5, &version_id));
    put(b"second").await;

    let mut reader = store.read_drop(&drop, &drop.whole()).await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().as_ref(), b"first");
    store.copy_drop(&drop, &drop.whole(), "copy").await.unwrap();
    assert_eq!(world.read_output("copy").await, b"first");

    let overwritten = DropSource { version_id: None, ..drop };
    assert!(store.read_drop(&overwritten, &overwritten.whole()).await.unwrap().is_none());
    assert_eq!(store.head(&S3Uri::new(bucket, "none"), None).await.unwrap(), None);
    assert_eq!(store.head(&uri, Some("0123456789abcdef0123456789abcdef")).await.unwrap(), None);
    let elsewhere = S3Uri::new("no-such-bucket", "k");
    assert!(store.copy("none", "to").await.is_err());
    assert_eq!(store.head(&elsewhere, None).await.unwrap(), None);
}

#[tokio::test]
async fn failed_condition_without_a_winner_is_tried_again() {
    let (world, store) = store().await;
    let refuse_next = || {
        let calls = world.faults.calls().len() as u64;
        world.faults.set(move |call| match call.number - calls {
            1 => Action::Refuse { status: 412, code: "PreconditionFailed" },
            _ => Action::Pass,
        });
    };
    refuse_next();
    let first = store.create("e", AnyEntry(json!({"n": 1}))).await.unwrap().unwrap();
    refuse_next();
    let second = store.replace("e", AnyEntry(json!({"n": 2})), &first.etag).await.unwrap().unwrap();
    assert_eq!(store.get_entry::<AnyEntry>("e").await.unwrap(), Some(second));
    world.faults.set(|call| match call.operation {
        "PutObject" => Action::Refuse { status: 412, code: "PreconditionFailed" },
        _ => Action::Pass,
    });
    assert_eq!(
        store.create("f", AnyEntry(json!({"n": 1}))).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}
