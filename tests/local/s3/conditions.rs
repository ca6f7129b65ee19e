//! Conditional writes, copies, and deletes: what succeeds, what is refused, and who wins a race.

use std::fmt::Debug;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::{PLAIN, Rig, VERSIONED, completed, refusal, refused};

#[tokio::test]
async fn create_only_if_absent_then_refuses_a_second_creation() {
    let rig = Rig::start().await;
    let create = || rig.client.put_object().bucket(PLAIN).key("k").if_none_match("*");
    create().body(ByteStream::from_static(b"one")).send().await.unwrap();
    let second = create().body(ByteStream::from_static(b"two")).send().await;
    assert_eq!(refusal(second), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"one");
}

#[tokio::test]
async fn create_only_if_absent_succeeds_over_a_delete_marker() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    rig.client.delete_object().bucket(VERSIONED).key("k").send().await.unwrap();
    rig.client.put_object().bucket(VERSIONED).key("k").if_none_match("*").send().await.unwrap();
    assert_eq!(rig.get(VERSIONED, "k").await, b"");
}

#[tokio::test]
async fn if_none_match_with_an_etag_is_not_implemented_for_writes() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").if_none_match("\"abc\"").send().await;
    assert_eq!(refusal(put), refused(501, "NotImplemented"));
}

#[tokio::test]
async fn replace_if_unchanged_accepts_only_the_current_etag() {
    let rig = Rig::start().await;
    let first = rig.put(PLAIN, "k", "one").await;
    let replace = || rig.client.put_object().bucket(PLAIN).key("k").if_match(&first);
    replace().body(ByteStream::from_static(b"two")).send().await.unwrap();
    let stale = replace().body(ByteStream::from_static(b"three")).send().await;
    assert_eq!(refusal(stale), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"two");
}

