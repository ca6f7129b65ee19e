// Maps each recorded call to the permissions that IAM checks for it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html

import { ID } from "./names.mjs";

// Parameters that do not need a permission of their own, whatever their value.
const HARMLESS = new Set([
  "x-id", "x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amz-sdk-checksum-algorithm",
  "x-amz-checksum-crc32", "x-amz-checksum-mode", "x-amz-decoded-content-length", "x-amz-trailer",
  "x-amz-copy-source", "x-amz-copy-source-if-match", "x-amz-copy-source-range", "x-amz-mp-object-size",
  "x-amz-metadata-directive", "list-type", "prefix", "continuation-token", "uploads", "uploadId", "partNumber",
  "versions", "key-marker", "version-id-marker", "max-keys", "encoding-type",
  "nameContains", "nextToken", "statusEquals", "maxResults", "jobName", "clientRequestToken", "roleArn", "modelId", "modelInvocationType",
  "inputDataConfig", "outputDataConfig", "vpcConfig", "timeoutDurationInHours",
]);
// Parameters that the operations below use.
const LOOKED_AT = new Set(["versionId", "x-amz-tagging-directive", "tags"]);

// The end of a copy source, after `masked`.
const VERSION = /\?versionId=v$/;

const read = (c) => [
  [c.parameters.includes("versionId") ? "s3:GetObjectVersion" : "s3:GetObject", c.object],
  // Without this permission S3 answers 403 for a missing object, and the flows need a 404. The request has no prefix.
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
// The context of a tagged job, on every resource of the request.
const tags = (c) => (c.parameters.includes("tags") ? { "aws:RequestTag/team": "search", "aws:TagKeys": ["team"] } : {});

const OPERATIONS = {
  HeadObject: read,
  GetObject: read,
  PutObject: write,
  DeleteObject: (c) => [[c.parameters.includes("versionId") ? "s3:DeleteObjectVersion" : "s3:DeleteObject", c.object]],
  CopyObject: (c) => [
    ...copied(c), ...write(c),
    // S3 copies the tags unless it is told to replace them.
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
  // The authorization reference does not list inference profiles for this action, so the simulator rejects them.
  CreateModelInvocationJob: (c, s) => [
    ...[...[...s.models, ...s.routeModels].filter((model) => !model.includes("inference-profile")), s.aJob]
      .map((resource) => ["bedrock:CreateModelInvocationJob", resource, tags(c)]),
    ...(c.parameters.includes("tags") ? [["bedrock:TagResource", s.aJob, tags(c)]] : []),
    ["iam:PassRole", s.arns.JobRole, { "iam:PassedToService": "bedrock.amazonaws.com" }],
  ],
  GetModelInvocationJob: (c) => [["bedrock:GetModelInvocationJob", c.subject]],
  StopModelInvocationJob: (c) => [["bedrock:StopModelInvocationJob", c.subject]],
  ListModelInvocationJobs: () => [["bedrock:ListModelInvocationJobs", "*"]],
};

/** Returns the call as this stack would make it, with its buckets, and with fixed ids and times. */
function translated(call, s) {
  const masked = (text) => text
    .replace(/[0-9a-f]{32}/g, ID)
    .replace(/(output|model-invocation-job)\/[a-z0-9]{12}(?=\/|$)/, "$1/abcdefghijkl")
    .replace(/^ledger\/open\/\d{8}T\d{6}Z/, "ledger/open/20260101T000000Z")
    .replace(/^(ledger\/waiting\/[^/]+\/(?:refused\/)?)\d{8}T\d{6}Z/, (_, folder) => `${folder}20260101T000000Z`)
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

/** Returns the distinct requests to IAM that the recorded calls make in this stack. */
export function recordedRequests(calls, s) {
  const who = { submit: s.submit, complete: s.complete, job: s.job };
  const requests = new Map();
  for (const call of calls) {
    const unknown = call.parameters.filter((one) => !HARMLESS.has(one) && !LOOKED_AT.has(one));
    const needs = OPERATIONS[call.operation];
    if (!needs || unknown.length) throw new Error(`add to calls.mjs which permissions ${call.operation} ${unknown} needs`);
    // Without operators, nobody asks for anything.
    const isAnswer = call.operation === "StopModelInvocationJob"
      || (call.operation === "DeleteObject" && !/^ledger\/(open|waiting)\//.test(call.subject));
    if (isAnswer && !s.operator) continue;
    for (const [action, resource, context] of needs(translated(call, s), s)) {
      const service = action.split(":")[0];
      if (service === "kms" && !s.key) continue;
      const path = { s3: s.inside, bedrock: s.atBedrock, kms: s.viaS3, iam: {} }[service];
      const request = { who: who[call.by], action, resource: resource ?? s.key, context: { ...path, ...context }, causes: [] };
      requests.set(JSON.stringify([call.by, action, request.resource, request.context]), request);
    }
  }
  return [...requests.values()];
}
