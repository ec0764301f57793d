import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { z } from 'zod'
import { type ModelServer, startModelServer } from '../agents/testing/model-server.ts'
import { complaintsOf, startBrowser } from '../web/portal/testing/browser.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { bakeryStory, finding } from './support/bakery-story.ts'
import { until } from './support/until.ts'

setDefaultTimeout(300_000)

let appliance: Appliance
let model: ModelServer
let browser: Browser

beforeAll(async () => {
  model = startModelServer()
  model.script(bakeryStory)
  ;[appliance, browser] = await Promise.all([createAppliance(), startBrowser()])
  await appliance.start({ env: { ANTHROPIC_API_KEY: 'sk-ant-test', ANTHROPIC_BASE_URL: model.url } })
  await appliance.converged()
})

afterAll(async () => {
  await browser?.close()
  await appliance?.[Symbol.asyncDispose]()
  await model?.stop()
})

const at = (path: string) => `http://127.0.0.1:${appliance.ports.portal}${path}`

async function signIn(): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage()
  page.setDefaultTimeout(60_000)
  const [, code = ''] = /First admin +(\S+)/.exec(appliance.printed()) ?? []
  await page.goto(at('/first-admin'), { waitUntil: 'domcontentloaded' })
  await page.getByLabel('Code from the terminal').fill(code)
  await page.getByLabel('Your name').fill('Ada')
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Password').fill('a long enough password')
  await page.getByRole('button', { name: 'Become administrator' }).click()
  await page.waitForURL(url => url.pathname === '/', { waitUntil: 'commit' })
  return page
}

const task = z.object({
  ...{ id: z.string(), name: z.string(), agent: z.string(), state: z.string() },
  dependsOn: z.array(z.string()),
})

/** The tasks by their name, as the API tells them. */
async function tasksOf(): Promise<ReadonlyMap<string, z.infer<typeof task>>> {
  const answer = await fetch('http://appliance/api/tasks', { unix: appliance.home.apiSocket })
  const all = z.array(task).parse(await answer.json())
  return new Map(all.map(one => [one.name, one]))
}

/** Until the window of an agent shows this. */
const shownIn = (agent: string, what: string) =>
  until(
    `the window ${agent} shows ${what}`,
    async () => {
      const shown = await appliance.tmux('capture-pane', '-p', '-t', `=ai-infrastructure:${agent}`)
      return shown.includes(what) ? true : undefined
    },
    120_000,
  )

test('a landing page is asked for in the chat, built, checked, sent back once, approved, and answers', async () => {
  const page = await signIn()
  const complaints = complaintsOf(page)
  await page.goto(at('/chat'), { waitUntil: 'domcontentloaded' })
  await page.locator('textarea[name=text]').fill('Build a landing page for my bakery, check it, and put it on bakery.example.com')
  await page.getByRole('button', { name: 'Send' }).click()
  const work = { supervisor: 'task_submit', code: 'project_submit', qa: 'task_rework', infra: 'deploy_publish' }
  const watched = Promise.all(Object.entries(work).map(([agent, tool]) => shownIn(agent, tool)))
  await page.getByText('infra publishes it.').waitFor()
  await page.getByText('I will tell you when the site is there.').waitFor()

  // The graph: qa depends on code, infra on qa.
  const graph = await tasksOf()
  const [build, check] = [graph.get('build'), graph.get('check')]
  expect([...graph.values()].map(({ agent }) => agent).sort()).toEqual(['code', 'infra', 'qa'])
  expect(check?.dependsOn).toEqual([build?.id ?? ''])
  expect(graph.get('publish')?.dependsOn).toEqual([check?.id ?? ''])

  // A step needs a person: the chat says so, and the page of approvals shows it whole.
  await page.getByText('publish bakery on bakery.example.com').first().waitFor({ timeout: 90_000 })
  expect((await appliance.visit('bakery.example.com')).status).toBe(404)
  const before = (await appliance.status()).revision
  await page.goto(at('/approvals'), { waitUntil: 'domcontentloaded' })
  await page.getByText('publish bakery on bakery.example.com').first().waitFor()
  await page.getByRole('button', { name: 'Approve', exact: true }).first().click()

  // The windows have shown the work while it went on.
  await watched
  const site = await until(
    'the site answers',
    async () => {
      const answer = await appliance.visit('bakery.example.com')
      return answer.status === 200 ? await answer.text() : undefined
    },
    60_000,
  )
  expect(site).toContain('<title>Bakery</title>')
  await page.goto(at('/chat'), { waitUntil: 'domcontentloaded' })
  await page.getByRole('link', { name: 'bakery.example.com' }).waitFor({ timeout: 60_000 })

  // infra's change is one commit on the desired state, and the engine has converged to it.
  const clone = await appliance.clone()
  expect(await clone.ask('log', `${before}..`, '--format=%an %s')).toBe('infra Publish bakery on bakery.example.com')
  const settled = await appliance.converged(await clone.ask('rev-parse', 'HEAD'))
  expect(settled.resources).toContainEqual(expect.objectContaining({ kind: 'site', key: 'bakery.example.com', state: 'ready' }))

  // qa sent it back once, with its finding, and everything is done.
  const told = model.calls.filter(({ agent, messages }) => agent === 'code' && messages.at(-1)?.content.includes(finding))
  expect(told.length).toBe(1)
  expect([...(await tasksOf()).values()].map(({ state }) => state)).toEqual(['completed', 'completed', 'completed'])

  expect(await appliance.command('audit', 'verify')).toMatchObject({ code: 0 })
  for (const agent of Object.keys(bakeryStory)) expect([agent, model.left(agent)]).toEqual([agent, 0])
  expect(complaints).toEqual([])
})
