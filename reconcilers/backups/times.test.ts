import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { explain } from '../../runtime/os/errors.ts'
import { backupsOf } from './item.ts'
import { type BackupRun, type History, noHistory } from './journal.ts'
import { chooseRun } from './perform.ts'
import { superfluous } from './retention.ts'
import { standingOf } from './standing.ts'
import type { StoredRun } from './tags.ts'
import { dueAt, lateAt } from './times.ts'

const at = (text: string) => new Date(`${text}:00.000Z`)
const timetable = { name: 'nightly', cron: '0 2 * * *', jitterMinutes: 0 }

const run = (startedAt: Date, outcome: BackupRun['outcome']): BackupRun => ({
  ...{ id: '', name: 'nightly', verb: 'run', askedBy: '', askedAt: startedAt, startedAt, endedAt: startedAt, outcome },
  ...{ step: '', kind: '', reason: '', message: '', facts: {} },
})
const succeeded = (time: string): History => ({
  last: run(at(time), 'succeeded'),
  succeeded: run(at(time), 'succeeded'),
  failed: undefined,
  failures: 0,
})

test('the first backup is due at once, later ones at their time, and what was missed while the server was off once, not thrice', () => {
  expect(dueAt(timetable, noHistory, '').getTime()).toBe(0)
  const due = dueAt(timetable, succeeded('2026-11-25T02:00'), '')
  expect(due.getUTCDate()).toBe(26)
  expect(dueAt(timetable, succeeded('2026-11-28T09:30'), '').getUTCDate()).toBe(29)
})

test('the spread of a time is the same after a restart, differs from appliance to appliance, and stays in its bounds', () => {
  const spread = { ...timetable, jitterMinutes: 30 }
  const times = ['a', 'b', 'c', 'd'].map(salt => dueAt(spread, succeeded('2026-11-25T02:31'), salt).getTime())
  expect(times).toEqual(['a', 'b', 'c', 'd'].map(salt => dueAt(spread, succeeded('2026-11-25T02:31'), salt).getTime()))
  expect(new Set(times).size).toBe(4)
  const regular = dueAt(timetable, succeeded('2026-11-25T02:31'), '').getTime()
  for (const time of times) expect(time - regular).toBeWithin(0, 30 * 60_000)
})

test('after failures it is tried again later each time, an hour apart at most', () => {
  const failed = run(at('2026-11-26T03:00'), 'failed')
  const after = (failures: number) => dueAt(timetable, { ...succeeded('2026-11-25T02:00'), last: failed, failures }, '').getTime()
  const end = at('2026-11-26T03:00').getTime()
  expect([1, 2, 3, 20].map(failures => (after(failures) - end) / 60_000)).toEqual([1, 2, 4, 60])
})

test('what was asked for by hand and failed is tried again soon, not at its next time, and at once when its cause may be gone', () => {
  const failed = run(at('2026-11-25T12:00'), 'failed')
  const history = { ...succeeded('2026-11-25T02:00'), last: failed, failed, failures: 1 }
  expect(dueAt(timetable, history, '')).toEqual(at('2026-11-25T12:01'))
  expect(dueAt(timetable, { ...history, last: undefined }, '').getTime()).toBe(0)
})

test('while what failed is tried again, it is still said why it failed', () => {
  const yaml = 'backups:\n  nightly: { repository: /srv/atlas, password: "secret:BACKUP_PASSWORD" }\n'
  const item = backupsOf(stateOf({ 'backups.yaml': yaml })).get('nightly')
  if (item === undefined) throw new Error('it is not declared')
  const failed = { ...run(at('2026-11-25T12:00'), 'failed'), kind: 'stalled', reason: 'no-entry', message: 'not let in' } as const
  const history = { last: run(at('2026-11-25T12:01'), 'running'), failed, succeeded: undefined, failures: 1 }
  expect(standingOf(item, new Map([['nightly run', history]]), at('2026-11-25T12:02'), undefined)).toEqual({
    ...{ state: 'stalled', reason: 'no-entry', message: 'not let in; there is no backup yet' },
  })
})

test('what somebody asked for and a death ended is said until it was asked for again; what the schedule began is done again', () => {
  const yaml = 'backups:\n  nightly: { repository: /srv/atlas, password: "secret:BACKUP_PASSWORD", drill: never }\n'
  const item = backupsOf(stateOf({ 'backups.yaml': yaml })).get('nightly')
  if (item === undefined) throw new Error('it is not declared')
  const told = (askedBy: string) => {
    const last = { ...run(at('2026-11-25T12:00'), 'interrupted'), askedBy }
    const history = { ...succeeded('2026-11-25T02:00'), last }
    return standingOf(item, new Map([['nightly run', history]]), at('2026-11-25T12:02'), undefined).message
  }
  expect(told('Ada')).toContain('the backup that Ada asked for on 2026-11-25 12:00 UTC was interrupted: ask for it again')
  expect(told('schedule')).not.toContain('interrupted')
})

