//! The doctor as a process, in an account with stacks of the real template: sound ones, and one for every
//! fault that the doctor must name.

mod account;
mod broken;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use regex::Regex;
use serde_json::json;

use self::account::{ACCOUNT, Account, Stack};
use self::broken::{Accident, BROKEN};

const WITH_PROFILE: &[(&str, &str)] = &[
    ("InferenceProfileId", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
    (
        "ModelArns",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0,\
         arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0,\
         arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
    ),
];
const WITH_PEOPLE: &[(&str, &str)] = &[
    ("UploaderArns", "arn:aws:iam::123456789012:role/uploader"),
    ("ReaderArns", "arn:aws:iam::123456789012:role/reader"),
    ("RouteReaderArns", "arn:aws:iam::123456789012:role/team"),
    ("OperatorArns", "arn:aws:iam::123456789012:role/operator"),
    ("RouteEditorArns", "arn:aws:iam::123456789012:role/editor"),
    ("PeopleOnlyThroughEndpoints", "true"),
    ("AdditionalVpcEndpointIds", "vpce-0123456789abcdef0"),
];

/// Replaces `{X}` with output X of the stack, or with the first item if the output is a list.
fn filled(text: &str, stack: &Stack) -> String {
    stack.outputs.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value.split(',').next().unwrap())
    })
}

/// The environment of a function of the stack.
fn of_function(stack: &Stack) -> Vec<(&str, &str)> {
    [
        ("INPUT_BUCKET", "InputBucketName"),
        ("OUTPUT_BUCKET", "OutputBucketName"),
        ("JOB_NAME_PREFIX", "JobNamePrefix"),
        ("JOB_ROLE_ARN", "JobRoleArn"),
        ("MODEL_ID", "ModelId"),
        ("SUBNET_IDS", "JobSubnetIds"),
        ("SECURITY_GROUP_IDS", "JobSecurityGroupIds"),
    ]
    .map(|(variable, output)| (variable, stack.outputs[output].as_str()))
    .into()
}

#[tokio::test]
async fn every_broken_setup_is_reported_with_its_fix() {
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let account = Account::start(folder.path()).await;

    let sound = account.deploy("sound", &[], &[]).await;
    let with_key = account.deploy("with-key", &[("KmsKeyArn", "create")], &[]).await;
    let with_profile = account.deploy("with-profile", WITH_PROFILE, &[]).await;
    // The policies then name an endpoint of another VPC, which may be in another account.
    let with_people = account.deploy("with-people", WITH_PEOPLE, &[]).await;
    let with_routes = account.deploy("with-routes", &[("RouteModelArns", WITH_PROFILE[1].1)], &[]).await;
    let routes = Accident::Routes(
        r#"{"prefix": "a/", "model_id": "us.anthropic.claude-haiku-4-5-20251001-v1:0", "job_tags": {"team": "a"}},
           {"prefix": "b/", "max_attempts": 1}"#,
    );
    routes.happen(&account, &with_routes).await;
    let sound = [sound, with_key, with_profile, with_people, with_routes];
    for stack in &sound {
        let said = account.examine_stack(stack).await;
        assert_eq!(said.code, Some(0), "{said:#?}");
        let (sum, lines) = said.lines.split_last().unwrap();
        assert!(lines.iter().all(|line| line.starts_with("ok ")), "{lines:#?}");
        assert_eq!(*sum, format!("sum: {} ok, 0 warn, 0 FAIL, 0 not checked", lines.len()));
    }

    for broken in BROKEN {
        let stack = account.deploy(broken.name, broken.parameters, broken.edits).await;
        broken.accident.happen(&account, &stack).await;
        let said = account.examine_stack(&stack).await;
        let [found, fix] = [broken.found, broken.fix].map(|text| filled(text, &stack));
        let is_named = said.lines.iter().any(|line| {
            let beginning = format!("{:<11}  {:<20}  ", broken.state, broken.check);
            let (what, remedy) = line.split_once(" → ").unwrap_or((line, ""));
            line.starts_with(&beginning) && what.contains(&found) && remedy.contains(&fix)
        });
        assert!(is_named, "{}: no {found:?} with {fix:?} in {said:#?}", broken.name);
        for line in said.lines.iter().filter(|line| !line.starts_with("ok ") && !line.starts_with("sum: ")) {
            let is_expected = |check: &&str| line.get(13..).is_some_and(|line| line.starts_with(*check));
            assert!([broken.check].iter().chain(broken.also).any(is_expected), "{}: {line}", broken.name);
        }
        let is_sound = !said.lines.iter().any(|line| line.starts_with("FAIL"));
        assert_eq!(said.code, Some(i32::from(!is_sound)), "{said:#?}");
        assert_eq!(is_sound, broken.state == "warn", "{}: {said:#?}", broken.name);
    }

    assert_eq!(*account.writes.lock().unwrap(), [], "without the probe, the doctor only reads");
    println!(
        "doctor: {} sound, {} broken setups, each named with its fix, in {:.0} s",
        sound.len(),
        BROKEN.len(),
        started.elapsed().as_secs_f64()
    );
}

