//! Drops that an operator erases: nothing is left of them but their tombstone, and of their jobs, entries without texts.
//! Nothing else is touched, and nothing runs again.

use std::time::Duration;

use aws_sdk_s3::types::EncodingType;
use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::drop::identity::DropId;
use bedrock_vpc_batch::drop::keys::{self, Request};
use bedrock_vpc_batch::drop::source::DropSource;
use bedrock_vpc_batch::ledger::drop::{DropEntry, DropState};
use bedrock_vpc_batch::local::bedrock::{Ending, Processed, RecordFailure, TerminalStatus};
use bedrock_vpc_batch::local::faults::Action;
use serde_json::Value;

use crate::support::{LEASE_OVER, World, any_drop, drop_of, out_of_time};

/// The key has a name in it, and so have Bedrock's messages about the records.
const KEY: &str = "in/Jane Doe.jsonl";
const NAME: &str = "Jane";

/// The keys and the ids of all versions in the input bucket, and `None` for the id of a delete marker.
async fn versions(world: &World) -> Vec<(String, Option<String>)> {
    let request = world.own.list_object_versions().bucket(&world.config.input_bucket);
    let listed = request.encoding_type(EncodingType::Url).send().await.unwrap();
    let versions = listed
        .versions()
        .iter()
        .map(|version| (version.key().unwrap().to_owned(), version.version_id().map(str::to_owned)));
    let markers = listed.delete_markers().iter().map(|marker| (marker.key().unwrap().to_owned(), None));
    versions.chain(markers).collect()
}

async fn entry(world: &World, drop_id: &DropId) -> DropEntry {
    world.read_json(&keys::drop_entry(drop_id)).await
}

/// A world in which a job over 300 records processes half of them, and Bedrock's messages have a name.
async fn world() -> World {
    let world = World::new().await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.stand_in.script_with(|_, job| {
        let failing = [(0, 400), (1, 503)].map(|(position, code)| RecordFailure {
            position,
            code,
            message: format!("no answer for {NAME}"),
        });
        let processed = if job.counts.total == 300 { Processed::First(150) } else { Processed::All };
        let failing = failing.to_vec();
        Ending { processed, failing, ..Ending::new(TerminalStatus::PartiallyCompleted) }
    });
    world
}

/// Drops 300 records, and delivers each event until the drop has ended, with a next attempt.
async fn finished(world: &mut World, key: &str) -> Value {
    let put = world.put(key, drop_of(300)).await;
    world.submit(put.clone()).await.unwrap();
    for _ in 0..2 {
        world.complete_next().await;
    }
    assert_eq!(world.markers().await, Vec::<String>::new());
    put
}

async fn ask_to_erase(world: &mut World, put: &Value) -> Value {
    world.ask(&world.erasure_of(KEY, put)).await
}

/// Checks that the tombstone and the entries of the jobs are all that is left of a drop, and that they have no text.
async fn assert_is_erased(world: &World, drop_id: &DropId, jobs: usize) {
    assert_is_erased_beside(world, drop_id, jobs, |_| false).await;
}

/// Checks the same where there are objects of other drops.
async fn assert_is_erased_beside(
    world: &World,
    drop_id: &DropId,
    jobs: usize,
    is_of_another: impl Fn(&str) -> bool,
) {
    let tombstone = entry(world, drop_id).await;
    assert_eq!((&tombstone.state, tombstone.source.key.as_str()), (&DropState::Erased, ""));
    let mut left = world.objects().await;
    left.retain(|key, _| !is_of_another(key));
    assert_eq!(left.len(), 1 + jobs, "{:?}", left.keys());
    for (key, bytes) in left {
        assert!(key == keys::drop_entry(drop_id) || key.starts_with("ledger/jobs/"), "{key}");
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains(drop_id.as_str()) && !text.contains(NAME), "{key}: {text}");
    }
}

#[tokio::test]
async fn nothing_is_left_of_an_erased_drop_but_its_tombstone_and_entries_without_texts() {
    let mut world = world().await;
    let put = finished(&mut world, KEY).await;
    let drop_id = world.drop_id_of(KEY, &put);
    // Drops whose results are below the folder of the results, and another version of the same key.
    let mut others = vec![];
    for end in ["/succeeded/b.jsonl", "/errors", "", "/part-00001.jsonl"] {
        others.push(format!("{KEY}/{drop_id}{end}"));
    }
    others.extend([KEY.to_owned(), format!("{KEY}l"), "in/b.jsonl".to_owned()]);
    for key in &others {
        let other = world.put(key, drop_of(99)).await;
        world.submit(other).await.unwrap();
    }
    let before = world.objects().await;
    assert!(before.values().any(|bytes| String::from_utf8_lossy(bytes).contains("no answer for Jane")));
    let all_versions = versions(&world).await;

    let request = ask_to_erase(&mut world, &put).await;
    world.complete(request).await.unwrap();
    // The marker stays until no other invocation can have read the entry before.
    let marker = keys::erase_marker(entry(&world, &drop_id).await.source.last_modified, &drop_id);
    assert_eq!(world.markers().await, std::slice::from_ref(&marker));
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!(world.markers().await, [marker]);
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_eq!(world.markers().await, Vec::<String>::new());
    assert_eq!(world.output_keys_below("requests/").await, Vec::<String>::new());

    let is_of_another = |key: &str| others.iter().any(|other| is_of(key, other, &drop_id));
    assert_is_erased_beside(&world, &drop_id, 2, is_of_another).await;
    let after = world.objects().await;
    let of_others: Vec<_> = before.iter().filter(|(key, _)| is_of_another(key)).collect();
    // An entry, a status, a page, a rejection, and an entry in the index each.
    assert_eq!(of_others.len(), 5 * others.len());
    for (key, bytes) in of_others {
        assert_eq!(after.get(key), Some(bytes), "{key}");
    }
    let own_version = put["Records"][0]["s3"]["object"]["versionId"].as_str().map(str::to_owned);
    let expected: Vec<_> = all_versions.into_iter().filter(|(_, version)| *version != own_version).collect();
    assert_eq!(versions(&world).await, expected);
}

