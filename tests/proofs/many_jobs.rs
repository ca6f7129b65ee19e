//! The cost of a sweep and of a completion while 10,000 jobs are open.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use bedrock_vpc_batch::base::timestamp::Timestamp;
use bedrock_vpc_batch::drop::hints;
use bedrock_vpc_batch::drop::identity::{JobId, RouteId};
use bedrock_vpc_batch::drop::keys;
use bedrock_vpc_batch::ledger::job::JobEntry;
use bedrock_vpc_batch::local::bedrock::{Fault, Operation};
use bedrock_vpc_batch::local::faults::Action;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::support::{MODEL_ID, World, drop_of};

/// The time that a call to S3 or Bedrock takes in the same Region, about.
const CALL: Duration = Duration::from_millis(15);

const SUBMITTED: usize = 100;
const WAITING: usize = 9_900;

/// Submits a drop whose job waits, and gives the job's entry. Bedrock refuses the first one, and the others queue up behind it.
async fn make_waiting(world: &mut World, key: &str) -> JobEntry {
    let event = world.put(key, drop_of(100)).await;
    if world.hints().await.is_empty() {
        world.stand_in.fail_next(Operation::CreateModelInvocationJob, Fault::ServiceQuotaExceeded);
    }
    world.submit(event).await.unwrap();
    let hint = world.hints().await.pop().unwrap();
    world.read_json(&keys::job_entry(&hints::parse(&hint).unwrap().job_id)).await
}

/// Writes what belongs to more waiting jobs, as if younger drops had been submitted like the one of this entry.
async fn make_more_waiting(world: &World, like: &JobEntry, numbers: Range<usize>) {
    let route = like.settings.as_ref().and_then(|settings| settings.route.as_deref()).map(RouteId::derive);
    let put = |key: String, body: Value| {
        let request = world.own.put_object().bucket(&world.config.output_bucket).key(key);
        let request = request.body(body.to_string().into_bytes().into());
        async move { drop(request.send().await.unwrap()) }
    };
    stream::iter(numbers)
        .for_each_concurrent(16, |number| {
            let later = Duration::from_secs(1 + number as u64);
            let time = Timestamp::from(std::time::SystemTime::from(like.source.last_modified) + later);
            let id = JobId::derive(&like.drop_id, u32::try_from(number).unwrap() + 2, 1);
            let mut entry = JobEntry { job_id: id.clone(), ..like.clone() };
            entry.part.job_id = id.clone();
            entry.source.last_modified = time;
            let marker = put(entry.marker(), json!(id));
            let hint = put(hints::key(MODEL_ID, route.as_ref(), time, &id, false), json!({}));
            let entry = put(keys::job_entry(&id), json!(entry));
            async move {
                marker.await;
                entry.await;
                hint.await;
            }
        })
        .await;
}

