import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import type { Clock } from '../../../runtime/os/clock.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { startTestStore, type TestStore } from '../../../runtime/store/testing/postgres.ts'
import { house } from '../testing/house.ts'
import { startBetterAuth } from './better-auth.ts'
import { createFirstAdmin, type FirstAdmin, normalizeCode } from './first-admin.ts'
import { createSessions, type Sessions, signedToken } from './sessions.ts'

const secret = 'a secret of at least thirty-two characters'
const password = 'correct horse battery'
const admin = { name: 'Ada Lovelace', email: 'Ada@example.com', password }

let database: TestStore
let now = new Date('2026-11-22T12:00:00Z')
let timeout = 60
const clock: Clock = { now: () => now, sleep: async () => {} }
let firstAdmin: FirstAdmin
let sessions: Sessions

beforeAll(async () => {
  database = await startTestStore()
})

afterAll(() => database[Symbol.asyncDispose]())

beforeEach(async () => {
  now = new Date()
  timeout = 60
  await database.store`TRUNCATE portal_user, portal_first_admin CASCADE`
  firstAdmin = createFirstAdmin(database.store, clock)
  sessions = createSessions({ store: database.store, secret, timeoutMinutes: () => timeout, clock, log: silentLog })
})

const portal = () => house({ firstAdmin, sessions, clock })

const cookieOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map(cookie => cookie.split(';')[0])
    .join('; ')

const withCookie = (cookie: string) => new Request('http://localhost/', { headers: { cookie } })

async function signedIn(): Promise<string> {
  const code = (await firstAdmin.code()) ?? ''
  return cookieOf(await portal().post('/first-admin', { ...admin, code }))
}

test('the code makes an administrator, who is signed in at once', async () => {
  const code = (await firstAdmin.code()) ?? ''
  const typed = code.toLowerCase().replaceAll('-', ' ')
  const response = await portal().post('/first-admin', { ...admin, code: typed })
  expect([response.status, response.headers.get('location')]).toEqual([303, '/'])
  const identity = await sessions.identify(withCookie(cookieOf(response)))
  expect(identity).toMatchObject({ kind: 'person', name: 'Ada Lovelace', email: 'ada@example.com' })
})

test('after the first administrator there is no code, and the old one opens nothing', async () => {
  const code = (await firstAdmin.code()) ?? ''
  expect(await firstAdmin.redeem({ ...admin, code })).toEqual({ outcome: 'created' })
  expect(await firstAdmin.code()).toBeUndefined()
  expect(await firstAdmin.redeem({ ...admin, email: 'eve@example.com', code })).toEqual({ outcome: 'closed' })
  const page = await portal().get('/first-admin')
  expect([page.status, page.headers.get('location')]).toEqual([303, '/sign-in'])
})

test('of two who use the code at once, one wins', async () => {
  const code = (await firstAdmin.code()) ?? ''
  const both = await Promise.all([
    firstAdmin.redeem({ ...admin, code }),
    firstAdmin.redeem({ ...admin, email: 'eve@example.com', code }),
  ])
  expect(both.map(each => each.outcome).sort()).toEqual(['closed', 'created'])
  expect(await database.store`SELECT 1 FROM portal_user`).toHaveLength(1)
})

test('each start makes a new code, and only the newest works', async () => {
  const old = (await firstAdmin.code()) ?? ''
  const code = (await firstAdmin.code()) ?? ''
  expect(await firstAdmin.redeem({ ...admin, code: old })).toEqual({ outcome: 'wrong', triesLeft: 9 })
  expect(await firstAdmin.redeem({ ...admin, code })).toEqual({ outcome: 'created' })
})

test('ten wrong codes lock the door for ten minutes, for the right one too', async () => {
  const code = (await firstAdmin.code()) ?? ''
  for (let tries = 0; tries < 10; tries++) await firstAdmin.redeem({ ...admin, code: 'WRONG' })
  now = new Date(now.getTime() + 4 * 60_000)
  expect(await firstAdmin.redeem({ ...admin, code })).toEqual({ outcome: 'locked', minutes: 6 })
  now = new Date(now.getTime() + 6 * 60_000)
  expect(await firstAdmin.redeem({ ...admin, code })).toEqual({ outcome: 'created' })
})

test('a start unlocks the door with its new code, as the page of the locked one says', async () => {
  await firstAdmin.code()
  for (let tries = 0; tries < 10; tries++) await firstAdmin.redeem({ ...admin, code: 'WRONG' })
  const code = (await firstAdmin.code()) ?? ''
  expect(await firstAdmin.redeem({ ...admin, code: 'WRONG' })).toEqual({ outcome: 'wrong', triesLeft: 9 })
  expect(await firstAdmin.redeem({ ...admin, code })).toEqual({ outcome: 'created' })
})

test('code and password are stored as hashes only', async () => {
  const code = (await firstAdmin.code()) ?? ''
  const [row] = await database.store`SELECT code_hash FROM portal_first_admin`
  expect(row?.code_hash).not.toContain(normalizeCode(code))
  await firstAdmin.redeem({ ...admin, code })
  const [account] = await database.store`SELECT password FROM portal_account`
  expect(account?.password).toStartWith('$argon2id$')
})

test('a wrong form names every mistake at its field and keeps what was typed', async () => {
  const response = await portal().post('/first-admin', { code: '', name: 'A<b>', email: 'nobody', password: 'short' })
  const html = await response.text()
  expect(response.status).toBe(422)
  expect(html).toContain('Write the code that the terminal shows.')
  expect(html).toContain('Leave out &lt; and &gt;')
  expect(html).toContain('Write an e-mail address')
  expect(html).toContain('Use at least 12 characters.')
  expect(html).toContain('value="nobody"')
  expect(html).not.toContain('short"')
})

