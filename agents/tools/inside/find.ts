import { lstatSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isBinary, readPlain } from './files.ts'
import type { ListAnswer, SearchAnswer } from './operation.ts'

const mostEntries = 1_000
const longestHit = 300
const largestSearched = 2 * 1024 * 1024

/** Listed by name only: what is in them is made by programs and long. */
export const passedOver = new Set(['.git', 'node_modules', '.venv', 'target', '__pycache__', 'dist', 'coverage'])

export function list(folder: string, depth: number): ListAnswer {
  const entries: ListAnswer['entries'][number][] = []
  let more = false
  const walk = (path: string, left: number) => {
    for (const name of readdirSync(path).sort()) {
      if (entries.length >= mostEntries) {
        more = true
        return
      }
      const full = join(path, name)
      const stat = lstatSync(full, { throwIfNoEntry: false })
      if (stat === undefined) continue
      const type = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other'
      entries.push({ path: relative(folder, full), type, size: stat.size })
      if (type === 'folder' && left > 1 && !passedOver.has(name)) walk(full, left - 1)
    }
  }
  walk(folder, depth)
  return { entries, more }
}

export interface Search {
  readonly path: string
  readonly pattern: string
  readonly glob: string | undefined
  readonly ignoreCase: boolean
  readonly most: number
}

export function search(wanted: Search): SearchAnswer {
  return Bun.which('rg') === null ? searchHere(wanted) : searchWithRipgrep(wanted)
}

function searchWithRipgrep({ path, pattern, glob, ignoreCase, most }: Search): SearchAnswer {
  const argv = [
    ...['rg', '--no-config', '--json', '--hidden', '--glob=!.git', '--sort=path', `--max-count=${most}`, '--max-filesize=5M'],
    ...(ignoreCase ? ['--ignore-case'] : []),
    ...(glob === undefined ? [] : [`--glob=${glob}`]),
    ...['-e', pattern, '--', path],
  ]
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { stdout: 'pipe', stderr: 'pipe', maxBuffer: 32 * 1024 * 1024 })
  const said = stderr.toString().trim()
  if (exitCode === 2 && said !== '' && stdout.length === 0) throw new Error(said.split('\n').slice(0, 4).join('\n'))
  const hits = stdout
    .toString()
    .split('\n')
    .flatMap(line => hitOf(line))
  return { hits: hits.slice(0, most), more: hits.length > most }
}

function hitOf(line: string): SearchAnswer['hits'][number][] {
  if (!line.startsWith('{"type":"match"')) return []
  try {
    const { data } = JSON.parse(line)
    const text = String(data.lines.text ?? '').trimEnd()
    return [{ path: String(data.path.text ?? ''), line: Number(data.line_number), text: text.slice(0, longestHit) }]
  } catch {
    return []
  }
}

function searchHere({ path, pattern, glob, ignoreCase, most }: Search): SearchAnswer {
  const expression = new RegExp(pattern, ignoreCase ? 'i' : '')
  const matches = glob === undefined ? undefined : new Bun.Glob(glob.includes('/') ? glob : `**/${glob}`)
  const hits: SearchAnswer['hits'][number][] = []
  for (const file of filesBelow(path)) {
    if (matches !== undefined && !matches.match(relative(path, file))) continue
    for (const [index, line] of textOf(file).split('\n').entries()) {
      if (!expression.test(line)) continue
      if (hits.length === most) return { hits, more: true }
      hits.push({ path: file, line: index + 1, text: line.slice(0, longestHit) })
    }
  }
  return { hits, more: false }
}

function textOf(file: string): string {
  try {
    const { bytes } = readPlain(file, largestSearched)
    return isBinary(bytes) ? '' : bytes.toString('utf8')
  } catch {
    return ''
  }
}

/** Plain files below a folder, in the order of their names, without what programs make and without following links. */
export function* filesBelow(path: string): Generator<string> {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat?.isFile()) yield path
  if (!stat?.isDirectory()) return
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory()) {
      if (!passedOver.has(entry.name)) yield* filesBelow(join(path, entry.name))
    } else if (entry.isFile() && entry.name !== '.git') yield join(path, entry.name)
  }
}
