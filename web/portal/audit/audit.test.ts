import { beforeEach, expect, test } from 'bun:test'
import { house } from '../testing/house.ts'
import { queryOf, searchOf } from './query.ts'

let home: ReturnType<typeof house>

beforeEach(() => {
  home = house()
  for (let at = 1; at <= 120; at++) home.audit.write({ action: `step-${at}.`, agent: at % 2 ? 'code' : 'qa' })
})

const html = async (path: string) => (await home.get(path)).text()

test('what was done is found by text, newest first, page by page', async () => {
  const first = await html('/audit?text=step-')
  expect(first).toContain('step-120.')
  expect(first).not.toContain('step-70.')
  const older = /href="(\/audit\?[^"]*cursor=[^"]*)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? ''
  expect(older).toContain('text=step-')
  expect(await html(older)).toContain('step-70.')
})

test('the fields of the form are what the index is asked; a time that is none is said', () => {
  const fields = { type: 'file_read', outcome: 'denied', agent: 'qa', user: '', from: '2026-11-22T14:30', to: 'tomorrow' }
  const { search, mistakes } = searchOf(queryOf(new URLSearchParams(fields)))
  expect(search).toMatchObject({ type: 'file_read', outcome: 'denied', agent: 'qa', user: undefined, to: undefined })
  expect(search.from?.toISOString()).toBe('2026-11-22T14:30:00.000Z')
  expect(mistakes).toEqual(['To is no time: write 2026-11-22 or 2026-11-22T14:30.'])
  expect(searchOf(queryOf(new URLSearchParams({ type: 'nonsense' }))).search.type).toBeUndefined()
})

test('the audit is verified on request, as a page and as a part of one', async () => {
  const page = await (await home.post('/audit/verify', {})).text()
  expect(page).toContain('nothing was changed')
  expect(page).toContain('3 lines read.')
  const part = await (await home.post('/audit/verify', {}, { 'hx-request': 'true' })).text()
  expect(part).toStartWith('<div id="verification"')
})

test('a flaw is told with its place', async () => {
  const flaw = { file: 'audit.jsonl', line: 7, what: 'edited', message: 'line 7 was changed' } as const
  const last = { sequence: 9, hash: '' }
  home = house({ verifyAudit: async () => ({ sound: false, lines: 9, last, anchor: undefined, flaws: [flaw] }) })
  const page = await (await home.post('/audit/verify', {})).text()
  expect(page).toContain('audit.jsonl:7: edited: line 7 was changed')
  expect(page).toContain('it was tampered with, or is damaged')
})

test('the tail shows an event as it is written, once', async () => {
  const reader = (await home.get('/live/audit?at=stale')).body?.getReader()
  let text = ''
  const until = async (wanted: string) => {
    while (!text.includes(wanted)) text += new TextDecoder().decode((await reader?.read())?.value)
  }
  await until('step-120.')
  text = ''
  home.audit.write({ action: 'just-now' })
  await until('just-now')
  await reader?.cancel()
  expect(text.match(/<code>just-now<\/code>/g)).toHaveLength(1)
})

test('without a search the page shows the latest, once and live; a search shows what it found', async () => {
  const latest = await html('/audit')
  expect(latest.match(/<code>step-120\.<\/code>/g)).toHaveLength(1)
  expect(latest).toContain('id="tail"')
  const found = await html('/audit?text=step-119.')
  expect(found).not.toContain('id="tail"')
  expect(found).toContain('Back to the latest')
  const reader = (await home.get('/live/audit?at=stale&tail=no')).body?.getReader()
  let text = ''
  while (!text.includes('hx-partial')) text += new TextDecoder().decode((await reader?.read())?.value)
  await reader?.cancel()
  expect(text).not.toContain('#tail')
})

test('a person is found by the address alone', () => {
  const userOf = (user: string) => searchOf(queryOf(new URLSearchParams({ user }))).search.user
  expect(userOf('ada@example.com')).toBe('person ada@example.com')
  for (const operator of ['operator', 'operator ada']) expect(userOf(operator)).toBe(operator)
})
