// What IAM is asked for when a recorded call arrives.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html

import { ID } from "./names.mjs";

// Parameters that need no permission of their own, whatever their value.
const HARMLESS = new Set([
  "x-id", "x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amz-sdk-checksum-algorithm",
  "x-amz-checksum-crc32", "x-amz-checksum-mode", "x-amz-decoded-content-length", "x-amz-trailer",
  "x-amz-copy-source", "x-amz-copy-source-if-match", "x-amz-copy-source-range", "x-amz-mp-object-size",
  "x-amz-metadata-directive", "list-type", "prefix", "continuation-token", "uploads", "uploadId", "partNumber",
  "versions", "key-marker", "version-id-marker", "max-keys", "encoding-type",
  "nameContains", "nextToken", "jobName", "clientRequestToken", "roleArn", "modelId", "modelInvocationType",
  "inputDataConfig", "outputDataConfig", "vpcConfig", "timeoutDurationInHours",
]);
// Parameters that the operations below look at.
const LOOKED_AT = new Set(["versionId", "x-amz-tagging-directive", "tags"]);

// At the end of a copy source, with the ids taken out.
const VERSION = /\?versionId=v$/;

const read = (c) => [
  [c.parameters.includes("versionId") ? "s3:GetObjectVersion" : "s3:GetObject", c.object],
  // Without it S3 answers 403 for what is not there, and the flows need its 404. Such a request has no prefix.
  ...(c.by === "job" ? [] : [["s3:ListBucket", c.bucketArn]]),
  ["kms:Decrypt"],
];
const write = (c) => [
  ["s3:PutObject", c.object],
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
  ...(c.condition === "IfMatch" ? [["s3:GetObject", c.object]] : []),
  ["kms:GenerateDataKey"],
];
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
const part = (c) => [...write(c), ["kms:Decrypt"]];
const copied = (c) => [
  [VERSION.test(c.source) ? "s3:GetObjectVersion" : "s3:GetObject", c.source.replace(VERSION, "")],
  ["kms:Decrypt"],
];
// Of a job that is tagged: on every resource of the request.
const tags = (c) => (c.parameters.includes("tags") ? { "aws:RequestTag/team": "search", "aws:TagKeys": ["team"] } : {});

const OPERATIONS = {
  HeadObject: read,
  GetObject: read,
  PutObject: write,
  DeleteObject: (c) => [[c.parameters.includes("versionId") ? "s3:DeleteObjectVersion" : "s3:DeleteObject", c.object]],
  CopyObject: (c) => [
    ...copied(c), ...write(c),
    // Unless it is told to replace the tags, S3 copies them.
    ...(c.parameters.includes("x-amz-tagging-directive") ? [] : [["s3:PutObjectTagging", c.object]]),
  ],
  CreateMultipartUpload: part,
  UploadPart: part,
  UploadPartCopy: (c) => [...copied(c), ...part(c)],
  CompleteMultipartUpload: part,
  AbortMultipartUpload: (c) => [["s3:AbortMultipartUpload", c.object]],
  ListObjectsV2: (c) => [["s3:ListBucket", c.bucketArn, { "s3:prefix": c.subject }]],
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
  ListObjectVersions: (c, s) => [["s3:ListBucketVersions", c.bucketArn, { "s3:prefix": s.inputPrefix + c.subject }]],
  // The reference knows no inference profile among the resources of this action, so the simulator takes none.
  CreateModelInvocationJob: (c, s) => [
    ...[...s.models.filter((model) => !model.includes("inference-profile")), s.aJob]
      .map((resource) => ["bedrock:CreateModelInvocationJob", resource, tags(c)]),
    ...(c.parameters.includes("tags") ? [["bedrock:TagResource", s.aJob, tags(c)]] : []),
    ["iam:PassRole", s.arns.JobRole, { "iam:PassedToService": "bedrock.amazonaws.com" }],
  ],
  GetModelInvocationJob: (c) => [["bedrock:GetModelInvocationJob", c.subject]],
  ListModelInvocationJobs: () => [["bedrock:ListModelInvocationJobs", "*"]],
};

/** The call as it would be in this stack: its buckets, and the same ids and times in every call. */
function translated(call, s) {
  const masked = (text) => text
    .replace(/[0-9a-f]{32}/g, ID)
    .replace(/(output|model-invocation-job)\/[a-z0-9]{12}(?=\/|$)/, "$1/abcdefghijkl")
    .replace(/^ledger\/open\/\d{8}T\d{6}Z/, "ledger/open/20260101T000000Z")
    .replace(/\?versionId=[^?/]{32}$/, "?versionId=v");
  const subject = masked(call.subject);
  const object = (bucket, key) => (bucket.endsWith("-input") ? s.input(s.inputPrefix + key) : s.output(key));
  if (call.service === "bedrock") return { ...call, subject: subject.replace(/^arn:.*/, s.aJob) };
  const [, bucket, key] = masked(call.copySource ?? "").match(/^([^/]*)\/?(.*)$/s);
  return {
    ...call, subject, object: object(call.bucket, subject), source: object(bucket, key),
    bucketArn: object(call.bucket, "").replace(/\/.*$/, ""),
  };
}

/** The requests that the recorded calls are in this stack, each once. */
export function recordedRequests(calls, s) {
  const who = { submit: s.submit, complete: s.complete, job: s.job };
  const requests = new Map();
  for (const call of calls) {
    const unknown = call.parameters.filter((one) => !HARMLESS.has(one) && !LOOKED_AT.has(one));
    const needs = OPERATIONS[call.operation];
    if (!needs || unknown.length) throw new Error(`nobody has said what ${call.operation} ${unknown} asks IAM for`);
    // Only a stack that is told of tags sends any.
    if (call.parameters.includes("tags") && !s.isTagged) continue;
    for (const [action, resource, context] of needs(translated(call, s), s)) {
      const service = action.split(":")[0];
      if (service === "kms" && !s.key) continue;
      const place = { s3: s.inside, bedrock: s.atBedrock, kms: s.viaS3, iam: {} }[service];
      const request = { who: who[call.by], action, resource: resource ?? s.key, context: { ...place, ...context }, causes: [] };
      requests.set(JSON.stringify([call.by, action, request.resource, request.context]), request);
    }
  }
  return [...requests.values()];
}
