//! The entries and reports, byte for byte as they are in S3. A deployed pipeline must read what its earlier release
//! wrote, so a serialized name that changes by accident must fail here.
//!
//! `golden/v1/` and `golden/v2/` have what earlier releases wrote. Each of their files has a namesake in `golden/v3/`: the
//! same entry as this release writes it. `golden/v4/` has a drop that is held: older releases leave it alone. The files of a version that has been released never change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bedrock_vpc_batch::aws::error::ErrorKind;
use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::plan::Plan;
use bedrock_vpc_batch::drop::rejection::Rejection;
use bedrock_vpc_batch::job::ending::EndStatus;
use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::ledger::drop::{DropEntry, DropState};
use bedrock_vpc_batch::ledger::entry::{Entry, EntryError, VERSION, parse};
use bedrock_vpc_batch::ledger::job::JobEntry;
use bedrock_vpc_batch::ledger::job_state::JobState;
use bedrock_vpc_batch::ledger::status::Status;
use bedrock_vpc_batch::ledger::sweep::SweepEntry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::World;

/// The golden files of a folder whose names start with `prefix`: name and content, sorted by name.
fn golden(folder: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/golden").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut found: Vec<_> = files
        .map(|path| (name(&path), std::fs::read(&path).unwrap()))
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    found.sort();
    found
}

/// Reads each golden file as a `T`, writes it as the flows do, and compares the object in S3 with the file.
async fn rewritten<T>(folder: &str, prefix: &str) -> Vec<(String, T)>
where
    T: Serialize + DeserializeOwned + Send + Sync,
{
    let world = World::new().await;
    let store = Store::new(world.own.clone(), &world.config.output_bucket);
    let mut entries = Vec::new();
    for (name, bytes) in golden(folder, prefix) {
        let entry: T = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        store.put_json(&name, &entry).await.unwrap();
        let [written, golden] =
            [world.read_output(&name).await, bytes].map(|b| String::from_utf8(b).unwrap());
        assert_eq!(written, golden, "{name}");
        entries.push((name, entry));
    }
    entries
}

#[tokio::test]
async fn every_state_of_a_drop_is_written_as_version_3_has_it() {
    let entries = rewritten::<DropEntry>("v3", "drop-").await;
    let states: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.state.name()).collect();
    let all = ["Accepted", "Erased", "Finished", "Reading", "Rejected"];
    assert_eq!(Vec::from_iter(states), all, "each state has a golden file");
    for (name, entry) in entries {
        assert_eq!((entry.version, &entry.drop_id), (3, &DropId::derive(&entry.source)), "{name}");
        let is_filled = match entry.state {
            DropState::Accepted { plan: Plan::Whole { parts }, settings, repairs } => {
                let is_repaired = repairs.is_some() && parts.iter().any(|part| part.repaired > 0);
                !parts.is_empty() && settings.is_some() && is_repaired == name.ends_with("-repaired")
            }
            DropState::Finished { plan: Plan::Whole { parts } } => !parts.is_empty(),
            DropState::Accepted { plan: Plan::Paged { pages, .. }, .. }
            | DropState::Finished { plan: Plan::Paged { pages, .. } } => {
                pages > 1 && name.ends_with("-paged")
            }
            DropState::Rejected { problems, .. } => !problems.is_empty(),
            DropState::Reading(reading) => reading.too_slow.is_some() == (name == "drop-reading-too-slow"),
            DropState::Erased => true,
            DropState::Held(_) => false,
        };
        assert!(is_filled, "{name} has no example of what the state has");
    }
}

#[tokio::test]
async fn held_drop_is_written_as_version_4_has_it() {
    let entries = rewritten::<DropEntry>("v4", "drop-").await;
    let [(_, whole), (_, paged)] = entries.try_into().unwrap();
    for (entry, reasons, is_paged) in [(whole, 4, false), (paged, 1, true)] {
        assert_eq!((entry.version, &entry.drop_id), (4, &DropId::derive(&entry.source)));
        let DropState::Held(held) = entry.state else { panic!("it is not held") };
        assert_eq!((held.reasons.len(), held.cost.max_usd.is_none()), (reasons, is_paged));
        assert_eq!(matches!(held.plan, Plan::Paged { .. }), is_paged);
        assert_eq!(
            (held.approved.is_none(), held.day.is_none(), held.repairs.is_none()),
            (is_paged, is_paged, is_paged)
        );
    }
}

