//! Multipart uploads: parts, their order and sizes, copies of ranges, completing, and aborting.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart};

use super::{MIB, NONE, PLAIN, Rig, completed, pattern, refusal, refused, walk};

#[tokio::test]
async fn multipart_upload_puts_its_parts_together_in_order() {
    let rig = Rig::start().await;
    let upload = rig.client.create_multipart_upload().bucket(PLAIN).key("k").content_type("text/plain");
    let upload_id = upload.metadata("a", "1").send().await.unwrap().upload_id.unwrap();
    let (first, second) = (pattern(5 * MIB), b"the end".to_vec());
    // The parts come out of order, and part 7 comes twice: the later one counts.
    let last = rig.upload_part("k", &upload_id, 9, second.clone()).await;
    rig.upload_part("k", &upload_id, 7, b"replaced".to_vec()).await;
    let part = rig.upload_part("k", &upload_id, 7, first.clone()).await;
    assert_eq!(rig.keys(PLAIN).await, [""; 0]);

    let parts = rig.client.list_parts().bucket(PLAIN).key("k").upload_id(&upload_id).send().await.unwrap();
    let listed: Vec<_> =
        parts.parts().iter().map(|part| (part.part_number().unwrap(), part.size().unwrap())).collect();
    assert_eq!(listed, [(7, 5 * MIB as i64), (9, 7)]);
    let uploads = rig.client.list_multipart_uploads().bucket(PLAIN).send().await.unwrap();
    assert_eq!(uploads.uploads()[0].upload_id(), Some(upload_id.as_str()));

    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    let done = complete.multipart_upload(completed([part, last])).send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""), "{:?}", done.e_tag());
    assert_eq!(rig.get(PLAIN, "k").await, [first, second].concat());
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert_eq!((head.content_type(), head.metadata().unwrap()["a"].as_str()), (Some("text/plain"), "1"));
    assert_eq!(head.e_tag(), done.e_tag());
    let uploads = rig.client.list_multipart_uploads().bucket(PLAIN).send().await.unwrap();
    assert_eq!(uploads.uploads().len(), 0);
}

#[tokio::test]
async fn multipart_etag_is_the_md5_of_the_parts_md5s() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    let part = rig.upload_part("k", &upload_id, 1, b"hello".to_vec()).await;
    assert_eq!(part.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    let done = complete.multipart_upload(completed([part])).send().await.unwrap();
    // echo -n hello | openssl md5 -binary | md5sum
    assert_eq!(done.e_tag(), Some("\"62109206880d38a4010a98e11243924a-1\""));
}

#[tokio::test]
async fn small_parts_are_refused_except_for_the_last() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    let first = rig.upload_part("k", &upload_id, 1, vec![0; 5 * MIB - 1]).await;
    let second = rig.upload_part("k", &upload_id, 2, vec![0; 1]).await;
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    let result = complete.multipart_upload(completed([first, second])).send().await;
    assert_eq!(refusal(result), refused(400, "EntityTooSmall"));
}

