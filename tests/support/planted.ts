import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** A value that stands nowhere else, with characters that encodings change. */
export const mark = (where: string, odd = ' "&<ä>/%'): string => `${where}-${randomBytes(9).toString('hex')}${odd}`

/** What to look for: the value in the encodings in which programs print it. Base64 without what its neighbours change. */
export function tracesOf(value: string): readonly string[] {
  const form = new URLSearchParams([['', value]]).toString().slice(1)
  const hex = Buffer.from(value).toString('hex')
  const plain = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), form, hex, hex.toUpperCase()]
  const base64 = ['', 'x', 'xx'].flatMap(before => {
    const bytes = Buffer.from(before + value)
    return [bytes.toString('base64'), bytes.toString('base64url').padEnd(bytes.toString('base64').length, '=')].map(text =>
      text.slice(4, -4),
    )
  })
  // The random part alone tells of a value that was cut or escaped in another way.
  const core = coreOf(value)
  const all = [...new Set([...plain, ...base64, ...(core === undefined ? [] : [core])])]
  // Where one stands, what it holds stands too.
  return all.filter(trace => !all.some(other => other !== trace && trace.includes(other)))
}

const coreOf = (value: string) => /[0-9a-f]{18}/.exec(value)?.[0]

/** Names of those whose traces are in a text. */
export const foundIn = (text: string, planted: ReadonlyMap<string, string>): readonly string[] => searchFor(planted)(text)

/** The same for many texts, also of values that are planted later. */
export function searchFor(planted: ReadonlyMap<string, string>): (text: string) => readonly string[] {
  const known = new Map<string, readonly string[]>()
  const traces = (value: string) => {
    const found = known.get(value) ?? tracesOf(value)
    known.set(value, found)
    return found
  }
  return text => [...planted].filter(([, value]) => traces(value).some(trace => text.includes(trace))).map(([name]) => name)
}

/** Files below a folder that hold any trace, with that trace; whatever they are, databases included. */
export async function filesWith(
  root: string,
  planted: ReadonlyMap<string, string>,
  except: readonly string[],
): Promise<string[]> {
  const patterns = [...planted.values()].flatMap(tracesOf).filter(trace => !trace.includes('\n'))
  const skipped = except.map(name => `--exclude-dir=${name}`)
  const search = Bun.spawn(['grep', '-raoF', ...skipped, '-f', '-', '--', root], {
    stdin: Buffer.from(`${patterns.join('\n')}\n`),
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const lines = (await new Response(search.stdout).text()).split('\n').filter(Boolean)
  return [...new Set(lines)]
}

/** Which values a program may have in its environment, and none other; by the last part of its path. No command line has any. */
export type Needs = Readonly<Record<string, readonly string[]>>

/** Programs that do nothing but start another one. */
const wrappers = ['setpriv', 'KILL', 'env', 'prlimit']

const needOf = (words: readonly string[], needs: Needs): readonly string[] => {
  const names = words.map(word => word.split('/').at(-1) ?? '')
  const program = names.find(name => !wrappers.includes(name) && !name.startsWith('-')) ?? ''
  return Object.entries(needs).find(([name]) => program === name || program.startsWith(`${name}-`))?.[1] ?? []
}

const startShape = z.object({ argv: z.array(z.string()), env: z.record(z.string(), z.string()) })

/** What the runtime gave to a program that has no need of it, one line each; from the file of `up-recorded.ts`. */
export async function wronglyGiven(
  path: string,
  planted: ReadonlyMap<string, string>,
  needs: Needs,
): Promise<{ readonly starts: number; readonly wrong: readonly string[]; readonly given: ReadonlySet<string> }> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const starts = lines.map(line => startShape.parse(JSON.parse(line)))
  const given = new Set<string>()
  const find = searchFor(planted)
  const wrong = starts.flatMap(({ argv, env }) => {
    const told = argv.join(' ')
    const inEnvironment = find(JSON.stringify(env))
    for (const name of inEnvironment) given.add(name)
    return [
      ...find(told).map(name => `${name} in the command line of ${told.slice(0, 200)}`),
      ...inEnvironment
        .filter(name => !needOf(argv, needs).includes(name))
        .map(name => `${name} in the environment of ${told.slice(0, 200)}`),
    ]
  })
  return { starts: starts.length, wrong: [...new Set(wrong)], given }
}

/**
 * Looks at every process of the machine again and again, so that those which others start are seen too; what it saw of the
 * values is in `seen`. The runtime itself may have them in its environment; a child that has not become its own program
 * yet is still a copy of it.
 */
export function watchProcesses(planted: ReadonlyMap<string, string>, needs: Needs, isRuntime: (commandLine: string) => boolean) {
  const seen = new Set<string>()
  /** How often a process was seen as the program that it is: twice is enough. */
  const known = new Map<string, number>()
  /** Processes that were seen so often: whether one of them has become another program is looked at each tenth time. */
  const settled = new Set<string>()
  const find = searchFor(planted)
  let looks = 0
  const look = () => {
    looks += 1
    if (looks % 10 === 0) settled.clear()
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      if (settled.has(pid)) continue
      const raw = quietly(`/proc/${pid}/cmdline`)
      // It is becoming another program, and is looked at again.
      if (raw === '') continue
      const id = `${pid} ${raw}`
      const times = known.get(id) ?? 0
      if (times > 1) {
        settled.add(pid)
        continue
      }
      known.set(id, times + 1)
      const commandLine = raw.replaceAll('\0', ' ')
      const allowed = needOf(raw.split('\0'), needs)
      const environment = isRuntime(commandLine) ? '' : quietly(join('/proc', pid, 'environ'))
      for (const name of find(commandLine)) seen.add(`${name} in the command line of ${commandLine.slice(0, 200)}`)
      for (const name of find(environment))
        if (!allowed.includes(name)) seen.add(`${name} in the environment of ${commandLine.slice(0, 200)}`)
    }
  }
  const timer = setInterval(look, 60)
  return {
    seen,
    looks: () => looks,
    stop: () => clearInterval(timer),
  }
}

/** A process may be gone, or closed to us. */
function quietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
