//! The entries and reports of version 1, byte for byte as they are in S3. A deployed pipeline must read what
//! its earlier release wrote, so a serialized name that changes by accident must fail here.
//!
//! To change one on purpose, edit the file in `golden/`; once there is a release, raise the version as well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bedrock_vpc_batch::aws::store::objects::Store;
use bedrock_vpc_batch::drop::identity::{DropId, JobId};
use bedrock_vpc_batch::drop::rejection::Rejection;
use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::ledger::drop::{DropEntry, DropState};
use bedrock_vpc_batch::ledger::job::JobEntry;
use bedrock_vpc_batch::ledger::job_state::JobState;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::World;

/// The golden files whose names start with `prefix`: name and content, sorted by name.
fn golden(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/golden");
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
async fn rewritten<T>(prefix: &str) -> Vec<(String, T)>
where
    T: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync,
{
    let world = World::new().await;
    let store = Store::new(world.own.clone(), &world.config.output_bucket);
    let mut entries = Vec::new();
    for (name, bytes) in golden(prefix) {
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
async fn every_state_of_a_drop_is_written_as_version_1_has_it() {
    let entries = rewritten::<DropEntry>("drop-").await;
    let states: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.state.name()).collect();
    let all = ["Accepted", "Erased", "Finished", "Reading", "Rejected"];
    assert_eq!(Vec::from_iter(states), all, "each state has a golden file");
    for (name, entry) in entries {
        assert_eq!((entry.version, &entry.drop_id), (1, &DropId::derive(&entry.source)), "{name}");
        let is_filled = match entry.state {
            DropState::Accepted { parts } | DropState::Finished { parts } => !parts.is_empty(),
            DropState::Rejected { problems, .. } => !problems.is_empty(),
            DropState::Reading(reading) => reading.too_slow.is_some() == (name == "drop-reading-too-slow"),
            DropState::Erased => true,
        };
        assert!(is_filled, "{name} has no example of what the state has");
    }
}

#[tokio::test]
async fn every_state_of_a_job_is_written_as_version_1_has_it() {
    let entries = rewritten::<JobEntry>("job-").await;
    let states: BTreeSet<&str> = entries.iter().map(|(_, entry)| entry.state.name()).collect();
    let all = ["Doubtful", "Ended", "Settled", "SourceDeleted", "Submitted", "Submitting", "Waiting"];
    assert_eq!(Vec::from_iter(states), all, "each state has a golden file");
    for (name, entry) in entries {
        assert_eq!(entry.version, 1, "{name}");
        assert_eq!(entry.drop_id, DropId::derive(&entry.source), "{name}");
        assert_eq!(entry.job_id, JobId::derive(&entry.drop_id, entry.part.number, entry.attempt), "{name}");
        assert_eq!(entry.refusal.is_some(), name == "job-waiting-refused", "{name}");
        let is_filled = match entry.state {
            JobState::Doubtful(_, doubt) => !doubt.contradictions.is_empty(),
            JobState::Ended(job, outcome) => outcome.next.is_some() && !job.request.tags.is_empty(),
            JobState::Settled(_, outcome) => !outcome.mismatches.is_empty(),
            JobState::Waiting
            | JobState::Submitting { .. }
            | JobState::Submitted { .. }
            | JobState::SourceDeleted => true,
        };
        assert!(is_filled, "{name} has no example of what the state has");
    }
}

#[tokio::test]
async fn both_reports_are_written_as_version_1_has_them() {
    let [(_, rejection)] = rewritten::<Rejection>("rejection").await.try_into().unwrap();
    assert_eq!((rejection.version, rejection.problems.len()), (1, 2));
    let [(_, summary)] = rewritten::<Summary>("summary-with").await.try_into().unwrap();
    assert_eq!((summary.version, summary.jobs.len(), summary.files.len()), (1, 2, 3));
    assert!(!summary.messages.is_empty() && !summary.largest_errors.is_empty());
    // An earlier release wrote it without findings.
    let (_, earlier) = golden("summary").into_iter().find(|(name, _)| name == "summary").unwrap();
    let earlier: Summary = serde_json::from_slice(&earlier).unwrap();
    assert_eq!((earlier.records.failed, earlier.records.truncated), (10, 0));
    assert_eq!((earlier.jobs.len(), earlier.unusable.truncated.more), (2, 0));
}