#[tokio::test]
async fn every_state_of_a_job_is_written_as_version_3_has_it() {
    let entries = rewritten::<JobEntry>("v3", "job-").await;
    let states: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.state.name()).collect();
    let all =
        ["Doubtful", "Ended", "Settled", "SourceDeleted", "Stopping", "Submitted", "Submitting", "Waiting"];
    assert_eq!(Vec::from_iter(states), all, "each state has a golden file");
    for (name, entry) in entries {
        assert_eq!(entry.version, 3, "{name}");
        assert_eq!(entry.drop_id, DropId::derive(&entry.source), "{name}");
        assert_eq!(entry.job_id, JobId::derive(&entry.drop_id, entry.part.number, entry.attempt), "{name}");
        assert_eq!(entry.refusal.is_some(), name == "job-waiting-refused", "{name}");
        assert_eq!(entry.new_settings.is_some(), name == "job-submitting", "{name}");
        assert_eq!(entry.padding.is_some(), name == "job-ended", "{name}");
        assert!(entry.settings.is_some(), "{name}");
        let is_filled = match entry.state {
            JobState::Doubtful(_, doubt) => !doubt.contradictions.is_empty(),
            JobState::Ended(job, outcome) => outcome.next.is_some() && !job.request.tags.is_empty(),
            JobState::Settled(job, outcome) if name == "job-settled-cancelled" => {
                outcome.status == EndStatus::Cancelled && job.job_arn.is_empty()
            }
            JobState::Settled(_, outcome) => !outcome.mismatches.is_empty(),
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::Stopping { .. }
            | JobState::SourceDeleted => true,
        };
        assert!(is_filled, "{name} has no example of what the state has");
    }
}

#[tokio::test]
async fn both_reports_are_written_as_their_golden_files_have_them() {
    let [(_, rejection)] = rewritten::<Rejection>("reports", "rejection").await.try_into().unwrap();
    assert_eq!((rejection.version, rejection.problems.len()), (1, 2));
    let [(_, summary)] = rewritten::<Summary>("findings", "summary").await.try_into().unwrap();
    assert_eq!((summary.version, summary.jobs.len(), summary.files.len()), (1, 2, 3));
    assert!(!summary.messages.is_empty() && !summary.largest_errors.is_empty());
    // An earlier release wrote it without findings.
    let (_, earlier) = golden("reports", "summary").remove(0);
    let earlier: Summary = serde_json::from_slice(&earlier).unwrap();
    assert_eq!((earlier.records.failed, earlier.records.truncated), (10, 0));
    assert_eq!((earlier.jobs.len(), earlier.unusable.truncated.more), (2, 0));
}

#[tokio::test]
async fn status_is_written_as_its_golden_files_have_it() {
    let statuses = rewritten::<Status>("reports", "status-").await;
    let [(_, finished), (_, waiting)] = statuses.try_into().unwrap();
    assert!(finished.is_final() && finished.results.is_some());
    assert!(waiting.refusal.is_some() && waiting.attempt == Some(2) && waiting.jobs.is_some());
}

#[tokio::test]
async fn job_is_written_with_what_was_found_in_its_output() {
    let [(_, job)] = rewritten::<JobEntry>("findings", "job-").await.try_into().unwrap();
    let JobState::Ended(_, outcome) = job.state else { panic!("it is not Ended") };
    assert_eq!((outcome.findings.truncated.count, outcome.findings.largest_errors.len()), (21, 2));
}

/// Reads each golden file of an earlier version, and its namesake of version 3 without what that version did not record.
fn both_versions<T: Entry>(earlier: &str, prefix: &str, clear: impl Fn(&mut T)) -> Vec<(String, T, T)> {
    let read = |(name, json): (String, Vec<u8>)| {
        let entry = parse::<T>(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, entry)
    };
    let mut namesakes: BTreeMap<String, T> = golden("v3", prefix).into_iter().map(read).collect();
    let pairs = golden(earlier, prefix).into_iter().map(read).map(|(name, old)| {
        let mut new = namesakes.remove(&name).unwrap_or_else(|| panic!("{name} has no namesake"));
        clear(&mut new);
        (name, old, new)
    });
    pairs.collect()
}

