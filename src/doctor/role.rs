//! The role that Bedrock assumes: its trust, and what IAM's simulation says that it may. Pure.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html> (read 2026-11)

use super::facts::{Decision, Endpoint, Facts, KeyMetadata, Question, Subnet};
use super::finding::{Finding, Unknown};
use super::network::context;
use super::policy::{Context, Principal, Request, Verdict, judge};
use super::subject::Subject;

/// All checks of the role.
pub(super) fn check(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    let mut findings = trust(subject, facts);
    if facts.trust != Ok(None) {
        findings.extend(permissions(facts));
    }
    findings
}

fn trust(subject: &Subject, facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "role trust";
    let arn = &subject.config.job_role_arn;
    let policy = match &facts.trust {
        Ok(Some(policy)) => policy,
        Ok(None) => {
            let cure = "deploy the stack anew, or name a role that exists";
            return vec![Finding::fail(CHECK, format!("{arn} does not exist"), cure)];
        }
        Err(unknown) => return vec![Finding::unknown(CHECK, unknown)],
    };
    let assumes = |account: &str, source_arn: String| {
        let context = Context::new([
            ("aws:SourceAccount", vec![account.to_owned()]),
            ("aws:SourceArn", vec![source_arn]),
        ]);
        let principal = Principal::Service("bedrock.amazonaws.com");
        judge(policy, &Request { principal, action: "sts:AssumeRole", resource: arn, context: &context })
    };
    let account = subject.account();
    let own = subject.job_arn();
    let cure = format!(
        "let bedrock.amazonaws.com assume it for aws:SourceAccount {account} and aws:SourceArn {}",
        subject.arn("bedrock", "model-invocation-job/*")
    );
    let stranger = "000000000000";
    vec![match assumes(account, own.clone()) {
        Verdict::Allowed => {
            if assumes(stranger, own.replace(account, stranger)) == Verdict::Allowed {
                let what = "bedrock.amazonaws.com may assume it for jobs of any account";
                Finding::warn(CHECK, what, cure)
            } else {
                Finding::ok(CHECK, format!("Bedrock may assume it for jobs of {account} only"))
            }
        }
        Verdict::NotAllowed => Finding::fail(CHECK, format!("Bedrock may not assume it for {own}"), cure),
        Verdict::Denied(sid) => {
            Finding::fail(CHECK, format!("{sid} does not let Bedrock assume it for {own}"), cure)
        }
        Verdict::Unsure(sid) => {
            let what = format!("what is not known here decides in {sid} whether Bedrock may assume it");
            Finding::not_checked(CHECK, what, "read it yourself")
        }
    }]
}