/// Whether an object is the entry of another drop than the erased one, a result of one with this key, or in the index.
fn is_of(object: &str, key: &str, erased: &DropId) -> bool {
    if let Some(rest) = object.strip_prefix("ledger/drops/") {
        return !rest.starts_with(erased.as_str());
    }
    let id = match object.strip_prefix(&keys::results_of(key)) {
        Some(rest) if rest.matches('/').count() == 1 => rest.split('/').next().and_then(DropId::parse),
        Some(_) => None,
        None => keys::parse_index(object).filter(|indexed| indexed.key == key).map(|indexed| indexed.drop_id),
    };
    id.is_some_and(|id| id != *erased)
}

#[tokio::test]
async fn rejected_drop_is_erased_with_its_problems() {
    let mut world = world().await;
    let body = format!("{{\"recordId\": \"{NAME}\", \"modelInput\": 7}}\n");
    let put = world.put(KEY, body).await;
    world.submit(put.clone()).await.unwrap();
    let drop_id = world.drop_id_of(KEY, &put);
    assert!(matches!(entry(&world, &drop_id).await.state, DropState::Rejected { .. }));
    let request = ask_to_erase(&mut world, &put).await;
    world.complete(request).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &drop_id, 0).await;
    assert_eq!((versions(&world).await, world.markers().await), (vec![], vec![]));
}

#[tokio::test]
async fn drop_that_is_not_over_is_left_alone_until_it_is() {
    let mut world = world().await;
    let put = world.put(KEY, drop_of(120)).await;
    world.submit(put.clone()).await.unwrap();
    let ended = world.ended().await;
    let before = (world.objects().await, versions(&world).await);
    let request = ask_to_erase(&mut world, &put).await;
    world.complete(request).await.unwrap();
    let key = world.erasure_of(KEY, &put);
    let mut after = (world.objects().await, versions(&world).await);
    assert_eq!(after.0.remove(&key), Some(vec![]), "the request is kept");
    assert_eq!(after, before);

    world.complete(ended).await.unwrap();
    assert!(world.results().await.summary().balanced);
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &world.drop_id_of(KEY, &put), 1).await;
    assert_eq!((world.markers().await, world.stand_in.jobs().len()), (vec![], 1));
}

#[tokio::test]
async fn erasing_twice_or_an_unknown_drop_changes_nothing() {
    let mut world = world().await;
    let put = finished(&mut world, KEY).await;
    let request = ask_to_erase(&mut world, &put).await;
    world.complete(request.clone()).await.unwrap();
    world.complete(request.clone()).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    let before = (world.objects().await, versions(&world).await);
    world.complete(request).await.unwrap();
    ask_to_erase(&mut world, &put).await;
    let unknown = keys::request(&Request::Erase(DropId::derive(&any_drop())));
    let request = world.ask(&unknown).await;
    world.complete(request).await.unwrap();
    world.sweep_after(2 * LEASE_OVER).await.unwrap();
    assert_eq!((world.objects().await, versions(&world).await), before);
}

#[tokio::test]
async fn lost_request_is_found_by_the_sweep() {
    let mut world = world().await;
    let put = finished(&mut world, KEY).await;
    let _lost = ask_to_erase(&mut world, &put).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    assert_eq!((world.output_keys_below("results/").await, versions(&world).await), (vec![], vec![]));
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &world.drop_id_of(KEY, &put), 2).await;
}

#[tokio::test]
async fn version_that_is_still_there_does_not_run_again() {
    let mut world = world().await;
    let put = finished(&mut world, KEY).await;
    let request = ask_to_erase(&mut world, &put).await;
    // The function dies before it deletes the version, which an event and the sweep then meet.
    world.faults.set(|call| {
        let is_version = call.operation == "DeleteObject" && call.subject == KEY;
        if is_version { Action::StopBefore } else { Action::Pass }
    });
    let faults = world.faults.clone();
    assert!(faults.until_stopped(world.complete(request)).await.is_err());
    world.faults.clear();
    assert_eq!(versions(&world).await.len(), 1);
    world.submit(put.clone()).await.unwrap();
    assert_eq!(world.output_keys_below("results/").await, Vec::<String>::new());
    // This sweep compares the bucket with the ledger before it goes on erasing.
    world.sweep_after(LEASE_OVER).await.unwrap();
    world.submit(put.clone()).await.unwrap();
    world.sweep_after(2 * LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &world.drop_id_of(KEY, &put), 2).await;
    assert_eq!((world.creates(), versions(&world).await), (2, vec![]));
}

