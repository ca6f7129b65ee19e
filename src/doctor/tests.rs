//! Tests of the checks, on the facts of one sound account and of accounts with one fault each.

use std::collections::BTreeMap;

use serde_json::json;

use super::checks::{buckets, model, probe, quotas};
use super::examine::check;
use super::facts::{
    Access, Bucket, Decision, Dns, Encryption, Endpoint, Facts, Group, Key, KeyMetadata, Model, ModelState,
    OpenModels, Probe, ProbeAnswer, Profile, Question, Quota, RouteTable, Subnet,
};
use super::finding::{Finding, State};
use super::known::Unknown;
use super::policy::{Context, Principal, Request, Verdict, evaluate};
use super::subject::{Functions, Subject};
use super::{model_id, questions};
use crate::aws::config::Config;
use crate::base::timestamp::Timestamp;

const ACCOUNT: &str = "123456789012";
const JOB_ROLE: &str = "arn:aws:iam::123456789012:role/job";
const SUBMIT_ROLE: &str = "arn:aws:iam::123456789012:role/submit";
const COMPLETE_ROLE: &str = "arn:aws:iam::123456789012:role/complete";
const MODEL: &str = "amazon.nova-lite-v1:0";
const PROFILE: &str = "us.amazon.nova-lite-v1:0";
/// 2026-11-27T00:00:00Z.
const NOW: i64 = 1_795_737_600;
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";

fn subject(changes: &[(&str, &str)]) -> Subject {
    let vars = [
        ("INPUT_BUCKET", "in-bucket"),
        ("OUTPUT_BUCKET", "out-bucket"),
        ("JOB_NAME_PREFIX", "demo"),
        ("JOB_ROLE_ARN", JOB_ROLE),
        ("MODEL_ID", MODEL),
        ("SUBNET_IDS", "subnet-0a,subnet-0b"),
        ("SECURITY_GROUP_IDS", "sg-0a"),
    ];
    let value = |name: &str| {
        let mut all = changes.iter().chain(&vars);
        all.find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    };
    Subject {
        region: "us-east-1".into(),
        config: Config::from_vars(value).unwrap(),
        functions: Some(Functions {
            roles: vec![SUBMIT_ROLE.into(), COMPLETE_ROLE.into()],
            sweep_role: Some(COMPLETE_ROLE.into()),
            security_group_id: Some("sg-0f".into()),
            bedrock_endpoint_id: Some("vpce-0b".into()),
        }),
    }
}

fn only_through(endpoint_id: &str) -> serde_json::Value {
    let through = json!({"StringNotEquals": {"aws:SourceVpce": endpoint_id}});
    json!({"Statement": [{
        "Sid": "Through", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": through,
    }]})
}

fn bucket() -> Bucket {
    Bucket {
        region: Ok(Some("us-east-1".into())),
        is_versioned: Ok(true),
        is_public_access_blocked: Ok(true),
        encryption: Ok(Some(Encryption { algorithm: "AES256".into(), key_id: None })),
        policy: Ok(Some(only_through("vpce-05"))),
    }
}

fn facts(subject: &Subject) -> Facts {
    let subnet = |id: &str, zone: &str| Subnet { id: id.into(), vpc_id: "vpc-1".into(), zone: zone.into() };
    let endpoint = |id: &str, service: &str, is_gateway| Endpoint {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        service: format!("com.amazonaws.us-east-1.{service}"),
        is_gateway,
        is_available: true,
        route_table_ids: if is_gateway { vec!["rtb-1".into()] } else { Vec::new() },
        subnet_ids: if is_gateway { Vec::new() } else { vec!["subnet-0a".into(), "subnet-0b".into()] },
        group_ids: if is_gateway { Vec::new() } else { vec!["sg-0b".into()] },
        has_private_dns: Some(!is_gateway),
        policy: Some(
            json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}),
        ),
    };
    let group = |id: &str, https_out: &[&str], https_in: &[&str]| Group {
        id: id.into(),
        vpc_id: "vpc-1".into(),
        https_out: https_out.iter().map(|target| (*target).into()).collect(),
        https_in: https_in.iter().map(|target| (*target).into()).collect(),
    };
    let trust = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }]});
    let quota = |name: &str, value| Quota { name: format!("{name} for Nova Lite"), value };
    let mut facts = Facts {
        asked: Timestamp::from_secs(NOW),
        bedrock_zones: Ok(vec!["a".into(), "b".into()]),
        subnets: Ok(vec![subnet("subnet-0b", "b"), subnet("subnet-0a", "a")]),
        route_tables: Ok(vec![RouteTable {
            id: "rtb-1".into(),
            vpc_id: "vpc-1".into(),
            is_main: true,
            subnet_ids: vec!["subnet-0a".into()],
            internet_targets: Vec::new(),
        }]),
        dns: Ok(Dns { has_support: true, has_hostnames: true }),
        groups: Ok(vec![
            group("sg-0a", &["pl-1"], &[]),
            group("sg-0b", &[], &["sg-0f"]),
            group("sg-0f", &["sg-0b", "pl-1"], &[]),
        ]),
        endpoints: Ok(vec![endpoint("vpce-05", "s3", true), endpoint("vpce-0b", "bedrock", false)]),
        s3_prefix_list: Ok(Some("pl-1".into())),
        input: bucket(),
        output: bucket(),
        trust: Ok(Some(trust)),
        permissions: Vec::new(),
        profile: None,
        model: Ok(ModelState::Found(Model {
            id: MODEL.into(),
            name: "Nova Lite".into(),
            lifecycle: "ACTIVE".into(),
            legacy_time: None,
            public_extended_access_time: None,
            end_of_life_time: None,
            inference_types: vec!["ON_DEMAND".into()],
        })),
        access: vec![(MODEL.into(), Ok(Some(access())))],
        open: OpenModels {
            at_bedrock: Ok(BTreeMap::from([(subject.model_arn(MODEL), 2)])),
            waiting: Ok(Vec::new()),
            permissions: Vec::new(),
        },
        routes: Ok(Vec::new()),
        quotas: Ok(vec![
            quota("Minimum number of records per batch inference job", 100.0),
            quota("Records per batch inference job", 100_000.0),
            quota("Records per input file per batch inference job", 100_000.0),
            quota("Batch inference input file size (in GB)", 1.0),
        ]),
        keys: vec![Key {
            id: KEY.into(),
            metadata: Ok(Some(KeyMetadata {
                arn: KEY.into(),
                state: "Enabled".into(),
                spec: "SYMMETRIC_DEFAULT".into(),
            })),
            policy: Ok(Some(json!({"Statement": [{
                "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
                "Action": "kms:*", "Resource": "*",
            }]}))),
        }],
    };
    facts.permissions =
        asked(subject, &facts).into_iter().map(|asked| (asked, Ok(Decision::Allowed))).collect();
    facts
}

