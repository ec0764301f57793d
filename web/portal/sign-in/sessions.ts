import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type Clock, systemClock } from '../../../runtime/os/clock.ts'
import type { Log } from '../../../runtime/os/log.ts'
import type { Store } from '../../../runtime/store/store.ts'
import type { Identity } from '../../door/route.ts'
import { type BetterAuth, startBetterAuth } from './better-auth.ts'

export interface SessionsOptions {
  readonly store: Store
  /** Of {@link portalSecret}. */
  readonly secret: string
  /** `settings.session_timeout_minutes`, asked on each request: a changed setting holds for open sessions too. */
  readonly timeoutMinutes: () => number
  readonly clock?: Clock
  readonly log: Log
}

export type SignedIn = { readonly outcome: 'signed-in'; readonly cookies: readonly string[] } | { readonly outcome: 'refused' }

export type PasswordChanged =
  | { readonly outcome: 'changed'; readonly cookies: readonly string[] }
  | { readonly outcome: 'wrong-password' }

/** Sessions of people, in Postgres and nowhere else: what is revoked there is over with the next look. */
export interface Sessions {
  /** Who sent this request, by its cookie. One prepared query; none without a cookie that we signed. */
  identify(request: Request): Promise<Identity>
  /** Whether the session still holds, without prolonging it. */
  alive(token: string): Promise<boolean>
  signIn(email: string, password: string, request: Request): Promise<SignedIn>
  /** Ends the session and gives the cookies that clear it. */
  signOut(request: Request): Promise<readonly string[]>
  /** Ends every other session of the person. */
  changePassword(current: string, next: string, request: Request): Promise<PasswordChanged>
  /** Called at once when sessions end in this process; streams look up whether theirs is among them. */
  onEnded(listener: () => void): () => void
}

export function createSessions(options: SessionsOptions): Sessions {
  const { store, secret, timeoutMinutes, clock = systemClock } = options
  const cookiePrefix = `ai-infra-${createHash('sha256').update(`cookie name ${secret}`).digest('hex').slice(0, 8)}`
  const cookieName = `${cookiePrefix}.session_token`
  const listeners = new Set<() => void>()
  let starting: Promise<BetterAuth> | undefined
  const auth = async () => {
    starting ??= startBetterAuth({ ...options, cookiePrefix })
    return starting.catch(error => {
      starting = undefined
      throw error
    })
  }
  const ended = () => {
    for (const listener of listeners) listener()
  }
  const find = (token: string, now: Date) => store<SessionRow[]>`
    SELECT s."id" AS session, s."updatedAt" AS seen, u."id", u."name", u."email"
    FROM portal_session s JOIN portal_user u ON u."id" = s."userId"
    WHERE s."token" = ${token} AND s."expiresAt" > ${now} AND s."updatedAt" > ${oldest(now, timeoutMinutes())}`

  return {
    async identify(request) {
      const token = signedToken(request.headers.get('cookie'), cookieName, secret)
      if (token === undefined) return { kind: 'anonymous' }
      const now = clock.now()
      const [row] = await find(token, now)
      if (row === undefined) return { kind: 'anonymous' }
      // Writing on each request would cost more than the request: a tenth of the timeout is exact enough.
      if (now.getTime() - row.seen.getTime() > timeoutMinutes() * 6_000) {
        await store`UPDATE portal_session SET "updatedAt" = ${now} WHERE "id" = ${row.session}`
      }
      return { kind: 'person', id: row.id, name: row.name, email: row.email, sessionToken: token }
    },
    alive: async token => (await find(token, clock.now())).length > 0,
    async signIn(email, password, request) {
      const { api } = await auth()
      const headers = new Headers({ 'user-agent': request.headers.get('user-agent') ?? '' })
      const answer = await refusable(api.signInEmail({ body: { email, password }, headers, returnHeaders: true }))
      if (answer === undefined) return { outcome: 'refused' }
      // Nobody looks an ended session up any more, so nobody else removes it.
      await store`DELETE FROM portal_session WHERE "expiresAt" < ${clock.now()}`
      return { outcome: 'signed-in', cookies: cookiesFor(request, answer.headers) }
    },
    async signOut(request) {
      const { api } = await auth()
      const { headers } = await api.signOut({ headers: request.headers, returnHeaders: true })
      ended()
      return cookiesFor(request, headers)
    },
    async changePassword(currentPassword, newPassword, request) {
      const { api } = await auth()
      const body = { currentPassword, newPassword, revokeOtherSessions: true }
      const answer = await refusable(api.changePassword({ body, headers: request.headers, returnHeaders: true }))
      if (answer === undefined) return { outcome: 'wrong-password' }
      ended()
      return { outcome: 'changed', cookies: cookiesFor(request, answer.headers) }
    },
    onEnded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

interface SessionRow {
  readonly session: string
  readonly seen: Date
  readonly id: string
  readonly name: string
  readonly email: string
}

const oldest = (now: Date, minutes: number) => new Date(now.getTime() - minutes * 60_000)

/** The answer of better-auth, or undefined where it says that the person gave something wrong. */
async function refusable<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && (error.statusCode === 400 || error.statusCode === 401))
      return undefined
    throw error
  }
}

const loopback = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** The portal is reached by its domain over TLS only (nginx ends it), and by a loopback name through a tunnel, without. */
function cookiesFor(request: Request, headers: Headers): readonly string[] {
  const secure = !loopback.has(new URL(request.url).hostname)
  return headers.getSetCookie().map(cookie => (secure ? `${cookie}; Secure` : cookie))
}

/** The token of a cookie in better-auth's form, `token.signature`, when the signature (HMAC-SHA-256, base64) is ours. */
export function signedToken(header: string | null, name: string, secret: string): string | undefined {
  const value = cookieValue(header, name)
  const dot = value?.lastIndexOf('.') ?? -1
  if (value === undefined || dot < 1) return undefined
  const token = value.slice(0, dot)
  const given = Buffer.from(value.slice(dot + 1), 'base64')
  const right = createHmac('sha256', secret).update(token).digest()
  return given.length === right.length && timingSafeEqual(given, right) ? token : undefined
}

export function cookieValue(header: string | null, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const equals = part.indexOf('=')
    if (part.slice(0, equals).trim() !== name) continue
    try {
      return decodeURIComponent(part.slice(equals + 1).trim())
    } catch {
      return undefined
    }
  }
  return undefined
}
