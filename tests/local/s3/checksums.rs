//! Checksums of bodies are verified, kept, and returned.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType};

use super::{NONE, PLAIN, Rig, body_of, refusal, refused, walk};

#[tokio::test]
async fn streamed_upload_is_stored_without_its_chunk_framing() {
    let rig = Rig::start().await;
    let file = rig.outer.path().join("upload");
    std::fs::write(&file, "hello file").unwrap();
    let body = ByteStream::from_path(&file).await.unwrap();
    let put = rig.client.put_object().bucket(PLAIN).key("k").body(body).send().await.unwrap();
    assert_eq!(put.checksum_crc32(), Some("aaQA+w=="));
    assert_eq!(rig.get(PLAIN, "k").await, b"hello file");
    let head = rig.client.head_object().bucket(PLAIN).key("k").send().await.unwrap();
    assert_eq!((head.content_length(), head.content_encoding()), (Some(10), None));
}

const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Crc32C,
    ChecksumAlgorithm::Crc64Nvme,
    ChecksumAlgorithm::Sha1,
    ChecksumAlgorithm::Sha256,
];

#[tokio::test]
async fn every_checksum_is_verified_kept_and_returned() {
    let rig = Rig::start().await;
    let file = rig.outer.path().join("upload");
    std::fs::write(&file, "123456789").unwrap();
    for algorithm in ALGORITHMS {
        for streamed in [false, true] {
            let body = if streamed {
                ByteStream::from_path(&file).await.unwrap()
            } else {
                ByteStream::from_static(b"123456789")
            };
            let put = rig.client.put_object().bucket(PLAIN).key("k").checksum_algorithm(algorithm.clone());
            put.body(body).send().await.unwrap();
            let get = || rig.client.get_object().bucket(PLAIN).key("k").checksum_mode(ChecksumMode::Enabled);
            let whole = get().send().await.unwrap();
            let given = [
                whole.checksum_crc32(),
                whole.checksum_crc32_c(),
                whole.checksum_crc64_nvme(),
                whole.checksum_sha1(),
                whole.checksum_sha256(),
            ];
            let expected = ALGORITHMS.map(|other| (other == algorithm).then(|| check_value(&algorithm)));
            assert_eq!(given, expected, "{algorithm} streamed: {streamed}");
            assert_eq!(whole.checksum_type(), Some(&ChecksumType::FullObject));
            assert_eq!(body_of(whole).await, b"123456789");
            let part = get().range("bytes=0-1").send().await.unwrap();
            assert_eq!(
                (part.checksum_crc32(), part.checksum_sha256(), part.checksum_type()),
                (None, None, None)
            );
        }
    }
}

/// The published check value of "123456789" for an algorithm, in base64.
fn check_value(algorithm: &ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "y/Q5Jg==",
        ChecksumAlgorithm::Crc32C => "4waSgw==",
        ChecksumAlgorithm::Crc64Nvme => "rosUhgp5mIg=",
        ChecksumAlgorithm::Sha1 => "98O8HYCOBHMq32eZZczDTKeuNEE=",
        ChecksumAlgorithm::Sha256 => "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn wrong_checksums_are_refused_and_nothing_is_stored() {
    let rig = Rig::start().await;
    for algorithm in ALGORITHMS {
        let put = rig.client.put_object().bucket(PLAIN).key("k").body(ByteStream::from_static(b"123456780"));
        let value = check_value(&algorithm);
        let put = match algorithm {
            ChecksumAlgorithm::Crc32 => put.checksum_crc32(value),
            ChecksumAlgorithm::Crc32C => put.checksum_crc32_c(value),
            ChecksumAlgorithm::Crc64Nvme => put.checksum_crc64_nvme(value),
            ChecksumAlgorithm::Sha1 => put.checksum_sha1(value),
            _ => put.checksum_sha256(value),
        };
        assert_eq!(refusal(put.send().await), refused(400, "BadDigest"), "{algorithm}");
    }
    let put = rig.client.put_object().bucket(PLAIN).key("k").checksum_crc32("no base64").send().await;
    assert_eq!(refusal(put), refused(400, "InvalidRequest"));
    let upload_id = rig.open_upload("k").await;
    let part = rig.client.upload_part().bucket(PLAIN).key("k").upload_id(upload_id).part_number(1);
    let part = part.checksum_crc32("AAAAAA==").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(refusal(part), refused(400, "BadDigest"));
    assert_eq!(rig.keys(PLAIN).await, [""; 0]);
    assert_eq!(walk(&rig.root().join(".embedded-s3")), NONE);
}

#[tokio::test]
async fn wrong_content_md5_is_refused() {
    let rig = Rig::start().await;
    let put = |md5: &str| rig.client.put_object().bucket(PLAIN).key("k").content_md5(md5).send();
    assert_eq!(refusal(put("XUFAKrxLKna5cZ2REBfFkg==").await), refused(400, "BadDigest"));
    assert_eq!(refusal(put("nonsense").await), refused(400, "InvalidDigest"));
    put("1B2M2Y8AsgTpgAmY7PhCfg==").await.unwrap();
}

#[tokio::test]
async fn without_a_checksum_s3_computes_crc64nvme() {
    let rig = Rig::start().await;
    let config = rig.client.config().to_builder();
    let config =
        config.request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired);
    let client = Client::from_conf(config.build());
    let put = client.put_object().bucket(PLAIN).key("k").body(ByteStream::from_static(b"123456789"));
    let put = put.send().await.unwrap();
    assert_eq!((put.checksum_crc64_nvme(), put.checksum_crc32()), (Some("rosUhgp5mIg="), None));
}
