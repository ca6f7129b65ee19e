//! Listings of versions and delete markers: order, pages, prefixes, and delimiters.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::operation::list_object_versions::builders::ListObjectVersionsFluentBuilder;
use aws_sdk_s3::types::{BucketVersioningStatus, EncodingType, VersioningConfiguration};

use super::{PLAIN, Rig, VERSIONED, owned, refusal, refused};

/// An entry of a page: key, version id, whether it is the latest, and whether it is a delete marker.
type Listed = (String, String, bool, bool);

fn versions_of(page: &ListObjectVersionsOutput) -> Vec<Listed> {
    let text = |text: Option<&str>| text.unwrap().to_owned();
    let versions = page.versions().iter();
    let markers = page.delete_markers().iter();
    versions
        .map(|entry| (text(entry.key()), text(entry.version_id()), entry.is_latest().unwrap(), false))
        .chain(
            markers
                .map(|entry| (text(entry.key()), text(entry.version_id()), entry.is_latest().unwrap(), true)),
        )
        .collect()
}

fn prefixes_of(page: &ListObjectVersionsOutput) -> Vec<String> {
    page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()).collect()
}

/// All pages of a listing of versions, each requested with the markers of the one before. The SDK has no
/// paginator for this operation.
async fn pages(list: ListObjectVersionsFluentBuilder) -> Vec<ListObjectVersionsOutput> {
    let mut pages = vec![list.clone().send().await.unwrap()];
    while let Some(page) = pages.last().filter(|page| page.is_truncated() == Some(true)) {
        let next = list.clone().key_marker(page.next_key_marker().unwrap());
        let next = next.set_version_id_marker(page.next_version_id_marker().map(str::to_owned));
        let next = next.send().await.unwrap();
        assert_eq!(next.key_marker(), page.next_key_marker());
        assert_eq!(next.version_id_marker().unwrap(), page.next_version_id_marker().unwrap_or_default());
        pages.push(next);
        assert!(pages.len() < 100, "the listing does not end");
    }
    pages
}

