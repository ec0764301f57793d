import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { complaintsOf, startBrowser } from '../testing/browser.ts'
import { house } from '../testing/house.ts'
import { playScene } from '../testing/scene.ts'
import { playWork } from '../testing/work-scene.ts'

setDefaultTimeout(120_000)

let browser: Browser
let home: ReturnType<typeof house>
let listener: ReturnType<ReturnType<typeof house>['listen']>
let thread: string

beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser?.close())

beforeEach(async () => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
  thread = await playWork(home.agents, home.tasks, home.approvals, home.health)
  listener = home.listen()
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  await listener.stop()
})

async function open(path: string, options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: readonly string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  const complaints = complaintsOf(page)
  await visit(page, path)
  return { page, complaints }
}

const visit = (page: Page, path: string) =>
  page.goto(`http://127.0.0.1:${listener.port}${path}`, { waitUntil: 'domcontentloaded' })

const isLive = (page: Page) => page.waitForSelector('html[data-live="on"]', { state: 'attached' })

const at = new Date().toISOString()
const question = () =>
  ({ id: 'q', agent: 'supervisor', thread, role: 'person', by: 'Ada', text: 'go', state: 'answering', at }) as const
const answer = () =>
  ({
    id: 'a',
    agent: 'supervisor',
    thread,
    role: 'agent',
    by: 'supervisor',
    text: '',
    state: 'answering',
    at,
    answers: 'q',
  }) as const

/** The words of the last answer, as a reader sees them. */
const lastBody = (page: Page) => page.textContent('#turns > li:last-child .body')
const until = (page: Page, text: string) => page.waitForSelector(`#turns > li:last-child .body:has-text(${JSON.stringify(text)})`)

test('an answer streams in; a reload in the middle and a second device show the same, nothing twice', async () => {
  const { page, complaints } = await open('/chat')
  await isLive(page)
  await page.fill('#text', 'half a sent')
  home.agents.utter(question())
  home.agents.utter(answer())
  for (const piece of ['I look', ' at it.\n\n', '1. first\n', '2. sec', 'ond']) home.agents.delta('supervisor', 'a', piece)
  await until(page, 'second')
  home.agents.step('supervisor', {
    work: 'q',
    call: 'c',
    tool: 'logs_read',
    title: 'nginx',
    afterText: 'I look at it.\n\n1. first\n2. second'.length,
  })
  await page.waitForSelector('#turns > li:last-child summary:has-text("logs_read")')
  const { page: other } = await open('/chat')
  await until(other, 'second')
  expect(await page.inputValue('#text')).toBe('half a sent')
  await page.reload({ waitUntil: 'domcontentloaded' })
  home.agents.delta('supervisor', 'a', '\n\nThe end.')
  await until(page, 'The end.')
  await until(other, 'The end.')
  const shown = ((await lastBody(page)) ?? '').replace(/\s+/g, ' ')
  expect(shown.match(/I look at it\./g)).toHaveLength(1)
  expect(shown.match(/The end\./g)).toHaveLength(1)
  expect(shown).toContain('second')
  expect(((await lastBody(other)) ?? '').replace(/\s+/g, ' ')).toBe(shown)
  home.agents.utter({ ...answer(), text: 'I look at it.\n\n1. first\n2. second\n\nThe end.', state: 'done' })
  await page.waitForSelector('#turns > li:last-child summary:has-text("Rate this answer")')
  expect(complaints).toEqual([])
})

test('a stream that was cut goes on where it stands now', async () => {
  const { page } = await open('/chat')
  await isLive(page)
  home.agents.utter(question())
  home.agents.utter(answer())
  home.agents.delta('supervisor', 'a', 'Before. ')
  await until(page, 'Before.')
  const { port } = listener
  await listener.stop()
  home.agents.delta('supervisor', 'a', 'Meanwhile. ')
  listener = home.listen(port)
  await until(page, 'Before. Meanwhile.')
  home.agents.delta('supervisor', 'a', 'After.')
  await until(page, 'Before. Meanwhile. After.')
})

test('what waits for a person is approved in the chat, without leaving it', async () => {
  const { page, complaints } = await open('/chat')
  await isLive(page)
  await page.fill('#text', 'still typing')
  const ask = page.getByRole('article', { name: 'publish bakery on bakery.example.com' })
  expect(await ask.textContent()).toContain('"domain": "bakery.example.com"')
  await ask.getByRole('button', { name: 'Approve' }).click()
  await page.waitForSelector('.ask:has-text("approved")')
  await page.waitForSelector('#pending:empty', { state: 'attached' })
  expect(home.approvals.decisions).toEqual(['approved a1 by person ada@example.com'])
  expect(await page.inputValue('#text')).toBe('still typing')
  const [task] = await home.tasks.list({ agent: 'infra' })
  if (task !== undefined) home.tasks.put({ ...task, state: 'completed', reason: '' })
  await page.waitForSelector('#work:has-text("3 of 3 done")')
  expect(complaints).toEqual([])
})

