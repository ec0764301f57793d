import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import { minimalEnvironment, type spawnBytes } from '../runtime/os/spawn.ts'
import { type DomainsCache, domainsKey, parseTree } from './parse.ts'
import type { ParseResult } from './state.ts'
import type { TreeEntry } from './tree.ts'

/** Bytes of YAML that may be parsed in the runtime's own thread: the worst of them hold it for half a second. */
const lightest = 64 * 1024

const patience = 20_000

/** What the process gets on its standard input; it answers with a {@link ParseResult}. */
export interface ApartRequest {
  readonly entries: readonly TreeEntry[]
  readonly revision: string
}

/** {@link parseTree}, for a large tree in a process of its own. */
export async function parseAside(
  entries: readonly TreeEntry[],
  revision: string,
  cache: DomainsCache,
  run: typeof spawnBytes,
): Promise<ParseResult> {
  const key = domainsKey(entries)
  const domainsKnown = key !== undefined && cache.get(key) !== undefined
  if (weight(entries, domainsKnown) <= lightest) return parseTree(entries, revision, cache)
  const result = await parseApart({ entries, revision }, run)
  if (key !== undefined && result.ok) cache.set(key, { domains: result.state.domains, mistakes: [] })
  return result
}

const weight = (entries: readonly TreeEntry[], domainsKnown: boolean): number =>
  entries
    .filter(({ path }) => /^[^/]+\.ya?ml$/.test(path) && !(domainsKnown && path === 'domains.yaml'))
    .reduce((sum, { bytes }) => sum + (bytes?.byteLength ?? 0), 0)

/**
 * A megabyte of YAML takes seconds when it is meant to, and agents, portal and healing share the runtime's thread: so it is
 * parsed in a process of its own, which is ended when it takes too long.
 */
export async function parseApart(request: ApartRequest, run: typeof spawnBytes, timeout = patience): Promise<ParseResult> {
  try {
    const { code, stdout, stderr } = await run(parseCommand, {
      cwd: import.meta.dir,
      env: minimalEnvironment,
      stdin: serialize(request),
      maxOutput: 128 * 1024 * 1024,
      timeout,
    })
    if (code !== 0) throw new ApplianceError('failed', stderr.trim().split('\n').at(-1) ?? `it ended with status ${code}`)
    return deserialize(stdout)
  } catch (cause) {
    throw new ApplianceError('invalid', `these documents cannot be read within ${timeout / 1_000} s: ${explain(cause)}`, {
      hint: 'make them smaller, or simpler',
      cause,
    })
  }
}

const parseCommand = [
  process.execPath,
  '--smol',
  '--no-env-file',
  `--config=${join(import.meta.dir, '..', 'bunfig.toml')}`,
  join(import.meta.dir, 'parse-process.ts'),
]