#[tokio::test]
async fn versions_and_delete_markers_are_listed_newest_first_over_pages_of_any_size() {
    let rig = Rig::start().await;
    // Some keys are prefixes of others, and they are not written in the order of the listing.
    let mut expected: BTreeMap<&str, Vec<(String, bool)>> = BTreeMap::new();
    for key in ["b", "a/1", "a", "b", "a/1", "-b", "a", "b", "-a", "b", "-b", "a", "b"] {
        let id = match key.strip_prefix('-') {
            None => rig.put_version(key, "x").await,
            Some(key) => {
                let deleted = rig.client.delete_object().bucket(VERSIONED).key(key).send().await.unwrap();
                deleted.version_id.unwrap()
            }
        };
        expected.entry(key.trim_start_matches('-')).or_default().insert(0, (id, key.starts_with('-')));
    }
    let expected: Vec<Listed> = expected
        .iter()
        .flat_map(|(key, ids)| {
            let entry = |(place, (id, is_marker)): (usize, &(String, bool))| {
                ((*key).to_owned(), id.clone(), place == 0, *is_marker)
            };
            ids.iter().enumerate().map(entry).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(expected.len(), 13);
    let list = || rig.client.list_object_versions().bucket(VERSIONED);
    let whole = list().send().await.unwrap();
    assert_eq!((whole.max_keys(), whole.is_truncated()), (Some(1000), Some(false)));
    assert_eq!((whole.next_key_marker(), whole.next_version_id_marker()), (None, None));
    assert_eq!((whole.name(), whole.prefix(), whole.key_marker()), (Some(VERSIONED), Some(""), Some("")));
    for page_size in [1, 2, 3, 5, 12, 13, 1000, 5000] {
        let pages = pages(list().max_keys(page_size)).await;
        let size = usize::try_from(page_size).unwrap().min(1000);
        assert_eq!(pages.len(), expected.len().div_ceil(size), "pages of {page_size}");
        for (page, expected) in pages.iter().zip(expected.chunks(size)) {
            // The SDK returns versions and delete markers in two lists.
            let mut expected = expected.to_vec();
            expected.sort_by_key(|entry| entry.3);
            assert_eq!(versions_of(page), expected, "pages of {page_size}");
            assert_eq!(page.max_keys(), Some(page_size.min(1000)));
        }
    }

    // A key marker alone skips all versions of the key; with a version id marker, the listing continues
    // within the key.
    let after = list().key_marker("a").send().await.unwrap();
    assert_eq!(versions_of(&after).len(), 9);
    let second = expected.iter().find(|entry| entry.0 == "b" && !entry.2).unwrap();
    let after = list().key_marker("b").version_id_marker(&second.1).send().await.unwrap();
    assert_eq!(versions_of(&after).len(), 5);
    assert!(versions_of(&after).iter().all(|entry| entry.0 == "b" && !entry.2));
    // The key of the marker need not exist.
    assert_eq!(versions_of(&list().key_marker("a/0").send().await.unwrap()).len(), 9);
    assert_eq!(versions_of(&list().key_marker("c").send().await.unwrap()), []);
    // The version of a marker may have been deleted.
    let delete = rig.client.delete_object().bucket(VERSIONED).key("b").version_id(&second.1);
    delete.send().await.unwrap();
    let after = list().key_marker("b").version_id_marker(&second.1).send().await.unwrap();
    assert_eq!(versions_of(&after).len(), 5);
    // A page of no keys has no next page.
    let none = list().max_keys(0).send().await.unwrap();
    assert_eq!(
        (versions_of(&none), none.is_truncated(), none.next_key_marker()),
        (vec![], Some(false), None)
    );
}

#[tokio::test]
async fn versions_are_listed_under_a_prefix_and_rolled_up() {
    let rig = Rig::start().await;
    for key in ["a", "a/1", "a/1", "a/b/3", "b", "c//d", "c/", "z/z"] {
        rig.put_version(key, "").await;
    }
    rig.client.delete_object().bucket(VERSIONED).key("a/2").send().await.unwrap();
    rig.client.delete_object().bucket(VERSIONED).key("z/z").send().await.unwrap();
    let table: &[(&str, &str, &[&str], &[&str])] = &[
        ("", "", &["a", "a/1", "a/1", "a/2", "a/b/3", "b", "c/", "c//d", "z/z", "z/z"], &[]),
        ("a/", "", &["a/1", "a/1", "a/2", "a/b/3"], &[]),
        ("", "/", &["a", "b"], &["a/", "c/", "z/"]),
        ("a", "/", &["a"], &["a/"]),
        ("a/", "/", &["a/1", "a/1", "a/2"], &["a/b/"]),
        ("c/", "/", &["c/"], &["c//"]),
        ("nothing", "/", &[], &[]),
    ];
    for (prefix, delimiter, keys, prefixes) in table {
        for page_size in [1, 2, 3, 1000] {
            let list =
                rig.client.list_object_versions().bucket(VERSIONED).prefix(*prefix).max_keys(page_size);
            let list = list.set_delimiter(Some((*delimiter).to_owned()).filter(|text| !text.is_empty()));
            let (mut listed, mut rolled_up) = (Vec::new(), Vec::new());
            for page in pages(list).await {
                let count = versions_of(&page).len() + prefixes_of(&page).len();
                assert!(count <= usize::try_from(page_size).unwrap(), "{count}");
                if page.next_version_id_marker().is_none()
                    && let Some(marker) = page.next_key_marker()
                {
                    assert_eq!(prefixes_of(&page).last().unwrap(), marker);
                }
                assert_eq!(page.prefix(), Some(*prefix));
                listed.extend(versions_of(&page).into_iter().map(|entry| entry.0));
                rolled_up.extend(prefixes_of(&page));
            }
            listed.sort();
            let at = format!("{prefix:?} {delimiter:?} by {page_size}");
            assert_eq!((listed, rolled_up), (owned(keys), owned(prefixes)), "{at}");
        }
    }
}

#[tokio::test]
async fn versions_are_null_without_versioning_and_before_it_is_enabled() {
    let rig = Rig::start().await;
    for key in ["b", "a", "b"] {
        rig.put(PLAIN, key, "").await;
    }
    let null = |key: &str, is_latest| (key.to_owned(), "null".to_owned(), is_latest, false);
    let list = || rig.client.list_object_versions().bucket(PLAIN);
    assert_eq!(versions_of(&list().send().await.unwrap()), [null("a", true), null("b", true)]);
    let pages = pages(list().max_keys(1)).await;
    assert_eq!(pages.iter().map(versions_of).collect::<Vec<_>>(), [[null("a", true)], [null("b", true)]]);
    assert_eq!(pages[0].next_version_id_marker(), Some("null"));

    let configuration = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let switch = rig.client.put_bucket_versioning().bucket(PLAIN).versioning_configuration(configuration);
    switch.send().await.unwrap();
    rig.put(PLAIN, "b", "").await;
    let listed = versions_of(&list().prefix("b").send().await.unwrap());
    assert_eq!((listed.len(), listed[0].2, &listed[1]), (2, true, &null("b", false)));
    // The sweep needs these members of a version.
    let page = list().prefix("b").send().await.unwrap();
    let version = &page.versions()[0];
    let head = rig.client.head_object().bucket(PLAIN).key("b").send().await.unwrap();
    assert_eq!(version.last_modified(), head.last_modified());
    assert_eq!((version.e_tag(), version.size()), (head.e_tag(), Some(0)));
    assert_eq!(version.storage_class().map(|class| class.as_str()), Some("STANDARD"));
    assert_eq!(version.owner().unwrap().id().unwrap().len(), 64);
}

#[tokio::test]
async fn listing_of_versions_is_url_encoded_on_demand_and_refuses_what_s3_refuses() {
    let rig = Rig::start().await;
    for key in ["é", "z", "Z", "a b+c/d", "a b+c"] {
        rig.put_version(key, "").await;
    }
    let list = || rig.client.list_object_versions().bucket(VERSIONED);
    let keys = |page: &ListObjectVersionsOutput| {
        versions_of(page).into_iter().map(|entry| entry.0).collect::<Vec<_>>()
    };
    assert_eq!(keys(&list().send().await.unwrap()), ["Z", "a b+c", "a b+c/d", "z", "é"]);
    let url = list().encoding_type(EncodingType::Url).prefix("a b").delimiter("/").key_marker("a b");
    let url = url.max_keys(1).send().await.unwrap();
    assert_eq!(keys(&url), ["a+b%2Bc"]);
    assert_eq!((url.prefix(), url.key_marker(), url.delimiter()), (Some("a+b"), Some("a+b"), Some("/")));
    assert_eq!((url.next_key_marker(), url.encoding_type()), (Some("a+b%2Bc"), Some(&EncodingType::Url)));

    let id = rig.put_version("z", "").await;
    for refusal_of in [
        list().version_id_marker(&id),
        list().key_marker("z").version_id_marker(""),
        list().key_marker("z").version_id_marker("nonsense"),
        list().key_marker("nothing").version_id_marker("nonsense"),
        list().max_keys(-1),
        list().encoding_type("base64".into()),
    ] {
        assert_eq!(refusal(refusal_of.send().await), refused(400, "InvalidArgument"));
    }
    let missing = rig.client.list_object_versions().bucket("no-such-bucket").send().await;
    assert_eq!(refusal(missing), refused(404, "NoSuchBucket"));
}
