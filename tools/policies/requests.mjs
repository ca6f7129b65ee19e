// The table: who asks for what, on what, in which circumstances; and whether the stack allows it. A denial names
// every cause: a statement that denies, or a statement that would allow if it did not have this part.

import { ELSEWHERE, ID } from "./names.mjs";

export function requests(s) {
  const table = [];
  const add = (who, actions, resources, context, causes) => {
    if (who) for (const action of [actions].flat()) for (const resource of [resources].flat()) table.push({ who, action, resource, context, causes });
  };
  const may = (who, actions, resources, context = {}) => add(who, actions, resources, context, []);
  const mayNot = (who, actions, resources, context, ...causes) => add(who, actions, resources, context, causes);

  const { arns, inside, outside, inAnotherVpc, atBedrock, administrator, uploader, reader, stranger } = s;
  const { submit, complete, lambdaForSubmit, lambdaForComplete, bedrockWithJobRole } = s;
  const [entry, dropEntry] = [`jobs/${ID}/job.json`, `drops/${ID}/drop.json`].map(s.output);
  const [jobInput, jobOutput] = [`jobs/${ID}/input/${ID}.jsonl`, `jobs/${ID}/output/abcdefghijkl/${ID}.jsonl.out`].map(s.output);
  const [result, rejection] = [`${s.results}/succeeded/part-00001.jsonl`, `${s.results}/rejection.json`].map(s.output);
  const marker = s.output(`open/20260101T000000Z-${ID}.job`);
  const otherBucket = s.arn("s3", "somebodys-bucket", ":");
  const list = (prefix) => ({ "s3:prefix": prefix });

  // Bedrock with the role of the job: reads, writes, lists, invokes the model. Reads its output too, as AWS's policy lets it.
  may(bedrockWithJobRole, "s3:GetObject", [jobInput, jobOutput], inside);
  may(bedrockWithJobRole, "s3:PutObject", jobOutput, inside);
  may(bedrockWithJobRole, "s3:ListBucket", arns.OutputBucket, inside);
  may(bedrockWithJobRole, "bedrock:InvokeModel", s.models);
  mayNot(bedrockWithJobRole, "s3:GetObject", s.drop, inside, "JobRole/Data/Read Resource", "S3VpcEndpoint/JobsReadAndWrite Resource");
  mayNot(bedrockWithJobRole, "s3:GetObject", [dropEntry, result, marker], inside, "JobRole/Data/Read Resource", "S3VpcEndpoint/JobsReadAndWrite Resource");
  mayNot(bedrockWithJobRole, "s3:GetObject", entry, inside, "JobRole/Data/Read Resource");
  mayNot(bedrockWithJobRole, "s3:PutObject", [jobInput, entry], inside, "JobRole/Data/Write Resource");
  mayNot(bedrockWithJobRole, "s3:PutObject", [result, s.drop], inside, "JobRole/Data/Write Resource", "S3VpcEndpoint/JobsReadAndWrite Resource");
  mayNot(bedrockWithJobRole, "s3:DeleteObject", jobOutput, inside, "JobRole/Data/Write Action", "S3VpcEndpoint/JobsReadAndWrite Action");
  mayNot(bedrockWithJobRole, "s3:ListBucket", arns.InputBucket, inside, "JobRole/Data/List Resource", "S3VpcEndpoint/JobsList Resource");
  // A bucket of the same name, made elsewhere when ours is gone, with a policy that lets everybody in.
  mayNot(bedrockWithJobRole, "s3:GetObject", jobInput, { ...inside, "aws:ResourceAccount": ELSEWHERE }, "JobRole/Data/Read aws:ResourceAccount");
  mayNot(bedrockWithJobRole, "s3:PutObject", jobOutput, { ...inside, "aws:ResourceAccount": ELSEWHERE }, "JobRole/Data/Write aws:ResourceAccount");
  mayNot(bedrockWithJobRole, "s3:ListBucket", arns.OutputBucket, { ...inside, "aws:ResourceAccount": ELSEWHERE }, "JobRole/Data/List aws:ResourceAccount");
  mayNot(bedrockWithJobRole, "bedrock:InvokeModel", s.otherModel, {}, "JobRole/Model/InvokeModel Resource");
  mayNot(bedrockWithJobRole, "bedrock:CreateModelInvocationJob", s.job, {}, "JobRole/Model/InvokeModel Resource", "JobRole/Model/InvokeModel Action");

  // Who may be given the role of the job, and the roles of the functions.
  const assume = (service, role, context, ...causes) => mayNot(s.service(service), "sts:AssumeRole", role, context, ...causes);
  const forJob = { "aws:SourceAccount": s.account, "aws:SourceArn": s.job };
  const jobElsewhere = s.job.replace(s.account, ELSEWHERE);
  may(s.service("bedrock.amazonaws.com"), "sts:AssumeRole", arns.JobRole, forJob);
  may(s.service("lambda.amazonaws.com"), "sts:AssumeRole", [arns.SubmitRole, arns.CompleteRole]);
  assume("bedrock.amazonaws.com", arns.JobRole, { ...forJob, "aws:SourceAccount": ELSEWHERE }, "JobRole/Trust/1 aws:SourceAccount");
  assume("bedrock.amazonaws.com", arns.JobRole, { ...forJob, "aws:SourceArn": jobElsewhere }, "JobRole/Trust/1 aws:SourceArn");
  assume("bedrock.amazonaws.com", arns.JobRole, { ...forJob, "aws:SourceArn": s.arn("bedrock", "model-customization-job/abcdefghijkl") }, "JobRole/Trust/1 aws:SourceArn");
  assume("bedrock.amazonaws.com", arns.JobRole, { "aws:SourceAccount": ELSEWHERE, "aws:SourceArn": jobElsewhere }, "JobRole/Trust/1 aws:SourceAccount", "JobRole/Trust/1 aws:SourceArn");
  assume("bedrock.amazonaws.com", arns.JobRole, {}, "JobRole/Trust/1 aws:SourceAccount", "JobRole/Trust/1 aws:SourceArn");
  assume("lambda.amazonaws.com", arns.JobRole, forJob, "JobRole/Trust/1 Principal");
  assume("ec2.amazonaws.com", arns.JobRole, forJob, "JobRole/Trust/1 Principal");
  assume("bedrock.amazonaws.com", arns.SubmitRole, forJob, "SubmitRole/Trust/1 Principal");
  assume("bedrock.amazonaws.com", arns.CompleteRole, forJob, "CompleteRole/Trust/1 Principal");
  for (const who of [submit, administrator]) {
    mayNot(who, "sts:AssumeRole", arns.JobRole, {}, "JobRole/Trust/1 Principal", "JobRole/Trust/1 aws:SourceAccount", "JobRole/Trust/1 aws:SourceArn");
    mayNot(who, "sts:AssumeRole", arns.CompleteRole, {}, "CompleteRole/Trust/1 Principal");
  }

  // The network interfaces of a job. EC2 asks for each resource of CreateNetworkInterface by itself, and knows the
  // tags of the request on the interface alone.
  const tags = { "aws:RequestTag/BedrockManaged": "true", "aws:RequestTag/BedrockModelInvocationJobArn": s.job, "aws:TagKeys": ["BedrockManaged", "BedrockModelInvocationJobArn"] };
  const subnet = (id) => [s.arn("ec2", `subnet/${id}`), { "ec2:SubnetID": id, "ec2:Vpc": s.vpc }];
  const group = (id) => [s.arn("ec2", `security-group/${id}`), { "ec2:SecurityGroupID": id, "ec2:Vpc": s.vpc }];
  const eniIn = (id, tag) => ({ "ec2:Subnet": s.arn("ec2", `subnet/${id}`), "ec2:Vpc": s.vpc, ...(tag && { "ec2:ResourceTag/BedrockModelInvocationJobArn": tag }) });
  const [foreignSubnet, foreignGroup] = ["subnet-0fffffffffffffff0", "sg-0fffffffffffffff0"];
  const [job, vpc] = [bedrockWithJobRole, "JobRole/Vpc"];
  const keep = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"];
  may(job, ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"], "*");
  may(job, "ec2:CreateNetworkInterface", s.eni, tags);
  may(job, "ec2:CreateTags", s.eni, { ...tags, "ec2:CreateAction": "CreateNetworkInterface" });
  for (const id of s.groups) may(job, "ec2:CreateNetworkInterface", ...group(id));
  for (const id of s.subnets) {
    may(job, "ec2:CreateNetworkInterface", ...subnet(id));
    may(job, [...keep, "ec2:DeleteNetworkInterfacePermission"], s.eni, eniIn(id, s.job));
  }
  mayNot(job, "ec2:CreateNetworkInterface", s.eni, {}, `${vpc}/CreateTaggedEni aws:RequestTag/BedrockManaged`, `${vpc}/CreateTaggedEni aws:RequestTag/BedrockModelInvocationJobArn`);
  mayNot(job, "ec2:CreateNetworkInterface", s.eni, { ...tags, "aws:RequestTag/BedrockManaged": "false" }, `${vpc}/CreateTaggedEni aws:RequestTag/BedrockManaged`);
  mayNot(job, "ec2:CreateNetworkInterface", s.eni, { ...tags, "aws:RequestTag/BedrockModelInvocationJobArn": jobElsewhere }, `${vpc}/CreateTaggedEni aws:RequestTag/BedrockModelInvocationJobArn`);
  mayNot(job, "ec2:CreateNetworkInterface", s.eni, { "aws:RequestTag/BedrockManaged": "true", "aws:TagKeys": ["BedrockManaged"] }, `${vpc}/CreateTaggedEni aws:RequestTag/BedrockModelInvocationJobArn`);
  mayNot(job, "ec2:CreateNetworkInterface", ...subnet(foreignSubnet), `${vpc}/EniPlacementInSubnets ec2:SubnetID`);
  mayNot(job, "ec2:CreateNetworkInterface", ...group(foreignGroup), `${vpc}/EniPlacementInSecurityGroups ec2:SecurityGroupID`);
  mayNot(job, "ec2:CreateNetworkInterface", ...group(s.functionGroup), `${vpc}/EniPlacementInSecurityGroups ec2:SecurityGroupID`);
  mayNot(job, keep, s.eni, eniIn(s.subnets[0]), `${vpc}/UseAndDeleteOwnEni ec2:ResourceTag/BedrockModelInvocationJobArn`);
  mayNot(job, keep, s.eni, eniIn(s.subnets[0], jobElsewhere), `${vpc}/UseAndDeleteOwnEni ec2:ResourceTag/BedrockModelInvocationJobArn`);
  mayNot(job, keep, s.eni, eniIn(foreignSubnet, s.job), `${vpc}/UseAndDeleteOwnEni ec2:Subnet`);
  mayNot(job, keep, s.eni, eniIn(foreignSubnet), `${vpc}/UseAndDeleteOwnEni ec2:Subnet`, `${vpc}/UseAndDeleteOwnEni ec2:ResourceTag/BedrockModelInvocationJobArn`);
  mayNot(job, "ec2:DeleteNetworkInterfacePermission", s.eni, eniIn(s.subnets[0]), `${vpc}/DeleteOwnEniPermission ec2:ResourceTag/BedrockModelInvocationJobArn`);
  mayNot(job, "ec2:DeleteNetworkInterfacePermission", s.eni, eniIn(foreignSubnet, s.job), `${vpc}/DeleteOwnEniPermission ec2:Subnet`);
  mayNot(job, "ec2:CreateTags", s.eni, tags, `${vpc}/TagEni ec2:CreateAction`);
  mayNot(job, "ec2:CreateTags", s.eni, { ...tags, "ec2:CreateAction": "RunInstances" }, `${vpc}/TagEni ec2:CreateAction`);
  mayNot(job, "ec2:CreateTags", s.eni, { ...tags, "aws:TagKeys": ["BedrockManaged", "Owner"], "ec2:CreateAction": "CreateNetworkInterface" }, `${vpc}/TagEni aws:TagKeys`);
  mayNot(job, "ec2:CreateTags", subnet(s.subnets[0])[0], { ...tags, "ec2:CreateAction": "CreateNetworkInterface" }, `${vpc}/TagEni Resource`);
  mayNot(job, "ec2:ModifyNetworkInterfaceAttribute", s.eni, eniIn(s.subnets[0], s.job), `${vpc}/UseAndDeleteOwnEni Action`);

  // The network interfaces of the functions: Lambda keeps them, their code may not.
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
  const keepFunctionEni = ["ec2:AssignPrivateIpAddresses", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"];
  for (const [lambda, code] of [[lambdaForSubmit, submit], [lambdaForComplete, complete]]) {
    may(lambda, ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], "*");
    may(lambda, "ec2:CreateNetworkInterface", s.eni);
    may(lambda, "ec2:CreateNetworkInterface", ...group(s.functionGroup));
    for (const id of s.subnets) {
      may(lambda, "ec2:CreateNetworkInterface", ...subnet(id));
      may(lambda, keepFunctionEni, s.eni, eniIn(id));
    }
    mayNot(lambda, "ec2:CreateNetworkInterface", ...subnet(foreignSubnet), "NetworkPolicy/EniPlacementInSubnets ec2:SubnetID");
    mayNot(lambda, "ec2:CreateNetworkInterface", ...group(foreignGroup), "NetworkPolicy/CreateEni Resource");
    mayNot(lambda, keepFunctionEni, s.eni, eniIn(foreignSubnet), "NetworkPolicy/KeepEnisOfTheSubnets ec2:Subnet");
    mayNot(code, ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], "*", {}, "NetworkPolicy/NotTheFunctionItself");
    mayNot(code, "ec2:CreateNetworkInterface", s.eni, {}, "NetworkPolicy/NotTheFunctionItself");
    mayNot(code, "ec2:CreateNetworkInterface", ...subnet(s.subnets[0]), "NetworkPolicy/NotTheFunctionItself");
    mayNot(code, keepFunctionEni, s.eni, eniIn(s.subnets[0]), "NetworkPolicy/NotTheFunctionItself");
    if (s.isTraced) may(code, ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*");
  }

  // Logs and failures of each function, which Lambda writes with its role; never those of the other.
  const stream = (name) => arns[name].replace(/\*$/, "log-stream:2026/01/01/[$LATEST]0");
  for (const [lambda, own, other] of [[lambdaForSubmit, "Submit", "Complete"], [lambdaForComplete, "Complete", "Submit"]]) {
    may(lambda, ["logs:CreateLogStream", "logs:PutLogEvents"], stream(`${own}LogGroup`));
    may(lambda, "sqs:SendMessage", arns[`${own}FailureQueue`]);
    mayNot(lambda, ["logs:CreateLogStream", "logs:PutLogEvents"], stream(`${other}LogGroup`), {}, `${own}Role/${own}/Log Resource`);
    mayNot(lambda, "sqs:SendMessage", arns[`${other}FailureQueue`], {}, `${own}Role/${own}/ReportFailures Resource`);
    mayNot(lambda, "sqs:SendMessage", arns.UndeliveredQueue, {}, `${own}Role/${own}/ReportFailures Resource`);
    mayNot(lambda, "sqs:ReceiveMessage", arns[`${own}FailureQueue`], {}, `${own}Role/${own}/ReportFailures Action`);
  }

  // The data of the functions: each its own, neither the user's drops nor the job's output to be changed. An event that
  // somebody wrote by hand may name no version; what submit may, the sweep may too.
  for (const who of [submit, complete]) may(who, "s3:GetObject", s.drop, inside);
  const kept = "S3VpcEndpoint/FunctionsKeepOutput";
  mayNot(submit, "s3:PutObject", [result, s.output(`${s.results}/summary.json`)], inside, "DropsPolicy/Reject Resource");
  mayNot(submit, "s3:GetObject", [result, rejection, jobInput, jobOutput, marker], inside, "DropsPolicy/KeepLedger Resource");
  mayNot(submit, "s3:AbortMultipartUpload", result, inside, "DropsPolicy/MakeJobInputs Resource");
  mayNot(submit, "bedrock:GetModelInvocationJob", s.job, atBedrock, "JobsPolicy/CreateJobs Action");
  mayNot(complete, "s3:GetObject", s.output("elsewhere/a.jsonl"), inside, "CompleteRole/Complete/KeepResults Resource");
  for (const who of [submit, complete]) {
    mayNot(who, "s3:PutObject", [jobOutput, s.output("elsewhere/a.jsonl")], inside, "DropsPolicy/KeepLedger Resource");
    mayNot(who, "s3:DeleteObject", [result, jobInput, jobOutput, entry, dropEntry], inside, "DropsPolicy/KeepWorkList Resource");
    mayNot(who, "s3:PutObject", s.drop, inside, "DropsPolicy/KeepLedger Resource", `${kept} Resource`);
    mayNot(who, "s3:DeleteObject", s.drop, inside, "DropsPolicy/KeepWorkList Resource", `${kept} Resource`);
    mayNot(who, "s3:DeleteObjectVersion", s.drop, inside, "DropsPolicy/ReadDrops Action", "S3VpcEndpoint/FunctionsReadDrops Action");
    mayNot(who, "s3:PutBucketPolicy", [arns.InputBucket, arns.OutputBucket], inside, "DropsPolicy/ListBuckets Action", "S3VpcEndpoint/FunctionsList Action");
  }

  // Jobs: of the configured model, with the role of the job, and nothing else of Bedrock.
  for (const who of [submit, complete]) {
    mayNot(who, "bedrock:CreateModelInvocationJob", s.otherModel, atBedrock, "JobsPolicy/CreateJobsOfTheModel Resource", "BedrockVpcEndpoint/FunctionsCreateJobsOfTheModel Resource");
    mayNot(who, "bedrock:CreateModelInvocationJob", s.arn("bedrock", "custom-model/amazon.nova-lite-v1:0/abcdefghijkl"), atBedrock, "JobsPolicy/CreateJobsOfTheModel Resource", "BedrockVpcEndpoint/FunctionsCreateJobsOfTheModel Resource");
    mayNot(who, "bedrock:CreateModelInvocationJob", s.job.replace(s.account, ELSEWHERE), atBedrock, "JobsPolicy/CreateJobs Resource", "BedrockVpcEndpoint/FunctionsKeepJobs Resource");
    mayNot(who, "bedrock:StopModelInvocationJob", s.job, atBedrock, "JobsPolicy/CreateJobs Action", "BedrockVpcEndpoint/FunctionsKeepJobs Action");
    mayNot(who, "bedrock:ListFoundationModels", "*", atBedrock, "JobsPolicy/FindJobs Action", "BedrockVpcEndpoint/FunctionsFindJobs Action");
    mayNot(who, "bedrock:InvokeModel", s.models, {}, "JobsPolicy/CreateJobsOfTheModel Action");
    mayNot(who, "iam:PassRole", arns.JobRole, { "iam:PassedToService": "ec2.amazonaws.com" }, "JobsPolicy/PassJobRole iam:PassedToService");
    mayNot(who, "iam:PassRole", arns.JobRole, {}, "JobsPolicy/PassJobRole iam:PassedToService");
    mayNot(who, "iam:PassRole", [arns.SubmitRole, arns.CompleteRole, s.arn("iam", "role/Administrator", `:${s.account}`)], { "iam:PassedToService": "bedrock.amazonaws.com" }, "JobsPolicy/PassJobRole Resource");
  }

  // The endpoints carry this stack's requests alone: nobody else's, and to nothing else.
  mayNot(submit, "s3:GetObject", `${otherBucket}/a.jsonl`, inside, "DropsPolicy/ReadDrops Resource", "S3VpcEndpoint/FunctionsReadDrops Resource");
  mayNot(complete, "s3:PutObject", `${otherBucket}/a.jsonl`, inside, "CompleteRole/Complete/KeepResults Resource", `${kept} Resource`);
  mayNot(bedrockWithJobRole, "s3:PutObject", `${otherBucket}/a.jsonl`, inside, "JobRole/Data/Write Resource", "S3VpcEndpoint/JobsReadAndWrite Resource");
  mayNot(submit, "s3:ListBucket", otherBucket, inside, "DropsPolicy/ListBuckets Resource", "S3VpcEndpoint/FunctionsList Resource");
  mayNot(administrator, "s3:PutObject", `${otherBucket}/a.jsonl`, inside, `${kept} Resource`, `${kept} aws:PrincipalArn`);
  mayNot(administrator, "s3:GetObject", s.drop, inside, "S3VpcEndpoint/FunctionsReadDrops aws:PrincipalArn");
  mayNot(administrator, ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], result, inside, `${kept} aws:PrincipalArn`);
  mayNot(administrator, "s3:ListBucket", arns.OutputBucket, inside, "S3VpcEndpoint/FunctionsList aws:PrincipalArn");
  mayNot(administrator, "bedrock:CreateModelInvocationJob", s.job, atBedrock, "BedrockVpcEndpoint/FunctionsKeepJobs aws:PrincipalArn");
  mayNot(administrator, "bedrock:ListModelInvocationJobs", "*", atBedrock, "BedrockVpcEndpoint/FunctionsFindJobs aws:PrincipalArn");

  // Data goes in and out through the endpoint; plain HTTP never.
  const [atInput, atOutput] = ["InputBucketPolicy/OnlyThroughTheEndpoint", "OutputBucketPolicy/OnlyThroughTheEndpoint"];
  for (const place of [outside, inAnotherVpc]) {
    mayNot(submit, "s3:GetObjectVersion", s.drop, place, atInput);
    mayNot(submit, "s3:PutObject", entry, place, atOutput);
    mayNot(complete, "s3:PutObject", result, place, atOutput);
    mayNot(complete, "s3:DeleteObject", marker, place, atOutput);
    mayNot(complete, "s3:ListBucket", arns.OutputBucket, { ...place, ...list("open/") }, "OutputBucketPolicy/ListOnlyThroughTheEndpoint");
    mayNot(bedrockWithJobRole, "s3:GetObject", jobInput, place, atOutput);
    mayNot(bedrockWithJobRole, "s3:PutObject", jobOutput, place, atOutput);
    mayNot(bedrockWithJobRole, "s3:ListBucket", arns.OutputBucket, place, "OutputBucketPolicy/ListOnlyThroughTheEndpoint");
    mayNot(administrator, ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl"], s.drop, place, atInput);
    mayNot(administrator, ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [result, jobInput], place, atOutput);
    mayNot(administrator, ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], arns.InputBucket, place, "InputBucketPolicy/ListOnlyThroughTheEndpoint");
  }
  const plain = { "aws:SecureTransport": "false" };
  const [tlsIn, tlsOut] = ["InputBucketPolicy/TlsOnly", "OutputBucketPolicy/TlsOnly"];
  mayNot(submit, "s3:GetObjectVersion", s.drop, { ...inside, ...plain }, tlsIn);
  mayNot(complete, "s3:PutObject", result, { ...inside, ...plain }, tlsOut);
  mayNot(bedrockWithJobRole, "s3:GetObject", jobInput, { ...inside, ...plain }, tlsOut);
  mayNot(administrator, "s3:GetBucketPolicy", arns.InputBucket, { ...outside, ...plain }, tlsIn);
  mayNot(administrator, "s3:PutBucketPolicy", arns.OutputBucket, { ...outside, ...plain }, tlsOut);
  mayNot(uploader, "s3:PutObject", s.drop, { ...outside, ...plain }, tlsIn);
  mayNot(reader, "s3:GetObject", result, { ...outside, ...plain }, tlsOut);

  // Uploaders put under the prefix, in parts too. Nothing else, whatever else IAM lets them do.
  for (const who of s.plainUploaders) may(who, ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], s.drop, outside);
  mayNot(uploader, "s3:PutObject", s.input("a.jsonl"), outside, "InputBucketPolicy/UploadersOnlyUnderThePrefix");
  mayNot(uploader, ["s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectTagging", "s3:PutObjectAcl"], s.drop, outside, "InputBucketPolicy/UploadersOnlyPut");
  mayNot(uploader, ["s3:ListBucket", "s3:ListBucketVersions"], arns.InputBucket, outside, "InputBucketPolicy/ListOnlyThroughTheEndpoint");
  mayNot(uploader, ["s3:GetObject", "s3:PutObject"], result, outside, atOutput);
  mayNot(uploader, "s3:ListBucket", arns.OutputBucket, { ...outside, ...list("results/") }, "OutputBucketPolicy/ListOnlyThroughTheEndpoint");
  for (const who of s.plainUploaders) mayNot(who, "s3:PutObject", s.input("a.jsonl"), outside, "InputBucketPolicy/UploadersOnlyUnderThePrefix", "InputBucketPolicy/UploadersMayPut Resource");
  // Readers get and list results. Nothing else, whatever else IAM lets them do.
  may(s.plainReader, "s3:GetObject", [result, rejection], outside);
  may(s.plainReader, "s3:ListBucket", arns.OutputBucket, { ...outside, ...list("results/in/") });
  mayNot(reader, "s3:GetObject", [jobInput, jobOutput, entry, dropEntry, marker], outside, "OutputBucketPolicy/ReadersOnlyResults");
  mayNot(reader, ["s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion", "s3:PutObjectTagging"], result, outside, "OutputBucketPolicy/ReadersOnlyGet");
  mayNot(reader, "s3:ListBucket", arns.OutputBucket, { ...outside, ...list("jobs/") }, "OutputBucketPolicy/ReadersListOnlyResults");
  mayNot(reader, ["s3:ListBucket", "s3:ListBucketMultipartUploads"], arns.OutputBucket, outside, "OutputBucketPolicy/ReadersListOnlyResults");
  mayNot(reader, ["s3:GetObject", "s3:PutObject"], s.drop, outside, atInput);
  mayNot(reader, "s3:ListBucket", arns.InputBucket, outside, "InputBucketPolicy/ListOnlyThroughTheEndpoint");
  if (uploader) {
    mayNot(stranger, "s3:PutObject", s.drop, outside, atInput, "InputBucketPolicy/UploadersMayPut Principal");
    mayNot(stranger, "s3:GetObject", result, outside, atOutput, "OutputBucketPolicy/ReadersMayGet Principal");
  }

  // Nobody is locked out of managing the buckets and the key.
  may(administrator, [
    "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutBucketNotification",
    "s3:PutEncryptionConfiguration", "s3:PutBucketVersioning", "s3:GetBucketLocation", "s3:DeleteBucket",
  ], [arns.InputBucket, arns.OutputBucket], outside);
  if (s.key) may(administrator, ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey"], s.key);

  // The key, in the name of those who use S3 and never otherwise.
  if (s.key) {
    const [use, viaEc2] = [["kms:Decrypt", "kms:GenerateDataKey"], { "kms:ViaService": s.viaS3["kms:ViaService"].replace("s3", "ec2") }];
    may(bedrockWithJobRole, use, s.key, s.viaS3);
    for (const [who, statement] of [[submit, "DropsPolicy/EncryptAndDecrypt"], [complete, "DropsPolicy/EncryptAndDecrypt"], [bedrockWithJobRole, "JobRole/Data/EncryptAndDecrypt"]]) {
      mayNot(who, use, s.key, {}, `${statement} kms:ViaService`);
      mayNot(who, "kms:Decrypt", s.key, viaEc2, `${statement} kms:ViaService`);
      mayNot(who, "kms:Decrypt", s.arn("kms", "key/99999999-2222-3333-4444-555555555555"), s.viaS3, `${statement} Resource`);
      mayNot(who, ["kms:Encrypt", "kms:CreateGrant"], s.key, s.viaS3, `${statement} Action`);
    }
    // Uploaders and readers by the policy of the key that the stack makes; with another key, by what IAM gives them.
    for (const who of arns.KmsKey ? s.plainUploaders : [uploader]) may(who, use, s.key, s.viaS3);
    may(arns.KmsKey ? s.plainReader : reader, "kms:Decrypt", s.key, s.viaS3);
    mayNot(s.plainUploaders[0], "kms:Decrypt", s.key, {}, "KmsKey/UploadersEncrypt kms:ViaService");
    mayNot(s.plainReader, "kms:Decrypt", s.key, viaEc2, "KmsKey/ReadersDecrypt kms:ViaService");
    mayNot(s.plainReader, "kms:GenerateDataKey", s.key, s.viaS3, "KmsKey/ReadersDecrypt Action");
    if (uploader) mayNot(stranger, "kms:GenerateDataKey", s.key, s.viaS3, "KmsKey/UploadersEncrypt Principal");
  }

  // Who may wake the functions, and write into the queue of what could not be delivered.
  const from = (arn, account = s.account) => ({ "aws:SourceArn": arn, "aws:SourceAccount": account });
  const [s3, events] = ["s3.amazonaws.com", "events.amazonaws.com"].map(s.service);
  const rules = [arns.CompleteFunctionJobEnded, arns.CompleteFunctionSweep];
  const otherRule = s.arn("events", "rule/somebodys-rule");
  const woken = "SubmitFunction/InputBucketPermission";
  may(s3, "lambda:InvokeFunction", arns.SubmitFunction, from(arns.InputBucket));
  for (const rule of rules) {
    may(events, "lambda:InvokeFunction", arns.CompleteFunction, from(rule));
    may(events, "sqs:SendMessage", arns.UndeliveredQueue, from(rule));
  }
  mayNot(s3, "lambda:InvokeFunction", arns.SubmitFunction, from(otherBucket), `${woken} AWS:SourceArn`);
  mayNot(s3, "lambda:InvokeFunction", arns.SubmitFunction, from(arns.OutputBucket), `${woken} AWS:SourceArn`);
  mayNot(s3, "lambda:InvokeFunction", arns.SubmitFunction, from(arns.InputBucket, ELSEWHERE), `${woken} AWS:SourceAccount`);
  mayNot(s3, "lambda:InvokeFunction", arns.SubmitFunction, from(otherBucket, ELSEWHERE), `${woken} AWS:SourceArn`, `${woken} AWS:SourceAccount`);
  mayNot(events, "lambda:InvokeFunction", arns.SubmitFunction, from(rules[0]), `${woken} Principal`, `${woken} AWS:SourceArn`);
  mayNot(events, "lambda:InvokeFunction", arns.CompleteFunction, from(otherRule), "CompleteFunction/CompleteFunctionSweepPermission AWS:SourceArn");
  mayNot(s3, "lambda:InvokeFunction", arns.CompleteFunction, from(arns.InputBucket), "CompleteFunction/CompleteFunctionSweepPermission Principal", "CompleteFunction/CompleteFunctionSweepPermission AWS:SourceArn");
  mayNot(events, "sqs:SendMessage", arns.UndeliveredQueue, from(otherRule), "UndeliveredQueuePolicy/RuleMaySend aws:SourceArn");
  mayNot(s3, "sqs:SendMessage", arns.UndeliveredQueue, from(arns.InputBucket), "UndeliveredQueuePolicy/RuleMaySend Principal", "UndeliveredQueuePolicy/RuleMaySend aws:SourceArn");
  mayNot(events, "sqs:ReceiveMessage", arns.UndeliveredQueue, from(rules[0]), "UndeliveredQueuePolicy/RuleMaySend Action");
  return table;
}
