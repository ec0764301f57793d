import { expect, test } from 'bun:test'
import type { Declaration } from '../../runtime/bus/declarations.ts'
import type { Report } from '../../runtime/bus/presences.ts'
import { configurationOf, type Item, orderOf, promptHashOf, select, weigh } from './item.ts'
import { layoutOf, type Observed, type OurWindow } from './observe.ts'
import { plan } from './plan.ts'
import { agent, stateOf } from './testing/rig.ts'
import { swapsFor } from './windows.ts'

const now = Date.parse('2026-01-01T12:00:00Z')
const desired = select(stateOf(agent('code'), agent('supervisor')))
const facts = { version: '1', canAnswer: true }

const window = (key: string, change: Partial<OurWindow> = {}): [string, OurWindow] => [
  key,
  {
    ...{
      window: `@${orderOf(desired.keys()).indexOf(key)}`,
      pane: '%1',
      pid: 100,
      alive: true,
      deadAt: undefined,
      ending: '',
      fullScreen: true,
    },
    ...{ index: orderOf(desired.keys()).indexOf(key), name: key, configuration: configurationOf(item(key), '1', 0), ...change },
  },
]
const item = (key: string): Item => {
  const found = desired.get(key)
  if (found === undefined) throw new Error(key)
  return found
}
const declaration = (key: string): [string, Declaration][] => {
  const found = item(key)
  return found.type === 'agent' ? [[key, { ...found, configuration: configurationOf(found, '1', 0) }]] : []
}
const report = (key: string, change: Partial<Report> = {}): [string, Report][] => {
  const found = item(key)
  if (found.type !== 'agent') return []
  const configuration = configurationOf(found, '1', 0)
  const said = {
    pid: 100,
    startedAt: '',
    activity: 'idle' as const,
    doing: '',
    drained: false,
    memoryMb: 40,
    cpuPercent: 0,
    at: now - 1_000,
  }
  return [[key, { ...said, promptHash: promptHashOf(found), configuration, ...change }]]
}
const keys = orderOf(desired.keys())
const observed = (change: Partial<Observed> = {}, windows = keys.map(key => window(key))): Observed => ({
  layout: {
    session: { state: 'ours', id: '$0', name: 'ai-infrastructure' },
    windows: new Map(windows),
    strays: new Map(),
    taken: new Set(),
  },
  declared: new Map(keys.flatMap(declaration)),
  generations: new Map(),
  restarts: new Map(),
  reports: new Map(keys.flatMap(key => report(key))),
  listeningSince: now - 3_600_000,
  lastWords: new Map(),
  now,
  ...change,
})
const planned = (world: Observed) => {
  const { changes, obstacles } = plan(desired, world, facts)
  return [
    ...changes.map(({ key, operation, action }) => `${key} ${operation} ${action.type}`),
    ...obstacles.map(({ key, state, reason }) => `${key} ${state} ${reason}`),
  ]
}
const reportsWithout = (key: string, ...more: [string, Report][]) =>
  new Map([...keys.filter(other => other !== key).flatMap(other => report(other)), ...more])

test('what is as declared needs nothing, and the same look gives the same plan', () => {
  expect(planned(observed())).toEqual([])
  expect(plan(desired, observed(), facts)).toEqual(plan(desired, observed(), facts))
})

test('the windows stand in their order, further agents after qa by name', () => {
  expect(orderOf(['logs', 'zoe', 'qa', 'monitor', 'code', 'adam', 'supervisor'])).toEqual([
    'supervisor',
    'code',
    'qa',
    'adam',
    'zoe',
    'monitor',
    'logs',
  ])
})

test('a process that was not heard of gets the time of a heartbeat, then another takes its place', () => {
  expect(planned(observed({ reports: reportsWithout('code'), listeningSince: now - 29_000 }))).toEqual([
    'code waiting connecting',
  ])
  expect(planned(observed({ reports: reportsWithout('code'), listeningSince: now - 30_000 }))).toEqual(['code replace replace'])
  const other = report('code', { pid: 99, at: now - 5_000 })
  expect(planned(observed({ reports: reportsWithout('code', ...other) }))).toEqual(['code waiting connecting'])
})

test('a process that reports another prompt reloads, one that reports another configuration is replaced', () => {
  expect(planned(observed({ reports: reportsWithout('code', ...report('code', { promptHash: 'old' })) }))).toEqual([
    'code update reload',
  ])
  expect(planned(observed({ reports: reportsWithout('code', ...report('code', { configuration: 'old' })) }))).toEqual([
    'code replace replace',
  ])
})

