import { z } from 'zod'
import type { CloudflareProvider } from '../../../desired-state/state.ts'
import { routeGraphql } from './cloudflare-graphql.ts'
import { createRecordBook, newId, type RecordBook, Refused } from './cloudflare-records.ts'
import { createSettingsBook, type PoolBook, routePools, routeSettings, type SettingsBook } from './cloudflare-settings.ts'
import { batchAnswer, batchBody, recordAnswer, type ZoneAnswer, zoneAnswer, zoneBody } from './cloudflare-shapes.ts'

/** How the next request that matches goes wrong. */
export interface Fault {
  /** `POST /zones/*`: method and the beginning of the path. */
  readonly on: RegExp
  readonly how:
    | { readonly status: number; readonly retryAfter?: number; readonly after?: boolean }
    /** Never answers: before it does what it is asked for, or after. */
    | { readonly isSilent: 'before' | 'after' }
    /** Ends in the middle of the answer. */
    | { readonly breaksOff: true }
    /** Leaves the last record of a list out, and counts it. */
    | { readonly leavesOut: true }
    /** Cloudflare's refusal of what a plan does not include. */
    | { readonly notInPlan: string }
  /** Requests that it holds for; default 1. */
  readonly times?: number
}

export interface CloudflareZone {
  readonly zone: ZoneAnswer
  readonly records: RecordBook
  readonly settings: SettingsBook
}

/** Cloudflare's API as its documentation and its official client describe it, on 127.0.0.1, with a state of its own. */
export interface CloudflareServer extends AsyncDisposable {
  readonly url: string
  readonly token: string
  readonly apiKey: string
  readonly email: string
  readonly accountId: string
  /** As dns.yaml declares it; `token` names CLOUDFLARE_TOKEN. */
  readonly declared: CloudflareProvider
  /** `GET /zones`, in order. */
  readonly calls: string[]
  readonly pools: PoolBook
  zone(name: string): CloudflareZone
  addZone(name: string, status?: ZoneAnswer['status']): CloudflareZone
  /** Of zones that are made; `pending` until the registrar has named its servers. */
  statusOfNew: ZoneAnswer['status']
  fail(fault: Fault): void
}

interface Call {
  readonly method: string
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly body: unknown
}

