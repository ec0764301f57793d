import { createHash } from 'node:crypto'
import type { ActionRequest, Approval, Need } from '../action.ts'
import { backwardWords, mixedWords, visible, visibleJson } from './visible.ts'

/** JSON in which equal values have equal texts: keys are sorted. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`)
    .join(',')}}`
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** What makes two requests the same one: who asks, for which call of which work, with which tool, and every need whole. */
export const requestDigest = (agent: string, { work, call, tool, needs }: ActionRequest): string =>
  sha256(canonical({ agent, work, call, tool, needs }))

/** What an approval is bound to. */
export const approvalDigest = (request: string, expiresAt: string): string => sha256(canonical({ request, expiresAt }))

type Shown = Approval['shown'][number]

/** Everything that a request binds, for the person who decides. */
export function shownOf(agent: string, { tool, needs }: ActionRequest, expiresAt: string): readonly Shown[] {
  const shown = [{ name: 'Agent', text: agent }, { name: 'Tool', text: visible(tool) }, ...needs.flatMap(shownNeed)]
  const text = needs.map(need => JSON.stringify(need)).join(' ')
  return [...shown, ...attention(text), { name: 'Expires', text: expiresAt }]
}

/** What a reader may take for something else. */
function attention(text: string): readonly Shown[] {
  const [mixed, backward] = [mixedWords(text), backwardWords(text)]
  const lines = [
    ...(mixed.length === 0 ? [] : [`Letters that look like others stand in: ${mixed.map(escapedLetters).join(', ')}`]),
    ...(backward.length === 0
      ? []
      : [`Letters written from right to left, which move what stands beside them: ${backward.map(allEscaped).join(', ')}`]),
  ]
  return lines.map(line => ({ name: 'Attention', text: line }))
}

function shownNeed(need: Need): readonly Shown[] {
  switch (need.kind) {
    case 'read':
    case 'write':
      return [{ name: need.kind === 'read' ? 'Reads' : 'Writes', text: visible(need.path) }]
    case 'net':
      return [{ name: 'Connects to', text: visible(`${need.host}:${need.port}`) }]
    case 'sql':
      return [
        { name: 'Database', text: visible(need.database) },
        { name: 'Statement', text: visible(need.statement) },
      ]
    case 'verb':
      return [
        { name: 'Verb', text: visible(need.verb) },
        { name: 'Input', text: visibleJson(need.input) },
      ]
    case 'run':
      return [
        { name: 'Command', text: shownCommand(need.argv) },
        { name: 'Folder', text: visible(need.cwd) },
        { name: 'Environment', text: need.env.map(visible).join(' ') || 'none' },
        ...need.files.map(({ path, digest }) => ({ name: 'File', text: `${visible(path)} sha256:${visible(digest)}` })),
      ]
  }
}

/** A command line of bash as it was written; any other command word for word, each in quotes where it needs them. */
function shownCommand(argv: readonly string[]): string {
  const [program, flag, script, ...more] = argv
  if (program === 'bash' && flag === '-c' && script !== undefined && more.length === 0) return `bash -c ⏎\n${visible(script)}`
  return argv.map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${visible(word).replaceAll("'", "'\\''")}'`)).join(' ')
}

const codeOf = (letter: string) => `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`
const escapedLetters = (word: string) => `${word} (${word.replace(/[^\x20-\x7e]/gu, codeOf)})`
const allEscaped = (word: string) => word.replace(/[^\x20-\x7e]/gu, codeOf)
