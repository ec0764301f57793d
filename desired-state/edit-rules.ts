import { isMap, isSeq, parseDocument, type Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { ApplianceError } from '../runtime/os/errors.ts'

/** Every value stays on one line, whatever it contains. */
const layout = { lineWidth: 0, blockQuote: false, doubleQuotedMinMultiLineLength: 100_000 } as const

/** Where a rule stands: `['permissions', 'code', 'run', 'always']`. */
export type RulePath = readonly [string, ...string[]]

/**
 * A document of rules with one pattern added to a list, comments kept; undefined when the list has it already. The result
 * is not judged here: whatever is wrong with it, the repository refuses to commit.
 */
export function addRule(file: string, text: string | undefined, path: RulePath, pattern: string): string | undefined {
  const [schema] = path
  const source =
    text === undefined || text.trim() === '' ? `# yaml-language-server: $schema=.schemas/${schema}.schema.json\n` : text
  const document = parseDocument(source, { uniqueKeys: false, stringKeys: true, logLevel: 'error' })
  const [problem] = document.errors
  if (problem !== undefined) {
    throw new ApplianceError('invalid', `${file} cannot be edited while it is not YAML: ${problem.message}`, {
      hint: 'repair it with git, and push',
    })
  }
  for (let depth = 1; depth <= path.length; depth++) {
    const here = document.getIn(path.slice(0, depth), true)
    const last = depth === path.length
    if (last ? isSeq(here) : isMap(here)) continue
    if (!last && isSeq(here)) {
      // A list alone means allow.
      document.setIn(path.slice(0, depth), document.createNode({ allow: here }))
      continue
    }
    if (here !== undefined && !isEmpty(here))
      throw new ApplianceError('invalid', `${file}: ${path.slice(0, depth).join('.')} is not what it should be`)
    document.setIn(path.slice(0, depth), last ? new YAMLSeq() : new YAMLMap())
  }
  const list = document.getIn(path, true)
  if (!isSeq(list)) throw new ApplianceError('failed', `${file} cannot be edited`)
  if (list.items.some(item => plainValue(item) === pattern)) return undefined
  list.add(document.createNode(pattern))
  return document.toString(layout)
}

const plainValue = (item: unknown): unknown => (isScalarLike(item) ? item.value : item)

const isScalarLike = (item: unknown): item is Scalar => typeof item === 'object' && item !== null && 'value' in item

const isEmpty = (item: unknown): boolean => item === null || plainValue(item) === null
