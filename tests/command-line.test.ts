import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { type Appliance, createAppliance, startedAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let clone: Clone

beforeAll(async () => {
  appliance = await startedAppliance()
  clone = await appliance.clone()
  expect((await clone.deliver(sites('a', 'b', 'c', 'd'))).accepted).toBe(true)
}, 60_000)
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

const sites = (...names: string[]) => ({
  'domains.yaml': `domains:${names.length === 0 ? ' {}' : ''}\n${names.map(name => `  ${name}.example.com: { root: ${name} }\n`).join('')}`,
})
const statusOf = async (name: string) => (await appliance.visit(`${name}.example.com`)).status

test('status --json has exactly the shape of the contract', async () => {
  const { code, out } = await appliance.command('status', '--json')
  expect(code).toBe(0)
  expect(out.trimEnd().split('\n')).toHaveLength(1)
  const status = JSON.parse(out)
  const head = await clone.ask('rev-parse', 'HEAD')
  expect(Object.keys(status)).toEqual(['revision', 'desired', 'converged', 'resources'])
  expect(status).toMatchObject({ revision: head, desired: head, converged: true })
  for (const resource of status.resources) {
    expect(Object.keys(resource)).toEqual(['kind', 'key', 'state', 'reason', 'message', 'revision', 'since'])
    expect(resource).toMatchObject({ state: 'ready', reason: '', revision: head })
    expect(new Date(resource.since).toISOString()).toBe(resource.since)
  }
  expect(status.resources).toHaveLength(12)
})

test('wait says with its exit status whether the commit was reached', async () => {
  const head = await clone.ask('rev-parse', 'HEAD')
  const reached = await appliance.command('wait', '--revision', head, '--timeout', '20', '--json')
  expect(reached.code).toBe(0)
  expect(JSON.parse(reached.out)).toMatchObject({ revision: head, converged: true })
  const unknown = await appliance.command('wait', '--revision', 'f'.repeat(40))
  expect(unknown.code).toBe(1)
  expect(unknown.error).toContain(`no commit is called "${'f'.repeat(40)}"`)
})

test('wrong use is answered with the use, and status 2', async () => {
  const wrong = [
    ['nonsense'],
    ['wait', '--timeout', 'soon'],
    ['approve'],
    ['suspend', 'site/a.example.com'],
    ['status', 'x'],
    ['status', '--x'],
    ['history', '--limit', 'all'],
  ]
  const ended = await Promise.all(wrong.map(args => appliance.command(...args)))
  expect(ended.map(({ code }) => code)).toEqual(wrong.map(() => 2))
  expect(ended[1]?.error).toContain('use: ')
  expect(ended[2]?.error).toContain('approve: say which ID to approve: status, the push and approvals name it')
  for (const { out, error } of ended) expect(out === '' && error !== '').toBe(true)
})

test('every verb explains itself, and a window that is not there is named with those that are', async () => {
  const help = await appliance.command('suspend', '--help')
  expect([help.code, help.error]).toEqual([0, ''])
  expect(help.out).toContain('suspend KIND/KEY --for D --reason R')
  const nobody = await appliance.command('attach', 'nobody')
  expect(nobody.code).toBe(1)
  expect(nobody.error).toContain('there is no window nobody (there are supervisor, ')
})

describe('a push that takes away too much', () => {
  test('by an empty domains.yaml is accepted and held: nothing is removed until it is approved, once', async () => {
    const { accepted, remote, revision } = await clone.deliver(sites())
    expect(accepted).toBe(true)
    expect(remote).toContain('HELD: it removes the last 4 of kind site.')
    const id = idOf(remote)
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(statusOf))).toEqual([200, 200, 200, 200])
    expect(await appliance.resource('site', 'a.example.com')).toMatchObject({ state: 'held', reason: 'blast-cap' })
    const waited = await appliance.command('wait', '--revision', revision)
    expect(waited.code).toBe(1)
    expect(waited.out).toContain(`approve ${id}`)
    expect((await appliance.command('approve', '000000000000')).code).toBe(1)
    expect(remote.filter(line => line.includes(id))).toEqual([
      expect.stringMatching(new RegExp(`^ {2}held: it removes the last 4 of kind site; approve with: .+ approve ${id}$`)),
    ])
    const approved = await appliance.command('approve', id)
    expect([approved.code, approved.out]).toEqual([0, expect.stringContaining('  - site d.example.com')])
    expect(await appliance.converged(revision)).toMatchObject({ revision })
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(statusOf))).toEqual([404, 404, 404, 404])
    const again = await appliance.command('approve', id)
    expect(again.code).toBe(1)
    expect(again.error).toContain(`nothing is held under ${id} any more: operator`)
  })

  test('needs its approval again the next time, and a newer commit that takes nothing away ends the hold', async () => {
    expect((await clone.deliver(sites('a', 'b', 'c', 'd'))).remote.at(-1)).toMatch(/^converged to .+: 4 created$/)
    const most = await clone.deliver(sites('a'))
    expect(most.remote).toContain('HELD: it removes 3 of 4 of kind site, more than 30 %.')
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(statusOf))).toEqual([200, 200, 200, 200])
    const back = await clone.deliver(sites('a', 'b', 'c', 'd', 'e'))
    expect(back.remote.at(-1)).toMatch(/^converged to .+: 1 created$/)
    const late = await appliance.command('approve', idOf(most.remote))
    expect([late.code, late.error]).toEqual([1, expect.stringContaining(`main has moved to ${back.revision.slice(0, 8)}`)])
  })

  test('is not applied by another branch, whose plan shows the hold', async () => {
    await clone.ask('checkout', '-q', '-b', 'drop')
    await clone.write(sites())
    await clone.commit()
    const { remote } = await clone.push('origin', 'drop')
    expect(remote).toContain('HELD: it removes the last 5 of kind site.')
    expect(remote.join('\n')).not.toMatch(/approve [0-9a-f]/)
    expect(await appliance.status()).toMatchObject({ converged: true })
    await clone.ask('checkout', '-q', '-')
  })

  test('one site of many may go without asking, and its files are archived', async () => {
    await Bun.write(`${appliance.home.www}/e/index.html`, 'the only copy')
    const { remote } = await clone.deliver(sites('a', 'b', 'c', 'd'))
    expect(remote.at(-1)).toMatch(/^converged to .+: 1 removed$/)
    const archived = (await readdir(appliance.home.archive)).find(name => name.startsWith('e-'))
    expect(await Bun.file(`${appliance.home.archive}/${archived}/index.html`).text()).toBe('the only copy')
  })
})

