import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { alteration } from '../engine/blast-cap.ts'
import { backupsOf } from './item.ts'
import { newDestination } from './reconciler.ts'

const items = (text: string) => backupsOf(stateOf({ 'backups.yaml': text }))
const restic = (...repositories: readonly string[]) =>
  `backups:\n${repositories.map((repository, at) => `  b${at}: { repository: "${repository}", password: "secret:P" }\n`).join('')}`
const excess = (before: string, after: string) =>
  alteration({ kind: 'backup', weigh: () => 'adjust', exposes: newDestination }, items(before), items(after)).excess
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
