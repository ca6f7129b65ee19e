//! Many drops at once, with every fault at random: no record is lost, and none is paid for twice.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::drop::keys::Open;
use bedrock_vpc_batch::flow::handlers::Complete;
use bedrock_vpc_batch::job::summary::Summary;
use bedrock_vpc_batch::ledger::job_state::DOUBT;
use bedrock_vpc_batch::local::bedrock::{EndingRates, Operation};
use bedrock_vpc_batch::local::faults::{CallRates, EventFaults, FaultOptions, Service};
use bedrock_vpc_batch::local::pump::DropEnding;
use bedrock_vpc_batch::local::{Local, LocalOptions, clients};
use futures_util::future::join3;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::support::{config, drop_of, ids, invocation_after, schedule_event};

/// How long a soak may take at most. It includes leases, which outlive their function by half a minute.
const BOUND: Duration = Duration::from_secs(900);

pub(super) fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    #[expect(clippy::disallowed_methods, reason = "the Makefile's SEED= and DROPS=")]
    let value = std::env::var(name).ok();
    value.and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Every fault that there is. S3 promises to deliver a notification at least once, but a queue may lose it
/// after hours. Bedrock's state changes are best effort. And output may contradict manifest and counters.
fn everything() -> FaultOptions {
    let late = Duration::from_millis(1_500);
    FaultOptions {
        calls: CallRates {
            s3_503: 0.01,
            s3_409: 0.02,
            s3_412: 0.01,
            bedrock_throttle: 0.03,
            bedrock_quota: 0.03,
            bedrock_5xx: 0.03,
            lost_answers: 0.02,
            slow: Duration::from_millis(5),
        },
        notifications: EventFaults { dropped: 0.1, duplicated: 0.2, delayed: 0.2, delay: late },
        state_changes: EventFaults { dropped: 0.2, duplicated: 0.2, delayed: 0.3, delay: late },
        endings: EndingRates {
            retryable_errors: 0.1,
            partial: 0.15,
            expired: 0.1,
            failed: 0.1,
            stopped: 0.05,
            lying: 0.08,
        },
        jobs_in_flight: Some(5),
        refuse_role: Duration::from_secs(2),
        refuse_subnet: Duration::from_secs(4),
    }
}

fn key(drop: usize) -> String {
    format!("in/{drop:05}.jsonl")
}

/// Mixed sizes: some too small for a job, some with enough records for a next attempt.
fn size(drop: usize) -> usize {
    [100, 130, 99, 260, 110, 180, 100, 320][drop % 8]
}

/// Drops all files at once, and waits until each has its report. When only doubts that nothing resolves are
/// open, they become final.
async fn run(local: &Local, drops: usize) {
    let mut endings = local.endings();
    let own = local.s3().client();
    let put = |drop: usize| {
        let request = own.put_object().bucket(&local.config().input_bucket).key(key(drop));
        let request = request.body(drop_of(size(drop)).into());
        async move {
            request.send().await.unwrap();
        }
    };
    stream::iter(0..drops).for_each_concurrent(32, put).await;
    let mut reported = HashSet::new();
    let hours_later = Complete::new(
        local.config().clone(),
        &clients(local.config(), local.s3().key(), local.s3().endpoint(), local.stand_in().endpoint()),
    );
    let mut look = tokio::time::interval(Duration::from_millis(500));
    let all = async {
        while reported.len() < drops {
            tokio::select! {
                ending = endings.recv() => match ending.unwrap() {
                    DropEnding::Reported(key) => {
                        reported.insert(key);
                    }
                    // An operator would send the event again. Here, the sweep continues with whatever has a
                    // marker.
                    DropEnding::GivenUp { error, .. } => eprintln!("given up: {error}"),
                },
                _ = look.tick() => if only_doubts_are_open(local).await {
                    let swept = hours_later.handle(schedule_event(), &invocation_after(2 * DOUBT)).await;
                    swept.unwrap();
                },
            }
        }
    };
    // Twenty slots of a herd take five jobs per second, and a fifth of that on a busy machine.
    let bound = BOUND.max(Duration::from_secs(1) * u32::try_from(drops).unwrap());
    let outcome = tokio::time::timeout(bound, all).await;
    assert!(outcome.is_ok(), "only {} of {drops} drops have a report", reported.len());
}

