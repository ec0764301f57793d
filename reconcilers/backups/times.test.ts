import { expect, test } from 'bun:test'
import { type BackupRun, type History, noHistory } from './journal.ts'
import { superfluous } from './retention.ts'
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
  const runs = [...days, '2026-11-28T01:00'].map(time => stored(time))
  const gone = new Set(superfluous(runs, { days: 3, weeks: 2, months: 2 }, at('2026-11-28T02:05')))
  expect(runs.filter(each => !gone.has(each)).map(each => each.run)).toEqual([
    ...[
      '2026-11-28T02:00',
      '2026-11-27T02:00',
      '2026-11-26T02:00',
      '2026-11-22T02:00',
      '2026-11-15T02:00',
      '2026-10-31T02:00',
      '2026-09-30T02:00',
    ],
  ])
  expect(superfluous([stored('2020-01-01T00:00')], { days: 1, weeks: 0, months: 0 }, at('2026-11-28T02:00'))).toEqual([])
})

test('what was never finished keeps nothing from being kept, and goes after a day', () => {
  const half = stored('2026-11-28T03:00', undefined)
  const old = { ...stored('2026-11-20T03:00'), files: undefined }
  const whole = stored('2026-11-28T02:00')
  expect(
    superfluous([{ ...half, files: undefined }, whole, old], { days: 30, weeks: 8, months: 12 }, at('2026-11-28T04:00')),
  ).toEqual([old])
})
