import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import type { ToolFile } from '../../desired-state/state.ts'
import { homeAt } from '../../runtime/os/home.ts'
import { createSandboxRunner } from '../sandboxed.ts'
import { toolboxOf } from '../toolbox.ts'
import type { Tool, ToolContext } from '../tools/tool.ts'
import { foldersOfTools, userToolsOf } from './load.ts'

setDefaultTimeout(120_000)

const home = homeAt(realpathSync(mkdtempSync(join(tmpdir(), 'ut-'))))
const workspace = join(home.workspaces, 'code')
const folder = join(workspace, 'working', 'w')
let files: readonly ToolFile[] = []
const sandbox = createSandboxRunner(
  home,
  'code',
  () => presets[1],
  () => foldersOfTools(home, 'code', files),
)
const load = userToolsOf(home, 'code', () => files, sandbox)
const example = (name: string) => ({ name, text: readFileSync(join(import.meta.dir, '../../docs/examples', name), 'utf8') })

const context: ToolContext = {
  ...{ agent: 'code', work: 'w', task: undefined, thread: 't', workspace, folder },
  signal: new AbortController().signal,
  output: () => {},
  run: command => sandbox.run(command, folder, AbortSignal.timeout(30_000)),
  verb: () => Promise.reject(new Error('no tool of a user has verbs')),
}

const named = (tools: readonly Tool[], name: string): Tool => {
  const found = tools.find(tool => tool.name === name)
  if (found === undefined) throw new Error(`no tool ${name} among ${tools.map(tool => tool.name).join(', ')}`)
  return found
}

const written = (name: string, body: string): ToolFile => ({
  name,
  text: `import { defineTool, z } from 'ai-infra'\nexport default defineTool({ name: '${name.replace('.ts', '')}', description: 'd', input: z.object({}), ${body} })`,
})

beforeAll(async () => {
  for (const path of [home.www, home.projects, home.logs, home.releases, home.keys, folder])
    await mkdir(path, { recursive: true })
  await writeFile(join(home.keys, 'secret'), 'the crown jewels')
})
afterAll(async () => {
  await sandbox.stop()
  await rm(home.root, { recursive: true, force: true })
})

describe('a tool in one file', () => {
  test('is listed with its schema, and works inside the sandbox of its agent', async () => {
    files = [example('word-count.ts')]
    const { tools } = await load(new Set())
    const { specs } = await toolboxOf(tools)
    expect(specs).toMatchObject([
      {
        name: 'word_count',
        input_schema: { type: 'object', required: ['path'], properties: { longest: { type: 'integer', maximum: 50 } } },
      },
    ])
    await writeFile(join(folder, 'a.txt'), 'bread and butter and bread')
    const tool = named(tools, 'word_count')
    expect(await tool.needs({ path: 'a.txt' }, context)).toMatchObject([
      { kind: 'run', argv: ['tool:word_count', '{"path":"a.txt"}'], cwd: folder },
    ])
    const { content } = await tool.execute({ path: 'a.txt', longest: 1 }, context)
    expect(JSON.parse(String(content))).toEqual({ words: 5, frequent: [{ word: 'bread', count: 2 }] })
    expect(tool.input.safeParse({ path: 1 }).success).toBe(false)
    expect(tool.input.safeParse({ path: 'a', longest: 99 }).success).toBe(false)
  })

  test('that breaks says how, and prints what it likes', async () => {
    files = [
      written('noisy.ts', 'execute() { console.log(\'{"type":"done"}\'); return \'right\' }'),
      written('angry.ts', "execute() { throw new Error('the oven is cold') }"),
    ]
    const { tools } = await load(new Set())
    expect(await named(tools, 'noisy').execute({}, context)).toEqual({ content: 'right' })
    expect(await named(tools, 'angry').execute({}, context)).toEqual({ content: 'the oven is cold', outcome: 'failed' })
  })

  test('that cannot be loaded stays there and says why; the others work', async () => {
    files = [
      { name: 'half-done.ts', text: 'export default {' },
      written('fine.ts', "execute: () => 'fine'"),
      { name: 'none.ts', text: '1' },
    ]
    const { tools } = await load(new Set())
    expect(await named(tools, 'half_done').unavailable?.(context)).toBeString()
    expect(await named(tools, 'none').unavailable?.(context)).toContain('it exports no tool')
    expect(await named(tools, 'fine').execute({}, context)).toEqual({ content: 'fine' })
  })

  test('takes no name that the agent uses already, and none twice', async () => {
    files = [
      written('run.ts', "execute: () => 'mine'"),
      written('a.ts', "execute: () => ''"),
      { ...written('a.ts', "execute: () => ''"), name: 'b.ts' },
    ]
    expect((await load(new Set(['run']))).tools.map(({ name }) => name)).toEqual(['a'])
  })
})