/** A request or an answer that the client's own types do not know ends the test when the server ends. */
export function startCloudflare(zones: readonly string[] = []): CloudflareServer {
  const [token, apiKey, accountId] = [newId(), newId(), newId()]
  const email = 'operator@example.com'
  const state = new Map<string, CloudflareZone>()
  const calls: string[] = []
  const disagreements: string[] = []
  const pools: PoolBook = new Map()
  const faults: { fault: Fault; left: number }[] = []
  const now = () => new Date().toISOString()

  const addZone = (name: string, status: ZoneAnswer['status'] = 'active'): CloudflareZone => {
    const zone: ZoneAnswer = {
      ...{ id: newId(), name, status, type: 'full', activated_on: status === 'active' ? now() : null, created_on: now() },
      ...{ modified_on: now(), development_mode: 0, account: { id: accountId, name: 'Test' }, meta: {}, owner: {} },
      ...{ name_servers: ['ada.ns.cloudflare.com', 'bob.ns.cloudflare.com'], original_dnshost: null, original_registrar: null },
      ...{ original_name_servers: null, plan: { id: newId(), name: 'Free Website', legacy_id: 'free' }, paused: false },
    }
    const entry = { zone, records: createRecordBook(name, now), settings: createSettingsBook() }
    state.set(zone.id, entry)
    return entry
  }
  for (const name of zones) addZone(name)

  const agree = <T>(what: string, schema: z.ZodType<T>, value: unknown): T => {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    disagreements.push(`${what}: ${z.prettifyError(parsed.error)}`)
    throw new Refused(400, 1004, `not as the official client knows it: ${z.prettifyError(parsed.error)}`)
  }

  const page = <T>(call: Call, answer: z.ZodType<T>, all: readonly T[], usual: number, most: number) => {
    const at = Number(call.query.get('page') ?? 1)
    const per = Number(call.query.get('per_page') ?? usual)
    if (!(at >= 1) || !(per >= 1) || per > most) throw new Refused(400, 9103, 'Invalid page or per_page.')
    const result = agree('answer', z.array(answer), all.slice((at - 1) * per, at * per))
    const counts = { count: result.length, total_count: all.length, total_pages: Math.ceil(all.length / per) }
    return { result, result_info: { page: at, per_page: per, ...counts } }
  }

  const zoneAt = (id: string): CloudflareZone => {
    const entry = state.get(id)
    if (entry === undefined)
      throw new Refused(404, 7003, `Could not route to /zones/${id}, perhaps your object identifier is invalid?`)
    return entry
  }

  const route = (call: Call) => {
    const { method, path } = call
    const [root, zoneId = '', part, more] = path
    if (root === 'accounts' && zoneId === accountId && part === 'load_balancers' && more === 'pools') {
      const books = [...state.values()].map(({ settings }) => settings)
      return routePools(pools, books, { ...call, path: path.slice(4) }, agree)
    }
    if (root === 'graphql' && method === 'POST') return { result: undefined, ...routeGraphql(call.body, state, agree) }
    if (root !== 'zones') throw new Refused(404, 7000, 'No route for that URI')
    if (path.length === 1) {
      if (method === 'GET') {
        const [name, account] = [call.query.get('name'), call.query.get('account.id') ?? call.query.get('account[id]')]
        const found = [...state.values()].map(({ zone }) => zone)
        const matching = found.filter(
          zone => (name === null || zone.name === name) && (account === null || zone.account.id === account),
        )
        return page(call, zoneAnswer, matching, 20, 50)
      }
      const body = agree('POST /zones', zoneBody, call.body)
      if (body.account.id !== accountId) throw new Refused(403, 1068, 'Permission denied')
      if ([...state.values()].some(({ zone }) => zone.name === body.name))
        throw new Refused(400, 1061, `${body.name} already exists`)
      return { result: agree('answer', zoneAnswer, addZone(body.name, cloudflare.statusOfNew).zone) }
    }
    const { records, settings } = zoneAt(zoneId)
    if (part === 'dns_records' && more === undefined && method === 'GET') {
      const [type, exact] = [call.query.get('type'), call.query.get('name.exact') ?? call.query.get('name[exact]')]
      const asked = records
        .list()
        .filter(record => (type === null || record.type === type) && (exact === null || record.name === exact))
      const sorted = asked.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      return page(call, recordAnswer, sorted, 100, 5_000_000)
    }
    if (part === 'dns_records' && more === 'batch' && method === 'POST') {
      const done = records.batch(agree('batch', batchBody, call.body))
      return { result: agree('answer', batchAnswer, done) }
    }
    const answer = routeSettings(settings, { ...call, path: path.slice(2) }, agree)
    if (answer !== undefined) return answer
    throw new Refused(404, 7000, 'No route for that URI')
  }

  const authorize = (request: Request): void => {
    const header = request.headers.get('authorization')
    const [key, mail] = [request.headers.get('x-auth-key'), request.headers.get('x-auth-email')]
    if (header !== null) {
      if (!/^Bearer \S+$/.test(header)) throw new Refused(400, 6003, 'Invalid request headers')
      if (header !== `Bearer ${token}`) throw new Refused(403, 9109, 'Invalid access token')
    } else if (key === null || mail === null)
      throw new Refused(400, 9106, 'Missing X-Auth-Key, X-Auth-Email or Authorization headers')
    else if (key !== apiKey || mail !== email) throw new Refused(403, 9103, 'Unknown X-Auth-Key or X-Auth-Email')
  }

  const faultOf = (name: string): Fault['how'] | undefined => {
    const entry = faults.find(({ fault, left }) => left > 0 && fault.on.test(name))
    if (entry === undefined) return undefined
    entry.left--
    return entry.fault.how
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const url = new URL(request.url)
      const path = url.pathname.replace(/^\/client\/v4\//, '')
      const name = `${request.method} /${path}`
      calls.push(name)
      const how = faultOf(name)
      if (how !== undefined && 'isSilent' in how && how.isSilent === 'before') return silence()
      if (how !== undefined && 'status' in how && how.after !== true) return failed(how.status, how.retryAfter)
      const answer = await answerOf(request, url, path, how)
      if (how === undefined || !('isSilent' in how || 'status' in how || 'breaksOff' in how)) return answer
      if ('status' in how) return failed(how.status, how.retryAfter)
      if ('breaksOff' in how)
        return new Response((await answer.text()).slice(0, -20), { headers: { 'content-type': 'application/json' } })
      return silence()
    },
  })

  const answerOf = async (request: Request, url: URL, path: string, how: Fault['how'] | undefined): Promise<Response> => {
    try {
      authorize(request)
      if (how !== undefined && 'notInPlan' in how) throw new Refused(403, 1015, how.notInPlan)
      const text = await request.text()
      const body: unknown = text === '' ? undefined : JSON.parse(text)
      const answer = route({ method: request.method, path: path.split('/'), query: url.searchParams, body })
      if (how !== undefined && 'leavesOut' in how && Array.isArray(answer.result)) answer.result.pop()
      return Response.json({ success: true, errors: [], messages: [], ...answer })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      const { status, code, message } = error
      return Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status })
    }
  }

  const cloudflare: CloudflareServer = {
    statusOfNew: 'pending',
    ...{ url: `http://127.0.0.1:${server.port}/client/v4`, token, apiKey, email, accountId, calls, pools, addZone },
    declared: { name: 'cloud', type: 'cloudflare', token: 'secret:CLOUDFLARE_TOKEN', account_id: accountId },
    zone(name) {
      const found = [...state.values()].find(({ zone }) => zone.name === name)
      if (found === undefined) throw new Error(`there is no zone ${name}`)
      return found
    },
    fail: fault => void faults.unshift({ fault, left: fault.times ?? 1 }),
    async [Symbol.asyncDispose]() {
      await server.stop(true)
      if (disagreements.length > 0) throw new Error(disagreements.join('\n'))
    },
  }
  return cloudflare
}

function failed(status: number, retryAfter: number | undefined): Response {
  const [code, message] =
    status === 429 ? [971, 'Please wait and consider throttling your request speed'] : [1000, 'Internal error']
  return Response.json(
    { success: false, errors: [{ code, message }], messages: [], result: null },
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } },
  )
}

const silence = (): Promise<Response> => new Promise(() => {})
