//! Faults of Bedrock: jobs that end as scripted, and refusals that change while the stand-in runs.

use bedrock_vpc_batch::local::bedrock::{Ending, JobStatus, Processed, TerminalStatus};
use bedrock_vpc_batch::local::clients;

use super::create_in_world;
use crate::support::{World, drop_of};

#[tokio::test]
async fn each_job_ends_as_its_script_says() {
    let mut world = World::new().await;
    world.stand_in.script(Ending::new(TerminalStatus::Failed));
    world.stand_in.script_with(|number, job| {
        assert_eq!(job.status, JobStatus::Validating);
        let processed = Processed::First(usize::try_from(number * 10 + job.counts.total / 2).unwrap());
        Ending { processed, ..Ending::new(TerminalStatus::Stopped) }
    });
    let client =
        clients(&world.config, world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint()).bedrock;
    world.put("a.jsonl", drop_of(200)).await;
    for name in ["job-0", "job-1", "job-2"] {
        create_in_world(&client, &world.config, name).await.unwrap();
        world.ended().await;
    }
    let ended: Vec<_> = world.stand_in.jobs().iter().map(|job| (job.status, job.counts.processed)).collect();
    assert_eq!(ended, [(JobStatus::Failed, 0), (JobStatus::Stopped, 110), (JobStatus::Stopped, 120)]);
}

#[tokio::test]
async fn what_bedrock_refuses_can_change_while_it_runs() {
    let world = World::new().await;
    let client =
        clients(&world.config, world.s3.key(), world.s3.endpoint(), world.stand_in.endpoint()).bedrock;
    let create = async |name: &str| create_in_world(&client, &world.config, name).await;
    world.stand_in.set_known_roles(Some(Vec::new()));
    assert!(create("job-1").await.unwrap_err().contains("not authorized to perform: iam:PassRole"));
    world.stand_in.set_known_roles(None);
    world.stand_in.set_known_subnets(Some(vec!["subnet-0a".into(), "subnet-0b".into()]));
    assert_eq!(create("job-1").await, Err("The subnet ID 'subnet-0c' does not exist".into()));
    world.stand_in.set_known_subnets(Some(world.config.vpc.subnet_ids().to_vec()));
    world.stand_in.set_max_jobs_in_flight(0);
    let most = "At most 0 batch inference jobs of this model may be in progress.";
    assert_eq!(create("job-1").await, Err(most.into()));
    world.stand_in.set_max_jobs_in_flight(1);
    create("job-1").await.unwrap();
}