test('without JavaScript one begins a conversation, attaches a file, reads the answer, denies and rates', async () => {
  const { page } = await open('/chat/new', { javaScriptEnabled: false })
  await page.click('text=Which sites does this server serve, and')
  await page.setInputFiles('[name=files]', { name: 'menu.md', mimeType: 'text/markdown', buffer: Buffer.from('# Bread') })
  await page.getByRole('button', { name: 'Send' }).click()
  expect(await page.textContent('#turns')).toContain('menu.md text, 7 B')
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  home.agents.utter({ ...answer(), thread: id, text: 'Seven **sites**.', state: 'done' })
  await page.reload()
  expect(await page.textContent('#turns strong')).toBe('sites')
  await page.click('text=Rate this answer')
  await page.getByRole('button', { name: 'Rate 7 of 10' }).click()
  expect(await page.textContent('#turns')).toContain('Rated 7 of 10')
  await visit(page, `/chat/${thread}`)
  await page.getByPlaceholder('because').fill('not today')
  await page.getByRole('button', { name: 'Deny' }).click()
  expect(await page.textContent('[role=status]')).toBe('Denied. The agent is told.')
  expect(home.approvals.decisions).toEqual(['denied a1 by person ada@example.com: not today'])
})

test('code is copied, and an answer is stopped with the keyboard alone', async () => {
  const { page, complaints } = await open('/chat', { permissions: ['clipboard-read', 'clipboard-write'] })
  await isLive(page)
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toContain('<title>Bakery</title>')
  home.agents.utter(question())
  home.agents.utter(answer())
  const answered = page.waitForResponse(response => response.url().endsWith('/stop'))
  await page.getByRole('button', { name: 'Stop' }).press('Enter')
  await answered
  expect(home.agents.asked).toEqual(['stop q by person ada@example.com'])
  expect(complaints).toEqual([])
})

// Run in the browser.
const endInSight = `(({ top, bottom }) => bottom > 0 && top < innerHeight && bottom < innerHeight)(
  [...document.querySelectorAll('.md')].at(-1).getBoundingClientRect())`
const twoFrames = 'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))'
const pasteFile = `(() => {
  const clipboardData = new DataTransfer()
  clipboardData.items.add(new File(['a,b'], 'prices.csv', { type: 'text/csv' }))
  document.querySelector('#text').dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
})()`

const chooseFilm = `(() => {
  const chosen = new DataTransfer()
  chosen.items.add(new File([new Uint8Array(10_000_001)], 'film.txt'))
  const input = document.querySelector('[name=files]')
  input.files = chosen.files
  input.dispatchEvent(new Event('change', { bubbles: true }))
})()`

const paragraphs = (count: number) => Array.from({ length: count }, (_, at) => `Paragraph ${at} of many.`).join('\n\n')

for (const [name, viewport] of [
  ['a wide window', { width: 1280, height: 800 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  test(`in ${name} the end stays in sight, and who reads further up stays there`, async () => {
    home.agents.utter(question())
    home.agents.utter({ ...answer(), text: paragraphs(60) })
    const { page, complaints } = await open(`/chat/${thread}`, { viewport })
    await isLive(page)
    const topOf = (text: string) =>
      page.getByText(text, { exact: true }).evaluate(element => Math.round(element.getBoundingClientRect().top))
    await page.getByText('Paragraph 59 of many.').waitFor()
    await page.waitForSelector('html:not([data-away])', { state: 'attached' })
    home.agents.delta('supervisor', 'a', '\n\nThe end of it.')
    await page.getByText('The end of it.').waitFor()
    await page.waitForFunction(endInSight)
    await page.getByText('Paragraph 20 of many.', { exact: true }).evaluate(element => element.scrollIntoView({ block: 'start' }))
    await page.getByRole('link', { name: 'Latest' }).waitFor()
    const before = await topOf('Paragraph 25 of many.')
    for (let at = 0; at < 5; at++) home.agents.delta('supervisor', 'a', `\n\nMore ${at}.`)
    await page.getByText('More 4.').waitFor({ state: 'attached' })
    await page.evaluate(twoFrames)
    expect(Math.abs((await topOf('Paragraph 25 of many.')) - before)).toBeLessThanOrEqual(2)
    await page.getByRole('link', { name: 'Latest' }).click()
    await page.waitForSelector('html:not([data-away])', { state: 'attached' })
    expect(await topOf('More 4.')).toBeLessThan(viewport.height)
    expect(complaints).toEqual([])
  })
}

test('files are pasted into a message, and their names stand beside it', async () => {
  const { page } = await open('/chat/new')
  await page.evaluate(pasteFile)
  await page.getByText('prices.csv').waitFor()
  await page.getByLabel('Message').fill('what is in it?')
  await page.getByLabel('Message').press('Enter')
  await page.waitForURL(url => url.pathname !== '/chat/new')
  expect(home.agents.asked.at(-1)).toBe('say supervisor by Ada Lovelace: what is in it? +document')
})

test('what is too large is not sent, and the page says so', async () => {
  const { page } = await open('/chat/new')
  await page.evaluate(chooseFilm)
  await page.getByText('Too large to send: film.txt').waitFor()
  expect(await page.locator('[name=files]').inputValue()).toBe('')
})