#[tokio::test]
async fn what_a_late_invocation_still_writes_is_deleted_as_well() {
    let mut world = world().await;
    let put = finished(&mut world, KEY).await;
    let drop_id = world.drop_id_of(KEY, &put);
    let before = world.objects().await;
    let request = ask_to_erase(&mut world, &put).await;
    world.complete(request).await.unwrap();
    // An invocation that has read the entries before writes everything again.
    let store = Store::new(world.own.clone(), &world.config.output_bucket);
    for (key, bytes) in before.iter().filter(|(key, _)| !key.ends_with("/drop.json")) {
        store.put(key, bytes.clone(), "application/json").await.unwrap();
    }
    store.put_json(&keys::tally(&drop_id, 1), &NAME).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &drop_id, 2).await;
}

#[tokio::test]
async fn marker_that_is_left_of_an_erased_drop_makes_no_other_drop() {
    let mut world = world().await;
    let put = finished(&mut world, KEY).await;
    let drop_id = world.drop_id_of(KEY, &put);
    let source = entry(&world, &drop_id).await.source;
    let request = ask_to_erase(&mut world, &put).await;
    world.complete(request).await.unwrap();
    let store = Store::new(world.own.clone(), &world.config.output_bucket);
    store.put_json(&keys::drop_marker(source.last_modified, &drop_id), &source).await.unwrap();
    store.put_json(&keys::cancel_marker(source.last_modified, &drop_id), &drop_id).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    world.sweep_after(2 * LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &drop_id, 2).await;
}

#[tokio::test]
async fn large_drop_is_erased_in_pages_and_over_several_invocations() {
    let settings = [("MIN_RECORDS_PER_JOB", "1"), ("MAX_RECORDS_PER_JOB", "1")];
    let mut world = World::build(&settings, |options| options.quotas.max_jobs_in_flight = 110).await;
    world.sweep_after(Duration::ZERO).await.unwrap();
    let put = world.put(KEY, drop_of(110)).await;
    world.submit(put.clone()).await.unwrap();
    for _ in 0..110 {
        world.complete_next().await;
    }
    assert!(world.results().await.summary().balanced);
    let plan = world.output_keys_below("ledger/drops/").await;
    assert_eq!(plan.len(), 5, "the entry, two pages, and their tallies: {plan:?}");
    world.s3.limit_list_pages(7);

    let request = ask_to_erase(&mut world, &put).await;
    let error = world.complete.handle(request, &out_of_time()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("not everything was deleted in time"), "{error}");
    assert_eq!(versions(&world).await.len(), 1);
    let drop_id = world.drop_id_of(KEY, &put);
    assert_eq!(entry(&world, &drop_id).await.state, DropState::Erased, "it is recorded first");
    world.sweep_after(Duration::ZERO).await.unwrap();
    world.sweep_after(LEASE_OVER).await.unwrap();
    assert_is_erased(&world, &drop_id, 110).await;
    assert_eq!((versions(&world).await, world.markers().await), (vec![], vec![]));
}

#[tokio::test]
async fn without_a_version_id_nothing_in_the_input_bucket_is_deleted() {
    let mut world = world().await;
    world.put(KEY, drop_of(120)).await;
    let store = Store::new(world.own.clone(), &world.config.output_bucket);
    let without = DropSource { bucket: world.config.input_bucket.clone(), key: KEY.into(), ..any_drop() };
    let before = versions(&world).await;
    assert!(!store.delete_drop(&without).await.unwrap());
    assert_eq!(versions(&world).await, before);
}

#[tokio::test]
async fn odd_keys_are_erased_and_nothing_beside_them() {
    let mut world = world().await;
    let keys = [
        "in/\u{1b}[2J\u{1}.jsonl".to_owned(),
        "in/a?versionId=null&b.jsonl".to_owned(),
        "in//日本 +%2F..jsonl".to_owned(),
        format!("in/{}.jsonl", "é".repeat(500)),
        format!("in/{}l.jsonl", "é".repeat(500)),
    ];
    let mut puts = vec![];
    for key in &keys {
        let put = world.put(key, drop_of(99)).await;
        world.submit(put.clone()).await.unwrap();
        puts.push(put);
    }
    for (count, (key, put)) in keys.iter().zip(&puts).enumerate() {
        let request = world.ask(&world.erasure_of(key, put)).await;
        world.complete(request).await.unwrap();
        assert_eq!(entry(&world, &world.drop_id_of(key, put)).await.state, DropState::Erased, "{key}");
        let left = keys.len() - count - 1;
        assert_eq!(world.output_keys_below("index/").await.len(), left, "{key}");
        assert_eq!(world.output_keys_below("results/").await.len(), 3 * left, "{key}");
        assert_eq!(versions(&world).await.len(), left, "{key}");
    }
}
