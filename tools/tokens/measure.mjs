// Compares the estimate of `bedrock-vpc-batch check` with what tokenizers make of the same texts, for docs/benchmarks.md.
//
//   make tokens TEXTS=FOLDER
//
// FOLDER has the texts of the Debian packages debian-reference-{en,de,zh-cn} as *.en.txt, *.de.txt, and *.zh-cn.txt:
//
//   apt-get download debian-reference-{en,de,zh-cn}; for deb in *.deb; do dpkg-deb -x $deb x; done; gunzip x/usr/share/debian-reference/*.gz
//
// Code and JSON are files of this repository. None of these texts were used for the fit.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TOKENIZERS } from './tokenizers.mjs'

const [program, folder] = process.argv.slice(2)
const ROOT = new URL('../../', import.meta.url)
const CHUNK = 2000

const book = (language) => {
  const name = readdirSync(folder).find((name) => name.endsWith(`.${language}.txt`))
  // The table of contents comes first.
  return readFileSync(join(folder, name), 'utf8').slice(60_000)
}
const files = (path, end) =>
  readdirSync(new URL(path, ROOT), { recursive: true })
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => readFileSync(new URL(`${path}/${name}`, ROOT), 'utf8'))
    .join('\n')

const TEXTS = {
  English: () => book('en'),
  German: () => book('de'),
  Chinese: () => book('zh-cn'),
  code: () => files('src/flow', '.rs') + files('tools/bench', '.py'),
  JSON: () => files('events', '.json') + files('tools/bench', '.json') + files('tests/ledger/golden', '.json'),
}

function chunks(text) {
  const found = []
  for (let at = 0; at + CHUNK <= text.length && found.length < 120; at += CHUNK) found.push(text.slice(at, at + CHUNK))
  return found
}

const body = (model, text) =>
  model.startsWith('anthropic.')
    ? { anthropic_version: 'bedrock-2023-05-31', max_tokens: 100, messages: [{ role: 'user', content: text }] }
    : model.startsWith('meta.') || model.startsWith('mistral.')
      ? { prompt: text }
      : { messages: [{ role: 'user', content: text }] }

const work = mkdtempSync(join(tmpdir(), 'tokens-'))
const percent = (ratio) => `${ratio >= 1 ? '+' : '−'}${Math.abs(100 * (ratio - 1)).toFixed(0)}`

console.log(`| tokenizer (package) | ${Object.keys(TEXTS).join(' | ')} |`)
console.log(`|---|${Object.keys(TEXTS).map(() => '---|').join('')}`)
let outside = 0
for (const { name, model, count } of TOKENIZERS) {
  const cells = Object.values(TEXTS).map((text) => {
    const pieces = chunks(text())
    const truth = pieces.reduce((sum, piece) => sum + count(piece), 0)
    const file = join(work, 'a.jsonl')
    writeFileSync(file, pieces.map((text, at) => JSON.stringify({ recordId: `r${at}`, modelInput: body(model, text) }) + '\n').join(''))
    const said = execFileSync(program, ['check', file, '--model-id', model, '--format', 'json', '--set', 'MIN_RECORDS_PER_JOB=1'])
    const { least, most } = JSON.parse(said).estimate.input_tokens
    const isInside = least <= truth && truth <= most
    outside += isInside ? 0 : 1
    return `${percent(Math.sqrt(least * most) / truth)} % (${percent(least / truth)} to ${percent(most / truth)})${isInside ? '' : ' **outside**'}`
  })
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}
rmSync(work, { recursive: true })
console.log(`${outside} of ${TOKENIZERS.length * Object.keys(TEXTS).length} are outside the range`)