fn access() -> Access {
    Access {
        authorization: "AUTHORIZED".into(),
        entitlement: "AVAILABLE".into(),
        region: "AVAILABLE".into(),
        agreement: Some(("AVAILABLE".into(), None)),
    }
}

fn asked(subject: &Subject, facts: &Facts) -> Vec<Question> {
    let keys: Vec<_> = facts.keys.iter().filter_map(|key| key.metadata.as_ref().ok()?.as_ref()).collect();
    let endpoint = super::vpc::reached_s3_endpoint(subject, facts);
    let subnets = facts.subnets.as_ref().unwrap();
    questions::questions(subject, subnets, endpoint, &model_id::arns(subject, facts), None, &keys)
}

fn unknown() -> Unknown {
    Unknown { why: "AccessDenied on x:Y".into(), fix: "allow yourself x:Y".into() }
}

/// The findings that are not ok, one line each.
fn found(changes: &[(&str, &str)], change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let subject = subject(changes);
    let mut facts = facts(&subject);
    change(&mut facts);
    let findings: Vec<Finding> = check(&subject, &facts);
    let unsound = findings.iter().filter(|finding| finding.state != State::Ok);
    unsound.map(|finding| finding.to_string().split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// A statement that keeps the sweep from finding drops.
fn no_versions() -> serde_json::Value {
    json!({"Sid": "NoVersions", "Effect": "Deny", "Principal": "*", "Action": "s3:ListBucketVersions", "Resource": "*"})
}

fn of<T>(known: &mut Result<T, Unknown>) -> &mut T {
    known.as_mut().unwrap()
}

#[test]
fn nothing_is_found_in_a_sound_account() {
    assert_eq!(found(&[], |_| ()), Vec::<String>::new());
}

/// Faults that an emulator cannot have, or not easily.
#[test]
fn each_fault_is_named_with_its_fix() {
    type Change = fn(&mut Facts);
    let table: Vec<(Change, &str)> = vec![
        (
            |facts| {
                of(&mut facts.subnets).push(Subnet {
                    id: "subnet-0c".into(),
                    vpc_id: "vpc-1".into(),
                    zone: "c".into(),
                })
            },
            "warn subnets only in a, b, but the VPC also has subnets in c → name one in each zone",
        ),
        (
            |facts| of(&mut facts.route_tables)[0].is_main = false,
            "FAIL route tables subnet-0b has no route table → associate one",
        ),
        (
            |facts| of(&mut facts.endpoints)[0].is_available = false,
            "FAIL route tables subnet-0a leads to vpce-05, which is not available → wait until it is available",
        ),
        (
            |facts| of(&mut facts.endpoints)[0].service = "com.amazonaws.us-east-1.dynamodb".into(),
            "FAIL route tables subnet-0a reaches no S3 endpoint: rtb-1 has no route to one → create a gateway endpoint for \
             com.amazonaws.us-east-1.s3 in vpc-1 with rtb-1",
        ),
        (
            |facts| of(&mut facts.route_tables)[0].internet_targets.push("igw-1".into()),
            "warn internet rtb-1 leads to igw-1 → remove the route",
        ),
        (
            |facts| of(&mut facts.dns).has_support = false,
            "FAIL DNS DNS support of vpc-1 is off, but the endpoints need it → aws ec2 modify-vpc-attribute",
        ),
        (
            |facts| of(&mut facts.groups)[0].id = "sg-00".into(),
            "FAIL security groups sg-0a does not exist in us-east-1 → name security groups of this account",
        ),
        (
            |facts| of(&mut facts.groups)[0].vpc_id = "vpc-2".into(),
            "FAIL security groups sg-0a is in vpc-2, but the subnets are in vpc-1 → name security groups of vpc-1",
        ),
        (
            |facts| of(&mut facts.groups)[0].https_out = vec!["10.0.0.0/8".into()],
            "FAIL security groups sg-0a allows 443 out only to 10.0.0.0/8, which may not include S3 → allow TCP 443",
        ),
        (
            |facts| facts.s3_prefix_list = Err(unknown()),
            "not checked security groups AccessDenied on x:Y → allow yourself x:Y",
        ),
        (
            |facts| of(&mut facts.endpoints)[0].policy = None,
            "not checked S3 endpoint AWS did not show the policy of vpce-05 → look at it",
        ),
        (
            |facts| {
                of(&mut facts.endpoints)[0].policy = Some(json!({"Statement": [{
                    "Sid": "Org", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*",
                    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
                }]}));
            },
            "not checked S3 endpoint the policy of vpce-05 depends on something that is not known here, in Org, for job s3:GetObject",
        ),
        (
            |facts| of(&mut facts.endpoints).truncate(1),
            "FAIL Bedrock endpoint vpce-0b does not exist in us-east-1 → deploy the stack again with an interface endpoint",
        ),
        (
            |facts| {
                let allow = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
                of(&mut facts.endpoints)[0].policy = Some(json!({"Statement": [allow, no_versions()]}));
            },
            "FAIL S3 endpoint the policy of vpce-05 denies, in NoVersions, complete s3:ListBucketVersions on \
             arn:aws:s3:::in-bucket → allow it for arn:aws:iam::123456789012:role/complete there",
        ),
        (
            |facts| {
                let policy = of(&mut facts.input.policy).as_mut().unwrap();
                policy["Statement"].as_array_mut().unwrap().push(no_versions());
            },
            "FAIL input bucket policy NoVersions denies requests through vpce-05: complete s3:ListBucketVersions → exempt requests through",
        ),
        (
            |facts| of(&mut facts.endpoints)[1].service = "com.amazonaws.us-east-1.bedrock-runtime".into(),
            "FAIL Bedrock endpoint vpce-0b is an endpoint for com.amazonaws.us-east-1.bedrock-runtime → name an interface",
        ),
        (
            |facts| of(&mut facts.endpoints)[1].is_available = false,
            "FAIL Bedrock endpoint vpce-0b is not available → wait",
        ),
        (
            |facts| of(&mut facts.endpoints)[1].vpc_id = "vpc-2".into(),
            "FAIL Bedrock endpoint vpce-0b is in vpc-2, but the functions are in vpc-1 → name, or create, an interface endpoint",
        ),
        (
            |facts| of(&mut facts.endpoints)[1].subnet_ids.truncate(1),
            "warn Bedrock endpoint vpce-0b has no network interface in b, so functions there need a to reach Bedrock → add a subnet \
             in b to vpce-0b",
        ),
        (
            |facts| {
                of(&mut facts.endpoints)[1].subnet_ids.truncate(1);
                of(&mut facts.bedrock_zones).truncate(1);
            },
            "warn Bedrock endpoint vpce-0b has no network interface in b, so functions there need a to reach Bedrock → AWS does not \
             offer it in b: use subnets in a only",
        ),
        (
            |facts| {
                of(&mut facts.endpoints)[1].subnet_ids.truncate(1);
                facts.bedrock_zones = Err(unknown());
            },
            "warn Bedrock endpoint vpce-0b has no network interface in b, so functions there need a to reach Bedrock → add a subnet \
             in b, if AWS offers it there (AccessDenied on x:Y)",
        ),
        (
            |facts| {
                let mut other = of(&mut facts.endpoints)[0].clone();
                (other.id, other.vpc_id) = ("vpce-06".into(), "vpc-2".into());
                of(&mut facts.endpoints).push(other);
                facts.output.policy = Ok(Some(only_through("vpce-06")));
            },
            "FAIL output bucket policy Through denies requests through vpce-05: job s3:GetObject, job s3:PutObject, job \
             s3:ListBucket, submit s3:PutObject, complete s3:PutObject; it names vpce-06, which is in vpc-2, but the subnets are in \
             vpc-1 → exempt requests through vpce-05 from Through",
        ),
        (
            |facts| facts.output.policy = Ok(Some(only_through("vpce-07"))),
            "FAIL output bucket policy Through denies requests through vpce-05: job s3:GetObject, job s3:PutObject, job \
             s3:ListBucket, submit s3:PutObject, complete s3:PutObject; it names vpce-07, which does not exist in us-east-1 → exempt",
        ),
        (
            |facts| of(&mut facts.groups)[2].https_out = Vec::new(),
            "FAIL Bedrock endpoint sg-0f of the functions does not allow 443 out to sg-0b of vpce-0b → allow TCP 443 out to",
        ),
        (
            |facts| facts.output.region = Ok(Some("eu-west-1".into())),
            "FAIL output bucket out-bucket is in eu-west-1, but an S3 endpoint only leads to its own Region → use a bucket in",
        ),
        (
            |facts| facts.input.encryption = Ok(None),
            "warn input bucket in-bucket has no default encryption → set a default encryption",
        ),
        (
            |facts| facts.output.policy = Ok(None),
            "warn output bucket policy nothing keeps requests to out-bucket on the S3 endpoint → deny requests that do not come",
        ),
        (
            |facts| facts.output.policy = Ok(Some(json!({"Statement": []}))),
            "warn output bucket policy nothing keeps requests to out-bucket on the S3 endpoint → deny requests that do not come",
        ),
        (
            |facts| facts.trust = Ok(None),
            "FAIL role trust arn:aws:iam::123456789012:role/job does not exist → deploy",
        ),
        (
            |facts| facts.permissions[0].1 = Ok(Decision::Denied),
            "FAIL role permissions s3:GetObject on arn:aws:s3:::out-bucket/work/00000000000000000000000000000000/input/\
             drop.jsonl: a statement denies it → allow s3:GetObject on",
        ),
        (
            |facts| facts.permissions[2].1 = Ok(Decision::DeniedByBoundary),
            "FAIL role permissions s3:ListBucket on arn:aws:s3:::out-bucket: its permissions boundary does not allow it",
        ),
        (
            |facts| facts.permissions[2].1 = Ok(Decision::DeniedByOrganization),
            "FAIL role permissions s3:ListBucket on arn:aws:s3:::out-bucket: a policy of the organization does not allow it \
             → ask the administrators",
        ),
        (
            |facts| facts.permissions.iter_mut().take(2).for_each(|asked| asked.1 = Err(unknown())),
            "not checked role permissions 2 of 22 permissions: AccessDenied on x:Y → allow yourself x:Y",
        ),
        (
            |facts| of(&mut facts.quotas)[0].value = 1000.0,
            "FAIL quotas MIN_RECORDS_PER_JOB is 100, but the quota \"Minimum number of records per batch inference job for \
             Nova Lite\" is 1000 → set it to that",
        ),
        (
            |facts| of(&mut facts.quotas).truncate(3),
            "not checked quotas no quota is named \"Batch inference input file size\" for \"Nova Lite\" → compare it",
        ),
        (
            |facts| facts.keys[0].metadata = Ok(None),
            "FAIL KMS key arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-\
             cdef-0123-456789abcdef does not exist → use a key that exists",
        ),
        (
            |facts| of(&mut facts.keys[0].metadata).as_mut().unwrap().spec = "RSA_2048".into(),
            "FAIL KMS key arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef has the spec RSA_2048, but \
             S3 only takes symmetric keys → use a symmetric key",
        ),
        (
            |facts| facts.keys[0].policy = Ok(Some(json!({"Statement": []}))),
            "FAIL KMS key the policy of arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef does \
             not admit kms:Decrypt → allow it there for arn:aws:iam::123456789012:role/job",
        ),
    ];
    for (change, line) in table {
        let found = found(&[], change);
        assert!(found.iter().any(|found| found.starts_with(line)), "no {line}\nin {found:#?}");
    }
}

#[test]
fn profile_is_checked_with_its_model() {
    let with = |profile: Option<Profile>| move |facts: &mut Facts| facts.profile = Some(Ok(profile));
    let profile = |is_active| Profile { arn: "arn:p".into(), is_active, model_arns: vec!["arn:m".into()] };
    let settings = [("MODEL_ID", PROFILE)];
    assert_eq!(found(&settings, with(Some(profile(true)))), Vec::<String>::new());
    let inactive = found(&settings, with(Some(profile(false))));
    assert_eq!(inactive.len(), 1, "{inactive:?}");
    assert!(inactive[0].starts_with("FAIL model the inference profile us.amazon."), "{inactive:?}");
    // The model may exist only in other Regions.
    let subject = subject(&settings);
    let mut facts = facts(&subject);
    with(Some(profile(true)))(&mut facts);
    facts.model = Ok(ModelState::Missing);
    assert_eq!(model::check(&subject, &facts)[0].state, State::Ok);
    assert_eq!(model_id::arns(&subject, &facts), ["arn:p", "arn:m"]);
}

fn time(text: &str) -> Timestamp {
    serde_json::from_value(json!(text)).unwrap()
}

/// The statuses and times are those of AWS's page on the lifecycle of models:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html> (read 2026-11)
#[test]
fn ended_model_fails_and_legacy_model_warns() {
    type Change = fn(&mut Model);
    let table: [(Change, &[&str]); 7] = [
        (|model| model.end_of_life_time = Some(time("2026-11-27T00:00:01Z")), &[]),
        (
            |model| model.end_of_life_time = Some(time("2026-11-27T00:00:00Z")),
            &[
                "FAIL model amazon.nova-lite-v1:0 has reached the end of its life in us-east-1, on 2026-11-27T00:00:00Z → use another",
            ],
        ),
        (
            |model| {
                model.lifecycle = "LEGACY".into();
                model.end_of_life_time = Some(time("2026-09-10T00:00:00Z"));
            },
            &[
                "FAIL model amazon.nova-lite-v1:0 has reached the end of its life in us-east-1, on 2026-09-10T00:00:00Z → use another",
            ],
        ),
        (
            |model| {
                model.lifecycle = "LEGACY".into();
                model.legacy_time = Some(time("2026-10-01T00:00:00Z"));
                model.public_extended_access_time = Some(time("2026-12-01T00:00:00Z"));
                model.end_of_life_time = Some(time("2027-03-01T00:00:00Z"));
            },
            &[
                "warn model amazon.nova-lite-v1:0 is LEGACY (legacyTime 2026-10-01T00:00:00Z, publicExtendedAccessTime, with higher \
               prices, 2026-12-01T00:00:00Z, endOfLifeTime 2027-03-01T00:00:00Z): a new customer cannot use it, and an account that \
               does not use it may lose it sooner → move to a newer model",
            ],
        ),
        (
            |model| model.lifecycle = "LEGACY".into(),
            &["warn model amazon.nova-lite-v1:0 is LEGACY (without dates): a new customer"],
        ),
        (
            |model| model.legacy_time = Some(time("2026-10-01T00:00:00Z")),
            &["warn model amazon.nova-lite-v1:0 is LEGACY (legacyTime 2026-10-01T00:00:00Z): a new customer"],
        ),
        (|model| model.legacy_time = Some(time("2026-12-01T00:00:00Z")), &[]),
    ];
    for (change, lines) in table {
        let found = found(&[], |facts| match of(&mut facts.model) {
            ModelState::Found(model) => change(model),
            ModelState::Ended | ModelState::Missing => unreachable!(),
        });
        assert_eq!(found.len(), lines.len(), "{found:#?}");
        assert!(
            found.iter().zip(lines).all(|(found, line)| found.starts_with(line)),
            "no {lines:?} in {found:#?}"
        );
    }
    let removed = found(&[], |facts| facts.model = Ok(ModelState::Ended));
    assert!(
        removed[0].starts_with(
            "FAIL model amazon.nova-lite-v1:0 has reached the end of its life in us-east-1 → use"
        ),
        "{removed:#?}"
    );
    // It may live on where the profile routes to.
    let removed = found(&[("MODEL_ID", PROFILE)], |facts| {
        facts.profile = Some(Ok(Some(profile_in("us-west-2"))));
        facts.model = Ok(ModelState::Ended);
    });
    assert!(
        removed[0].starts_with("not checked model us.amazon.nova-lite-v1:0 has reached the end"),
        "{removed:#?}"
    );
}

fn profile_in(region: &str) -> Profile {
    let model_arn = format!("arn:aws:bedrock:{region}::foundation-model/{MODEL}");
    Profile { arn: "arn:p".into(), is_active: true, model_arns: vec![model_arn] }
}

/// What each status means is in AWS's guide, under "Manage model access using SDK and CLI":
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html> (read 2026-11)
#[test]
fn access_is_judged_by_who_sells_the_model() {
    let claude = "anthropic.claude-haiku-4-5-20251001-v1:0";
    let cohere = "cohere.command-r-v1:0";
    let agreed = |status: &str, error: Option<&str>| Access {
        agreement: Some((status.into(), error.map(Into::into))),
        ..access()
    };
    let no_agreement = || Access { agreement: None, ..access() };
    let table = [
        (claude, agreed("AVAILABLE", None), ""),
        (MODEL, no_agreement(), ""),
        (
            claude,
            agreed("NOT_AVAILABLE", None),
            "FAIL model access no access to anthropic.claude-haiku-4-5-20251001-v1:0: agreementAvailability is NOT_AVAILABLE → submit the \
             use case form once (PutUseCaseForModelAccess), in the model catalog of the console of Bedrock; then have an \
             administrator with aws-marketplace:Subscribe and ViewSubscriptions invoke the model once; do not give these rights to",
        ),
        (
            cohere,
            agreed("ERROR", Some("no payment")),
            "FAIL model access no access to cohere.command-r-v1:0: agreementAvailability is ERROR: no payment → have an administrator",
        ),
        (
            claude,
            agreed("PENDING", None),
            "warn model access the agreement for anthropic.claude-haiku-4-5-20251001-v1:0 is PENDING → wait, for up to 15 minutes",
        ),
        (
            claude,
            no_agreement(),
            "not checked model access what this means for anthropic.claude-haiku-4-5-20251001-v1:0 is not known: \
             agreementAvailability is missing → invoke the model once",
        ),
        // These models have no agreement, so the status says nothing.
        (
            MODEL,
            agreed("NOT_AVAILABLE", None),
            "not checked model access what this means for amazon.nova-lite-v1:0 is not known: agreementAvailability is NOT_AVAILABLE",
        ),
        (
            MODEL,
            Access {
                authorization: "NOT_AUTHORIZED".into(),
                entitlement: "NOT_AVAILABLE".into(),
                ..access()
            },
            "FAIL model access no access to amazon.nova-lite-v1:0: authorizationStatus is NOT_AUTHORIZED, entitlementAvailability is \
             NOT_AVAILABLE → open the model in the model catalog",
        ),
        (
            MODEL,
            Access { authorization: "PARTLY".into(), ..access() },
            "not checked model access what this means for amazon.nova-lite-v1:0 is not known: authorizationStatus is PARTLY",
        ),
        (
            MODEL,
            Access { region: "NOT_AVAILABLE".into(), ..access() },
            "FAIL model access amazon.nova-lite-v1:0 is not available in us-east-1: regionAvailability is NOT_AVAILABLE → use one of",
        ),
    ];
    for (id, access, line) in table {
        let found = found(&[], |facts| facts.access = vec![(id.into(), Ok(Some(access)))]);
        match line {
            "" => assert_eq!(found, Vec::<String>::new()),
            line => assert!(found.len() == 1 && found[0].starts_with(line), "no {line}\nin {found:#?}"),
        }
    }
    // Other Regions of a profile are not asked, so they are not judged.
    let elsewhere = found(&[("MODEL_ID", PROFILE)], |facts| {
        facts.profile = Some(Ok(Some(profile_in("us-west-2"))));
        facts.access = vec![
            (MODEL.into(), Ok(None)),
            (MODEL.into(), Ok(Some(Access { region: "NOT_AVAILABLE".into(), ..access() }))),
            (MODEL.into(), Ok(Some(access()))),
        ];
    });
    let line = "not checked model access amazon.nova-lite-v1:0 is not in us-east-1, and other Regions were not asked → aws bedrock \
                get-foundation-model-availability --model-id amazon.nova-lite-v1:0 --region us-west-2";
    assert_eq!(elsewhere, [line, line]);
}

#[test]
fn routes_that_are_not_known_are_a_line_only_if_they_may_name_models() {
    let with = |changes: &[(&str, &str)]| {
        found(changes, |facts| {
            facts.routes =
                Err(Unknown { why: "AccessDenied on s3:ListBucket".into(), fix: "allow it".into() });
        })
    };
    assert_eq!(with(&[]), Vec::<String>::new());
    let line = "not checked routes which routes are in force is not known: AccessDenied on s3:ListBucket → examine the stack as \
                one of its ReaderArns or RouteEditorArns; nobody else may see its routes";
    assert_eq!(with(&[("ROUTE_MODEL_ARNS", "amazon.nova-pro-v1:0")]), [line]);
}

#[test]
fn models_of_open_drops_must_stay_allowed() {
    let old = "arn:aws:bedrock:us-east-1::foundation-model/amazon.old-v1:0";
    let question = |action| Question { action, resource: old.into(), context: Vec::new() };
    let asked = |invoke, create| {
        vec![
            (JOB_ROLE.to_owned(), question("bedrock:InvokeModel"), invoke),
            (SUBMIT_ROLE.to_owned(), question("bedrock:CreateModelInvocationJob"), create),
        ]
    };
    let with = |jobs: Result<&[(&str, usize)], Unknown>, waiting, permissions| {
        found(&[], |facts| {
            let at_bedrock =
                jobs.map(|jobs| jobs.iter().map(|(model, jobs)| ((*model).to_owned(), *jobs)).collect());
            facts.open = OpenModels { at_bedrock, waiting, permissions };
        })
    };
    let allowed = asked(Ok(Decision::Allowed), Ok(Decision::Allowed));
    assert_eq!(with(Ok(&[(old, 3)]), Ok(Vec::new()), allowed), Vec::<String>::new());

    let refused = asked(Ok(Decision::NotAllowed), Ok(Decision::DeniedByOrganization));
    let line = format!(
        "uses {old}, which is not allowed anymore: job bedrock:InvokeModel, submit bedrock:CreateModelInvocationJob → \
                        allow it until these drops are done"
    );
    for (jobs, start) in [(1, "1 job that Bedrock has uses"), (3, "3 jobs that Bedrock has use")] {
        let found = with(Ok(&[(old, jobs)]), Ok(Vec::new()), refused.clone());
        let line = line.replacen("uses", &format!("FAIL open drops {start}"), 1);
        assert!(found.len() == 1 && found[0].starts_with(&line), "no {line}\nin {found:#?}");
    }
    for (model, arn) in [
        (old, old),
        ("amazon.old-v1:0", old),
        (PROFILE, "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"),
    ] {
        assert_eq!(model_id::arn_of(&subject(&[]), model), arn);
    }
    let waits = with(Ok(&[]), Ok(vec!["amazon.old-v1:0".into()]), refused);
    let line = line.replacen("uses", "FAIL open drops jobs of an open drop wait for", 1);
    assert!(waits.len() == 1 && waits[0].starts_with(&line), "{waits:#?}");

    let unsure = with(Ok(&[(old, 1)]), Err(unknown()), asked(Err(unknown()), Err(unknown())));
    assert_eq!(unsure.len(), 2, "{unsure:#?}");
    assert_eq!(unsure[0], "not checked open drops AccessDenied on x:Y → allow yourself x:Y");
    let line = "not checked open drops the models of jobs that wait are not known: AccessDenied on x:Y → before you change the model, wait \
                until all drops are done; or list s3://out-bucket/ledger/waiting/";
    assert!(unsure[1].starts_with(line), "{unsure:#?}");
}

/// The texts of Bedrock are those of public reports.
#[test]
fn answers_to_the_probe_are_told_apart() {
    let subject = subject(&[]);
    let refused =
        |code: &str, message: &str| ProbeAnswer::Refused { code: code.into(), message: message.into() };
    let judged = |answer, jobs| {
        let probe = Probe { job_name: "demo-doctor-probe-1".into(), answer, jobs };
        let findings = probe::check(&subject, &probe);
        findings
            .iter()
            .map(|finding| finding.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    let (invalid, denied) = ("ValidationException", "AccessDeniedException");
    let table = [
        (
            invalid,
            "nothing under s3://out-bucket/work/doctor-probe/input/",
            "ok batch probe amazon.nova-lite-v1:0 seems to have batch",
        ),
        (
            invalid,
            "The S3 input location has no files",
            "ok batch probe amazon.nova-lite-v1:0 seems to have batch inference in us-east-1",
        ),
        (
            invalid,
            "Could not validate ListBucket permissions for S3URI s3://out-bucket/work/doctor-probe/input/",
            "not checked batch probe what",
        ),
        (
            invalid,
            "Batch inference is not supported for the requested model",
            "FAIL batch probe amazon.nova-lite-v1:0 has no batch inference",
        ),
        (
            "ResourceNotFoundException",
            "This model version has reached the end of its life",
            "FAIL batch probe amazon.nova-lite-v1:0 has reached the end of its life in us-east-1",
        ),
        (
            "ResourceNotFoundException",
            "Model use case details have not been submitted for this account",
            "FAIL batch probe the account has no access to amazon.nova-lite-v1:0",
        ),
        (
            denied,
            "User: x is not authorized to perform: iam:PassRole on resource: y",
            "not checked batch probe you may not pass the job's role, which only the functions need to; Bedrock said AccessDeniedException",
        ),
        (
            denied,
            "User: x is not authorized to perform: bedrock:CreateModelInvocationJob on resource: y",
            "not checked batch probe you may not create jobs, which only the functions need to; Bedrock said AccessDeniedException",
        ),
        (
            "ServiceQuotaExceededException",
            "too many jobs",
            "not checked batch probe what this answer means is not known: Bedrock said",
        ),
    ];
    for (code, message, line) in table {
        let lines = judged(refused(code, message), Ok(Vec::new()));
        assert!(lines.len() == 1 && lines[0].starts_with(line), "no {line}\nin {lines:#?}");
        assert!(lines[0].contains(message), "{lines:#?}");
    }
    let created = || ProbeAnswer::Created("arn:j".into());
    let stopped = judged(created(), Ok(vec![("arn:j".into(), Ok(()))]));
    assert!(
        stopped[0].starts_with("ok batch probe amazon.nova-lite-v1:0 has batch inference in us-east-1"),
        "{stopped:#?}"
    );
    assert!(
        stopped[1].starts_with("warn batch probe the probe created arn:j, which is stopped or over"),
        "{stopped:#?}"
    );
    let runs = judged(created(), Ok(vec![("arn:j".into(), Err(unknown()))]));
    assert!(
        runs[1].contains("could not be stopped: AccessDenied on x:Y → aws bedrock stop-model-invocation-job"),
        "{runs:#?}"
    );
    assert!(runs[1].starts_with("FAIL"), "{runs:#?}");
    let lost = judged(ProbeAnswer::NoAnswer(unknown()), Err(unknown()));
    assert_eq!(lost[0], "not checked batch probe AccessDenied on x:Y → allow yourself x:Y");
    assert!(
        lost[1]
            .starts_with("not checked batch probe whether there is a job demo-doctor-probe-1 is not known"),
        "{lost:#?}"
    );
}

#[test]
fn without_a_stack_only_the_bedrock_endpoint_is_not_checked() {
    let mut subject = subject(&[]);
    subject.functions = None;
    let facts = facts(&subject);
    let not_ok: Vec<_> =
        check(&subject, &facts).into_iter().filter(|finding| finding.state != State::Ok).collect();
    assert_eq!(not_ok.len(), 1, "{not_ok:?}");
    assert_eq!((not_ok[0].state, not_ok[0].check), (State::NotChecked, "Bedrock endpoint"));
    assert!(buckets::check(&subject, &facts).iter().all(|finding| finding.state == State::Ok));
}

/// If every fact is unknown, every check says so, and none says that everything is ok.
#[test]
fn unknown_facts_are_not_sound() {
    let subject = subject(&[]);
    let mut facts = facts(&subject);
    let bucket = Bucket {
        region: Err(unknown()),
        is_versioned: Err(unknown()),
        is_public_access_blocked: Err(unknown()),
        encryption: Err(unknown()),
        policy: Err(unknown()),
    };
    facts.subnets = Err(unknown());
    facts.route_tables = Err(unknown());
    facts.dns = Err(unknown());
    facts.groups = Err(unknown());
    facts.endpoints = Err(unknown());
    facts.s3_prefix_list = Err(unknown());
    facts.input = bucket.clone();
    facts.output = bucket;
    facts.trust = Err(unknown());
    facts.permissions.iter_mut().for_each(|asked| asked.1 = Err(unknown()));
    facts.model = Err(unknown());
    facts.access[0].1 = Err(unknown());
    facts.open.at_bedrock = Err(unknown());
    facts.open.waiting = Err(unknown());
    facts.quotas = Err(unknown());
    facts.keys[0].metadata = Err(unknown());
    let findings = check(&subject, &facts);
    assert!(findings.iter().all(|finding| finding.state == State::NotChecked), "{findings:#?}");
    let checks: std::collections::BTreeSet<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks.len(), 18, "{checks:?}");
}

/// The policy in AWS's guide, as the template has it. Every question must have the condition keys that it
/// needs to be allowed by the statement that is meant for it.
#[test]
fn questions_have_the_condition_keys_that_policies_need() {
    let subject = subject(&[]);
    let facts = facts(&subject);
    let job = subject.arn("bedrock", "model-invocation-job/*");
    let policy = json!({"Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::out-bucket/work/*",
         "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::out-bucket",
         "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-05"}}},
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": subject.model_arn(MODEL)},
        {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
        {"Effect": "Allow", "Action": "ec2:CreateNetworkInterface", "Resource": subject.arn("ec2", "network-interface/*"),
         "Condition": {"StringEquals": {"aws:RequestTag/BedrockManaged": "true"},
                       "ArnEquals": {"aws:RequestTag/BedrockModelInvocationJobArn": job}}},
        {"Effect": "Allow", "Action": "ec2:CreateNetworkInterface", "Resource": subject.arn("ec2", "subnet/*"),
         "Condition": {"StringEquals": {"ec2:SubnetID": ["subnet-0a", "subnet-0b"]}}},
        {"Effect": "Allow", "Action": "ec2:CreateNetworkInterface", "Resource": subject.arn("ec2", "security-group/*"),
         "Condition": {"StringEquals": {"ec2:SecurityGroupID": "sg-0a"}}},
        {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": subject.arn("ec2", "network-interface/*"),
         "Condition": {"StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"},
                       "ForAllValues:StringEquals": {"aws:TagKeys": ["BedrockManaged", "BedrockModelInvocationJobArn"]}}},
        {"Effect": "Allow", "Resource": "*",
         "Action": ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"],
         "Condition": {"ArnEquals": {"ec2:Subnet": ["arn:*:ec2:*:*:subnet/subnet-0a", "arn:*:ec2:*:*:subnet/subnet-0b"],
                                     "ec2:ResourceTag/BedrockModelInvocationJobArn": job}}},
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": KEY,
         "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}},
    ]});
    for question in asked(&subject, &facts) {
        let context = Context::new(question.context.clone());
        let request = Request {
            principal: Principal::Role(JOB_ROLE),
            action: question.action,
            resource: &question.resource,
            context: &context,
        };
        assert_eq!(evaluate(&policy, &request), Verdict::Allowed, "{question:?}");
    }
    // Requests for subnets and security groups do not have request tags.
    let of_subnet = |question: &Question| question.resource.contains(":subnet/");
    for question in asked(&subject, &facts).into_iter().filter(of_subnet) {
        assert!(question.context.iter().all(|(key, _)| !key.starts_with("aws:RequestTag")), "{question:?}");
    }
}

#[test]
fn quotas_are_matched_however_they_are_spelled() {
    let table = [
        ("Records per batch inference job for Nova Lite V1", "Nova Lite", true),
        ("Records per batch inference job for Amazon Nova Lite", "Nova Lite", true),
        ("Records per batch inference job for Qwen3 32B (in GB)", "Qwen3 32B", true),
        ("Records per batch inference job for Nova Lite", "Nova 2 Lite", false),
        ("Records per input file per batch inference job for Nova Lite", "Nova Lite", false),
        ("Minimum number of records per batch inference job for Nova Lite", "Nova Lite", false),
    ];
    for (quota, name, is_match) in table {
        assert_eq!(quotas::is_quota(quota, "Records per batch inference job", name), is_match, "{quota}");
    }
}