#[test]
fn entries_of_versions_1_and_2_are_read_as_the_same_entries_of_version_3() {
    let first_drops = both_versions::<DropEntry>("v1", "drop-", |drop| {
        drop.version = 1;
        if let DropState::Accepted { settings, .. } = &mut drop.state {
            *settings = None;
        }
    });
    let first_jobs = both_versions::<JobEntry>("v1", "job-", |job| {
        job.version = 1;
        (job.settings, job.new_settings, job.padding) = (None, None, None);
    });
    let drops = both_versions::<DropEntry>("v2", "drop-", |drop| drop.version = 2);
    let jobs = both_versions::<JobEntry>("v2", "job-", |job| job.version = 2);
    assert_eq!([first_drops.len(), first_jobs.len(), drops.len(), jobs.len()], [6, 8, 8, 8]);
    for (name, old, new) in first_drops.into_iter().chain(drops) {
        assert_eq!(old, new, "{name}");
    }
    for (name, old, new) in first_jobs.into_iter().chain(jobs) {
        assert_eq!(old, new, "{name}");
    }
}

/// Every object in a JSON value, at any depth.
fn each_object(json: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match json {
        Value::Object(members) => {
            // The keys of tags are data, and a range has no other members than its ends.
            let values = members.iter_mut().filter(|(key, _)| !["tags", "bytes"].contains(&key.as_str()));
            values.for_each(|(_, value)| each_object(value, change));
            change(members);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        _ => {}
    }
}

#[test]
fn members_that_this_release_does_not_know_are_ignored_everywhere() {
    fn assert_ignored<T: Entry + std::fmt::Debug>(prefix: &str) {
        for (name, bytes) in golden("v3", prefix) {
            let mut json: Value = serde_json::from_slice(&bytes).unwrap();
            each_object(&mut json, &mut |members| {
                members.insert("of_a_later_release".into(), json!({"any": ["thing"]}));
            });
            let read =
                parse::<T>(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read, parse(&bytes).unwrap(), "{name}");
        }
    }
    assert_ignored::<DropEntry>("drop-");
    assert_ignored::<JobEntry>("job-");
}

#[test]
fn entry_of_a_newer_version_is_not_read_whatever_its_shape_is() {
    fn assert_newer<T: Entry + std::fmt::Debug>(newest: u32) {
        let json = json!({"version": newest + 1, "state": ["of another shape"]}).to_string();
        let error = parse::<T>(json.as_bytes()).unwrap_err();
        let newer = newest + 1;
        assert!(matches!(error, EntryError::Newer { version, .. } if version == newer), "{error}");
        let message = format!(
            "it was written by a newer release: its version is {newer}, and this release reads up to {newest}"
        );
        assert_eq!(error.to_string(), message);
    }
    assert_newer::<DropEntry>(4);
    assert_newer::<JobEntry>(VERSION);
    assert_newer::<SweepEntry>(1);
}

#[test]
fn job_must_have_exactly_one_segment() {
    let (_, bytes) = golden("v3", "job-waiting").remove(0);
    let mut json: Value = serde_json::from_slice(&bytes).unwrap();
    let segment = json["segments"][0].clone();
    for (segments, count) in [(json!([]), 0), (json!([segment.clone(), segment]), 2)] {
        json["segments"] = segments;
        let error = parse::<JobEntry>(json.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&format!("has {count} segments, not one")), "{error}");
    }
}

#[tokio::test]
async fn entry_that_cannot_be_read_says_who_should_try_again() {
    let world = World::new().await;
    let store = Store::new(world.own.clone(), &world.config.output_bucket);
    for (json, kind) in [
        (json!({"version": VERSION + 1}), ErrorKind::Unavailable),
        (json!({"version": VERSION}), ErrorKind::Internal),
        (json!({}), ErrorKind::Internal),
    ] {
        store.put_json("k", &json).await.unwrap();
        let error = store.get_entry::<JobEntry>("k").await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (kind, "cannot read k in the output bucket".into()));
    }
}
