//! The questions for IAM's simulation of the role. Pure.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html> (read 2026-11)

use super::facts::{Endpoint, KeyMetadata, Question, Subnet};
use super::requests::context;
use super::subject::Subject;

/// Lists a question for each permission that a job needs. A question names one resource and exactly the condition keys
/// that AWS sends in the real request, because the simulation trusts the keys it is given.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html> (read 2026-11)
pub(crate) fn questions(
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

/// Lists who needs what for jobs of a model that is not the one in the settings: the job's role invokes the model, and the functions create jobs of it.
pub(crate) fn of_other_model(subject: &Subject, model_arn: &str) -> Vec<(String, Question)> {
    let question = |action| Question { action, resource: model_arn.to_owned(), context: Vec::new() };
    let functions = subject.functions.iter().flat_map(|functions| &functions.roles);
    let creates = functions.map(|role_arn| (role_arn.clone(), question("bedrock:CreateModelInvocationJob")));
    [(subject.config.job_role_arn.clone(), question("bedrock:InvokeModel"))]
        .into_iter()
        .chain(creates)
        .collect()
}
