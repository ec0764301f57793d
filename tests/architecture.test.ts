import { expect, test } from 'bun:test'
import { dirname, join, normalize } from 'node:path'

const top = join(import.meta.dir, '..')

const mayImport: Record<string, readonly string[]> = {
  'desired-state': ['runtime/os'],
  runtime: [],
  reconcilers: ['desired-state', 'runtime'],
  pai: ['runtime'],
  agents: ['pai', 'runtime'],
  web: ['reconcilers/engine', 'pai', 'desired-state', 'runtime'],
  systemd: [],
}

const importPattern =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?[^'"\n]*?from\s+['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)/g

function* arrows(file: string, text: string): Generator<{ target: string; typeOnly: boolean }> {
  const flat = text.replace(/\{[^{}]*\}/g, braces => braces.replaceAll('\n', ' '))
  for (const match of flat.matchAll(importPattern)) {
    const specifier = match[3] ?? match[4]
    if (specifier !== undefined) yield { target: normalize(join(dirname(file), specifier)), typeOnly: match[2] !== undefined }
  }
}

const inside = (path: string, room: string) => path === room || path.startsWith(`${room}/`)

function forbidden(file: string, target: string, typeOnly: boolean): boolean {
  const room = file.split('/')[0] ?? ''
  const allowed = mayImport[room]
  if (allowed === undefined || inside(target, room)) return false
  if (typeOnly && inside(target, 'desired-state')) return false
  return !allowed.some(other => inside(target, other))
}

async function violations(): Promise<string[]> {
  const found: string[] = []
  for await (const file of new Bun.Glob('{desired-state,runtime,reconcilers,pai,agents,web,systemd}/**/*.{ts,tsx}').scan(top)) {
    if (/\.test\.tsx?$/.test(file)) continue
    for (const { target, typeOnly } of arrows(file, await Bun.file(join(top, file)).text())) {
      if (forbidden(file, target, typeOnly)) found.push(`${file} imports ${target}`)
    }
  }
  return found
}

test('imports run only along the arrows of the design', async () => {
  expect(await violations()).toEqual([])
})

test('the rule sees a forbidden arrow, also in a multi-line and a lazy import', () => {
  const text = "import {\n  a,\n  b,\n} from '../agents/loop.ts'\nconst c = await import('../web/door.ts')"
  const found = [...arrows('runtime/x.ts', text)].filter(arrow => forbidden('runtime/x.ts', arrow.target, arrow.typeOnly))
  expect(found.map(arrow => arrow.target)).toEqual(['agents/loop.ts', 'web/door.ts'])
})

test('types of the desired state are open to all', () => {
  expect(forbidden('agents/x.ts', 'desired-state/state.ts', true)).toBe(false)
  expect(forbidden('agents/x.ts', 'desired-state/state.ts', false)).toBe(true)
})

test('every page names its JSX runtime itself: Bun finds tsconfig.json only from the folder it is started in', async () => {
  const silent: string[] = []
  for await (const file of new Bun.Glob('web/**/*.tsx').scan(top)) {
    if (!(await Bun.file(join(top, file)).text()).startsWith('/** @jsxImportSource hono/jsx */\n')) silent.push(file)
  }
  expect(silent).toEqual([])
})

test('no file has a shell of Bun: commands are arrays', async () => {
  const shell = /\bBun\s*\.\s*\$|\bBun\s*\[\s*['"`]\$|import\s*(?:type\s*)?\{[^}]*\$[^}]*\}\s*from\s*['"]bun['"]/
  expect(
    ['await Bun.$`ls`', "import { $ } from 'bun'", "import { file, $ as sh } from 'bun'"].every(text => shell.test(text)),
  ).toBe(true)
  const found: string[] = []
  let looked = 0
  for await (const file of new Bun.Glob(
    '{agents,bench,commands,composition,desired-state,reconcilers,runtime,tests,web}/**/*.{ts,tsx}',
  ).scan(top)) {
    if (file === 'tests/architecture.test.ts') continue
    looked += 1
    if (shell.test(await Bun.file(join(top, file)).text())) found.push(file)
  }
  expect(looked).toBeGreaterThan(500)
  expect(found).toEqual([])
})
