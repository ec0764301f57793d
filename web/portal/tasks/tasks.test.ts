import { beforeEach, expect, test } from 'bun:test'
import { task } from '../testing/fake-tasks.ts'
import { house } from '../testing/house.ts'
import { playScene } from '../testing/scene.ts'
import { playWork } from '../testing/work-scene.ts'
import { lookOf } from './words.ts'

let home: ReturnType<typeof house>

beforeEach(async () => {
  home = house()
  playScene(home.engine, home.agents, home.repository)
  await playWork(home.agents, home.tasks, home.approvals, home.health)
})

const html = async (path: string) => (await home.get(path)).text()

test('what runs is drawn, and every task is listed with what it says, its agent and its cost', async () => {
  const page = await html('/tasks')
  expect(page).toContain('2 of 3 done')
  expect(page.match(/<g class="node/g)).toHaveLength(3)
  expect(page).toContain('waits for a person: publish bakery on bakery.example.com')
  expect(page).toContain('One file, index.html, 6 KB')
  expect(page).toContain('$0.2140')
})

test('the list is filtered by state and agent, whatever an address asks', async () => {
  const rows = async (query: string) => ((await html(`/tasks?${query}`)).match(/<tr id=/g) ?? []).length
  expect([await rows('show=completed'), await rows('show=active'), await rows('agent=qa')]).toEqual([2, 1, 1])
  expect([await rows('show=nonsense'), await rows('show=failed&agent=code')]).toEqual([3, 0])
})

test('without tasks the page leads to the chat', async () => {
  home = house()
  expect(await html('/tasks')).toContain('There are none yet. Ask for something in the <a href="/chat">')
})

test('a task says what is asked, why it waits, what it waits for, what it spent, what was done and what came of it', async () => {
  const waiting = await html('/tasks/t3')
  for (const words of ['index.html is valid', 'waits for a person', 'check the page', '1 of 4', '$0.0310', '>Cancel</button>']) {
    expect(waiting).toContain(words)
  }
  const done = await html('/tasks/t2')
  for (const words of ['Valid, complete, light.', 'tidy -q -e index.html', '840 ms', 'publish on bakery.example.com']) {
    expect(done).toContain(words)
  }
  expect(done).not.toContain('>Cancel</button>')
  expect((await home.get('/tasks/unknown')).status).toBe(404)
})

test('a task is cancelled, and one that failed is tried again', async () => {
  const cancelled = await home.post('/tasks/t3/cancel', {})
  expect(cancelled.headers.get('location')).toBe('/tasks/t3?done=task-cancelled')
  expect(await html('/tasks/t3')).toContain('>Retry</button>')
  await home.post('/tasks/t3/retry', {})
  expect(home.tasks.asked).toEqual(['cancel t3 by person ada@example.com', 'retry t3 by person ada@example.com'])
  expect((await home.post('/tasks/unknown/cancel', {})).status).toBe(404)
})

test('a graph of seventy tasks is listed, not drawn', async () => {
  for (let at = 0; at < 70; at++) home.tasks.put(task({ id: `m${at}`, graph: 'many', name: `step ${at}` }))
  const page = await html('/tasks')
  expect(page).toContain('70 tasks: too many to draw.')
  expect(page.match(/<g class="node/g)).toHaveLength(3)
})

test('a task that waits for a person says so, and not that it is in progress', () => {
  const look = (state: 'in_progress' | 'blocked', reason: string) => lookOf({ state, reason })
  expect(look('in_progress', 'waits for a person to approve this')).toEqual({ state: 'held', word: 'waits for you' })
  expect(look('in_progress', 'waits for Claude')).toEqual({ state: 'waiting', word: 'waits' })
  expect(look('in_progress', '')).toEqual({ state: 'reconciling', word: 'in progress' })
  expect(look('blocked', 'waits for a person')).toEqual({ state: 'waiting', word: 'blocked' })
})

test('five hundred tasks are listed a part at a time, newest first', async () => {
  for (let at = 0; at < 500; at++)
    home.tasks.put(task({ id: `m${at}`, name: `many ${at}.`, state: 'completed', by: 'operator:root' }))
  const rows = (page: string) => (page.match(/<tr id=/g) ?? []).length
  const first = await html('/tasks')
  expect(rows(first)).toBe(100)
  expect(first).toContain('many 499.')
  expect(first).toContain('href="/tasks?most=400"')
  expect(rows(await html('/tasks?most=400'))).toBe(400)
  const all = await html('/tasks?most=1600&show=completed')
  expect(rows(all)).toBe(502)
  expect(all).not.toContain('>Older</a>')
  expect(rows(await html('/tasks?most=-7'))).toBe(100)
  expect(await html('/tasks/m1')).not.toContain('operator:root')
})
