import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from '../../runtime/os/spawn.ts'

setDefaultTimeout(120_000)

const top = join(import.meta.dir, '../..')
const template = join(top, 'desired-state/template')
let clone: string

/** A clone of the starter repository, after `bun install`. */
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'ty-'))
  for (const name of ['.types', 'tsconfig.json', 'package.json'])
    await cp(join(template, name), join(clone, name), { recursive: true })
  await symlink(join(top, 'node_modules'), join(clone, 'node_modules'))
  await mkdir(join(clone, 'agents/code/tools'), { recursive: true })
})
afterAll(() => rm(clone, { recursive: true, force: true }))

const check = async () =>
  (
    await spawn([process.execPath, '--bun', join(top, 'node_modules/typescript/bin/tsc'), '--project', clone], {
      timeout: 110_000,
    })
  ).stdout

test('in a clone of the starter repository an editor knows the types of a tool, and finds what is wrong with one', async () => {
  for (const name of ['word-count.ts', 'newsletter.ts'])
    await cp(join(top, 'docs/examples', name), join(clone, 'agents/code/tools', name))
  await writeFile(
    join(clone, 'agents/code/tools/wrong.ts'),
    `import { defineTool, z } from 'ai-infra'
export default defineTool({
  name: 'wrong',
  description: 'd',
  input: z.object({ path: z.string() }),
  execute: ({ path }) => path.toFixed(2),
})
`,
  )
  const found = (await check()).trim().split('\n')
  expect(found).toEqual([
    expect.stringContaining("wrong.ts(6,31): error TS2551: Property 'toFixed' does not exist on type 'string'"),
  ])
})

test('the types that are given are those of what runs', async () => {
  const plain = (text: string) => text.replaceAll(/\/\/[^\n]*|\/\*\*[^*]*\*\//g, '').replaceAll(/\s+/g, ' ')
  const [given, real] = await Promise.all([
    readFile(join(template, '.types/ai-infra.d.ts'), 'utf8').then(plain),
    readFile(join(import.meta.dir, 'sdk.ts'), 'utf8').then(plain),
  ])
  for (const name of ['UserResult', 'UserToolContext', 'UserTool', 'UserAgent']) {
    const shape = new RegExp(`export (?:type|interface) ${name}[ <=][^]*?(?= export )`)
    expect(shape.exec(given)?.[0]).toBe(shape.exec(real)?.[0] ?? 'nothing')
  }
})
