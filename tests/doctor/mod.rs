//! The doctor as a process, in an account with stacks of the real template: sound ones, and one for every
//! fault that the doctor must name.

mod account;
mod broken;

use std::time::Instant;

use self::account::{ACCOUNT, Account, Stack};
use self::broken::BROKEN;

/// Replaces `{X}` with output X of the stack, or with the first item if the output is a list.
fn filled(text: &str, stack: &Stack) -> String {
    stack.outputs.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value.split(',').next().unwrap())
    })
}

#[tokio::test]
async fn every_broken_setup_is_reported_with_its_fix() {
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let account = Account::start(folder.path()).await;

    let sound = account.deploy("sound", &[], &[]).await;
    let with_key = account.deploy("with-key", &[("KmsKeyArn", "create")], &[]).await;
    for stack in [&sound, &with_key] {
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

    println!(
        "doctor: 2 sound, {} broken setups, each named with its fix, in {:.0} s",
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
            "sum: 14 ok, 0 warn, 0 FAIL, 2 not checked",
        ]
    );

    // With a function's environment instead of the stack's name, which says less about the stack.
    let role = &stack.outputs["JobRoleArn"];
    assert!(role.contains(ACCOUNT), "{role}");
    let of_function: Vec<(&str, &str)> = [
        ("INPUT_BUCKET", "InputBucketName"),
        ("OUTPUT_BUCKET", "OutputBucketName"),
        ("JOB_NAME_PREFIX", "JobNamePrefix"),
        ("JOB_ROLE_ARN", "JobRoleArn"),
        ("MODEL_ID", "ModelId"),
        ("SUBNET_IDS", "JobSubnetIds"),
        ("SECURITY_GROUP_IDS", "JobSecurityGroupIds"),
    ]
    .map(|(variable, output)| (variable, stack.outputs[output].as_str()))
    .into();
    let said = account.examine(&[], &of_function).await;
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert_eq!(said.lines.last().unwrap(), "sum: 15 ok, 0 warn, 0 FAIL, 1 not checked");

    for (arguments, message) in [
        (vec!["--stack", "nobody"], "error: stack nobody: ValidationError on cloudformation:DescribeStacks"),
        (vec![], "error: invalid environment: INPUT_BUCKET is not set"),
    ] {
        let said = account.examine(&arguments, &[]).await;
        assert_eq!((said.code, said.lines.len()), (Some(2), 0), "{said:#?}");
        assert!(said.error.starts_with(message), "{}", said.error);
    }
}