/// What a job needs, each question about one resource with the condition keys that AWS has in such a request and no
/// others: a simulation takes whatever it is given.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html> (read 2026-11)
pub(super) fn questions(
    subject: &Subject,
    subnets: &[Subnet],
    endpoint: Option<&Endpoint>,
    model_arns: &[String],
    profile_arn: Option<&str>,
    keys: &[&KeyMetadata],
) -> Vec<Question> {
    let text = |text: &str| vec![text.to_owned()];
    let mut questions = Vec::new();
    let mut ask = |action, resource: String, context| {
        questions.push(Question { action, resource, context });
    };
    let of_s3 = context(subject, &subject.config.job_role_arn, endpoint);
    for (action, resource) in subject.s3_requests() {
        ask(action, resource, of_s3.clone());
    }
    for model_arn in model_arns {
        let profile = profile_arn.map(|arn| ("bedrock:InferenceProfileArn", text(arn)));
        ask("bedrock:InvokeModel", model_arn.clone(), profile.into_iter().collect());
    }
    for action in [
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ] {
        ask(action, "*".to_owned(), Vec::new());
    }
    let interface = subject.arn("ec2", "network-interface/*");
    let job_arn = subject.job_arn();
    let tags = vec![
        ("aws:RequestTag/BedrockManaged", text("true")),
        ("aws:RequestTag/BedrockModelInvocationJobArn", text(&job_arn)),
        ("aws:TagKeys", vec!["BedrockManaged".to_owned(), "BedrockModelInvocationJobArn".to_owned()]),
    ];
    let create = "ec2:CreateNetworkInterface";
    ask(create, interface.clone(), tags.clone());
    let mut create_tags = tags;
    create_tags.push(("ec2:CreateAction", text("CreateNetworkInterface")));
    ask("ec2:CreateTags", interface.clone(), create_tags);
    let vpc_arn = |subnet: &Subnet| subject.arn("ec2", &format!("vpc/{}", subnet.vpc_id));
    for id in subject.config.vpc.security_group_ids() {
        let mut context = vec![("ec2:SecurityGroupID", text(id))];
        context.extend(subnets.first().map(|subnet| ("ec2:Vpc", vec![vpc_arn(subnet)])));
        ask(create, subject.arn("ec2", &format!("security-group/{id}")), context);
    }
    for subnet in subnets {
        let arn = subject.arn("ec2", &format!("subnet/{}", subnet.id));
        let context = vec![
            ("ec2:AvailabilityZone", text(&subnet.zone)),
            ("ec2:SubnetID", text(&subnet.id)),
            ("ec2:Vpc", vec![vpc_arn(subnet)]),
        ];
        ask(create, arn.clone(), context);
        for action in [
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ] {
            let context = vec![
                ("aws:ResourceTag/BedrockManaged", text("true")),
                ("aws:ResourceTag/BedrockModelInvocationJobArn", text(&job_arn)),
                ("ec2:AvailabilityZone", text(&subnet.zone)),
                ("ec2:ResourceTag/BedrockManaged", text("true")),
                ("ec2:ResourceTag/BedrockModelInvocationJobArn", text(&job_arn)),
                ("ec2:Subnet", text(&arn)),
                ("ec2:Vpc", vec![vpc_arn(subnet)]),
            ];
            ask(action, interface.clone(), context);
        }
    }
    for key in keys {
        for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
            let bucket = subject.s3_arn(&subject.config.output_bucket);
            let context = vec![
                ("kms:CallerAccount", text(subject.account())),
                ("kms:EncryptionContext:aws:s3:arn", vec![bucket]),
                ("kms:ViaService", vec![format!("s3.{}.amazonaws.com", subject.region)]),
            ];
            ask(action, key.arn.clone(), context);
        }
    }
    questions
}

fn permissions(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "role permissions";
    let mut findings = Vec::new();
    let mut unknowns: Vec<(&Unknown, usize)> = Vec::new();
    let mut allowed = Vec::new();
    for (question, decision) in &facts.permissions {
        let Question { action, resource, .. } = question;
        let why = match decision {
            Ok(Decision::Allowed) => {
                if !allowed.contains(action) {
                    allowed.push(*action);
                }
                continue;
            }
            Err(unknown) => {
                match unknowns.iter_mut().find(|(other, _)| *other == unknown) {
                    Some((_, count)) => *count += 1,
                    None => unknowns.push((unknown, 1)),
                }
                continue;
            }
            Ok(Decision::NotAllowed) => "no statement allows it",
            Ok(Decision::Denied) => "a statement denies it",
            Ok(Decision::Bounded) => "its permissions boundary does not let it",
            Ok(Decision::Forbidden) => "a policy of the organization does not let it",
        };
        let cure = match decision {
            Ok(Decision::Forbidden) => "ask who keeps the organization's policies".to_owned(),
            _ => format!("let the role's policies allow {action} on {resource}"),
        };
        findings.push(Finding::fail(CHECK, format!("{action} on {resource}: {why}"), cure));
    }
    for (unknown, count) in unknowns {
        let why = format!("{count} of {} permissions: {}", facts.permissions.len(), unknown.why);
        findings.push(Finding::not_checked(CHECK, why, unknown.cure.clone()));
    }
    if findings.is_empty() && !allowed.is_empty() {
        let what =
            format!("{} of {}: {}", facts.permissions.len(), facts.permissions.len(), allowed.join(", "));
        findings.push(Finding::ok(CHECK, what));
    }
    findings
}
