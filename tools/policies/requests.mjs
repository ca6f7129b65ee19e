// The table of requests: principal, action, resource, context, and whether the stack allows it. A denial lists every
// cause: a statement that denies the request, or the part of a statement that keeps it from allowing the request.

import { deployerRequests } from "./deployer.mjs";
import { ELSEWHERE, ID } from "./names.mjs";

/** Returns the requests for a stack with resources of these types. */
export function requests(s, kinds) {
  const table = [];
  // Each action on each resource is a separate request. If the stack does not name the person, there are no requests.
  const add = (who, actions, resources, context, causes) => {
    for (const action of who ? [actions].flat() : []) {
      for (const resource of [resources].flat()) table.push({ who, action, resource, context, causes });
    }
  };
  const may = (who, actions, resources, context = {}) => add(who, actions, resources, context, []);
  const mayNot = (who, actions, resources, context, ...causes) => add(who, actions, resources, context, causes);

  const { arns, inside, outside, inAnotherVpc, atBedrock, submit, complete, lambda, job } = s;
  const { administrator, uploader, reader, operator, editor, lead, stranger } = s;
  const { plainUploaders, plainReader, plainOperator, plainEditor } = s;
  // Where people come from: anywhere, or through the additional endpoints.
  const homes = s.arePeopleRestricted ? s.inAdditionalVpc : [outside];
  const [home] = homes;
  const inNamed = "InputBucketPolicy/OnlyNamedPrincipals";
  // What closes each part of the output bucket to those who are not named there.
  const [elsewhere, atResults, atIndex, atRequests, atRoutes, atInForce] = [
    "OnlyRolesElsewhere", "OnlyReadersAtResults", "OnlyReadersAtIndex", "OnlyOperatorsAtRequests", "OnlyRouteEditorsAtRoutes",
    "OnlyReadersAndRouteEditorsAtRoutesInForce",
  ].map((sid) => `OutputBucketPolicy/${sid}`);
  // What those may do there who are.
  const [onlyGet, onlyPut, onlyChange] = ["OnlyGetResults", "OnlyPutRequests", "OnlyGetPutAndDeleteRoutes"].map(
    (sid) => `OutputBucketPolicy/${sid}`,
  );
  const functions = [submit, complete];
  const output = (...keys) => keys.map(s.output);
  const [entry, dropEntry, marker, hint, sweepEntry, other] = output(
    `ledger/jobs/${ID}.json`, `ledger/drops/${ID}/drop.json`, `ledger/open/20260101T000000Z-${ID}.job`,
    `ledger/waiting/amazon.nova-lite-v1_0/20260101T000000Z-${ID}.json`, "ledger/sweep.json",
    "elsewhere/a.jsonl",
  );
  const [jobInput, jobOutput] = output(
    `work/${ID}/input/${ID}.jsonl`, `work/${ID}/output/abcdefghijkl/${ID}.jsonl.out`,
  );
  const [result, summary, rejection, report, status] = output(
    ...["succeeded/part-00001.jsonl", "summary.json", "rejection.json", "report.html", "status.json"]
      .map((name) => `${s.results}/${name}`),
  );
  const [index, planPage, tally] = output(
    `index/2026-01-01/20260101T000000Z-${ID}/in/a.jsonl`, `ledger/drops/${ID}/plan-${ID}/00001.json`,
    `ledger/drops/${ID}/tallies/00001.json`,
  );
  // What is deleted of a drop that is erased.
  const ofDrop = [result, summary, rejection, report, status, index, planPage, tally, jobInput, jobOutput];
  // The routes: the entry of the ledger, the file of an administrator, and what people see.
  const [routesEntry, routesFile, inForce] = output("ledger/routes.json", "config/routes.json", "config/in-force.json");
  const ofRoutes = [routesEntry, routesFile, inForce];
  // What is reserved of a budget, and which file was dropped.
  const ofLimits = output("ledger/budgets/2026-01-01/stack/00.json", `ledger/contents/${ID}.json`);
  const otherBucket = s.arn("s3", "somebodys-bucket", ":");
  const otherObject = `${otherBucket}/a.jsonl`;
  const below = (origin, prefix) => ({ ...origin, "s3:prefix": prefix });

  // Bedrock, with the role of the job, reads, writes, lists, and invokes the model. It may read the output too, as in
  // the policy that AWS documents. All jobs share one role, so only their names keep them apart.
  const [data, jobs] = ["JobRole/Data", "S3VpcEndpoint/JobsReadAndWrite"];
  may(job, "s3:GetObject", [jobInput, jobOutput], inside);
  may(job, "s3:PutObject", jobOutput, inside);
  may(job, "s3:ListBucket", arns.OutputBucket, inside);
  may(job, "bedrock:InvokeModel", s.models);
  const ledgerOf = [entry, dropEntry, marker, hint, sweepEntry, routesEntry, ...ofLimits];
  mayNot(job, "s3:GetObject", s.drop, inside, `${data}/Read Resource`, `${jobs} Resource`, inNamed);
  mayNot(job, "s3:GetObject", [result, routesFile, inForce, ...ledgerOf], inside, `${data}/Read Resource`, `${jobs} Resource`);
  mayNot(job, "s3:PutObject", jobInput, inside, `${data}/Write Resource`);
  mayNot(job, "s3:PutObject", s.drop, inside, `${data}/Write Resource`, `${jobs} Resource`, inNamed);
  mayNot(job, "s3:PutObject", [result, routesFile, inForce, ...ledgerOf], inside, `${data}/Write Resource`, `${jobs} Resource`);
  mayNot(job, "s3:DeleteObject", jobOutput, inside, `${data}/Write Action`, `${jobs} Action`);
  mayNot(job, "s3:ListBucket", arns.InputBucket, inside, `${data}/List Resource`, "S3VpcEndpoint/JobsList Resource");
  // What the records may point to, and nothing beside it.
  for (const location of s.s3Locations) {
    const media = location.replace(/\*$/, "1.mp4");
    may(job, "s3:GetObject", media, inside);
    const [read, pass] = [`${data}/ReadS3Locations`, "S3VpcEndpoint/JobsReadS3Locations"];
    mayNot(job, "s3:PutObject", media, inside, `${read} Action`, `${pass} Action`);
    mayNot(job, "s3:GetObject", media, { ...inside, "aws:ResourceAccount": ELSEWHERE }, `${read} aws:ResourceAccount`);
    const beside = location.replace(/:::([^/]*)\/.*/, ":::$1-2/1.mp4");
    mayNot(job, "s3:GetObject", beside, inside, `${read} Resource`, `${pass} Resource`);
  }
  // After our bucket is deleted, another account could create one with the same name and an open policy.
  const bucketElsewhere = { ...inside, "aws:ResourceAccount": ELSEWHERE };
  mayNot(job, "s3:GetObject", jobInput, bucketElsewhere, `${data}/Read aws:ResourceAccount`);
  mayNot(job, "s3:PutObject", jobOutput, bucketElsewhere, `${data}/Write aws:ResourceAccount`);
  mayNot(job, "s3:ListBucket", arns.OutputBucket, bucketElsewhere, `${data}/List aws:ResourceAccount`);
  const invoke = "JobRole/Model/InvokeModel";
  mayNot(job, "bedrock:InvokeModel", s.otherModel, {}, `${invoke} Resource`);
  // Routes may name other models, each in its own Region, and still not every model.
  const notOfRoutes = [s.otherModel, ...s.routeModels.map((model) => model.replace(/:us-[a-z]+-\d:/, ":eu-west-1:"))];
  may(job, "bedrock:InvokeModel", s.routeModels);
  if (s.routeModels.length) mayNot(job, "bedrock:InvokeModel", notOfRoutes, {}, `${invoke}sOfRoutes Resource`);
  mayNot(job, "bedrock:CreateModelInvocationJob", s.aJob, {}, `${invoke} Resource`, `${invoke} Action`);

  // Who may assume the role of the job, and the roles of the functions.
  const [bedrock, lambdaItself, ec2] = ["bedrock", "lambda", "ec2"].map((name) => s.service(`${name}.amazonaws.com`));
  const [assume, trust] = ["sts:AssumeRole", "JobRole/Trust/1"];
  const [ofAccount, ofArn] = [`${trust} aws:SourceAccount`, `${trust} aws:SourceArn`];
  const from = (arn, account = s.account) => ({ "aws:SourceArn": arn, "aws:SourceAccount": account });
  const jobElsewhere = s.aJob.replace(s.account, ELSEWHERE);
  may(bedrock, assume, arns.JobRole, from(s.aJob));
  may(lambdaItself, assume, [arns.SubmitRole, arns.CompleteRole]);
  mayNot(bedrock, assume, arns.JobRole, from(s.aJob, ELSEWHERE), ofAccount);
  mayNot(bedrock, assume, arns.JobRole, from(jobElsewhere), ofArn);
  mayNot(bedrock, assume, arns.JobRole, from(s.arn("bedrock", "model-customization-job/abcdefghijkl")), ofArn);
  mayNot(bedrock, assume, arns.JobRole, from(jobElsewhere, ELSEWHERE), ofAccount, ofArn);
  mayNot(bedrock, assume, arns.JobRole, {}, ofAccount, ofArn);
  for (const who of [lambdaItself, ec2]) mayNot(who, assume, arns.JobRole, from(s.aJob), `${trust} Principal`);
  for (const role of ["SubmitRole", "CompleteRole"]) {
    mayNot(bedrock, assume, arns[role], from(s.aJob), `${role}/Trust/1 Principal`);
    mayNot(administrator, assume, arns[role], {}, `${role}/Trust/1 Principal`);
  }
  for (const who of [submit, administrator]) mayNot(who, assume, arns.JobRole, {}, `${trust} Principal`, ofAccount, ofArn);

  // The network interfaces of a job. EC2 checks each resource of CreateNetworkInterface separately, and supplies the
  // tags of the request only for the interface.
  const [managed, ofJob] = ["aws:RequestTag/BedrockManaged", "aws:RequestTag/BedrockModelInvocationJobArn"];
  const tagged = {
    [managed]: "true", [ofJob]: s.aJob, "aws:TagKeys": ["BedrockManaged", "BedrockModelInvocationJobArn"],
  };
  const created = { "ec2:CreateAction": "CreateNetworkInterface" };
  const subnet = (id) => [s.arn("ec2", `subnet/${id}`), { "ec2:SubnetID": id, "ec2:Vpc": s.vpc }];
  const group = (id) => [s.arn("ec2", `security-group/${id}`), { "ec2:SecurityGroupID": id, "ec2:Vpc": s.vpc }];
  const eniIn = (id, tag) => ({
    "ec2:Subnet": s.arn("ec2", `subnet/${id}`), "ec2:Vpc": s.vpc,
    ...(tag && { "ec2:ResourceTag/BedrockModelInvocationJobArn": tag }),
  });
  const [own, foreignSubnet, foreignGroup] = [s.subnets[0], "subnet-0fffffffffffffff0", "sg-0fffffffffffffff0"];
  const [create, permit, unpermit, remove, tag] = [
    "CreateNetworkInterface", "CreateNetworkInterfacePermission", "DeleteNetworkInterfacePermission",
    "DeleteNetworkInterface", "CreateTags",
  ].map((action) => `ec2:${action}`);
  may(job, ["DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs"].map((one) => `ec2:Describe${one}`), "*");
  may(job, create, s.eni, tagged);
  may(job, tag, s.eni, { ...tagged, ...created });
  for (const id of s.groups) may(job, create, ...group(id));
  for (const id of s.subnets) {
    may(job, create, ...subnet(id));
    may(job, [permit, unpermit, remove], s.eni, eniIn(id, s.aJob));
  }
  const vpc = "JobRole/Vpc";
  const [noMark, noJob] = [managed, ofJob].map((key) => `${vpc}/CreateTaggedEni ${key}`);
  mayNot(job, create, s.eni, {}, noMark, noJob);
  mayNot(job, create, s.eni, { ...tagged, [managed]: "false" }, noMark);
  mayNot(job, create, s.eni, { ...tagged, [ofJob]: jobElsewhere }, noJob);
  mayNot(job, create, s.eni, { [managed]: "true", "aws:TagKeys": ["BedrockManaged"] }, noJob);
  mayNot(job, create, ...subnet(foreignSubnet), "JobPlacementPolicy/EniPlacementInSubnets Resource");
  mayNot(job, create, ...group(foreignGroup), "JobPlacementPolicy/EniPlacementInSecurityGroups Resource");
  mayNot(job, create, ...group(s.functionGroup), "JobPlacementPolicy/EniPlacementInSecurityGroups Resource");
  // A subnet of a shared VPC has the account of its owner in its ARN.
  const shared = (id) => [subnet(id)[0].replace(s.account, ELSEWHERE), subnet(id)[1]];
  may(job, create, ...shared(own));
  mayNot(job, create, ...shared(foreignSubnet), "JobPlacementPolicy/EniPlacementInSubnets Resource");
  const [ofTag, ofSubnet] = ["ec2:ResourceTag/BedrockModelInvocationJobArn", "ec2:Subnet"];
  const use = "JobPlacementPolicy/UseOwnEni";
  mayNot(job, permit, s.eni, eniIn(foreignSubnet, s.aJob), `${use} ${ofSubnet}`);
  mayNot(job, permit, s.eni, eniIn(foreignSubnet), `${use} ${ofSubnet}`, `${use} ${ofTag}`);
  for (const [action, path] of [[permit, use], [remove, `${vpc}/DeleteOwnEni`], [unpermit, `${vpc}/DeleteOwnEniPermission`]]) {
    mayNot(job, action, s.eni, eniIn(own), `${path} ${ofTag}`);
    mayNot(job, action, s.eni, eniIn(own, jobElsewhere), `${path} ${ofTag}`);
  }
  mayNot(job, tag, s.eni, tagged, `${vpc}/TagEni ec2:CreateAction`);
  mayNot(job, tag, s.eni, { ...tagged, "ec2:CreateAction": "RunInstances" }, `${vpc}/TagEni ec2:CreateAction`);
  mayNot(job, tag, s.eni, { ...tagged, ...created, "aws:TagKeys": ["BedrockManaged", "Owner"] }, `${vpc}/TagEni aws:TagKeys`);
  mayNot(job, tag, subnet(own)[0], { ...tagged, ...created }, `${vpc}/TagEni Resource`);
  mayNot(job, "ec2:ModifyNetworkInterfaceAttribute", s.eni, eniIn(own, s.aJob), `${vpc}/DeleteOwnEni Action`);

  // The network interfaces of the functions: Lambda manages them, and the code may not. Lambda tries out the role before
  // there is an interface, so the last three actions must be allowed without a condition.
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  const describe = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"];
  const keep = ["ec2:AssignPrivateIpAddresses", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"];
  for (const code of functions) {
    const service = lambda(code);
    may(service, describe, "*");
    may(service, create, s.eni);
    may(service, create, ...group(s.functionGroup));
    for (const id of s.subnets) may(service, create, ...subnet(id));
    may(service, keep, s.eni);
    may(service, create, ...shared(own));
    for (const place of [subnet(foreignSubnet), shared(foreignSubnet)]) {
      mayNot(service, create, ...place, "PlacementPolicy/EniPlacementInSubnets Resource");
    }
    mayNot(service, create, ...group(foreignGroup), "PlacementPolicy/EniPlacementInSecurityGroup Resource");
    mayNot(code, describe, "*", {}, "NetworkPolicy/NotTheFunctionItself");
    mayNot(code, create, s.eni, {}, "NetworkPolicy/NotTheFunctionItself");
    mayNot(code, create, ...subnet(own), "NetworkPolicy/NotTheFunctionItself");
    mayNot(code, keep, s.eni, eniIn(own), "NetworkPolicy/NotTheFunctionItself");
    if (s.isTraced) may(code, ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*");
  }

  // Each function's role may write to its own log and queue, but never to those of the other function.
  const [write, send, receive] = [["logs:CreateLogStream", "logs:PutLogEvents"], "sqs:SendMessage", "sqs:ReceiveMessage"];
  const stream = (name) => arns[`${name}LogGroup`].replace(/\*$/, "log-stream:2026/01/01/[$LATEST]0");
  for (const [code, name, not] of [[submit, "Submit", "Complete"], [complete, "Complete", "Submit"]]) {
    const [service, policy] = [lambda(code), `${name}Role/${name}`];
    may(service, write, stream(name));
    may(service, send, arns[`${name}FailureQueue`]);
    mayNot(service, write, stream(not), {}, `${policy}/Log Resource`);
    mayNot(service, send, [arns[`${not}FailureQueue`], arns.UndeliveredQueue], {}, `${policy}/ReportFailures Resource`);
    mayNot(service, receive, arns[`${name}FailureQueue`], {}, `${policy}/ReportFailures Action`);
    if (s.areNoticesOn) {
      may(service, "events:PutEvents", s.arn("events", "event-bus/default"));
      mayNot(service, "events:PutEvents", s.arn("events", "event-bus/another"), {}, `${policy}/ReturnEndedDrops Resource`);
      mayNot(service, "events:DeleteEventBus", s.arn("events", "event-bus/default"), {}, `${policy}/ReturnEndedDrops Action`);
    }
  }

  // EventBridge sends notices to the topic of the stack, and nothing else publishes there.
  if (arns.NoticeTopic) {
    const events = s.service("events.amazonaws.com");
    may(events, "sns:Publish", arns.NoticeTopic);
    mayNot(events, "sns:Subscribe", arns.NoticeTopic, {}, "NoticeTopicPolicy/RuleMaySend Action");
    mayNot(s.service("s3.amazonaws.com"), "sns:Publish", arns.NoticeTopic, {}, "NoticeTopicPolicy/RuleMaySend Principal");
  }

  // The flow logs of the VPC go to a log of their own. Only that service may assume the role, for flow logs of this account.
  if (arns.FlowLogRole) {
    const [flowLogs, ofFlowLogs] = [s.service("vpc-flow-logs.amazonaws.com"), "FlowLogRole/Trust/1"];
    const aFlowLog = s.arn("ec2", "vpc-flow-log/fl-0123456789abcdef0");
    const logElsewhere = aFlowLog.replace(s.account, ELSEWHERE);
    may(flowLogs, assume, arns.FlowLogRole, from(aFlowLog));
    mayNot(flowLogs, assume, arns.FlowLogRole, from(aFlowLog, ELSEWHERE), `${ofFlowLogs} aws:SourceAccount`);
    mayNot(flowLogs, assume, arns.FlowLogRole, from(logElsewhere), `${ofFlowLogs} aws:SourceArn`);
    mayNot(lambdaItself, assume, arns.FlowLogRole, from(aFlowLog), `${ofFlowLogs} Principal`);
    may(s.flowLog, write, stream("Flow"));
    may(s.flowLog, "logs:DescribeLogGroups", "*");
    may(s.flowLog, "logs:DescribeLogStreams", arns.FlowLogGroup.replace(/:\*$/, ""));
    mayNot(s.flowLog, write, [stream("Submit"), stream("Complete")], {}, "FlowLogRole/FlowLog/Log Resource");
    mayNot(s.flowLog, "s3:GetObject", s.drop, inside, "FlowLogRole/FlowLog/Log Action", "FlowLogRole/FlowLog/Log Resource",
      `S3VpcEndpoint/FunctionsReadDrops aws:PrincipalArn`, inNamed);
  }

  // Each function may use its own data, and neither may change a drop or the output of a job. A hand-written event may
  // lack a version. The sweep may do with a drop what submit may do.
  const [ledger, workList] = ["DropsPolicy/KeepLedger", "DropsPolicy/KeepWorkList"];
  const endpointOfS3 = "S3VpcEndpoint/Functions";
  const kept = `${endpointOfS3}KeepOutput`;
  mayNot(submit, "s3:PutObject", [result, summary], inside, "DropsPolicy/Reject Resource");
  mayNot(submit, "s3:GetObject", [result, rejection, report, index, jobInput, jobOutput, sweepEntry], inside, `${ledger} Resource`);
  mayNot(submit, "s3:PutObject", sweepEntry, inside, `${ledger} Resource`);
  mayNot(submit, "s3:AbortMultipartUpload", result, inside, "DropsPolicy/MakeJobInputs Resource");
  mayNot(complete, "s3:GetObject", [result, rejection, report, index, other], inside, "CompleteRole/Complete/ReadJobs Resource");
  for (const who of functions) {
    may(who, "s3:GetObject", s.drop, inside);
    mayNot(who, "s3:GetObject", hint, inside, "DropsPolicy/KeepHints Action");
    mayNot(who, "s3:PutObject", [jobOutput, other], inside, `${ledger} Resource`);
    mayNot(who, "s3:PutObject", s.drop, inside, `${ledger} Resource`, `${kept} Resource`);
    mayNot(who, "s3:DeleteObject", [entry, dropEntry, sweepEntry, ...ofLimits, other], inside, `${workList} Resource`);
    mayNot(who, "s3:DeleteObject", s.drop, inside, `${workList} Resource`, `${kept} Resource`);
    mayNot(who, "s3:PutBucketPolicy", arns.InputBucket, inside, "DropsPolicy/ListBuckets Action", `${endpointOfS3}List Action`);
  }

  // Only the sweep may list versions, and only in the input bucket, to find drops whose event was lost.
  const [finds, atEndpoint] = ["CompleteRole/Complete/FindDrops", "S3VpcEndpoint/SweepFindsDrops"];
  const versions = "s3:ListBucketVersions";
  may(complete, versions, arns.InputBucket, below(inside, s.inputPrefix));
  may(complete, ["s3:GetObject", "s3:PutObject"], sweepEntry, inside);
  // Only complete takes new routes over, and nobody deletes them. Both functions follow them, also if there are none: S3
  // answers 404 for a missing object only to those who may list the bucket without a prefix.
  for (const who of functions) {
    may(who, "s3:GetObject", [routesEntry, summary], inside);
    may(who, ["s3:GetObject", "s3:PutObject"], ofLimits, inside);
    may(who, "s3:ListBucket", arns.OutputBucket, inside);
    mayNot(who, "s3:PutObject", routesFile, inside, `${ledger} Resource`);
    mayNot(who, "s3:DeleteObject", ofRoutes, inside, `${workList} Resource`);
  }
  may(complete, "s3:GetObject", [routesFile, inForce], inside);
  may(complete, "s3:PutObject", [routesEntry, inForce], inside);
  const [keepRoutes, readRoutes] = ["Keep", "Read"].map((verb) => `CompleteRole/Complete/${verb}Routes`);
  mayNot(complete, "s3:PutObject", routesFile, inside, `${keepRoutes} Resource`);
  mayNot(complete, "s3:DeleteObject", [routesEntry, inForce], inside, `${keepRoutes} Action`);
  mayNot(complete, "s3:DeleteObject", routesFile, inside, `${readRoutes} Action`);
  mayNot(submit, "s3:GetObject", [routesFile, inForce], inside, `${ledger} Resource`);
  mayNot(submit, "s3:PutObject", [routesEntry, inForce], inside, `${ledger} Resource`);
  // The input of a job that waits for a long time is copied onto itself, so that it does not expire.
  may(complete, ["s3:GetObject", "s3:PutObject"], jobInput, inside);
  mayNot(complete, versions, arns.OutputBucket, inside, `${finds} Resource`, `${atEndpoint} Resource`);
  mayNot(submit, versions, arns.InputBucket, inside, "DropsPolicy/ListBuckets Action", `${atEndpoint} aws:PrincipalArn`);
  const dataLists = [`${data}/List Action`, `${data}/List Resource`];
  mayNot(job, versions, arns.InputBucket, inside, ...dataLists, `${atEndpoint} aws:PrincipalArn`);
  mayNot(administrator, versions, arns.InputBucket, inside, `${atEndpoint} aws:PrincipalArn`);

  // The functions may create jobs for the configured model with the role of the job, and use nothing else in Bedrock.
  const [createJob, passRole] = ["bedrock:CreateModelInvocationJob", "iam:PassRole"];
  const [jobsOf, endpoint, passed] = ["JobsPolicy/CreateJobs", "BedrockVpcEndpoint/Functions", "JobsPolicy/PassJobRole"];
  const customModel = s.arn("bedrock", "custom-model/amazon.nova-pro-v1:0/abcdefghijkl");
  const toBedrock = { "iam:PassedToService": "bedrock.amazonaws.com" };
  for (const who of functions) {
    for (const model of [s.otherModel, customModel]) {
      mayNot(who, createJob, model, atBedrock, `${jobsOf}OfTheModel Resource`, `${endpoint}CreateJobsOfTheModel Resource`);
    }
    if (s.routeModels.length) {
      const others = notOfRoutes.filter((model) => !model.includes("inference-profile"));
      mayNot(who, createJob, others, atBedrock, `${jobsOf}OfRoutes Resource`, `${endpoint}CreateJobsOfRoutes Resource`);
      mayNot(who, "bedrock:InvokeModel", s.routeModels, {}, `${jobsOf}OfRoutes Action`);
    }
    mayNot(who, createJob, jobElsewhere, atBedrock, `${jobsOf} Resource`, `${endpoint}KeepJobs Resource`);
    const seen = ["JobsPolicy/SeeJobs Resource", `${endpoint}KeepJobs Resource`];
    mayNot(who, "bedrock:GetModelInvocationJob", jobElsewhere, atBedrock, ...seen);
    mayNot(who, "bedrock:ListFoundationModels", "*", atBedrock, "JobsPolicy/FindJobs Action", `${endpoint}FindJobs Action`);
    mayNot(who, "bedrock:InvokeModel", s.models, {}, `${jobsOf}OfTheModel Action`);
    mayNot(who, passRole, arns.JobRole, { "iam:PassedToService": "ec2.amazonaws.com" }, `${passed} iam:PassedToService`);
    mayNot(who, passRole, arns.JobRole, {}, `${passed} iam:PassedToService`);
    mayNot(who, passRole, [arns.SubmitRole, arns.CompleteRole, administrator.arn], toBedrock, `${passed} Resource`);
  }

  // If there are operators, complete may stop jobs, erase drops, and delete what was asked for.
  const stop = "bedrock:StopModelInvocationJob";
  const stops = "BedrockVpcEndpoint/CompleteStopsJobs";
  const deleteVersion = "s3:DeleteObjectVersion";
  const [erases, passes] = ["CompleteRole/Complete/EraseVersions", "S3VpcEndpoint/CompleteErasesDrops"];
  const [request] = output(`requests/cancel/${ID}`);
  const asked = request;
  if (operator) {
    may(complete, "s3:DeleteObject", ofDrop, inside);
    may(complete, deleteVersion, s.drop, inside);
    mayNot(complete, deleteVersion, otherObject, inside, `${erases} Resource`, `${passes} Resource`);
    if (s.inputPrefix) mayNot(complete, deleteVersion, s.input("a.jsonl"), inside, `${erases} Resource`, `${passes} Resource`);
    mayNot(complete, deleteVersion, result, inside, `${erases} Resource`, `${passes} Resource`);
    mayNot(submit, "s3:DeleteObject", ofDrop, inside, `${workList} Resource`);
    mayNot(submit, deleteVersion, s.drop, inside, "DropsPolicy/ReadDrops Action", `${passes} aws:PrincipalArn`);
    may(complete, stop, s.aJob, atBedrock);
    may(complete, "s3:DeleteObject", request, inside);
    mayNot(complete, stop, jobElsewhere, atBedrock, "CompleteRole/Complete/StopJobs Resource", `${stops} Resource`);
    mayNot(submit, stop, s.aJob, atBedrock, `${jobsOf} Action`, `${stops} aws:PrincipalArn`);
    mayNot(complete, ["s3:GetObject", "s3:PutObject"], request, inside, "CompleteRole/Complete/AnswerOperators Action");
  } else {
    for (const who of functions) {
      mayNot(who, stop, s.aJob, atBedrock, `${jobsOf} Action`, `${endpoint}KeepJobs Action`);
      mayNot(who, "s3:DeleteObject", [request, ...ofDrop], inside, `${workList} Resource`);
      mayNot(who, deleteVersion, s.drop, inside, "DropsPolicy/ReadDrops Action", `${endpointOfS3}ReadDrops Action`);
    }
  }

  // The endpoints accept only requests from this stack to this stack's resources.
  const readDrops = `${endpointOfS3}ReadDrops`;
  mayNot(submit, "s3:GetObject", otherObject, inside, "DropsPolicy/ReadDrops Resource", `${readDrops} Resource`);
  mayNot(submit, "s3:ListBucket", otherBucket, inside, "DropsPolicy/ListBuckets Resource", `${endpointOfS3}List Resource`);
  mayNot(complete, "s3:PutObject", otherObject, inside, "CompleteRole/Complete/KeepResults Resource", `${kept} Resource`);
  mayNot(job, "s3:PutObject", otherObject, inside, `${data}/Write Resource`, `${jobs} Resource`);
  mayNot(administrator, "s3:PutObject", otherObject, inside, `${kept} Resource`, `${kept} aws:PrincipalArn`);
  mayNot(administrator, "s3:GetObject", s.drop, inside, `${readDrops} aws:PrincipalArn`, inNamed);
  const dataActions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
  // What is denied besides, by an action other than the one of that part of the bucket.
  const [notGet, notPut] = [dataActions.filter((one) => one !== "s3:GetObject"), dataActions.filter((one) => one !== "s3:PutObject")];
  const closed = (who, place, ...causes) => {
    mayNot(who, "s3:GetObject", result, place, ...causes, atResults);
    mayNot(who, notGet, result, place, ...causes, atResults, onlyGet);
    mayNot(who, "s3:GetObject", index, place, ...causes, atIndex);
    mayNot(who, notGet, index, place, ...causes, atIndex, onlyGet);
    mayNot(who, "s3:PutObject", asked, place, ...causes, atRequests);
    mayNot(who, notPut, asked, place, ...causes, atRequests, onlyPut);
    mayNot(who, dataActions, routesFile, place, ...causes, atRoutes);
    mayNot(who, "s3:GetObject", inForce, place, ...causes, atInForce);
    mayNot(who, notGet, inForce, place, ...causes, atInForce, onlyGet);
    mayNot(who, dataActions, [jobInput, jobOutput, `${inForce}.old`, ...ledgerOf], place, ...causes, elsewhere);
  };
  closed(administrator, inside, `${kept} aws:PrincipalArn`);
  mayNot(administrator, "s3:ListBucket", arns.OutputBucket, inside, `${endpointOfS3}List aws:PrincipalArn`);
  mayNot(administrator, createJob, s.aJob, atBedrock, `${endpoint}KeepJobs aws:PrincipalArn`);
  mayNot(administrator, "bedrock:ListModelInvocationJobs", "*", atBedrock, `${endpoint}FindJobs aws:PrincipalArn`);

  // Data moves only through the endpoint.
  const [input, out] = ["InputBucketPolicy", "OutputBucketPolicy"];
  const [inOnly, outOnly] = [input, out].map((policy) => `${policy}/OnlyThroughTheEndpoint`);
  const [listInOnly, listOutOnly] = [input, out].map((policy) => `${policy}/ListOnlyThroughTheEndpoint`);
  const lists = ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"];
  for (const place of [outside, inAnotherVpc]) {
    mayNot(submit, "s3:GetObjectVersion", s.drop, place, inOnly);
    mayNot(submit, "s3:PutObject", entry, place, outOnly);
    mayNot(complete, "s3:PutObject", result, place, outOnly);
    mayNot(complete, "s3:DeleteObject", [marker, hint], place, outOnly);
    if (operator) mayNot(complete, deleteVersion, s.drop, place, inOnly);
    mayNot(complete, "s3:ListBucket", arns.OutputBucket, below(place, "ledger/open/"), listOutOnly);
    mayNot(complete, "s3:ListBucketVersions", arns.InputBucket, below(place, s.inputPrefix), listInOnly);
    if (s.mayJobsBeOutside) {
      // The exemption covers what the jobs need, and nothing else.
      may(job, "s3:GetObject", [jobInput, jobOutput], place);
      may(job, "s3:PutObject", jobOutput, place);
      may(job, "s3:ListBucket", arns.OutputBucket, place);
      const onlyTheirs = `${out}/JobsOutsideOnlyTheirPrefixes`;
      mayNot(job, "s3:GetObject", [result, index, ...ledgerOf], place, `${data}/Read Resource`, onlyTheirs);
      mayNot(job, "s3:PutObject", [result, index, ...ledgerOf], place, `${data}/Write Resource`, onlyTheirs);
      mayNot(job, "s3:GetObject", s.drop, place, `${data}/Read Resource`, inOnly, inNamed);
    } else {
      mayNot(job, "s3:GetObject", jobInput, place, outOnly);
      mayNot(job, "s3:PutObject", jobOutput, place, outOnly);
      mayNot(job, "s3:ListBucket", arns.OutputBucket, place, listOutOnly);
    }
    mayNot(administrator, [...dataActions, "s3:GetObjectVersion", "s3:DeleteObjectVersion"], s.drop, place, inOnly, inNamed);
    closed(administrator, place, outOnly);
    // Both act with a role of the account, so they are not exempt as services are.
    for (const who of [s.replication, s.backup]) {
      mayNot(who, ["s3:GetObjectVersion", "s3:GetObjectVersionForReplication"], s.drop, place, inOnly, inNamed);
      mayNot(who, "s3:GetObject", result, place, outOnly, atResults);
      mayNot(who, "s3:PutObject", result, place, outOnly, atResults, onlyGet);
    }
    mayNot(administrator, lists, arns.InputBucket, place, listInOnly);
  }
  // In a network that others use as well, the endpoint lets them in, but the buckets do not.
  for (const who of [administrator, s.replication, s.backup]) {
    mayNot(who, "s3:GetObjectVersion", s.drop, inside, `${endpointOfS3}ReadDrops aws:PrincipalArn`, inNamed);
    mayNot(who, "s3:GetObject", result, inside, `${kept} aws:PrincipalArn`, atResults);
    mayNot(who, "s3:PutObject", result, inside, `${kept} aws:PrincipalArn`, atResults, onlyGet);
  }

  // Services that act in their own name reach what the account allows them, here in both buckets. S3 delivers access logs
  // and inventories in this way. https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
  for (const name of ["logging.s3.amazonaws.com", "s3.amazonaws.com"]) {
    const logs = [s.input("logs/a"), ...output("logs/a")];
    const granted = { Sid: "Granted", Effect: "Allow", Principal: { Service: name }, Action: "s3:PutObject", Resource: logs };
    const delivery = s.service(name, granted);
    may(delivery, "s3:PutObject", logs, outside);
    mayNot(delivery, "s3:PutObject", logs[0], { ...outside, "aws:SecureTransport": "false" }, `${input}/TlsOnly`);
    mayNot(delivery, "s3:PutObject", logs[1], { ...outside, "aws:SecureTransport": "false" }, `${out}/TlsOnly`);
    // Without that, nothing allows them anything.
    if (reader) mayNot(s.service(name), "s3:GetObject", result, outside, `${out}/ReadersMayGet Principal`);
  }

  // Plain HTTP is always refused.
  const plain = (place) => ({ ...place, "aws:SecureTransport": "false" });
  mayNot(submit, "s3:GetObjectVersion", s.drop, plain(inside), `${input}/TlsOnly`);
  mayNot(complete, "s3:PutObject", result, plain(inside), `${out}/TlsOnly`);
  mayNot(job, "s3:GetObject", jobInput, plain(inside), `${out}/TlsOnly`);
  mayNot(administrator, "s3:GetBucketPolicy", arns.InputBucket, plain(outside), `${input}/TlsOnly`);
  mayNot(administrator, "s3:PutBucketPolicy", arns.OutputBucket, plain(outside), `${out}/TlsOnly`);
  mayNot(uploader, "s3:PutObject", s.drop, plain(home), `${input}/TlsOnly`);
  mayNot(reader, "s3:GetObject", result, plain(home), `${out}/TlsOnly`);

  // Uploaders may put objects under the prefix, also as multipart uploads. They may do nothing else, whatever IAM allows.
  const put = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
  const notUpload = [
    "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl",
  ];
  const offPrefix = `${input}/UploadersOnlyUnderThePrefix`;
  for (const who of plainUploaders) {
    for (const place of homes) may(who, put, s.drop, place);
    mayNot(who, "s3:PutObject", s.input("a.jsonl"), home, offPrefix, `${input}/UploadersMayPut Resource`);
  }
  mayNot(uploader, "s3:PutObject", s.input("a.jsonl"), home, offPrefix);
  mayNot(uploader, notUpload, s.drop, home, `${input}/UploadersOnlyPut`);
  mayNot(uploader, lists, arns.InputBucket, home, listInOnly);
  closed(uploader, home, outOnly);
  mayNot(uploader, "s3:ListBucket", arns.OutputBucket, below(home, "results/"), listOutOnly);

  // Readers may get and list results, and get the routes in force. They may do nothing else, whatever IAM allows.
  const further = ["s3:GetObjectVersion", "s3:PutObjectTagging"];
  for (const place of homes) may(plainReader, "s3:GetObject", [result, rejection, report, status, index, inForce], place);
  for (const prefix of ["results/in/", "index/2026-01-01/", "config/in-force.json"]) {
    may(plainReader, "s3:ListBucket", arns.OutputBucket, below(home, prefix));
  }
  const notOfPeople = [jobInput, jobOutput, `${inForce}.old`, ...ledgerOf];
  mayNot(reader, [...dataActions, ...further], notOfPeople, home, elsewhere);
  mayNot(reader, [...notGet, ...further], [result, index, inForce], home, onlyGet);
  mayNot(reader, dataActions, routesFile, home, atRoutes);
  mayNot(plainReader, "s3:GetObject", routesFile, home, atRoutes, `${out}/ReadersMayGet Resource`);
  const listTheirs = `${out}/ReadersListOnlyTheirs`;
  for (const prefix of ["ledger/", "work/", "requests/"]) {
    mayNot(reader, "s3:ListBucket", arns.OutputBucket, below(home, prefix), listTheirs);
  }
  mayNot(reader, lists, arns.OutputBucket, home, listTheirs);
  mayNot(reader, ["s3:GetObject", "s3:PutObject"], s.drop, home, inOnly, inNamed);
  mayNot(reader, "s3:ListBucket", arns.InputBucket, home, listInOnly);
  if (uploader) {
    mayNot(stranger, "s3:PutObject", s.drop, outside, inOnly, inNamed, `${input}/UploadersMayPut Principal`);
    mayNot(stranger, "s3:GetObject", result, outside, outOnly, atResults, `${out}/ReadersMayGet Principal`);
  }

  // Operators may put what they ask for. They may do nothing else, whatever IAM allows.
  for (const place of homes) may(plainOperator, "s3:PutObject", asked, place);
  mayNot(operator, [...dataActions, ...further], notOfPeople, home, elsewhere);
  mayNot(operator, [...notPut, ...further], asked, home, onlyPut);
  mayNot(operator, dataActions, routesFile, home, atRoutes);
  mayNot(plainOperator, "s3:PutObject", routesFile, home, atRoutes, `${out}/OperatorsMayAsk Resource`);
  mayNot(operator, "s3:GetObject", index, home, atIndex);
  mayNot(operator, "s3:GetObject", inForce, home, atInForce);
  mayNot(operator, "s3:ListBucket", arns.OutputBucket, below(home, "requests/"), listOutOnly);
  mayNot(operator, ["s3:GetObject", "s3:PutObject"], s.drop, home, inOnly, inNamed);
  mayNot(operator, "s3:PutObject", asked, plain(home), `${out}/TlsOnly`);
  mayNot(reader, "s3:PutObject", asked, home, atRequests);
  if (operator) mayNot(stranger, "s3:PutObject", asked, outside, outOnly, atRequests, `${out}/OperatorsMayAsk Principal`);

  // Route editors may change the routes, and see which are in force. They may do nothing else, whatever IAM allows.
  for (const place of homes) {
    may(plainEditor, dataActions, routesFile, place);
    may(plainEditor, "s3:GetObject", inForce, place);
  }
  for (const prefix of ["config/", "config/in-force.json"]) may(plainEditor, "s3:ListBucket", arns.OutputBucket, below(home, prefix));
  mayNot(editor, [...dataActions, ...further], notOfPeople, home, elsewhere);
  mayNot(editor, further, routesFile, home, onlyChange);
  mayNot(editor, notGet, inForce, home, onlyGet);
  mayNot(plainEditor, "s3:PutObject", inForce, home, onlyGet, `${out}/RouteEditorsMayChange Resource`);
  mayNot(editor, "s3:GetObject", result, home, atResults);
  mayNot(editor, "s3:GetObject", index, home, atIndex);
  mayNot(editor, "s3:PutObject", asked, home, atRequests);
  mayNot(editor, lists, arns.OutputBucket, home, listTheirs, `${out}/RouteEditorsListOnlyRoutes`);
  mayNot(editor, "s3:ListBucket", arns.OutputBucket, below(home, "results/"), `${out}/RouteEditorsListOnlyRoutes`);
  mayNot(editor, ["s3:GetObject", "s3:PutObject"], s.drop, home, inOnly, inNamed);
  mayNot(editor, "s3:PutObject", routesFile, plain(home), `${out}/TlsOnly`);
  if (editor) mayNot(stranger, "s3:PutObject", routesFile, outside, outOnly, atRoutes, `${out}/RouteEditorsMayChange Principal`);

  // Who is a reader, an operator, and a route editor may do what each of them may, and no more.
  for (const place of homes) {
    may(lead, "s3:GetObject", [result, index, inForce], place);
    may(lead, "s3:PutObject", asked, place);
    may(lead, dataActions, routesFile, place);
  }
  for (const prefix of ["results/in/", "index/", "config/"]) may(lead, "s3:ListBucket", arns.OutputBucket, below(home, prefix));
  mayNot(lead, [...dataActions, ...further], notOfPeople, home, elsewhere);
  mayNot(lead, [...notGet, ...further], [result, index, inForce], home, onlyGet);
  mayNot(lead, [...notPut, ...further], asked, home, onlyPut);
  mayNot(lead, further, routesFile, home, onlyChange);
  mayNot(lead, lists, arns.OutputBucket, home, listTheirs);

  // A route's reader may get and list the results below the prefix that their tag names, and nothing else. One prefix may
  // start another, and the tag may be missing, or no prefix of a folder.
  const ofTeam = s.results.replace("results/in/", "results/team/");
  const [theirs, theirStatus] = output(`${ofTeam}/succeeded/part-00001.jsonl`, `${ofTeam}/status.json`);
  const teamOf = (name) => s.output(`${ofTeam.replace("team/", name)}/succeeded/part-00001.jsonl`);
  const [getTheirs, listOfRoute, needTag] = ["GetOnlyTheirs", "ListOnlyTheirs", "NeedTheirTag"].map((sid) => `${out}/RouteReaders${sid}`);
  const [getOfRoute, mayListOfRoute] = [`${out}/RouteReadersMayGet`, `${out}/RouteReadersMayList`];
  const [team, plainTeam, onCallOfTeam] = [s.ofRoute("team/"), s.plainOfRoute("team/"), s.operatorOfRoute("team/")];
  for (const place of homes) {
    for (const who of [team, plainTeam, onCallOfTeam]) may(who, "s3:GetObject", [theirs, theirStatus, teamOf("team/urgent/")], place);
    may(onCallOfTeam, "s3:PutObject", asked, place);
  }
  for (const prefix of ["results/team/", "results/team/a.jsonl/"]) may(plainTeam, "s3:ListBucket", arns.OutputBucket, below(home, prefix));
  for (const one of [result, ...["team2/", "team", "", "other/team/"].map(teamOf)]) {
    mayNot(team, "s3:GetObject", one, home, getTheirs);
    mayNot(plainTeam, "s3:GetObject", one, home, getTheirs, `${getOfRoute} Resource`);
    mayNot(onCallOfTeam, "s3:GetObject", one, home, getTheirs);
  }
  for (const prefix of ["results/", "results/team", "results/team2/", "index/", "config/", "ledger/"]) {
    mayNot(team, "s3:ListBucket", arns.OutputBucket, below(home, prefix), listOfRoute);
    mayNot(plainTeam, "s3:ListBucket", arns.OutputBucket, below(home, prefix), listOfRoute, `${mayListOfRoute} s3:prefix`);
  }
  mayNot(team, lists, arns.OutputBucket, home, listOfRoute);
  mayNot(team, "s3:GetObject", index, home, atIndex, getTheirs);
  mayNot(team, "s3:GetObject", inForce, home, atInForce, getTheirs);
  mayNot(team, "s3:GetObject", routesFile, home, atRoutes, getTheirs);
  mayNot(team, "s3:GetObject", notOfPeople, home, elsewhere, getTheirs);
  mayNot(team, [...notGet, ...further], theirs, home, onlyGet);
  mayNot(team, "s3:PutObject", asked, home, atRequests);
  mayNot(team, "s3:PutObject", routesFile, home, atRoutes);
  mayNot(team, ["s3:GetObject", "s3:PutObject"], s.drop, home, inOnly, inNamed);
  // With a tag like these, the other statements would open too much: all results, team2/, and every route of one letter.
  for (const tag of [undefined, "", "team", "/"]) {
    const who = s.ofRoute(tag);
    if (tag) mayNot(who, "s3:GetObject", teamOf(tag), home, needTag);
    // The variable of a missing tag matches nothing, so a statement with it denies nothing.
    mayNot(who, "s3:GetObject", result, home, needTag, ...(tag === undefined ? [] : [getTheirs]));
  }
  if (team) mayNot(stranger, "s3:GetObject", theirs, outside, outOnly, atResults, `${out}/ReadersMayGet Principal`);

  // If people are restricted, they come through the endpoints, and from nowhere else.
  if (s.arePeopleRestricted) {
    for (const place of [outside, inAnotherVpc]) {
      for (const who of plainUploaders) mayNot(who, put, s.drop, place, `${input}/PeopleOnlyThroughEndpoints`);
      mayNot(plainReader, "s3:GetObject", [result, index, inForce], place, `${out}/PeopleOnlyThroughEndpoints`);
      mayNot(plainOperator, "s3:PutObject", asked, place, `${out}/PeopleOnlyThroughEndpoints`);
      mayNot(plainEditor, dataActions, routesFile, place, `${out}/PeopleOnlyThroughEndpoints`);
      mayNot(plainTeam, "s3:GetObject", theirs, place, `${out}/PeopleOnlyThroughEndpoints`);
      mayNot(plainReader, "s3:ListBucket", arns.OutputBucket, below(place, "results/in/"), `${out}/PeopleOnlyThroughEndpoints`);
    }
    // The additional endpoints are for people, and not for the roles.
    for (const place of homes) {
      mayNot(submit, "s3:GetObjectVersion", s.drop, place, inOnly);
      mayNot(complete, "s3:PutObject", result, place, outOnly);
    }
  }

  // An administrator can still manage the buckets.
  may(administrator, [
    "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutLifecycleConfiguration", "s3:GetBucketLocation",
    "s3:PutBucketNotification", "s3:PutEncryptionConfiguration", "s3:PutBucketVersioning", "s3:DeleteBucket",
  ], [arns.InputBucket, arns.OutputBucket], outside);

  // The key can only be used through S3. The policy of a key that the stack creates allows uploaders and readers; for
  // another key, IAM must allow them.
  const useKey = ["kms:Decrypt", "kms:GenerateDataKey"];
  if (s.key) {
    const viaEc2 = { "kms:ViaService": s.viaS3["kms:ViaService"].replace("s3", "ec2") };
    const otherKey = s.arn("kms", "key/99999999-2222-3333-4444-555555555555");
    may(administrator, ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey"], s.key);
    may(job, useKey, s.key, s.viaS3);
    for (const who of arns.KmsKey ? plainUploaders : [uploader]) may(who, useKey, s.key, s.viaS3);
    may(arns.KmsKey ? plainReader : reader, "kms:Decrypt", s.key, s.viaS3);
    may(arns.KmsKey ? plainOperator : operator, "kms:GenerateDataKey", s.key, s.viaS3);
    may(arns.KmsKey ? plainEditor : editor, useKey, s.key, s.viaS3);
    may(arns.KmsKey ? plainTeam : team, "kms:Decrypt", s.key, s.viaS3);
    for (const who of [...functions, job]) {
      const use = `${who === job ? data : "DropsPolicy"}/EncryptAndDecrypt`;
      mayNot(who, useKey, s.key, {}, `${use} kms:ViaService`);
      mayNot(who, "kms:Decrypt", s.key, viaEc2, `${use} kms:ViaService`);
      mayNot(who, "kms:Decrypt", otherKey, s.viaS3, `${use} Resource`);
      mayNot(who, ["kms:Encrypt", "kms:CreateGrant"], s.key, s.viaS3, `${use} Action`);
    }
    mayNot(plainUploaders[0], "kms:Decrypt", s.key, {}, "KmsKey/UploadersEncrypt kms:ViaService");
    mayNot(plainReader, "kms:Decrypt", s.key, viaEc2, "KmsKey/ReadersDecrypt kms:ViaService");
    mayNot(plainReader, "kms:GenerateDataKey", s.key, s.viaS3, "KmsKey/ReadersDecrypt Action");
    mayNot(plainOperator, "kms:Decrypt", s.key, s.viaS3, "KmsKey/OperatorsEncrypt Action");
    mayNot(plainEditor, useKey, s.key, viaEc2, "KmsKey/RouteEditorsEncryptAndDecrypt kms:ViaService");
    mayNot(plainTeam, "kms:GenerateDataKey", s.key, s.viaS3, "KmsKey/RouteReadersDecrypt Action");
    mayNot(plainTeam, "kms:Decrypt", s.key, {}, "KmsKey/RouteReadersDecrypt kms:ViaService");
    mayNot(stranger, "kms:GenerateDataKey", s.key, s.viaS3, "KmsKey/UploadersEncrypt Principal");
  }

  // Who may invoke the functions, and who may send to the queue of undelivered events.
  const [s3, events] = ["s3", "events"].map((name) => s.service(`${name}.amazonaws.com`));
  const [wake, onDrop, onSweep, queue] = [
    "lambda:InvokeFunction", "SubmitFunction/InputBucketPermission", "CompleteFunction/CompleteFunctionSweepPermission",
    "UndeliveredQueuePolicy/RuleMaySend",
  ];
  const [rule, otherRule] = [arns.CompleteFunctionJobEnded, s.arn("events", "rule/somebodys-rule")];
  may(s3, wake, arns.SubmitFunction, from(arns.InputBucket));
  const rules = ["JobEnded", "OperatorAsks", "RoutesChange", "Sweep"].map((name) => arns[`CompleteFunction${name}`]);
  for (const one of rules) {
    may(events, wake, arns.CompleteFunction, from(one));
    may(events, send, arns.UndeliveredQueue, from(one));
  }
  mayNot(s3, wake, arns.SubmitFunction, from(otherBucket), `${onDrop} AWS:SourceArn`);
  mayNot(s3, wake, arns.SubmitFunction, from(arns.OutputBucket), `${onDrop} AWS:SourceArn`);
  mayNot(s3, wake, arns.SubmitFunction, from(arns.InputBucket, ELSEWHERE), `${onDrop} AWS:SourceAccount`);
  mayNot(s3, wake, arns.SubmitFunction, from(otherBucket, ELSEWHERE), `${onDrop} AWS:SourceArn`, `${onDrop} AWS:SourceAccount`);
  mayNot(events, wake, arns.SubmitFunction, from(rule), `${onDrop} Principal`, `${onDrop} AWS:SourceArn`);
  mayNot(events, wake, arns.CompleteFunction, from(otherRule), `${onSweep} AWS:SourceArn`);
  mayNot(s3, wake, arns.CompleteFunction, from(arns.InputBucket), `${onSweep} Principal`, `${onSweep} AWS:SourceArn`);
  mayNot(events, send, arns.UndeliveredQueue, from(otherRule), `${queue} aws:SourceArn`);
  mayNot(s3, send, arns.UndeliveredQueue, from(arns.InputBucket), `${queue} Principal`, `${queue} aws:SourceArn`);
  mayNot(events, receive, arns.UndeliveredQueue, from(rule), `${queue} Action`);

  deployerRequests(s, kinds, may, mayNot);
  return table;
}