#[tokio::test]
async fn denied_call_does_not_stop_the_other_checks() {
    let folder = tempfile::tempdir().unwrap();
    let account = Account::start(folder.path()).await;
    let stack = account.deploy("sound", &[], &[]).await;

    let refused =
        account.examine(&["--stack", "sound"], &[("AWS_ENDPOINT_URL_IAM", &account.refusing())]).await;
    assert_eq!(refused.code, Some(0), "{refused:#?}");
    let not_checked: Vec<_> = refused.lines.iter().filter(|line| !line.starts_with("ok ")).collect();
    let permissions = refused.lines.iter().find(|line| line.contains("role permissions")).unwrap();
    assert!(
        permissions.contains(" permissions: AccessDenied on iam:SimulatePrincipalPolicy → allow"),
        "{permissions}"
    );
    assert_eq!(
        not_checked,
        [
            "not checked  role trust            AccessDenied on iam:GetRole → allow yourself iam:GetRole",
            permissions,
            "sum: 16 ok, 0 warn, 0 FAIL, 2 not checked",
        ]
    );

    let refused =
        account.examine(&["--stack", "sound"], &[("AWS_ENDPOINT_URL_EC2", &account.refusing())]).await;
    assert_eq!(refused.code, Some(0), "{refused:#?}");
    let subnets = "not checked  subnets               UnauthorizedOperation on ec2:DescribeSubnets → allow yourself \
                   ec2:DescribeSubnets";
    assert!(refused.lines.iter().any(|line| line == subnets), "{refused:#?}");

    // With a function's environment instead of the stack's name, which says less about the stack.
    let role = &stack.outputs["JobRoleArn"];
    assert!(role.contains(ACCOUNT), "{role}");
    let said = account.examine(&[], &of_function(&stack)).await;
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert_eq!(said.lines.last().unwrap(), "sum: 17 ok, 0 warn, 0 FAIL, 1 not checked");

    for (arguments, message) in [
        (vec!["--stack", "nobody"], "error: stack nobody: ValidationError on cloudformation:DescribeStacks"),
        (vec![], "error: invalid environment: INPUT_BUCKET is not set"),
    ] {
        let said = account.examine(&arguments, &[]).await;
        assert_eq!((said.code, said.lines.len()), (Some(2), 0), "{said:#?}");
        assert!(said.error.starts_with(message), "{}", said.error);
    }
}

/// The policy in docs/doctor.md allows each action that the doctor needs, and nothing else.
#[test]
fn documented_policy_has_the_actions_of_all_calls() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let action = Regex::new(r#""([a-z0-9]+:[A-Z][A-Za-z0-9]+)""#).unwrap();
    let actions_in = |text: &str| -> BTreeSet<String> {
        let found = action.captures_iter(text).map(|found| found[1].to_owned());
        found.filter(|action| !action.starts_with("aws:")).collect()
    };
    let (mut code, mut folders) = (String::new(), vec![root.join("src/doctor/gather")]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                code += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut called = actions_in(&code);
    // The bucket's policy denies these, so IAM need not allow them.
    for denied in ["s3:GetObject", "s3:ListBucket"] {
        assert!(called.remove(denied), "{denied}");
    }
    let document = std::fs::read_to_string(root.join("docs/doctor.md")).unwrap();
    assert_eq!(actions_in(&document), called);
}

/// The prefix of the job's name decides what the stand-in for Bedrock answers.
#[tokio::test]
async fn probe_says_what_the_answer_means_and_leaves_no_job() {
    let folder = tempfile::tempdir().unwrap();
    let account = Account::start(folder.path()).await;
    let stack = account.deploy("sound", &[], &[]).await;
    let table = [
        ("fine", "ok           batch probe           amazon.nova-lite-v1:0 seems to have batch inference", 0),
        (
            "no-batch",
            "FAIL         batch probe           amazon.nova-lite-v1:0 has no batch inference in us-east-1",
            1,
        ),
        (
            "ended",
            "FAIL         batch probe           amazon.nova-lite-v1:0 has reached the end of its life",
            1,
        ),
        ("no-pass-role", "not checked  batch probe           you may not pass the job's role", 0),
        ("no-create", "not checked  batch probe           you may not create jobs", 0),
        (
            "hostile",
            r"not checked  batch probe           what this answer means is not known: Bedrock said ValidationException: \u{1b}[2Jtoo",
            0,
        ),
        (
            "created",
            "warn         batch probe           the probe created arn:aws:bedrock:us-east-1:123456789012:",
            0,
        ),
    ];
    for (prefix, line, code) in table {
        let mut environment = of_function(&stack);
        environment.push(("JOB_NAME_PREFIX", prefix));
        let said = account.examine(&["--probe-batch"], &environment).await;
        assert_eq!(said.code, Some(code), "{prefix}: {said:#?}");
        assert!(said.lines.iter().any(|said| said.starts_with(line)), "{prefix}: no {line} in {said:#?}");

        let writes = std::mem::take(&mut *account.writes.lock().unwrap());
        let (operations, requests): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
        let stops = if prefix == "created" { vec!["StopModelInvocationJob"] } else { Vec::new() };
        assert_eq!(operations, [vec!["CreateModelInvocationJob"], stops].concat(), "{prefix}");
        let bucket = &stack.outputs["OutputBucketName"];
        let input = format!("s3://{bucket}/work/doctor-probe/input/");
        assert_eq!(requests[0]["inputDataConfig"]["s3InputDataConfig"]["s3Uri"], input);
        assert_eq!(requests[0]["roleArn"], stack.outputs["JobRoleArn"]);
        let subnets: Vec<_> = stack.outputs["JobSubnetIds"].split(',').collect();
        let groups: Vec<_> = stack.outputs["JobSecurityGroupIds"].split(',').collect();
        let vpc_config = json!({"subnetIds": subnets, "securityGroupIds": groups});
        assert_eq!(requests[0]["vpcConfig"], vpc_config);
    }
}