test('a domain is added, listed and taken away without an editor', async () => {
  const added = await appliance.command('domain', 'add', 'shop.example.com', '--root', 'shop', '--alias', 'www.shop.example.com')
  expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^committed as [0-9a-f]{8}\n/) })
  expect(await statusOf('shop')).toBe(200)
  const twice = await appliance.command('domain', 'add', 'shop.example.com', '--root', 'shop')
  expect([twice.code, twice.error]).toEqual([1, expect.stringContaining('shop.example.com is declared already')])
  const listed = await appliance.command('domain', 'list')
  expect(listed.out).toMatch(/^shop\.example\.com \+1 +ready +www\/shop +none +elsewhere +\d+$/m)
  const wrong = await appliance.command('domain', 'add', 'x.example.com', '--root', '../etc')
  expect([wrong.code, wrong.error]).toEqual([1, expect.stringContaining('root must be the name of one folder below www/')])
  expect(await appliance.command('domain', 'remove', 'shop.example.com')).toMatchObject({ code: 0 })
  expect(await statusOf('shop')).toBe(404)
  const before = (await appliance.status()).desired
  const mistyped = await appliance.command('domain', 'remove', 'shop.example.com')
  expect([mistyped.code, mistyped.error]).toEqual([1, expect.stringContaining('shop.example.com is not declared')])
  expect((await appliance.status()).desired).toBe(before)
  await clone.ask('pull', '-q')
})

test('a suspended resource is left as it is, with reason, owner and end, until it is resumed', async () => {
  const said = await appliance.command('suspend', 'site/a.example.com', '--for', '1h', '--reason', 'we repair it by hand')
  expect(said.code).toBe(0)
  const moved = {
    'domains.yaml': sites('a', 'b', 'c', 'd')['domains.yaml'].replace('{ root: a }', '{ root: a, cache_seconds: 1 }'),
  }
  const { revision, remote } = await clone.deliver(moved)
  expect(remote.at(-1)).toMatch(/^converged to /)
  expect(await appliance.resource('site', 'a.example.com')).toMatchObject({
    state: 'suspended',
    message: expect.stringMatching(/^we repair it by hand \(by operator, until /),
  })
  expect(await appliance.runs('site', 'a.example.com')).not.toContainEqual(expect.objectContaining({ operation: 'update' }))
  expect((await appliance.command('resume', 'site/a.example.com')).code).toBe(0)
  await appliance.converged(revision)
  expect((await appliance.runs('site', 'a.example.com'))[0]).toMatchObject({
    operation: 'update',
    trigger: 'resume',
    outcome: 'verified',
  })
  expect((await appliance.command('resume', 'site/a.example.com')).code).toBe(1)
  expect((await appliance.command('suspend', 'site/nowhere.example.com', '--for', '1h', '--reason', 'x')).code).toBe(1)
})

test('a plan tells what a commit would do now and changes nothing', async () => {
  const before = await appliance.status()
  const { code, out } = await appliance.command('plan', 'drop')
  expect(code).toBe(0)
  expect(out).toContain('- site  a.example.com')
  expect((await appliance.command('plan')).out).toContain('nothing to change')
  expect(await appliance.status()).toEqual(before)
})

test('without an appliance every verb says where it looked and what to do', async () => {
  await using nobody = await createAppliance({ bare: true })
  for (const verb of [['status'], ['plan'], ['wait'], ['history'], ['approve', 'x'], ['resume', 'site/x'], ['rollback', 'x']]) {
    const { code, out, error } = await nobody.command(...verb)
    expect({ verb, code, out }).toEqual({ verb, code: 1, out: '' })
    expect(error).toContain(`no appliance answers on ${nobody.home.apiSocket}`)
    expect(error).toContain('start it with')
  }
})

const idOf = (lines: readonly string[]) => lines.join('\n').match(/approve ([0-9a-f]{12})/)?.[1] ?? 'no id'
