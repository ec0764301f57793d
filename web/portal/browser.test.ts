import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { complaintsOf, startBrowser } from './testing/browser.ts'
import { house } from './testing/house.ts'
import { divergeInScene, holdInScene, playOutside, playScene } from './testing/scene.ts'
import { playWork } from './testing/work-scene.ts'

setDefaultTimeout(120_000)

let browser: Browser
let home: ReturnType<typeof house>
let listener: ReturnType<ReturnType<typeof house>['listen']>

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  await listener.stop()
})

beforeEach(async () => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
  await playWork(home.agents, home.tasks, home.approvals, home.health)
  home.engine.planned = {
    ...home.engine.planned,
    changes: [{ kind: 'site', key: 'shop.example.com', operation: 'create', summary: 'serve www/shop', fields: [] }],
  }
  listener = home.listen()
})

async function open(path: string, options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: readonly string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  const complaints = complaintsOf(page)
  await visit(page, path)
  return { page, complaints }
}

/** Until the page stands; its stream, which never ends, is not waited for. */
const visit = (page: Page, path: string) =>
  page.goto(`http://127.0.0.1:${listener.port}${path}`, { waitUntil: 'domcontentloaded' })

/** Until the page is followed; two frames later all of it has been laid out, also on a busy machine. */
const isLive = async (page: Page) => {
  await page.waitForSelector('html[data-live="on"]', { state: 'attached' })
  await page.evaluate(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.liveSince = performance.now()
    done()
  })))`)
}

/** What browsers count as layout shifts since the page is live: the elements that were moved. */
const shifted = (page: Page): Promise<unknown> =>
  page.evaluate(`new Promise(done => {
    const moved = []
    const nameOf = ({ node, previousRect: from, currentRect: to }) => [node?.outerHTML ?? node?.textContent, from, to].map(part => JSON.stringify(part)?.slice(0, 200)).join(' ')
    const keep = list => { for (const entry of list.getEntries()) if (entry.startTime > (window.liveSince ?? 0)) moved.push(...entry.sources.map(nameOf)) }
    new PerformanceObserver(keep).observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => done(moved), 200)
  })`)

test('a new commit, and how the upstream stands, appear on the page of changes without a reload', async () => {
  const { page, complaints } = await open('/changes')
  await isLive(page)
  await page.evaluate('document.querySelector("#commits tbody tr").mark = "kept"')
  home.repository.add({ revision: 'c0ffee'.padEnd(40, '0'), subject: 'a commit from elsewhere' }, {}, '')
  divergeInScene(home.upstream)
  home.upstream.stand(home.upstream.now)
  await page.waitForSelector('#commits tbody tr:first-child:has-text("a commit from elsewhere")')
  expect(await page.evaluate('document.querySelector("#commits tbody tr:nth-child(2)").mark')).toBe('kept')
  await page.waitForSelector('#upstream.s-stalled:has-text("Keep what is here")')
  home.upstream.stand({ ...home.upstream.now, url: '' })
  await page.waitForSelector('#upstream', { state: 'detached' })
  expect(complaints).toEqual([])
})

const site = { kind: 'site', reason: '', message: '', revision: 'x', since: '2026-11-22T12:00:00Z' } as const

test('live updates arrive without a reload and move nothing', async () => {
  const { page, complaints } = await open('/')
  await isLive(page)
  home.engine.put({
    ...site,
    key: 'blog.example.com',
    state: 'failed',
    reason: 'nginx',
    message: 'the configuration was refused',
  })
  await page.waitForSelector('.resources tr:has-text("the configuration was refused") .s-failed')
  home.engine.put({ ...site, key: 'a-first.example.com', state: 'ready' })
  await page.waitForSelector('.resources tr:last-child:has-text("a-first.example.com")')
  home.engine.remove('site', 'docs.example.com')
  await page.waitForSelector('.resources tr:has-text("docs.example.com") .state:has-text("removed")')
  holdInScene(home.engine)
  await page.waitForSelector('#verdict:has-text("One plan waits for your approval.")')
  await page.waitForSelector('#needs li:has-text("removes 4 of 7 sites")')
  expect(await shifted(page)).toEqual([])
  expect(complaints).toEqual([])
})

test('what one types stays while the page lives', async () => {
  const { page } = await open('/agents/supervisor')
  await isLive(page)
  await page.fill('#text', 'half a sent')
  home.agents.show('supervisor', '\u001b[32mnew\u001b[0m output')
  await page.waitForSelector('#screen:has-text("new output")')
  const said = {
    id: '7',
    agent: 'supervisor',
    role: 'agent',
    by: 'supervisor',
    state: 'answering',
    at: site.since,
  } as const
  home.agents.utter({ ...said, text: 'A first line.' })
  await page.waitForSelector('#turns:has-text("A first line.")')
  home.agents.delta('supervisor', '7', '\n\nAnd a second.')
  await page.waitForSelector('#turns:has-text("And a second.")')
  expect(await page.inputValue('#text')).toBe('half a sent')
  expect(await page.evaluate('document.activeElement.id')).toBe('text')
  expect(await shifted(page)).toEqual([])
})

test('a message is sent with Enter, without leaving the page, and the box is ready for the next', async () => {
  const { page, complaints } = await open('/agents/supervisor')
  await isLive(page)
  await page.fill('#text', 'restart the blog')
  await page.press('#text', 'Enter')
  await page.waitForSelector('#turns:has-text("restart the blog")')
  await page.waitForFunction('document.activeElement.id === "text" && document.activeElement.value === ""')
  expect(home.agents.asked).toEqual(['say supervisor by Ada Lovelace: restart the blog'])
  expect(complaints).toEqual([])
})

test('hostile output of an agent does nothing in a real browser', async () => {
  const { page, complaints } = await open('/agents/supervisor')
  await isLive(page)
  home.agents.show(
    'supervisor',
    '<img src=x onerror="window.hacked=1"><hx-partial hx-target="body"><script>window.hacked=1</script>',
  )
  await page.waitForSelector('#screen:has-text("<script>")')
  home.engine.put({ ...site, kind: 'agent', key: 'supervisor', state: 'failed', message: '<svg onload="window.hacked=1">{{x}}' })
  await page.waitForSelector('#standing:has-text("<svg onload")')
  expect(await page.evaluate('window.hacked')).toBeUndefined()
  expect(complaints).toEqual([])
})

test('whoever is signed out elsewhere is told so on the open page', async () => {
  const { page } = await open('/')
  await isLive(page)
  home.sessions.end()
  await page.waitForSelector('#live-note:has-text("You are signed out.")')
  await page.waitForSelector('html[data-live="off"]', { state: 'attached' })
})

test('without JavaScript a domain is added, step by step', async () => {
  const { page } = await open('/domains', { javaScriptEnabled: false })
  await page.click('text=Add a domain')
  await page.fill('[name=host]', 'Shop.example.com')
  await page.fill('[name=root]', 'shop')
  await page.click('text=Show the plan')
  expect(await page.textContent('#host-mistake')).toContain('write shop.example.com')
  await page.fill('[name=host]', 'shop.example.com')
  await page.click('text=Show the plan')
  expect(await page.textContent('.plan')).toContain('serve www/shop')
  expect(await page.textContent('.diff .add')).toContain('shop.example.com: { root: shop }')
  await page.click('text=Commit and apply')
  expect(await page.textContent('h1')).toBe('domains: add shop.example.com')
  await page.click('text=Domains')
  expect(await page.textContent('.domains')).toContain('www/shop')
})

test('the form of a domain shows the fields of the chosen kind, also without JavaScript', async () => {
  const { page } = await open('/domains/new', { javaScriptEnabled: false })
  expect([await page.isVisible('[name=root]'), await page.isVisible('[name=proxy]')]).toEqual([true, false])
  await page.check('[value=proxy]')
  expect([await page.isVisible('[name=root]'), await page.isVisible('[name=proxy]')]).toEqual([false, true])
})

const everywhere = [
  '/',
  '/chat',
  '/chat/new',
  '/tasks',
  '/tasks/t3',
  '/approvals',
  '/audit',
  '/agents',
  '/agents/supervisor',
  '/domains',
  '/secrets',
  '/secrets/CLOUDFLARE_TOKEN',
  '/domains/new',
  '/domains/blog.example.com/edit',
  '/changes',
  '/resources/site/grafana.example.com',
  '/account',
]

test('no page scrolls sideways on a phone, not even with long names, or asks for what its policy forbids', async () => {
  playOutside(home)
  const long = `${'a-very-long-name-'.repeat(3)}.example.com`
  home.engine.put({ ...site, key: long, state: 'failed', reason: 'r'.repeat(60), message: 'm'.repeat(300) })
  const { page, complaints } = await open('/', { viewport: { width: 390, height: 844 } })
  for (const path of [...everywhere, `/resources/site/${long}`]) {
    await visit(page, path)
    const outside = await page.evaluate(
      `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > innerWidth).map(each => each.outerHTML.slice(0, 120))`,
    )
    expect([path, outside]).toEqual([path, []])
  }
  expect(complaints).toEqual([])
})

test('the keyboard reaches everything in order, and one sees where it is', async () => {
  const { page } = await open('/')
  await page.keyboard.press('Tab')
  expect(await page.textContent(':focus')).toBe('Skip to content')
  expect(await page.isVisible('.skip')).toBe(true)
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  const first = await page.evaluate('document.activeElement.closest("main") !== null')
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
  expect([first, outline]).toEqual([true, 'solid'])
  await visit(page, '/domains/new')
  await page.focus('[value=root]')
  await page.keyboard.press('ArrowRight')
  expect(await page.isVisible('[name=proxy]')).toBe(true)
})

/** Contrast by WCAG 2.2 of every text on the page against what lies under it. */
const weakest = `(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map(part => { part /= 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4 }).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)
  const under = node => { for (let at = node; at; at = at.parentElement) { const colour = parts(getComputedStyle(at).backgroundColor); if (colour[3] !== 0) return colour } return [255, 255, 255] }
  let worst = { ratio: 21, text: '' }
  for (const node of document.querySelectorAll('body *')) {
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())) continue
    if (!node.checkVisibility()) continue
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(under(node))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < worst.ratio) worst = { ratio, text: node.textContent.trim().slice(0, 40) }
  }
  return worst
})()`

test.each(['light', 'dark'] as const)('every text stands out from its ground in %s', async colorScheme => {
  playOutside(home)
  const { page } = await open('/', { colorScheme })
  for (const path of everywhere) {
    await visit(page, path)
    const worst: unknown = await page.evaluate(weakest)
    const { ratio, text } = worst as { ratio: number; text: string }
    expect([path, text, ratio >= 4.5]).toEqual([path, text, true])
  }
})