#[tokio::test]
async fn wrong_missing_or_misordered_parts_are_refused_and_the_upload_stays_open() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    let first = rig.upload_part("k", &upload_id, 1, vec![0; 5 * MIB]).await;
    let second = rig.upload_part("k", &upload_id, 2, vec![0; 1]).await;
    let wrong = CompletedPart::builder().part_number(1).e_tag("\"0123456789abcdef0123456789abcdef\"").build();
    let missing = CompletedPart::builder().part_number(3).e_tag(second.e_tag().unwrap()).build();
    let complete = |parts: Vec<CompletedPart>| {
        let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
        complete.multipart_upload(completed(parts)).send()
    };
    assert_eq!(refusal(complete(vec![wrong]).await), refused(400, "InvalidPart"));
    assert_eq!(refusal(complete(vec![first.clone(), missing]).await), refused(400, "InvalidPart"));
    assert_eq!(
        refusal(complete(vec![second.clone(), first.clone()]).await),
        refused(400, "InvalidPartOrder")
    );
    assert_eq!(refusal(complete(vec![]).await).0, 400);
    complete(vec![first.clone(), second]).await.unwrap();
    assert_eq!(refusal(complete(vec![first]).await), refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn conditional_completion_is_refused_over_another_object_and_the_upload_stays_open() {
    let rig = Rig::start().await;
    let etag = rig.put(PLAIN, "k", "old").await;
    let upload_id = rig.open_upload("k").await;
    let part = rig.upload_part("k", &upload_id, 1, b"new".to_vec()).await;
    let complete = || {
        let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
        complete.multipart_upload(completed([part.clone()]))
    };
    assert_eq!(refusal(complete().if_none_match("*").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(refusal(complete().if_match("\"other\"").send().await), refused(412, "PreconditionFailed"));
    assert_eq!(rig.get(PLAIN, "k").await, b"old");
    complete().if_match(etag).send().await.unwrap();
    assert_eq!(rig.get(PLAIN, "k").await, b"new");
}

#[tokio::test]
async fn aborted_upload_is_gone_with_its_parts() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    rig.upload_part("k", &upload_id, 1, b"x".to_vec()).await;
    let hidden = rig.root().join(".embedded-s3");
    assert_eq!(walk(&hidden).len(), 1);
    let abort = || rig.client.abort_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id).send();
    abort().await.unwrap();
    assert_eq!(walk(&hidden), NONE);
    assert_eq!(refusal(abort().await), refused(404, "NoSuchUpload"));
    let part =
        rig.client.upload_part().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(1).send().await;
    assert_eq!(refusal(part), refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn part_numbers_run_from_one_to_ten_thousand() {
    let rig = Rig::start().await;
    let upload_id = rig.open_upload("k").await;
    rig.upload_part("k", &upload_id, 10_000, b"x".to_vec()).await;
    for number in [0, 10_001] {
        let part = rig.client.upload_part().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(number);
        assert_eq!(refusal(part.send().await), refused(400, "InvalidArgument"), "{number}");
    }
}

#[tokio::test]
async fn parts_are_copied_by_ranges_of_a_source() {
    let rig = Rig::start().await;
    let whole = pattern(6 * MIB);
    rig.put(PLAIN, "source", whole.clone()).await;
    let upload_id = rig.open_upload("k").await;
    let mut parts = Vec::new();
    for (number, range) in [(1, "bytes=7-5242886"), (2, "bytes=5242887-6291455")] {
        let copy =
            rig.client.upload_part_copy().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(number);
        let copy = copy.copy_source(format!("{PLAIN}/source")).copy_source_range(range).send().await.unwrap();
        let etag = copy.copy_part_result().unwrap().e_tag().unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(&upload_id);
    complete.multipart_upload(completed(parts)).send().await.unwrap();
    assert!(rig.get(PLAIN, "k").await == whole[7..]);
}

#[tokio::test]
async fn part_copy_ranges_must_lie_in_a_source_of_over_five_mebibytes() {
    let rig = Rig::start().await;
    rig.put(PLAIN, "small", vec![0; 5 * MIB]).await;
    rig.put(PLAIN, "large", vec![0; 5 * MIB + 1]).await;
    let upload_id = rig.open_upload("k").await;
    let copy = |source: &str, range: &str| {
        let copy = rig.client.upload_part_copy().bucket(PLAIN).key("k").upload_id(&upload_id).part_number(1);
        copy.copy_source(format!("{PLAIN}/{source}")).copy_source_range(range).send()
    };
    assert_eq!(refusal(copy("small", "bytes=0-0").await), refused(400, "InvalidRequest"));
    assert_eq!(refusal(copy("large", "bytes=0-5242881").await), refused(400, "InvalidArgument"));
    assert_eq!(refusal(copy("large", "bytes=0-").await), refused(400, "InvalidArgument"));
    copy("large", "bytes=0-0").await.unwrap();
}

#[tokio::test]
async fn composite_checksum_needs_the_checksum_of_every_part() {
    let rig = Rig::start().await;
    let create = rig.client.create_multipart_upload().bucket(PLAIN).key("k");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
    let upload_id = create.upload_id().unwrap();
    let part = rig.client.upload_part().bucket(PLAIN).key("k").upload_id(upload_id).part_number(1);
    let part = part
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
    let bare = CompletedPart::builder().part_number(1).e_tag(part.e_tag().unwrap());
    let complete = |part: CompletedPart| {
        let complete = rig.client.complete_multipart_upload().bucket(PLAIN).key("k").upload_id(upload_id);
        complete.multipart_upload(completed([part])).send()
    };
    assert_eq!(refusal(complete(bare.clone().build()).await), refused(400, "InvalidRequest"));
    let done = complete(bare.checksum_sha256(part.checksum_sha256().unwrap()).build()).await.unwrap();
    assert_eq!(done.checksum_type(), Some(&ChecksumType::Composite));
    assert!(done.checksum_sha256().unwrap().ends_with("-1"), "{:?}", done.checksum_sha256());
    let wrong = rig.client.create_multipart_upload().bucket(PLAIN).key("k");
    let wrong = wrong.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_type(ChecksumType::FullObject);
    assert_eq!(refusal(wrong.send().await), refused(400, "InvalidRequest"));
}
