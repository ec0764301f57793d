import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { alteration } from '../engine/blast-cap.ts'
import { needsApproval } from './approval.ts'
import { backupsOf } from './item.ts'

const items = (text: string, settings = '') => backupsOf(stateOf({ 'backups.yaml': text, 'settings.yaml': settings }))
const restic = (...repositories: readonly string[]) =>
  `backups:\n${repositories.map((repository, at) => `  b${at}: { repository: "${repository}", password: "secret:P" }\n`).join('')}`
type Kept = Parameters<typeof needsApproval>[2]
const never: Kept = new Map()
const excess = (before: string, after: string, last = never) => {
  const exposes = (one: ReturnType<typeof items>, other: typeof one) => needsApproval(one, other, last)
  return alteration({ kind: 'backup', weigh: () => 'adjust', exposes }, items(before), items(after)).excess
}
const away = 'rest:https://keep.example.com/a'
const eve = 'rest:https://eve.example.net/a'
const git = (repository: string) => `git:\n  code: { what: memory, repository: "${repository}" }\n`

test('the first backup of all passes, and a later one that goes where nothing is yet waits for one approval', () => {
  expect(excess('', restic(away) + git('https://github.com/me/code.git'))).toBeUndefined()
  const held = (place: string) => `it sends what is kept here to where nothing of it is yet: ${place}`
  expect(excess(restic(away), restic(away, eve))).toBe(held(eve))
  expect(excess(restic(away), restic(eve))).toBe(held(eve))
  expect(excess(restic('/srv/backups'), restic('/srv/backups', eve))).toBe(held(eve))
  expect(excess(restic(away), restic(away) + git('https://github.com/eve/x.git'))).toBe(held('https://github.com/eve/x.git'))
  // The same host may be somebody else's as well.
  expect(excess(git('https://github.com/me/a.git'), git('https://github.com/eve/a.git'))).toBe(
    held('https://github.com/eve/a.git'),
  )
})

test('another folder of this server, another name or password for the same place, and one that goes are nothing new', () => {
  expect(excess(restic(away), restic(away, '/srv/backups'))).toBeUndefined()
  expect(excess(restic(away, eve), restic(eve, away))).toBeUndefined()
  expect(excess(restic(away), restic(away).replace('secret:P', 'secret:Q').replace('b0', 'nightly'))).toBeUndefined()
  expect(excess(restic(away, eve), restic(away))).toBeUndefined()
})

test('a commit that keeps fewer backups waits for one approval, which says how many go at most', () => {
  const whole = restic('/srv/backups', '/srv/others')
  const shorter = (keep: string) => whole.replace('password: "secret:P" }', `password: "secret:P", keep: { ${keep} } }`)
  const held = (told: string) => `it has backups removed that are kept: ${told}`
  expect(excess(whole, shorter('days: 1, weeks: 0, months: 0'))).toBe(
    held('of b0, 49 at most (30 days become 1, 8 weeks become 0, 12 months become 0)'),
  )
  expect(excess(whole, shorter('days: 90, weeks: 8, months: 11'))).toBe(held('of b0, 1 at most (12 months become 11)'))
  expect(excess(whole, shorter('days: 90, weeks: 9, months: 12'))).toBeUndefined()
  expect(excess(shorter('days: 1, weeks: 0, months: 0'), whole)).toBeUndefined()
  // The setting counts for each that says nothing of its own, and another folder only hides it until the next commit.
  expect(needsApproval(items(whole), items(whole, 'backup_retention_days: 1'), never)).toBe(
    held('of b0, 29 at most (30 days become 1); of b1, 29 at most (30 days become 1)'),
  )
  expect(excess(whole, shorter('days: 1').replace('/srv/backups', '/srv/elsewhere'))).toContain('of b0, ')
  // One that is new keeps what it says.
  expect(excess('', shorter('days: 1, weeks: 0, months: 0'))).toBeUndefined()
  expect(excess(restic('/srv/others').replace('b0', 'b1'), shorter('days: 1, weeks: 0, months: 0'))).toBeUndefined()
})

test('a backup that one commit removes and the next declares anew is held where it would keep less than it did', () => {
  const [one, two] = ['/srv/backups', '/srv/others']
  const last: Kept = new Map([
    ['b0', { days: 30, weeks: 8, months: 12 }],
    ['b1', { days: 30, weeks: 8, months: 12 }],
    ['code', undefined],
  ])
  const less = restic(one, two).replace('password: "secret:P" }', 'password: "secret:P", keep: { days: 1 } }')
  const held = 'it has backups removed that are kept: of b0, 29 at most (30 days become 1)'
  const without = restic(one, two).replace(/ {2}b0.*\n/, '')
  expect(excess(restic(one, two), without)).toBeUndefined()
  expect(excess(without, less, last)).toBe(held)
  // As it was, or with more, it passes.
  expect(excess(without, restic(one, two), last)).toBeUndefined()
  // Gone altogether, or a Git target for a while: what was made of it is still there.
  expect(excess('', less, last)).toBe(held)
  expect(excess(`${without}git:\n  b0: { what: memory, repository: "/srv/b0.git" }\n`, less, last)).toBe(held)
  // What is declared counts, where it is declared: an approval of less stands.
  expect(excess(less, less.replace('days: 1', 'days: 1, weeks: 8'), last)).toBeUndefined()
})

test('after the last backup was removed the next one is not the first of all, and goes nowhere unseen', () => {
  const held = `it sends what is kept here to where nothing of it is yet: ${eve}`
  expect(excess('', restic(eve), new Map([['old', undefined]]))).toBe(held)
})