#[tokio::test]
async fn replace_if_unchanged_of_a_missing_key_is_not_found() {
    let rig = Rig::start().await;
    let put = rig.client.put_object().bucket(PLAIN).key("k").if_match("\"abc\"").send().await;
    assert_eq!(refusal(put), refused(404, "NoSuchKey"));
    rig.put_version("k", "one").await;
    rig.client.delete_object().bucket(VERSIONED).key("k").send().await.unwrap();
    let put = rig.client.put_object().bucket(VERSIONED).key("k").if_match("\"abc\"").send().await;
    assert_eq!(refusal(put), refused(404, "NoSuchKey"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_racing_creators_have_exactly_one_winner_in_each_of_twenty_rounds() {
    let rig = Rig::start().await;
    for round in 0..20 {
        let key = format!("race/{round}");
        let writers = (0..20).map(|writer| {
            let put = rig.client.put_object().bucket(PLAIN).key(&key).if_none_match("*");
            tokio::spawn(put.body(format!("writer {writer}").into_bytes().into()).send())
        });
        let winner = one_winner(writers.collect(), "PreconditionFailed").await;
        assert_eq!(rig.get(PLAIN, &key).await, format!("writer {winner}").into_bytes(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_racing_replacers_have_exactly_one_winner_in_each_of_twenty_rounds() {
    let rig = Rig::start().await;
    for round in 0..20 {
        let key = format!("race/{round}");
        let etag = rig.put(PLAIN, &key, "before").await;
        let writers = (0..20).map(|writer| {
            let put = rig.client.put_object().bucket(PLAIN).key(&key).if_match(&etag);
            tokio::spawn(put.body(format!("writer {writer}").into_bytes().into()).send())
        });
        let winner = one_winner(writers.collect(), "PreconditionFailed").await;
        assert_eq!(rig.get(PLAIN, &key).await, format!("writer {winner}").into_bytes(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_copies_and_completions_have_exactly_one_winner() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "source", "copied").await;
    for round in 0..5 {
        let key = format!("race/{round}");
        let copies = (0..20).map(|_| {
            let copy = rig.client.copy_object().copy_source(format!("{PLAIN}/source"));
            tokio::spawn(copy.bucket(PLAIN).key(&key).if_none_match("*").send())
        });
        one_winner(copies.collect(), "PreconditionFailed").await;

        let key = format!("multipart/{round}");
        let mut completions = Vec::new();
        for _ in 0..5 {
            let upload_id = rig.open_upload(&key).await;
            let part = rig.upload_part(&key, &upload_id, 1, b"part".to_vec()).await;
            let complete =
                rig.client.complete_multipart_upload().bucket(PLAIN).key(&key).upload_id(upload_id);
            completions.push(complete.multipart_upload(completed([part])).if_none_match("*"));
        }
        let completions = completions.into_iter().map(|complete| tokio::spawn(complete.send()));
        one_winner(completions.collect(), "PreconditionFailed").await;
    }
}

/// The index of the only task that succeeded. All others must have been refused with `code`.
async fn one_winner<T, E>(tasks: Vec<tokio::task::JoinHandle<Result<T, SdkError<E>>>>, code: &str) -> usize
where
    T: Debug,
    E: ProvideErrorMetadata + Debug,
{
    let mut winners = Vec::new();
    for (index, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(_) => winners.push(index),
            Err(error) => assert_eq!(refusal::<T, E>(Err(error)), refused(412, code)),
        }
    }
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    winners[0]
}

#[tokio::test]
async fn conditional_copy_is_refused_over_another_object() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "source", "new").await;
    let etag = rig.put(PLAIN, "target", "old").await;
    let copy = || rig.client.copy_object().copy_source(format!("{PLAIN}/source")).bucket(PLAIN).key("target");
    assert_eq!(refusal(copy().if_none_match("*").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(refusal(copy().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "target").await, b"old");
    copy().if_match(etag).send().await.unwrap();
    assert_eq!(rig.get(PLAIN, "target").await, b"new");
    let missing = copy().key("missing").if_match("\"other\"").send().await;
    assert_eq!(refusal(missing), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn conditional_delete_deletes_only_what_it_names() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "k", "one").await;
    let delete = || rig.client.delete_object().bucket(PLAIN).key("k");
    assert_eq!(refusal(delete().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"one");
    delete().if_match(&etag).send().await.unwrap();
    assert_eq!(refusal(delete().if_match(&etag).send().await), refused(404, "NoSuchKey"));
    delete().send().await.unwrap();
}

#[tokio::test]
async fn conditional_delete_of_a_delete_marker_is_refused() {
    let rig = Rig::start().await;
    rig.put_version("k", "one").await;
    let delete = || rig.client.delete_object().bucket(VERSIONED).key("k");
    delete().if_match("*").send().await.unwrap();
    assert_eq!(refusal(delete().if_match("*").send().await), refused(412, "PreconditionFailed"));
}

#[tokio::test]
async fn several_objects_are_deleted_at_once_with_a_result_for_each() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "a", "a").await;
    rig.put(PLAIN, "b", "b").await;
    let object = |key: &str, etag: Option<&str>| {
        ObjectIdentifier::builder().key(key).set_e_tag(etag.map(str::to_owned)).build().unwrap()
    };
    let objects = [object("a", Some(&etag)), object("b", Some("\"other\"")), object("missing", None)];
    let delete = Delete::builder().set_objects(Some(objects.to_vec())).build().unwrap();
    let answer = rig.client.delete_objects().bucket(PLAIN).delete(delete).send().await.unwrap();
    let deleted: Vec<_> = answer.deleted().iter().map(|object| object.key().unwrap()).collect();
    let errors: Vec<_> =
        answer.errors().iter().map(|error| (error.key().unwrap(), error.code().unwrap())).collect();
    assert_eq!((deleted, errors), (vec!["a", "missing"], vec![("b", "PreconditionFailed")]));
    assert_eq!(rig.keys(PLAIN).await, ["b"]);
}