/// Whether something is open, and all of it is jobs in doubt. It looks no further than the first one that is not,
/// because it is asked again and again while thousands of jobs are open.
async fn only_doubts_are_open(local: &Local) -> bool {
    let (own, bucket) = (&local.s3().client(), &local.config().output_bucket);
    let markers = own.list_objects_v2().bucket(bucket).prefix(keys::OPEN_PREFIX).max_keys(100);
    let mut pages = markers.into_paginator().send();
    let mut is_any_open = false;
    while let Some(page) = pages.next().await {
        for marker in page.unwrap().contents.unwrap_or_default().into_iter().filter_map(|object| object.key) {
            let Some(Open::Job(job_id)) = keys::parse_marker(&marker) else { return false };
            let entry = own.get_object().bucket(bucket).key(keys::job_entry(&job_id)).send().await;
            let Ok(entry) = entry else { return false };
            let entry: Value = serde_json::from_slice(&entry.body.collect().await.unwrap().to_vec()).unwrap();
            if entry["state"]["name"] != "Doubtful" {
                return false;
            }
            is_any_open = true;
        }
    }
    is_any_open
}

/// Removes entries of jobs for a while, one at a time, as if they were lost and an operator restored them.
/// Gives the number of removals.
async fn lose_entries(local: &Local, mut random: fastrand::Rng, is_over: &AtomicBool) -> usize {
    let (own, bucket) = (&local.s3().client(), &local.config().output_bucket);
    let sweeps = || local.faults().calls().iter().filter(|call| call.subject == keys::OPEN_PREFIX).count();
    let mut lost = 0;
    while !is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let entries = list(own, bucket, "ledger/jobs/").await;
        let Some(key) = random.choice(&entries) else { continue };
        let entry = own.get_object().bucket(bucket).key(key).send().await.unwrap();
        let etag = entry.e_tag().unwrap().to_owned();
        let bytes = entry.body.collect().await.unwrap().into_bytes();
        // Leaves an entry alone that has just been changed.
        if own.delete_object().bucket(bucket).key(key).if_match(etag).send().await.is_err() {
            continue;
        }
        lost += 1;
        let before = sweeps();
        while sweeps() < before + 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let back = own.put_object().bucket(bucket).key(key).if_none_match("*").body(bytes.into());
        if let Err(error) = back.send().await {
            // The entry was created again meanwhile.
            assert_eq!(error.code(), Some("PreconditionFailed"), "{error:?}");
        }
    }
    lost
}

/// The model of all drops, while a good file of routes says so.
const ROUTE_MODEL: &str = "amazon.nova-micro-v1:0";

/// Puts files of routes for a while, some of them bad and some with routes that are paused, and deletes them. Returns the
/// number of changes.
async fn change_routes(local: &Local, mut random: fastrand::Rng, is_over: &AtomicBool) -> usize {
    let (own, bucket) = (&local.s3().client(), &local.config().output_bucket);
    let with_model = json!({"routes": [{"prefix": "in/", "model_id": ROUTE_MODEL, "job_tags": {"team": "a"}, "weight": 3}]});
    let paused = json!({"routes": [
        {"prefix": "in/1", "model_id": ROUTE_MODEL},
        {"prefix": "in/", "model_id": ROUTE_MODEL, "paused": true},
    ]});
    let none = json!({"routes": []});
    let files =
        [with_model.to_string(), paused.to_string(), none.to_string(), "{\"routes\": [{}]}".to_owned()];
    let mut changes = 0;
    while !is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(700)).await;
        match random.choice(&files).filter(|_| random.u8(..) > 32) {
            Some(file) => {
                let put = own.put_object().bucket(bucket).key(keys::ROUTES_FILE);
                put.body(file.clone().into_bytes().into()).send().await.unwrap();
            }
            None => _ = own.delete_object().bucket(bucket).key(keys::ROUTES_FILE).send().await.unwrap(),
        }
        changes += 1;
    }
    changes
}

async fn read(client: &Client, bucket: &str, key: &str) -> Vec<u8> {
    let object = client.get_object().bucket(bucket).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

async fn list(client: &Client, bucket: &str, prefix: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
    }
    keys
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Value> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
}