test('a new version of the program and an asked restart replace the process after a drain', () => {
  const changes = plan(desired, observed(), { ...facts, version: '2' }).changes
  expect(changes.map(({ key, action }) => [key, action.type === 'replace' && action.drain])).toEqual([
    ['supervisor', true],
    ['code', true],
  ])
  expect(planned(observed({ generations: new Map([['code', 1]]) }))).toEqual(['code replace replace'])
})

const dead = (key: string, deadAt: number) => keys.map(other => window(other, other === key ? { alive: false, deadAt } : {}))
const restarts = (...minutesAgo: number[]) => new Map([['code', minutesAgo.map(minutes => new Date(now - minutes * 60_000))]])

test('five restarts in five minutes stall, slower ones do not', () => {
  expect(planned(observed({ restarts: restarts(0.5, 1, 2, 3, 4) }, dead('code', now)))).toEqual(['code stalled flapping'])
  expect(planned(observed({ restarts: restarts(0.5, 1, 2, 3) }, dead('code', now)))).toEqual(['code replace start'])
  expect(planned(observed({ restarts: restarts(1, 2, 3, 4, 6.5) }, dead('code', now)))).toEqual(['code replace start'])
})

test('a stalled window stays so as time passes; one that ran well since is started again', () => {
  const world = { restarts: restarts(100, 101, 102, 103, 104) }
  expect(planned(observed(world, dead('code', now - 99 * 60_000)))).toEqual(['code stalled flapping'])
  expect(planned(observed(world, dead('code', now)))).toEqual(['code replace start'])
})

test('restarts of a clock that was ahead stall nothing that ends after it was put right', () => {
  const ahead = restarts(-10_000, -9_999, -9_998, -9_997, -9_996)
  expect(planned(observed({ restarts: ahead }, dead('code', now)))).toEqual(['code replace start'])
  expect(planned(observed({ restarts: ahead }, dead('code', now + 10_001 * 60_000)))).toEqual(['code stalled flapping'])
})

test('another declaration ends the stall', () => {
  const declared = new Map(
    keys.flatMap(declaration).map(([key, value]): [string, Declaration] => [key, { ...value, prompt: 'old' }]),
  )
  expect(planned(observed({ declared, restarts: restarts(0, 1, 2, 3, 4) }, dead('code', now)))).toContain('code replace start')
})

test('an agent that is no longer declared is ended, window or not', () => {
  const world = observed({}, [...keys.map(key => window(key)), window('code')])
  const fewer = new Map([...desired].filter(([key]) => key !== 'code'))
  expect(plan(fewer, world, facts).changes.map(({ key, operation }) => `${key} ${operation}`)).toEqual(['code delete'])
})

test('a changed level redefines an agent, a changed prompt adjusts it', () => {
  const before = item('code')
  const [level, prompt] = [agent('code', { level: 2 }), agent('code', { promptText: 'new' })].map(next =>
    select(stateOf(next)).get('code'),
  )
  expect([level && weigh(before, level), prompt && weigh(before, prompt)]).toEqual(['redefine', 'adjust'])
})

test('without a key, agents are ready and say what is missing', () => {
  const { notes } = plan(desired, observed(), { ...facts, canAnswer: false })
  expect([...(notes?.keys() ?? [])]).toEqual(['supervisor', 'code'])
})

test('swaps bring windows into order on the indexes they hold', () => {
  const windows = new Map([
    ['a', { window: '@1', index: 7 }],
    ['b', { window: '@2', index: 1 }],
    ['c', { window: '@3', index: 4 }],
  ])
  expect(swapsFor(['a', 'b', 'c'], windows)).toEqual([
    ['@1', '@2'],
    ['@2', '@3'],
  ])
  expect(swapsFor(['b', 'c', 'a'], windows)).toEqual([])
})

test('only what carries our marks, where they belong, is ours', () => {
  const pane = {
    ...{
      session: '$0',
      window: '@1',
      index: 0,
      pane: '%1',
      pid: 1,
      dead: false,
      deadAt: undefined,
      ending: '',
      fullScreen: false,
    },
    ...{
      paneMark: 'code',
      windowMark: 'code',
      configuration: 'c',
      home: '/h',
      sessionName: 'ai-infrastructure',
      windowName: 'code',
    },
  }
  const moved = { ...pane, window: '@2', pane: '%2', windowMark: '' }
  const shell = { ...pane, pane: '%3', paneMark: '' }
  const layout = layoutOf([shell, moved, pane], '/h')
  expect([...layout.windows.keys()]).toEqual(['code'])
  expect(layout.windows.get('code')?.pane).toBe('%1')
  expect(layout.strays).toEqual(new Map([['code', ['%2']]]))
  expect(layoutOf([{ ...pane, home: '/other' }], '/h').session).toEqual({ state: 'foreign' })
})
