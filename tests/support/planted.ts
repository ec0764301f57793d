import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A value that stands nowhere else, with characters that encodings change. */
export const mark = (where: string): string => `${where}-${randomBytes(9).toString('hex')} "&<ä>/%`

/** What to look for: the value in the encodings in which programs print it. Base64 without what its neighbours change. */
export function tracesOf(value: string): readonly string[] {
  const form = new URLSearchParams([['', value]]).toString().slice(1)
  const plain = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), form, Buffer.from(value).toString('hex')]
  const base64 = ['', 'x', 'xx'].map(before => {
    const text = Buffer.from(before + value).toString('base64')
    return text.slice(4, -4)
  })
  // The random part alone tells of a value that was cut or escaped in another way.
  const core = /[0-9a-f]{18}/.exec(value)?.[0]
  return [...new Set([...plain, ...base64, ...(core === undefined ? [] : [core])])]
}

/** Names of those whose traces are in a text. */
export const foundIn = (text: string, planted: ReadonlyMap<string, string>): readonly string[] =>
  [...planted].filter(([, value]) => tracesOf(value).some(trace => text.includes(trace))).map(([name]) => name)

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

/**
 * Looks at every process of the machine again and again; what it saw of the values is in `seen`. Only the runtime itself may
 * have them in its environment; a child that has not become its own program yet is still a copy of it.
 */
export function watchProcesses(planted: ReadonlyMap<string, string>, isRuntime: (commandLine: string) => boolean) {
  const seen = new Set<string>()
  let looks = 0
  const look = () => {
    looks += 1
    // Neither command lines nor environments hold what is encoded by a program of ours.
    const values = [...planted].map(([name, value]) => [name, /[0-9a-f]{18}/.exec(value)?.[0] ?? value] as const)
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      const commandLine = quietly(join('/proc', pid, 'cmdline')).replaceAll('\0', ' ')
      const environment = isRuntime(commandLine) ? '' : quietly(join('/proc', pid, 'environ'))
      for (const [name, value] of values) {
        if (commandLine.includes(value)) seen.add(`${name} in the command line of ${commandLine.slice(0, 200)}`)
        if (environment.includes(value)) seen.add(`${name} in the environment of ${commandLine.slice(0, 200)}`)
      }
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
