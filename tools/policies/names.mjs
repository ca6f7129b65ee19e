// The principals and resources in and around a stack.

export const ELSEWHERE = "999999999999";
export const ID = "0".repeat(32);
const FULL = (actions) => ({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] });

export function names(set) {
  const { partition, region, account, parameters, outputs, arns } = set;
  const arn = (service, rest, scope = `${region}:${account}`) => `arn:${partition}:${service}:${scope}:${rest}`;
  const split = (text) => text.split(",");

  // A principal: its ARN, its policies (those of the stack by name, its own as documents), and its request context.
  const principal = (of, { policies = [], own = [], context = {} } = {}) => ({
    name: of.split("/").pop(), arn: of, policies, own,
    context: { "aws:PrincipalArn": of, "aws:PrincipalIsAWSService": "false", ...context },
  });
  const role = (name, context) => principal(arns[name], { policies: set.ofRoles[name], context });
  const person = (of, actions, context) => of && principal(of, { own: actions ? [FULL(actions)] : [], context });
  const tagged = (tag) => (tag === undefined ? {} : { "aws:PrincipalTag/BedrockVpcBatchRoute": tag });
  const service = (name, granted) => ({
    name, arn: name, policies: [], own: [], granted, context: { "aws:PrincipalIsAWSService": "true" },
  });
  // The origin of a request, as S3 and Bedrock see it.
  const endpoint = (id) => ({ "aws:SourceVpce": id, "aws:SourceVpc": outputs.VpcId });
  const models = parameters.ModelArns.filter(Boolean);

  return {
    account, arn, arns,
    aJob: arn("bedrock", "model-invocation-job/abcdefghijkl"),
    // The code of a function. Lambda adds the function to the context of the code's requests, but not of its own.
    // https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    submit: role("SubmitRole", { "lambda:SourceFunctionArn": arns.SubmitFunction }),
    complete: role("CompleteRole", { "lambda:SourceFunctionArn": arns.CompleteFunction }),
    lambda: ({ name }) => role(name),
    // Bedrock, with the role of the job.
    job: role("JobRole"),
    // The service that writes flow logs, with its role.
    flowLog: arns.FlowLogRole && role("FlowLogRole"),
    administrator: person(arn("iam", "role/Administrator", `:${account}`), "*"),
    // The worst case: IAM grants them everything for S3 and KMS. The plain ones have only what the stack grants.
    uploader: person(parameters.UploaderArns.filter(Boolean)[0], ["s3:*", "kms:*"]),
    plainUploaders: parameters.UploaderArns.filter(Boolean).map((of) => person(of)),
    reader: person(parameters.ReaderArns.filter(Boolean)[0], ["s3:*", "kms:*"]),
    plainReader: person(parameters.ReaderArns.filter(Boolean)[0]),
    operator: person(parameters.OperatorArns.filter(Boolean)[0], ["s3:*", "kms:*"]),
    plainOperator: person(parameters.OperatorArns.filter(Boolean)[0]),
    editor: person(parameters.RouteEditorArns.filter(Boolean)[0], ["s3:*", "kms:*"]),
    plainEditor: person(parameters.RouteEditorArns.filter(Boolean)[0]),
    // A reader of the route with this tag; the last one is an operator as well.
    ofRoute: (tag) => person(parameters.RouteReaderArns.filter(Boolean)[0], ["s3:*", "kms:*"], tagged(tag)),
    plainOfRoute: (tag) => person(parameters.RouteReaderArns.filter(Boolean)[0], undefined, tagged(tag)),
    operatorOfRoute: (tag) => person(parameters.RouteReaderArns.filter(Boolean)[1], ["s3:*", "kms:*"], tagged(tag)),
    // A reader who is an operator and a route editor as well.
    lead: person(parameters.OperatorArns.filter((of) => of && parameters.ReaderArns.includes(of))[0], ["s3:*", "kms:*"]),
    stranger: person(arn("iam", "role/Stranger", `:${account}`)),
    // Services that act with a role of the account, which IAM allows everything.
    replication: person(arn("iam", "role/Replication", `:${account}`), ["s3:*", "kms:*"]),
    backup: person(arn("iam", "role/Backup", `:${account}`), ["s3:*", "kms:*"]),
    service,
    // The deployer of the stack, with the policies that policies/README.md has for it.
    deployer: principal(arn("iam", "role/Deployer", `:${account}`), { policies: set.ofRoles.Deployer }),
    partition, region,
    stack: parameters["AWS::StackName"],
    path: parameters.RolePath,
    boundary: set.boundary,
    isNetworkMade: !parameters.VpcId,

    inside: endpoint(outputs.S3VpcEndpointId),
    atBedrock: endpoint(outputs.BedrockVpcEndpointId),
    outside: { "aws:SourceIp": "198.51.100.7" },
    arePeopleRestricted: parameters.PeopleOnlyThroughEndpoints === "true",
    inAdditionalVpc: parameters.AdditionalVpcEndpointIds.filter(Boolean).map((id) => (
      { "aws:SourceVpce": id, "aws:SourceVpc": "vpc-0eeeeeeeeeeeeeeee" }
    )),
    inAnotherVpc: { "aws:SourceVpce": "vpce-0ffffffffffffffff", "aws:SourceVpc": "vpc-0ffffffffffffffff" },

    input: (key) => `${arns.InputBucket}/${key}`,
    drop: `${arns.InputBucket}/${parameters.InputPrefix}in/a.jsonl`,
    inputPrefix: parameters.InputPrefix,
    output: (key) => `${arns.OutputBucket}/${key}`,
    results: `results/in/a.jsonl/${ID}`,
    s3Locations: parameters.S3LocationArns.filter(Boolean),
    models: models.length ? models : [arn("bedrock", `foundation-model/${parameters.ModelId}`, `${region}:`)],
    // What routes may name besides.
    routeModels: parameters.RouteModelArns.filter(Boolean),
    otherModel: arn("bedrock", "foundation-model/amazon.nova-pro-v1:0", `${region}:`),
    mayJobsBeOutside: parameters.JobsOutsideEndpoint === "true",
    areNoticesOn: parameters.NoticeEmail !== "" || parameters.NoticeTopicArn !== "",
    isTraced: parameters.XRayTracing === "true",
    key: outputs.KmsKeyArn,
    viaS3: { "kms:ViaService": `s3.${region}.${parameters["AWS::URLSuffix"]}` },

    vpc: arn("ec2", `vpc/${outputs.VpcId}`),
    subnets: split(outputs.JobSubnetIds),
    groups: split(outputs.JobSecurityGroupIds),
    functionGroup: outputs.FunctionSecurityGroupId,
    eni: arn("ec2", "network-interface/eni-0123456789abcdef0"),
  };
}