/// The lines of a job's output that can be read. Some lines of a job with wrong output are cut off.
fn readable_lines(bytes: &[u8]) -> impl Iterator<Item = Value> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

fn id_of(record: &Value) -> String {
    record["recordId"].as_str().unwrap().to_owned()
}

/// Whether a record is final: it has an answer, or an error that it would get again.
fn is_final(record: &Value) -> bool {
    let code = record["error"]["errorCode"].as_u64();
    record.get("modelOutput").is_some() || code.is_some_and(|code| (400..500).contains(&code) && code != 429)
}

/// The figures of a soak.
#[derive(Debug, Default)]
struct Figures {
    records: usize,
    rejected: usize,
    jobs: usize,
    /// The jobs with the model of a route.
    routed: usize,
    /// The padding records in the inputs of all jobs.
    padding: usize,
    lost: usize,
    twice: usize,
    /// The drops with a doubt that became final.
    doubted: usize,
    /// The drops whose figures do not agree although nothing was in doubt.
    unbalanced: usize,
}

async fn figures(local: &Local, drops: usize, pads: bool) -> Figures {
    let own = &local.s3().client();
    let bucket = &local.config().output_bucket;
    let mut figures = Figures { jobs: local.stand_in().jobs().len(), ..Figures::default() };
    let mut reported_padding = 0;
    let all: BTreeMap<String, Vec<String>> =
        list(own, bucket, "results/").await.into_iter().fold(BTreeMap::new(), |mut drops, file| {
            drops.entry(file.split('/').take(3).collect::<Vec<_>>().join("/")).or_default().push(file);
            drops
        });
    for drop in 0..drops {
        let files = &all[&format!("results/{}", key(drop))];
        let is_rejected = files.iter().any(|file| file.ends_with("/rejection.json"));
        let status = files.iter().find(|file| file.ends_with("/status.json")).unwrap();
        let status: Value = serde_json::from_slice(&read(own, bucket, status).await).unwrap();
        assert_eq!(status["state"], if is_rejected { "Rejected" } else { "Finished" }, "{files:?}");
        if is_rejected {
            assert_eq!((files.len(), size(drop), pads), (3, 99, false));
            figures.rejected += 1;
            continue;
        }
        figures.records += size(drop);
        let mut seen = BTreeSet::new();
        for file in files.iter().filter(|file| file.ends_with(".jsonl") && file.contains("/part-")) {
            for record in lines(&read(own, bucket, file).await) {
                assert!(seen.insert(id_of(&record)), "{file} has a record that another file has");
            }
        }
        figures.lost += ids(size(drop)).difference(&seen).count();
        // A job with wrong output renames some records. It is not known that they were padding.
        let is_padding = |id: &&String| id.contains("-padding-") && !id.starts_with("another ");
        assert_eq!(seen.iter().find(is_padding), None, "padding is in the results of {}", key(drop));
        let summary = files.iter().find(|file| file.ends_with("/summary.json")).unwrap();
        let summary: Summary = serde_json::from_slice(&read(own, bucket, summary).await).unwrap();
        assert_eq!(summary.records.total, size(drop) as u64);
        reported_padding += summary.padding.map_or(0, |padding| padding.records);
        let is_doubted = summary.mismatches.iter().any(|what| what.contains("the output"));
        figures.doubted += usize::from(is_doubted);
        figures.unbalanced += usize::from(!summary.balanced && !is_doubted);
    }
    // A record may be in another job only if it is not final in an earlier one. The padding of each job has other ids.
    let mut dealt_with: HashMap<String, HashSet<String>> = HashMap::new();
    for job in local.stand_in().jobs() {
        let job_id = job.client_request_token.unwrap();
        let entry: Value =
            serde_json::from_slice(&read(own, bucket, &format!("ledger/jobs/{job_id}.json")).await).unwrap();
        // Only a refusal changes the settings of a job.
        let settings =
            if entry["new_settings"].is_null() { &entry["settings"] } else { &entry["new_settings"] };
        assert_eq!(job.request["modelId"], settings["model_id"], "{job_id}");
        let is_routed = settings["route"].is_string();
        assert_eq!(is_routed, job.request["modelId"] == ROUTE_MODEL, "{job_id}");
        figures.routed += usize::from(is_routed);
        let dealt_with =
            dealt_with.entry(entry["segments"][0]["drop_id"].as_str().unwrap().to_owned()).or_default();
        let input = read(own, bucket, &format!("work/{job_id}/input/{job_id}.jsonl")).await;
        let padding = format!("{job_id}-padding-");
        figures.padding += lines(&input).filter(|record| id_of(record).starts_with(&padding)).count();
        figures.twice += lines(&input).filter(|record| dealt_with.contains(&id_of(record))).count();
        let mut shown = 0;
        for file in list(own, bucket, &format!("work/{job_id}/output/")).await {
            if file.ends_with(".jsonl.out") {
                let output = read(own, bucket, &file).await;
                let of_input: HashSet<String> = lines(&input).map(|record| id_of(&record)).collect();
                let answers: Vec<Value> = readable_lines(&output).collect();
                shown += answers.iter().filter(|answer| of_input.contains(&id_of(answer))).count() as u64;
                dealt_with.extend(answers.iter().filter(|answer| is_final(answer)).map(id_of));
            }
        }
        // It is not known which records were processed, so all of them count.
        if shown < job.counts.processed {
            dealt_with.extend(lines(&input).map(|record| id_of(&record)));
        }
    }
    assert_eq!(
        reported_padding, figures.padding as u64,
        "the summaries count other padding than the jobs had"
    );
    figures
}