/// How often each operation was called.
fn counts(world: &World) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for call in world.faults.calls() {
        *counts.entry(call.operation).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_over_ten_thousand_open_jobs_reads_the_submitted_and_few_of_the_waiting() {
    let mut world = World::build(&[], |options| options.pace = Duration::from_secs(3_600)).await;
    // The first sweep only records when it ran.
    world.sweep_after(Duration::ZERO).await.unwrap();
    for number in 0..SUBMITTED {
        let event = world.put(&format!("in/{number}.jsonl"), drop_of(100)).await;
        world.submit(event).await.unwrap();
    }
    let entry = make_waiting(&mut world, "in/waiting.jsonl").await;
    make_more_waiting(&world, &entry, 1..WAITING).await;
    assert_eq!((world.markers().await.len(), world.hints().await.len()), (SUBMITTED + WAITING, WAITING));

    world.faults.reset();
    world.faults.set(|_| Action::Delay(CALL));
    let started = Instant::now();
    world.sweep_after(Duration::ZERO).await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let calls = world.faults.calls().len();
    println!(
        "many: a sweep over {SUBMITTED} submitted and {WAITING} waiting jobs, at {} ms per call: {calls} calls, \
         {seconds:.1} s",
        CALL.as_millis(),
    );
    let mut counts = counts(&world);
    let read = counts.remove("GetObject").unwrap();
    // How far the input bucket was compared, the routes, each submitted job, the 50 whose turn is next, and once more the
    // one that is asked for. It is refused for the first time, so its drop and the drop's status are read, too. Of the
    // others, one in 16 is read at random, which is 616: more than 900 are as good as impossible.
    let others = read - (2 + SUBMITTED + 50 + 1 + 2);
    assert!((300..900).contains(&others), "{others}");
    let expected = [
        // Ten pages of hints, ten of markers, and one of what operators ask for.
        ("ListObjectsV2", 21),
        // `Submitting`, `Waiting`, the hint, and the status.
        ("PutObject", 4),
        ("CreateModelInvocationJob", 1),
        // A page for each status of a job that is not over.
        ("ListModelInvocationJobs", 5),
        // The file of routes.
        ("HeadObject", 1),
    ];
    assert_eq!(counts, expected.into());
    assert_eq!(world.hints().await.len(), WAITING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completion_makes_the_same_calls_however_many_jobs_wait() {
    let mut world = World::new().await;
    let mut ended = Vec::new();
    for key in ["in/a.jsonl", "in/b.jsonl"] {
        let event = world.put(key, drop_of(100)).await;
        world.submit(event).await.unwrap();
        ended.push(world.ended().await);
    }
    make_waiting(&mut world, "in/c.jsonl").await;
    let entry = make_waiting(&mut world, "in/d.jsonl").await;
    let mut counted = Vec::new();
    for (ended, numbers) in ended.into_iter().zip([1..60, 60..WAITING]) {
        make_more_waiting(&world, &entry, numbers).await;
        let waiting = world.hints().await.len();
        world.faults.reset();
        // Bedrock has one free slot.
        let is_free = std::sync::atomic::AtomicBool::new(true);
        world.faults.set(move |call| {
            let is_create = call.operation == "CreateModelInvocationJob";
            if is_create && !is_free.swap(false, std::sync::atomic::Ordering::Relaxed) {
                return Action::Refuse { status: 400, code: "ServiceQuotaExceededException" };
            }
            Action::Delay(CALL)
        });
        let started = Instant::now();
        world.complete(ended).await.unwrap();
        let calls = counts(&world);
        println!(
            "many: a completion while {waiting} jobs wait, at {} ms per call: {} calls, {:.2} s",
            CALL.as_millis(),
            calls.values().sum::<usize>(),
            started.elapsed().as_secs_f64(),
        );
        assert_eq!(calls["CreateModelInvocationJob"], 2);
        assert_eq!(world.hints().await.len(), waiting - 1);
        counted.push(calls);
    }
    assert_eq!(counted[0], counted[1]);
}

/// Each slot goes to the other route with a probability of one half, so 30 do not suffice once in a billion runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_job_of_a_route_waits_for_a_few_slots_behind_a_thousand_jobs_of_another() {
    const JOBS: usize = 1_000;
    const MOST_SLOTS: usize = 30;
    let mut world = World::new().await;
    let event = world.put("in/first.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let ended = world.ended().await;
    let routes = json!({ "routes": [{"prefix": "in/a/"}, {"prefix": "in/b/"}] });
    let event = world.put_routes(routes).await;
    world.complete(event).await.unwrap();
    world.stand_in.set_max_jobs_in_flight(0);
    let first = make_waiting(&mut world, "in/a/0.jsonl").await;
    make_more_waiting(&world, &first, 1..JOBS).await;
    let event = world.put("in/b/only.jsonl", drop_of(100)).await;
    world.submit(event).await.unwrap();
    let hints_of = async |world: &World, prefix| {
        let folder = hints::of_route(MODEL_ID, &RouteId::derive(prefix));
        world.output_keys_below(&folder).await
    };
    assert_eq!((hints_of(&world, "in/a/").await.len(), hints_of(&world, "in/b/").await.len()), (JOBS, 1));
    world.stand_in.set_max_jobs_in_flight(100);
    let mut slots = 0;
    while !hints_of(&world, "in/b/").await.is_empty() && slots < MOST_SLOTS {
        slots += 1;
        world.free_one_slot();
        world.complete(ended.clone()).await.unwrap();
    }
    let left = hints_of(&world, "in/a/").await.len();
    println!("many: the only job of a route, put after {JOBS} jobs of another one, waited for {slots} slots");
    assert_eq!((hints_of(&world, "in/b/").await, left), (vec![], JOBS + 1 - slots));
}
