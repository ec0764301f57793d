import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { type ModelServer, startModelServer } from '../agents/testing/model-server.ts'
import { complaintsOf, startBrowser } from '../web/portal/testing/browser.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { bakeryStory } from './support/bakery-story.ts'
import { until } from './support/until.ts'

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
  page.setDefaultTimeout(30_000)
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

test('a landing page is asked for in the chat, built, checked, sent back once, approved, and answers', async () => {
  const page = await signIn()
  const complaints = complaintsOf(page)
  await page.goto(at('/chat'), { waitUntil: 'domcontentloaded' })
  await page.locator('textarea[name=text]').fill('Build a landing page for my bakery, check it, and put it on bakery.example.com')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('infra publishes it.').waitFor()
  await page.getByText('I will tell you when the site is there.').waitFor()

  // A step needs a person: the chat says so, and the page of approvals shows it whole.
  await page.getByText('publish bakery on bakery.example.com').first().waitFor({ timeout: 90_000 })
  expect((await appliance.visit('bakery.example.com')).status).toBe(404)
  await page.goto(at('/approvals'), { waitUntil: 'domcontentloaded' })
  await page.getByText('publish bakery on bakery.example.com').first().waitFor()
  await page.getByRole('button', { name: 'Approve', exact: true }).first().click()

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

  const clone = await appliance.clone()
  expect(await clone.ask('log', '-1', '--format=%an %s')).toBe('infra Publish bakery on bakery.example.com')
  expect(await appliance.tmux('capture-pane', '-p', '-S', '-200', '-t', '=ai-infrastructure:code')).toContain('project_submit')
  for (const agent of Object.keys(bakeryStory)) expect([agent, model.left(agent)]).toEqual([agent, 0])
  expect(complaints).toEqual([])
}, 300_000)