test('signing in works with the right password only, and says the same for an unknown person', async () => {
  await signedIn()
  const right = await portal().post('/sign-in', { email: 'ada@example.com', password, next: '/domains?x=1' })
  expect([right.status, right.headers.get('location')]).toEqual([303, '/domains?x=1'])
  const wrong = await portal().post('/sign-in', { email: 'ada@example.com', password: 'not the right one' })
  const unknown = await portal().post('/sign-in', { email: 'eve@example.com', password })
  expect([wrong.status, unknown.status]).toEqual([401, 401])
  expect((await wrong.text()).replaceAll('ada@', 'eve@')).toBe(await unknown.text())
})

test('signing in never leads to another site', async () => {
  await signedIn()
  for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
    const response = await portal().post('/sign-in', { email: admin.email, password, next })
    expect(response.headers.get('location')).toBe('/')
  }
})

test('the cookie is for HTTP only, same site, and secure by the portal’s own name', async () => {
  await signedIn()
  const local = await portal().post('/sign-in', { email: admin.email, password })
  expect(local.headers.getSetCookie().join()).toMatch(/HttpOnly; SameSite=Lax$/)
  const request = new Request('http://portal.example.com/sign-in')
  const byName = await sessions.signIn(admin.email, password, request)
  expect(byName.outcome === 'signed-in' && byName.cookies.join()).toMatch(/; Secure$/)
})

test('better-auth agrees about who holds the cookie', async () => {
  const cookie = await signedIn()
  const cookiePrefix = cookie.split('.session_token')[0] ?? ''
  const auth = await startBetterAuth({ store: database.store, secret, cookiePrefix, log: silentLog })
  const theirs = await auth.api.getSession({ headers: new Headers({ cookie }) })
  const ours = await sessions.identify(withCookie(cookie))
  expect(ours).toMatchObject({ kind: 'person', id: theirs?.user.id ?? '', sessionToken: theirs?.session.token ?? '' })
})

test('a cookie that is not signed by us is nobody, without asking Postgres', async () => {
  const cookie = await signedIn()
  const [name = '', value = ''] = cookie.split('=')
  const forged = `${name}=${value.slice(0, -6)}AAAAAA`
  expect(signedToken(forged, name, secret)).toBeUndefined()
  expect(await sessions.identify(withCookie(forged))).toEqual({ kind: 'anonymous' })
  expect(await sessions.identify(withCookie(`${name}=%E0%A4%A`))).toEqual({ kind: 'anonymous' })
})

test('signing out ends the session at once, also for a copy of the cookie', async () => {
  const cookie = await signedIn()
  const response = await portal().post('/sign-out', {}, { cookie })
  expect(response.headers.getSetCookie().join()).toContain('Max-Age=0')
  expect(await sessions.identify(withCookie(cookie))).toEqual({ kind: 'anonymous' })
})

test('an idle session ends after the time that the settings say, and a used one does not', async () => {
  const cookie = await signedIn()
  for (const minutes of [50, 50, 50]) {
    now = new Date(now.getTime() + minutes * 60_000)
    expect((await sessions.identify(withCookie(cookie))).kind).toBe('person')
  }
  timeout = 30
  now = new Date(now.getTime() + 31 * 60_000)
  expect((await sessions.identify(withCookie(cookie))).kind).toBe('anonymous')
})

test('sessions that are over leave nothing behind', async () => {
  await signedIn()
  await database.store`UPDATE portal_session SET "expiresAt" = ${new Date(now.getTime() - 86_400_000)}`
  await portal().post('/sign-in', { email: admin.email, password })
  const rows = await database.store<{ at: Date }[]>`SELECT "expiresAt" AS at FROM portal_session`
  expect(rows.map(row => row.at > now)).toEqual([true])
})

test('looking whether a session holds does not prolong it', async () => {
  const cookie = await signedIn()
  const identity = await sessions.identify(withCookie(cookie))
  const token = identity.kind === 'person' ? identity.sessionToken : ''
  now = new Date(now.getTime() + 40 * 60_000)
  expect(await sessions.alive(token)).toBe(true)
  now = new Date(now.getTime() + 40 * 60_000)
  expect(await sessions.alive(token)).toBe(false)
})

test('a changed password ends the other sessions and keeps this one', async () => {
  const other = await signedIn()
  const cookie = cookieOf(await portal().post('/sign-in', { email: admin.email, password }))
  const next = 'a wholly new password'
  const wrong = await portal().post('/account', { current: 'not the right one', next }, { cookie })
  expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('This is not your password.')])
  const response = await portal().post('/account', { current: password, next }, { cookie })
  expect(response.status).toBe(303)
  expect((await sessions.identify(withCookie(other))).kind).toBe('anonymous')
  expect((await sessions.identify(withCookie(cookieOf(response)))).kind).toBe('person')
})

test('nothing of better-auth’s own HTTP interface can be reached', async () => {
  for (const path of ['/api/auth/sign-up/email', '/api/auth/sign-in/email', '/api/auth/get-session']) {
    expect((await portal().post(path, { email: 'eve@example.com', password, name: 'Eve' })).status).toBe(404)
  }
})

test('whoever is not signed in is sent to sign in, and comes back to the page that was asked for', async () => {
  await signedIn()
  const response = await portal().get('/account?done=password')
  expect([response.status, response.headers.get('location')]).toEqual([303, '/sign-in?next=%2Faccount%3Fdone%3Dpassword'])
})
