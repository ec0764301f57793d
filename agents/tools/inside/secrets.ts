import { relative } from 'node:path'
import { isBinary, readPlain } from './files.ts'
import { filesBelow } from './find.ts'

export interface Finding {
  readonly path: string
  readonly line: number
  readonly what: string
  /** Enough to find it again, and not the secret. */
  readonly shown: string
}

const largest = 1024 * 1024
const mostFindings = 200

const kinds: readonly (readonly [string, RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b/],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,}/],
  ['a Slack token', /\bxox[abprs]-[A-Za-z0-9-]{10,}/],
  ['an API key of Anthropic', /\bsk-ant-[A-Za-z0-9_-]{20,}/],
  ['an API key', /\bsk-[A-Za-z0-9_-]{32,}/],
  ['a key of Stripe', /\b[sr]k_live_[A-Za-z0-9]{20,}/],
  ['a key of Google', /\bAIza[0-9A-Za-z_-]{35}/],
  ['a signed token (JWT)', /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/],
  ['a password in an address', /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'<>]{1,100}:[^\s/@"'<>$]{3,100}@/i],
]

const assigned =
  /\b([A-Za-z0-9_.-]*(?:secret|passwd|password|token|api_?key|private_?key|credential)[A-Za-z0-9_.-]*)["']?\s*[:=]\s*["'`]([^"'`\s]{12,200})["'`]/i

/** What looks like a secret in the text files below a folder: known shapes, and names of secrets with a value like noise. */
export function scanSecrets(path: string): { readonly findings: readonly Finding[]; readonly files: number } {
  const findings: Finding[] = []
  let files = 0
  for (const file of filesBelow(path)) {
    const text = textOf(file)
    if (text === undefined) continue
    files += 1
    for (const [index, line] of text.split('\n').entries()) {
      const found = secretIn(line.slice(0, 4_000))
      if (found !== undefined) findings.push({ path: relative(path, file) || file, line: index + 1, ...found })
      if (findings.length === mostFindings) return { findings, files }
    }
  }
  return { findings, files }
}

function secretIn(line: string): { what: string; shown: string } | undefined {
  for (const [what, shape] of kinds) {
    const match = shape.exec(line)
    if (match !== null) return { what, shown: masked(match[0]) }
  }
  const [, name, value = ''] = assigned.exec(line) ?? []
  if (name === undefined || isPlaceholder(value) || entropy(value) < 3.2) return undefined
  return { what: `a value of ${name}`, shown: masked(value) }
}

const isPlaceholder = (value: string) =>
  /^(?:\$|\{\{|<|%)|example|placeholder|change.?me|your[-_]|xxxx|\*\*\*|process\.env|dummy/i.test(value)

const masked = (text: string) => `${text.slice(0, 4)}… (${text.length} characters)`

/** Bits for each character (Shannon). */
export function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0)
}

function textOf(file: string): string | undefined {
  try {
    const { bytes } = readPlain(file, largest)
    return isBinary(bytes) ? undefined : bytes.toString('utf8')
  } catch {
    return undefined
  }
}