/// With an even seed, small drops and what is left of drops are filled up with padding, and each drop is held until the budget
/// of the day has room for it, and nobody has dropped the same file before.
async fn soak(seed: u64, drops: usize) {
    let pads = seed.is_multiple_of(2);
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let (small_drops, budget, duplicates) =
        if pads { ("pad", "1000", "hold") } else { ("reject", "", "accept") };
    let mut options = LocalOptions::new(config(&[
        ("CALL_TIMEOUT_SECONDS", "5"),
        ("EVENT_GRACE_SECONDS", "1"),
        ("SMALL_DROPS", small_drops),
        ("ROUTE_MODEL_ARNS", ROUTE_MODEL),
        ("MAX_USD_PER_DAY", budget),
        ("DUPLICATE_DROPS", duplicates),
    ]));
    options.seed = seed;
    options.faults = everything();
    options.sweep_every = Some(Duration::from_secs(3));
    // Short, so that the leases of killed functions end during the soak.
    options.function_timeout = Duration::from_secs(20);
    let local = Local::start(folder.path(), options).await.unwrap();
    let is_over = AtomicBool::new(false);
    let work = async {
        run(&local, drops).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let random = fastrand::Rng::with_seed(seed);
    let ((), entries_lost, routes_changed) = join3(
        work,
        lose_entries(&local, random.clone(), &is_over),
        change_routes(&local, random.clone(), &is_over),
    )
    .await;

    let figures = figures(&local, drops, pads).await;
    let injected = local.faults().counts();
    let (state_changes, notifications) = (local.pump().state_changes(), local.pump().notifications());
    println!(
        "soak: seed {seed}, {drops} drops ({} rejected), {} records, {} jobs with {} padding records, {} jobs of a route that came and went in {routes_changed} changes, {:.0} s; faults: {injected:?}, \
         state changes {state_changes:?}, notifications {notifications:?}, entries of jobs lost {entries_lost}; \
         doubts that became final: {}; records lost: {}, records submitted twice: {}",
        figures.rejected,
        figures.records,
        figures.jobs,
        figures.padding,
        figures.routed,
        started.elapsed().as_secs_f64(),
        figures.doubted,
        figures.lost,
        figures.twice,
    );
    assert_eq!((figures.lost, figures.twice, figures.unbalanced), (0, 0, 0));
    assert_eq!(figures.padding > 0, pads);
    assert!(figures.routed > 0 && figures.routed < figures.jobs, "{figures:?}");
    assert!(injected.values().all(|count| *count > 0) && injected.len() >= 7, "{injected:?}");
    assert!(notifications.dropped > 0 && entries_lost > 0 && figures.doubted > 0);
    assert!(state_changes.dropped > 0 && state_changes.duplicated > 0 && state_changes.delayed > 0);
    assert_eq!(
        list(&local.s3().client(), &local.config().output_bucket, "ledger/open/").await,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_seed_loses_nothing_and_pays_for_nothing_twice() {
    Box::pin(soak(setting("SEED", 1), setting("DROPS", 200))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_seed_loses_nothing_and_pays_for_nothing_twice() {
    Box::pin(soak(setting("SEED", 1) + 1, setting("DROPS", 200))).await;
}

fn median_and_maximum(mut counts: Vec<usize>) -> (usize, usize) {
    counts.sort_unstable();
    (counts[counts.len() / 2], *counts.last().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_drops_at_once_share_twenty_slots() {
    let drops = setting("DROPS", 200);
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let mut options = LocalOptions::new(config(&[("MIN_RECORDS_PER_JOB", "99")]));
    options.faults.jobs_in_flight = Some(20);
    // A job without a pace would free its slot long before its state change arrives.
    options.pace = Duration::from_secs(1);
    options.sweep_every = Some(Duration::from_secs(20));
    let local = Local::start(folder.path(), options).await.unwrap();
    run(&local, drops).await;

    let requests = local.stand_in().requests();
    let mut creates: HashMap<String, usize> = HashMap::new();
    for request in
        requests.iter().filter(|request| request.operation == Some(Operation::CreateModelInvocationJob))
    {
        *creates.entry(request.body["clientRequestToken"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!((creates.len(), local.stand_in().jobs().len()), (drops, drops));
    let (per_drop, shared) = s3_requests(&local).await;
    assert_eq!(per_drop.len(), drops);
    let (median, maximum) = median_and_maximum(creates.into_values().collect());
    let lists = shared as f64 / drops as f64;
    let (s3_median, s3_maximum) = median_and_maximum(per_drop);
    println!(
        "herd: {drops} drops at once, 20 slots, {:.0} s: calls of CreateModelInvocationJob per job: median {median}, \
         maximum {maximum}; S3 requests per drop: median {s3_median}, maximum {s3_maximum}, and {lists:.1} that are not about one drop; \
         with its share of those, the median is {:.1}",
        started.elapsed().as_secs_f64(),
        s3_median as f64 + lists,
    );
    assert!(s3_maximum <= 3 * s3_median, "one drop needed {s3_maximum} requests, the median is {s3_median}");
}

/// How many S3 requests the functions made for each drop, and how many for no particular drop.
async fn s3_requests(local: &Local) -> (Vec<usize>, usize) {
    let own = &local.s3().client();
    let bucket = &local.config().output_bucket;
    // A key may contain the drop's own key, the drop's id, or its job's id.
    let mut drop_of: HashMap<String, String> = HashMap::new();
    for job in local.stand_in().jobs() {
        let job_id = job.client_request_token.unwrap();
        let entry: Value =
            serde_json::from_slice(&read(own, bucket, &format!("ledger/jobs/{job_id}.json")).await).unwrap();
        let drop_id = entry["segments"][0]["drop_id"].as_str().unwrap().to_owned();
        let key =
            entry["segments"][0]["source"]["key"].as_str().unwrap().trim_start_matches("in/").to_owned();
        for name in [job_id, drop_id.clone(), key] {
            drop_of.insert(name, drop_id.clone());
        }
    }
    let (mut per_drop, mut shared) = (HashMap::<&String, usize>::new(), 0);
    let calls = local.faults().calls();
    for call in calls.iter().filter(|call| call.service == Service::S3) {
        let mut names =
            call.subject.split('/').flat_map(|name| [name, name.rsplit('-').next().unwrap_or(name)]);
        let found = names.find_map(|name| drop_of.get(name).or_else(|| drop_of.get(name.split('.').next()?)));
        match found {
            Some(drop_id) => *per_drop.entry(drop_id).or_default() += 1,
            None => {
                let is_list = call.operation.starts_with("ListObject");
                let of_all = [keys::SWEEP_ENTRY, keys::ROUTES_ENTRY, keys::ROUTES_FILE];
                assert!(is_list || of_all.contains(&call.subject.as_str()), "{call}");
                shared += 1;
            }
        }
    }
    (per_drop.into_values().collect(), shared)
}
