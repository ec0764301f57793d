import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { alteration } from '../engine/blast-cap.ts'
import { needsApproval } from './approval.ts'

const items = (text: string) => {
  const { upstream } = stateOf({ 'settings.yaml': text === '' ? '' : `upstream: { ${text} }\n` }).settings
  return new Map(upstream === undefined ? [] : [['main', upstream]])
}
const excess = (before: string, after: string) =>
  alteration({ kind: 'upstream', weigh: () => 'adjust', exposes: needsApproval }, items(before), items(after)).excess
const mine = 'url: "https://git.example.com/me/config.git"'
const ssh = (...hosts: readonly string[]) =>
  `url: "git@git.example.com:me/config.git", key: secret:KEY, known_hosts: [${hosts.map(host => `"git.example.com ssh-ed25519 ${host}"`)}]`

test('the first upstream passes, and a commit that takes main from elsewhere waits for one approval', () => {
  const held = (place: string) => `it takes main from another place: https://git.example.com/me/config.git becomes ${place}`
  expect(excess('', mine)).toBeUndefined()
  expect(excess(mine, 'url: "https://eve.example.net/config.git"')).toBe(held('https://eve.example.net/config.git'))
  expect(excess(mine, mine.replace('.git"', '"'))).toBe(held('https://git.example.com/me/config'))
  expect(excess(mine, `${mine}, branch: eve`)).toBe(held('https://git.example.com/me/config.git (eve)'))
  expect(excess(mine, '')).toBe('it removes the last upstream')
  // Whoever answers there with another key may be somebody else.
  expect(excess(ssh('AAAA'), ssh('AAAA', 'BBBB'))).toBe(
    'it takes main from whoever has another host key at git@git.example.com:me/config.git: git.example.com ssh-ed25519 BBBB',
  )
})

test('other secrets and times for the same place, and a host key less, need no approval', () => {
  expect(excess(mine, `${mine}, token: secret:OTHER, webhook_secret: secret:HOOK, poll_seconds: 300`)).toBeUndefined()
  expect(excess(ssh('AAAA', 'BBBB'), ssh('BBBB'))).toBeUndefined()
})
