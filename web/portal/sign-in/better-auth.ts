import type { Log } from '../../../runtime/os/log.ts'
import type { Store } from '../../../runtime/store/store.ts'
import { hashPassword, verifyPassword } from './password.ts'

export interface AuthOptions {
  readonly store: Store
  readonly secret: string
  readonly cookiePrefix: string
  readonly log: Log
}

/** However busy a session is, its person signs in again after this. */
export const longestSessionDays = 30
export const shortestPassword = 12
export const longestPassword = 128

/**
 * better-auth on our Postgres. It comes in with the first sign-in, not at the start: it weighs 40 MB, and looking up a
 * session does not need it. Only its functions are called; none of its own HTTP routes is mounted anywhere.
 */
export async function startBetterAuth({ store, secret, cookiePrefix, log }: AuthOptions) {
  const [{ betterAuth }, { Kysely }, { PostgresJSDialect }] = await Promise.all([
    import('better-auth'),
    import('kysely'),
    import('kysely-postgres-js'),
  ])
  const db = new Kysely({ dialect: new PostgresJSDialect({ postgres: store }) })
  return betterAuth({
    // Only used to build links in mails, which are not sent; which hosts may call is checked by the door.
    baseURL: 'http://127.0.0.1',
    secret,
    database: { db, type: 'postgres', transaction: true },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: shortestPassword,
      maxPasswordLength: longestPassword,
      password: { hash: hashPassword, verify: verifyPassword },
    },
    user: { modelName: 'portal_user' },
    session: {
      modelName: 'portal_session',
      expiresIn: longestSessionDays * 24 * 3600,
      disableSessionRefresh: true,
      cookieCache: { enabled: false },
    },
    account: { modelName: 'portal_account' },
    verification: { modelName: 'portal_verification' },
    rateLimit: { enabled: false },
    advanced: { cookiePrefix, useSecureCookies: false, database: { validateSchema: false } },
    telemetry: { enabled: false },
    logger: { level: 'warn', log: (level, message) => log.debug(message, { component: 'better-auth', level }) },
  })
}

export type BetterAuth = Awaited<ReturnType<typeof startBetterAuth>>
