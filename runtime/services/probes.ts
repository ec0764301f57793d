import { Redis } from 'ioredis'
import postgres from 'postgres'
import type { StoreAddress } from '../store/store.ts'

/** Where Redis is: `REDIS_URL` when set, else our own over its Unix socket. */
export type RedisAddress = ({ readonly url: string } | { readonly socket: string; readonly password?: string }) & {
  /** Of every name of ours there; empty where the server is ours alone. */
  readonly prefix?: string
}

/** How a client of Redis behaves; the names are those of ioredis. */
export interface RedisBehaviour {
  readonly lazyConnect?: boolean
  readonly connectTimeout?: number
  readonly commandTimeout?: number
  readonly maxRetriesPerRequest?: number
  readonly enableOfflineQueue?: boolean
  readonly retryStrategy?: (times: number) => number | null
}

/** A client that may do everything there. */
export function openRedis(address: RedisAddress, options: RedisBehaviour): Redis {
  if ('url' in address) return new Redis(address.url, options)
  const { socket, password } = address
  return new Redis({ ...options, path: socket, ...(password === undefined ? {} : { password }) })
}

/** Whether a query is answered. Never throws. */
export async function postgresAnswers(address: StoreAddress, signal: AbortSignal): Promise<boolean> {
  const options = { max: 1, connect_timeout: 5, onnotice: () => {} }
  const sql =
    'url' in address
      ? postgres(address.url, options)
      : postgres({ ...options, host: address.socketFolder, port: 5432, database: address.database, username: 'ai_infra' })
  const answer = sql`SELECT 1 AS one`.then(
    rows => rows[0]?.one === 1,
    () => false,
  )
  const answered = await Promise.race([answer, aborted(signal)])
  await sql.end({ timeout: 0 }).catch(() => {})
  return answered
}

/** Whether PING is answered. Never throws. */
export async function redisAnswers(address: RedisAddress, signal: AbortSignal): Promise<boolean> {
  const options = { lazyConnect: true, connectTimeout: 5_000, maxRetriesPerRequest: 0, retryStrategy: () => null }
  const client = openRedis(address, options)
  client.on('error', () => {})
  const answer = client.ping().then(
    word => word === 'PONG',
    () => false,
  )
  const answered = await Promise.race([answer, aborted(signal)])
  client.disconnect()
  return answered
}

function aborted(signal: AbortSignal): Promise<false> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(false), { once: true }))
}