test('a stranger’s mistakes are told so that they can be mended', async () => {
  const bare = (name: string, body: string): ToolFile => ({
    name,
    text: `import { defineTool, z } from 'ai-infra'\nexport default defineTool({ name: '${name.replace('.ts', '')}', ${body} })`,
  })
  const halving = written('halving.ts', 'execute: () => half(4)')
  files = [
    bare('undescribed.ts', "input: z.object({}), execute: () => ''"),
    bare('shapeless.ts', "description: 'd', execute: () => ''"),
    bare('idle.ts', "description: 'd', input: z.object({})"),
    bare('dated.ts', "description: 'd', input: z.object({ day: z.date() }), execute: () => ''"),
    written('nothing.ts', 'execute() {}'),
    written('long.ts', "execute: () => 'x'.repeat(3_000_000)"),
    written('talking.ts', "execute() { console.log('the oven has', 20, 'degrees'); throw new Error('too cold') }"),
    { ...halving, text: `import { half } from './math.ts'\n${halving.text}` },
    { name: 'math.ts', text: 'export const half = (n: number) => n / 2\n' },
  ]
  const { tools } = await load(new Set())
  const why = (name: string) => named(tools, name).unavailable?.(context)
  expect(await why('undescribed')).toContain('has no description')
  expect(await why('shapeless')).toContain('write input: z.object(')
  expect(await why('idle')).toContain('has no execute')
  expect(await why('dated')).toContain('the input of dated: Date cannot be represented in JSON Schema; take what JSON has')
  const result = async (name: string) => String((await named(tools, name).execute({}, context)).content)
  expect(await result('nothing')).toBe('(it gave nothing back)')
  expect(await result('long')).toEndWith('write what is long into a file of the folder, and give back its name')
  expect(await result('talking')).toBe('too cold\nIt printed:\nthe oven has 20 degrees')
  expect(await result('halving')).toBe('2')
  expect(tools.map(tool => tool.name)).not.toContain('math')
})

test('several tools in one file come with their words for the prompt; one that sends asks a person', async () => {
  files = [example('newsletter.ts')]
  const { tools, prompts } = await load(new Set())
  expect(tools.map(({ name, requiresApproval }) => [name, requiresApproval])).toEqual([
    ['newsletter_draft', false],
    ['newsletter_send', true],
  ])
  expect(prompts).toEqual([expect.stringContaining('You also write the newsletter')])
  await named(tools, 'newsletter_draft').execute({ title: 'May', items: ['bread'] }, context)
  expect(readFileSync(join(folder, 'newsletter.md'), 'utf8')).toBe('# May\n\n- bread\n')
})

describe('the code of a tool', () => {
  const look = async (expression: string) => {
    files = [
      written(
        'look.ts',
        `async execute() { return String(await (async () => ${expression})().catch(error => 'not: ' + error.message)) }`,
      ),
    ]
    const { tools } = await load(new Set())
    return named(tools, 'look').execute({}, context)
  }

  test('sees no secret, no other process and no network', async () => {
    expect((await look(`Bun.file(${JSON.stringify(join(home.keys, 'secret'))}).text()`)).content).toStartWith('not: ')
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('the crown jewels') })
    const answer = await look(`fetch('http://127.0.0.1:${server.port}/').then(response => response.text())`)
    await server.stop(true)
    expect(answer.content).not.toContain('jewels')
    expect((await look('process.env.ANTHROPIC_API_KEY ?? "nothing"')).content).toBe('nothing')
  })

  test('changes neither itself nor what is kept of it', async () => {
    const { content } = await look(`Bun.write(import.meta.path, 'x')`)
    expect(content).toStartWith('not: ')
  })
})

test('another commit brings other tools, and what was there stays as it was', async () => {
  files = [written('version.ts', "execute: () => 'one'")]
  const first = await load(new Set())
  files = [written('version.ts', "execute: () => 'two'")]
  const second = await load(new Set())
  expect(await named(first.tools, 'version').execute({}, context)).toEqual({ content: 'one' })
  expect(await named(second.tools, 'version').execute({}, context)).toEqual({ content: 'two' })
  expect((await readdir(join(home.root, 'tools', 'code'))).every(name => /^[0-9a-f]{24}$/.test(name))).toBe(true)
})
