//! The functions' requests to Bedrock, and the condition keys of requests through an endpoint. Pure.

use super::facts::{Endpoint, Facts};
use super::model_id;
use super::subject::Subject;

/// The condition keys of a request through an endpoint.
pub(crate) fn context(
    subject: &Subject,
    role_arn: &str,
    endpoint: Option<&Endpoint>,
) -> Vec<(&'static str, Vec<String>)> {
    let account = subject.account().to_owned();
    let mut context = vec![
        ("aws:PrincipalAccount", vec![account.clone()]),
        ("aws:PrincipalArn", vec![role_arn.to_owned()]),
        ("aws:PrincipalIsAWSService", vec!["false".to_owned()]),
        ("aws:RequestedRegion", vec![subject.region.clone()]),
        ("aws:ResourceAccount", vec![account.clone()]),
        ("aws:SecureTransport", vec!["true".to_owned()]),
        ("aws:ViaAWSService", vec!["false".to_owned()]),
        ("s3:ResourceAccount", vec![account]),
    ];
    if let Some(endpoint) = endpoint {
        context.push(("aws:SourceVpc", vec![endpoint.vpc_id.clone()]));
        context.push(("aws:SourceVpce", vec![endpoint.id.clone()]));
        // A request through an endpoint does not have this key.
        context.push(("aws:SourceIp", Vec::new()));
    }
    context
}

/// What both functions request from Bedrock. The function that sweeps also creates jobs.
pub(crate) fn bedrock_requests(subject: &Subject, facts: &Facts) -> Vec<(&'static str, String)> {
    let job = subject.arn("bedrock", "model-invocation-job/*");
    let create = "bedrock:CreateModelInvocationJob";
    let models = model_id::arns(subject, facts).into_iter().map(|arn| (create, arn));
    let mut requests = vec![(create, job.clone())];
    requests.extend(models);
    if !subject.config.job_tags.is_empty() {
        requests.push(("bedrock:TagResource", job.clone()));
    }
    requests.push(("bedrock:GetModelInvocationJob", job));
    requests.push(("bedrock:ListModelInvocationJobs", "*".to_owned()));
    requests
}
