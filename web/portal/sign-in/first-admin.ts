import { createHash, randomInt, timingSafeEqual } from 'node:crypto'
import type postgres from 'postgres'
import { type Clock, systemClock } from '../../../runtime/os/clock.ts'
import type { Store } from '../../../runtime/store/store.ts'
import { hashPassword } from './password.ts'

export interface NewAdmin {
  readonly code: string
  readonly name: string
  readonly email: string
  readonly password: string
}

export type Redeemed =
  | { readonly outcome: 'created' }
  /** There is an administrator already. */
  | { readonly outcome: 'closed' }
  | { readonly outcome: 'wrong'; readonly triesLeft: number }
  | { readonly outcome: 'locked'; readonly minutes: number }

/** How the first person gets in: by a code that only the one who started the appliance has seen. */
export interface FirstAdmin {
  /** A new code, which replaces any older one; undefined once there is an administrator. Shown once, stored as a hash. */
  code(): Promise<string | undefined>
  /** Whether nobody can sign in yet. */
  open(): Promise<boolean>
  /** Uses the code up and makes the administrator, in one transaction: of two at once, one wins. */
  redeem(admin: NewAdmin): Promise<Redeemed>
}

const triesAllowed = 10
const lockMinutes = 10
// Crockford's alphabet: no I, L, O, U, so that a code survives being read aloud.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export function createFirstAdmin(store: Store, clock: Clock = systemClock): FirstAdmin {
  const someone = async (sql: postgres.ISql) => (await sql`SELECT 1 FROM portal_user LIMIT 1`).length > 0

  return {
    async code() {
      if (await someone(store)) return undefined
      const code = newCode()
      await store`
        INSERT INTO portal_first_admin (code_hash, tries_since) VALUES (${hashCode(code)}, ${clock.now()})
        ON CONFLICT (only_one) DO UPDATE
        SET code_hash = excluded.code_hash, wrong_tries = 0, tries_since = excluded.tries_since`
      return code
    },
    open: async () => !(await someone(store)),
    redeem: admin =>
      store.begin(async transaction => {
        const [row] = await transaction<Row[]>`SELECT code_hash, wrong_tries, tries_since FROM portal_first_admin FOR UPDATE`
        if (row === undefined || (await someone(transaction))) return { outcome: 'closed' } as const
        const tries = triesOf(row, clock.now())
        if (tries.left === 0) return { outcome: 'locked', minutes: tries.minutes } as const
        if (!sameHash(row.code_hash, hashCode(admin.code))) {
          await transaction`UPDATE portal_first_admin SET wrong_tries = ${tries.made + 1}, tries_since = ${tries.since}`
          return { outcome: 'wrong', triesLeft: tries.left - 1 } as const
        }
        await insertAdmin(transaction, admin, clock.now())
        await transaction`DELETE FROM portal_first_admin`
        return { outcome: 'created' } as const
      }),
  }
}

interface Row {
  readonly code_hash: string
  readonly wrong_tries: number
  readonly tries_since: Date
}

function triesOf(row: Row, now: Date) {
  const age = now.getTime() - row.tries_since.getTime()
  if (age >= lockMinutes * 60_000) return { made: 0, left: triesAllowed, since: now, minutes: 0 }
  const minutes = Math.max(1, Math.ceil((lockMinutes * 60_000 - age) / 60_000))
  return { made: row.wrong_tries, left: Math.max(0, triesAllowed - row.wrong_tries), since: row.tries_since, minutes }
}

async function insertAdmin(transaction: postgres.ISql, admin: NewAdmin, now: Date): Promise<void> {
  const user = crypto.randomUUID()
  const password = await hashPassword(admin.password)
  await transaction`
    INSERT INTO portal_user ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
    VALUES (${user}, ${admin.name}, ${admin.email.toLowerCase()}, true, ${now}, ${now})`
  await transaction`
    INSERT INTO portal_account ("id", "userId", "accountId", "providerId", "password", "createdAt", "updatedAt")
    VALUES (${crypto.randomUUID()}, ${user}, ${user}, 'credential', ${password}, ${now}, ${now})`
}

function newCode(): string {
  const group = () => Array.from({ length: 4 }, () => alphabet[randomInt(alphabet.length)]).join('')
  return [group(), group(), group(), group()].join('-')
}

/** What people type for the code: any case, with or without dashes, O for 0, I and L for 1. */
export function normalizeCode(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
}

const hashCode = (code: string) => createHash('sha256').update(normalizeCode(code)).digest('hex')

const sameHash = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
