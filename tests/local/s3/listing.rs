//! Listings of keys: order, pages, prefixes, and delimiters.

use aws_sdk_s3::types::EncodingType;

use super::{PLAIN, Rig, owned, refusal, refused};

#[tokio::test]
async fn listing_gives_every_key_once_over_all_pages() {
    let rig = Rig::start().await;
    let keys: Vec<_> = (0..1005).map(|number| format!("k/{number:04}")).collect();
    for key in &keys {
        rig.put(PLAIN, key, "").await;
    }
    let first = rig.client.list_objects_v2().bucket(PLAIN).send().await.unwrap();
    assert_eq!(
        (first.key_count(), first.max_keys(), first.is_truncated()),
        (Some(1000), Some(1000), Some(true))
    );
    for (page_size, pages) in [(1000, 2), (100, 11), (335, 3), (201, 5)] {
        let mut listed = Vec::new();
        let mut count = 0;
        let list = rig.client.list_objects_v2().bucket(PLAIN).max_keys(page_size);
        let mut stream = list.into_paginator().send();
        while let Some(page) = stream.next().await {
            listed.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
            count += 1;
        }
        assert_eq!(listed, keys, "pages of {page_size}");
        assert_eq!(count, pages, "pages of {page_size}");
    }
    let after = rig.client.list_objects_v2().bucket(PLAIN).start_after("k/1002").send().await.unwrap();
    assert_eq!(
        after.contents().iter().map(|object| object.key().unwrap()).collect::<Vec<_>>(),
        ["k/1003", "k/1004"]
    );
    let bad = rig.client.list_objects_v2().bucket(PLAIN).continuation_token("nonsense").send().await;
    assert_eq!(refusal(bad), refused(400, "InvalidArgument"));
}

#[tokio::test]
async fn delimiter_rolls_keys_up_and_pages_count_what_was_rolled_up() {
    let rig = Rig::start().await;
    for key in ["a", "a/1", "a/2", "a/b/3", "b", "c//d", "c/", "z/z"] {
        rig.put(PLAIN, key, "").await;
    }
    let table: &[(&str, &[&str], &[&str])] = &[
        ("", &["a", "b"], &["a/", "c/", "z/"]),
        ("a", &["a"], &["a/"]),
        ("a/", &["a/1", "a/2"], &["a/b/"]),
        ("c/", &["c/"], &["c//"]),
        ("nothing", &[], &[]),
    ];
    for (prefix, keys, prefixes) in table {
        for page_size in [1, 2, 1000] {
            let list =
                rig.client.list_objects_v2().bucket(PLAIN).prefix(*prefix).delimiter("/").max_keys(page_size);
            let (mut listed, mut rolled_up) = (Vec::new(), Vec::new());
            let mut stream = list.into_paginator().send();
            while let Some(page) = stream.next().await {
                let page = page.unwrap();
                listed.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
                rolled_up
                    .extend(page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()));
                assert!(page.key_count().unwrap() <= page_size);
            }
            assert_eq!((listed, rolled_up), (owned(keys), owned(prefixes)), "{prefix:?} by {page_size}");
        }
    }
}

#[tokio::test]
async fn listing_is_in_the_order_of_bytes_and_url_encoded_on_demand() {
    let rig = Rig::start().await;
    for key in ["é", "z", "Z", "a b+c", "a\nb", "😀", "~"] {
        rig.put(PLAIN, key, "").await;
    }
    assert_eq!(rig.keys(PLAIN).await, ["Z", "a\nb", "a b+c", "z", "~", "é", "😀"]);
    let list = rig
        .client
        .list_objects_v2()
        .bucket(PLAIN)
        .encoding_type(EncodingType::Url)
        .prefix("a")
        .send()
        .await
        .unwrap();
    assert_eq!(
        list.contents().iter().map(|object| object.key().unwrap()).collect::<Vec<_>>(),
        ["a%0Ab", "a+b%2Bc"]
    );
}