test('a first backup that never comes is as late as any other', () => {
  const yaml = 'backups:\n  nightly: { repository: /srv/atlas, password: "secret:BACKUP_PASSWORD" }\n'
  const item = backupsOf(stateOf({ 'backups.yaml': yaml })).get('nightly')
  if (item === undefined) throw new Error('it is not declared')
  const standing = (now: string) => standingOf(item, new Map(), at(now), at('2026-11-25T12:00'))
  expect(standing('2026-11-25T12:05')).toMatchObject({ state: 'waiting', reason: 'first-run' })
  expect(standing('2026-11-28T12:05')).toMatchObject({ state: 'failed', reason: 'late' })
})

test('a backup is late once a second one is missed, or after the hours that are declared', () => {
  expect(lateAt(timetable, at('2026-11-25T02:00'), undefined).getUTCDate()).toBe(27)
  expect(lateAt(timetable, at('2026-11-25T02:00'), 30)).toEqual(at('2026-11-26T08:00'))
})

const stored = (time: string, files: string | undefined = time): StoredRun => ({
  ...{ name: 'nightly', run: time, appliance: 'one', hostname: 'atlas', time: at(time), files, postgres: `${time} db` },
})

test('the last backup of each day, week and month stays as long as declared, and the newest whatever happens', () => {
  const days = Array.from({ length: 400 }, (_, index) =>
    new Date(at('2026-11-28T02:00').getTime() - index * 86_400_000).toISOString().slice(0, 16),
  )
  const runs = [...days, '2026-11-27T01:30'].map(time => stored(time))
  const gone = new Set(superfluous(runs, { days: 3, weeks: 2, months: 2 }, at('2026-11-28T02:05')))
  expect(runs.filter(each => !gone.has(each)).map(each => each.run)).toEqual([
    ...['2026-11-28T02:00', '2026-11-27T02:00', '2026-11-26T02:00', '2026-11-22T02:00', '2026-10-31T02:00'],
  ])
  expect(superfluous([stored('2020-01-01T00:00')], { days: 1, weeks: 0, months: 0 }, at('2026-11-28T02:00'))).toEqual([])
})

test('a clock that is years ahead makes no backup too old, nor is one of that time taken for the newest afterwards', () => {
  const runs = ['2036-11-28T02:00', '2026-11-28T02:00', '2026-11-27T02:00', '2026-11-26T02:00'].map(time => stored(time))
  expect(superfluous(runs, { days: 4, weeks: 0, months: 0 }, at('2036-11-28T02:05'))).toEqual([])
  expect(chooseRun(runs, undefined, at('2026-11-28T03:00')).run).toBe('2026-11-28T02:00')
  expect(chooseRun(runs, '2036', at('2026-11-28T03:00')).run).toBe('2036-11-28T02:00')
  expect(chooseRun(runs.slice(0, 1), undefined, at('2026-11-28T03:00')).run).toBe('2036-11-28T02:00')
})

test('backups of a clock that was ahead take the place of none that is made now', () => {
  const runs = ['2031-01-01T02:00', '2030-12-01T02:00', '2026-11-28T02:00', '2026-11-27T01:00'].map(time => stored(time))
  const gone = superfluous(runs, { days: 1, weeks: 0, months: 0 }, at('2026-11-28T02:05'))
  expect(gone.map(each => each.run)).toEqual(['2030-12-01T02:00', '2026-11-27T01:00'])
})

test('a backup by hand never takes the place of one of the last day', () => {
  const runs = ['2026-11-28T14:05', '2026-11-28T02:00', '2026-11-27T14:30', '2026-11-27T09:00'].map(time => stored(time))
  const gone = superfluous(runs, { days: 1, weeks: 0, months: 0 }, at('2026-11-28T14:10'))
  expect(gone.map(each => each.run)).toEqual(['2026-11-27T09:00'])
})

test('what was never finished keeps nothing from being kept, and goes after a day', () => {
  const half = stored('2026-11-28T03:00', undefined)
  const old = { ...stored('2026-11-20T03:00'), files: undefined }
  const whole = stored('2026-11-28T02:00')
  expect(
    superfluous([{ ...half, files: undefined }, whole, old], { days: 30, weeks: 8, months: 12 }, at('2026-11-28T04:00')),
  ).toEqual([old])
})

test('a snapshot that is not there is answered with those that are, also where no appliance runs that would list them', () => {
  const runs = [stored('2026-11-28T14:05', 'b505a3221111'), { ...stored('2026-11-28T15:00'), files: undefined }]
  expect(chooseRun(runs, 'b505', at('2026-11-28T16:00')).files).toBe('b505a3221111')
  const choose = () => chooseRun(runs, 'dead', at('2026-11-28T16:00'))
  expect(choose).toThrow('there is no snapshot dead')
  try {
    choose()
  } catch (error) {
    expect(explain(error)).toContain('there are b505a322 of 2026-11-28 14:05 UTC')
  }
  expect(() => chooseRun([], 'dead', new Date())).toThrow('there is no complete backup')
})
