import { isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml'
import { type Mistake, renderMistake } from '../../../desired-state/state.ts'
import { type DomainFields, emptyFields, type FieldName } from './entry.ts'

/** Mistakes by the field that they are about; the others, with their place in the file, under `form`. */
export type FormMistakes = Readonly<Partial<Record<FieldName | 'form', readonly string[]>>>

/** Puts the mistakes of the edited `domains.yaml` to the fields of the form that made it. */
export function placeMistakes(mistakes: readonly Mistake[], text: string, host: string): FormMistakes {
  const placed: Partial<Record<FieldName | 'form', string[]>> = {}
  for (const mistake of mistakes) {
    const field = mistake.file === 'domains.yaml' ? fieldAt(text, host, mistake) : undefined
    const list = placed[field ?? 'form'] ?? []
    placed[field ?? 'form'] = [...list, field === undefined ? renderMistake(mistake) : mistake.message]
  }
  return placed
}

/** The field whose value stands at this place of the file; `host` for the entry as a whole. */
function fieldAt(text: string, host: string, { line, column }: Mistake): FieldName | undefined {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' })
  const offset = (lines.lineStarts[line - 1] ?? 0) + column - 1
  const domains = isMap(document.contents) ? document.contents.get('domains') : undefined
  if (!isMap(domains)) return undefined
  const pair = pairAt(domains, offset)
  if (pair?.key !== host) return undefined
  return isMap(pair.value) ? fieldIn(pair.value, offset) : 'host'
}

function fieldIn(entry: YAMLMap, offset: number): FieldName {
  const pair = pairAt(entry, offset)
  if (pair === undefined) return 'host'
  if (pair.key !== 'deploy') return asField(pair.key)
  const inner = isMap(pair.value) ? pairAt(pair.value, offset) : undefined
  return inner === undefined ? 'deploy_repo' : asField(`deploy_${inner.key}`)
}

const asField = (name: string): FieldName => (name === 'portal' ? 'kind' : isField(name) ? name : 'host')

const isField = (name: string): name is keyof DomainFields => Object.hasOwn(emptyFields, name)

function pairAt(map: YAMLMap, offset: number): { key: string; value: unknown } | undefined {
  for (const { key, value } of map.items) {
    const start = rangeOf(key)?.[0]
    const end = rangeOf(value)?.[1] ?? rangeOf(key)?.[1]
    if (start === undefined || end === undefined || offset < start || offset > end) continue
    return { key: isScalar(key) ? String(key.value) : '', value }
  }
  return undefined
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined
  const [start, end, after] = node.range
  return typeof start === 'number' && typeof end === 'number' ? [start, end, Number(after)] : undefined
}
