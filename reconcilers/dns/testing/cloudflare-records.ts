import { isIPv4, isIPv6 } from 'node:net'
import type { RecordAnswer, RecordParams, RecordPatch } from './cloudflare-shapes.ts'

/** An answer of Cloudflare that says no. */
export class Refused extends Error {
  readonly status: number
  readonly code: number
  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export const newId = (): string => crypto.randomUUID().replaceAll('-', '')

export interface BatchRequest {
  readonly deletes?: readonly { readonly id: string }[] | undefined
  readonly patches?: readonly RecordPatch[] | undefined
  readonly puts?: readonly RecordPatch[] | undefined
  readonly posts?: readonly RecordParams[] | undefined
}

/** Operations of one batch on the free plan. */
const mostOperations = 200
/** Characters of a comment on the free plan. */
const longestComment = 100
const longestText = 2_048

/** The records of one zone, with the rules of Cloudflare's documentation. */
export function createRecordBook(zone: string, now: () => string) {
  let records = new Map<string, RecordAnswer>()

  const stored = (params: RecordParams, old: RecordAnswer | undefined): RecordAnswer => {
    const proxied = params.proxied ?? false
    const common = {
      ...{ id: old?.id ?? newId(), created_on: old?.created_on ?? now(), modified_on: now(), meta: {} },
      ...{ proxiable: ['A', 'AAAA', 'CNAME'].includes(params.type), proxied, ttl: proxied ? 1 : params.ttl },
      ...{ name: fullName(params.name, zone), tags: params.tags ?? [], settings: {} },
      ...(params.comment !== undefined && params.comment !== '' && { comment: params.comment, comment_modified_on: now() }),
    }
    if (params.type === 'SRV') {
      const { priority, weight, port, target } = params.data ?? {}
      return { ...params, ...common, settings: {}, content: `${priority} ${weight} ${port} ${target}` }
    }
    if (params.type === 'CAA') {
      const { flags, tag, value } = params.data ?? {}
      return { ...params, ...common, settings: {}, content: `${flags} ${tag} "${value}"` }
    }
    return { ...params, ...common, settings: {} }
  }

  const add = (into: Map<string, RecordAnswer>, params: RecordParams, old?: RecordAnswer): RecordAnswer => {
    refuseInvalid(params, zone)
    const record = stored(params, old)
    refuseBeside(
      record,
      [...into.values()].filter(({ id }) => id !== record.id),
    )
    into.set(record.id, record)
    return record
  }

  return {
    list: (): readonly RecordAnswer[] => [...records.values()],

    /** As somebody else would, in the dashboard. */
    byHand: (params: RecordParams): RecordAnswer => add(records, params),
    editByHand(id: string, change: (record: RecordAnswer) => RecordAnswer): void {
      const old = records.get(id)
      if (old !== undefined) records.set(id, change(old))
    },
    removeByHand: (id: string) => void records.delete(id),

    /** Deletes, patches, puts, posts, in one transaction. */
    batch({ deletes = [], patches = [], puts = [], posts = [] }: BatchRequest) {
      const size = deletes.length + patches.length + puts.length + posts.length
      if (size > mostOperations)
        throw new Refused(400, 9207, `Batch operations may have ${mostOperations} records, and this has ${size}.`)
      const next = new Map(records)
      const existing = (id: string) => {
        const record = next.get(id)
        if (record === undefined) throw new Refused(404, 81044, 'Record does not exist.')
        return record
      }
      const change = ({ id, ...params }: RecordPatch) => add(next, params, existing(id))
      const done = {
        deletes: deletes.map(({ id }) => {
          const record = existing(id)
          next.delete(id)
          return record
        }),
        patches: patches.map(change),
        puts: puts.map(change),
        posts: posts.map(params => add(next, params)),
      }
      records = next
      return done
    },
  }
}

export type RecordBook = ReturnType<typeof createRecordBook>

const fullName = (name: string, zone: string): string => {
  const bare = name.toLowerCase()
  return bare === '@' ? zone : bare === zone || bare.endsWith(`.${zone}`) ? bare : `${bare}.${zone}`
}

function refuseInvalid(params: RecordParams, zone: string): void {
  const { name, ttl, comment = '', proxied = false } = params
  const validation = (code: number, message: string) => new Refused(400, code, `DNS Validation Error: ${message}`)
  if (name.length > 253 || name.split('.').some(label => label.length > 63 || label === ''))
    throw validation(9000, 'DNS name is invalid.')
  if (!proxied && ttl !== 1 && (ttl < 60 || ttl > 86_400))
    throw validation(9021, 'Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic.')
  if (comment.length > longestComment) throw validation(9209, `Comments may have ${longestComment} characters.`)
  if (proxied && !['A', 'AAAA', 'CNAME'].includes(params.type))
    throw new Refused(400, 9004, 'This record type cannot be proxied.')
  switch (params.type) {
    case 'A':
      if (!isIPv4(params.content ?? '')) throw validation(9005, 'Content for A record must be a valid IPv4 address.')
      if (proxied && /^(?:10|127|192\.168)\./.test(params.content ?? ''))
        throw new Refused(400, 9003, 'Target is not allowed for a proxied record.')
      break
    case 'AAAA':
      if (!isIPv6(params.content ?? '')) throw validation(9006, 'Content for AAAA record must be a valid IPv6 address.')
      break
    case 'CNAME':
      if (!isName(params.content)) throw validation(9007, 'Content for CNAME record is invalid.')
      break
    case 'MX':
      if (params.priority === undefined) throw validation(9020, 'MX records need a priority.')
      if (!isName(params.content)) throw validation(9009, 'Content for MX record must be a hostname.')
      break
    case 'NS':
      if (fullName(name, zone) === zone) throw validation(9016, 'The name servers of the zone itself cannot be changed here.')
      if (!isName(params.content)) throw validation(9008, 'Content for NS record must be a hostname.')
      break
    case 'TXT':
      if ((params.content ?? '') === '' || (params.content ?? '').length > longestText)
        throw validation(9010, 'Content for TXT record is invalid.')
      break
    case 'SRV':
      if (!isName(params.data?.target) || [params.data?.port, params.data?.weight, params.data?.priority].includes(undefined))
        throw validation(9101, 'SRV records need priority, weight, port and target.')
      break
    case 'CAA':
      if (params.data?.tag === undefined || params.data.value === undefined)
        throw validation(9102, 'CAA records need flags, tag and value.')
  }
}

const isName = (text: string | undefined): boolean => text !== undefined && /^(?:\.|[\w-]+(?:\.[\w-]+)+\.?)$/.test(text)

/** What may stand under one name together. */
function refuseBeside(record: RecordAnswer, others: readonly RecordAnswer[]): void {
  const same = others.filter(({ name }) => name === record.name)
  const types = new Set(same.map(({ type }) => type))
  const addresses = ['A', 'AAAA'] as const
  const identical = same.some(other => other.type === record.type && bodyOf(other) === bodyOf(record))
  if (identical) throw new Refused(400, 81_058, 'An identical record already exists.')
  if (record.type === 'CNAME' && (types.has('CNAME') || addresses.some(type => types.has(type))))
    throw new Refused(400, 81_053, 'An A, AAAA, or CNAME record with that host already exists.')
  if ((record.type === 'A' || record.type === 'AAAA') && types.has('CNAME'))
    throw new Refused(400, 81_054, 'A CNAME record with that host already exists.')
  if (record.type !== 'NS' && types.has('NS')) throw new Refused(400, 81_056, 'NS records with that host already exist.')
  if (record.type === 'NS' && same.some(({ type }) => type !== 'NS'))
    throw new Refused(400, 81_055, 'A record with that host already exists.')
}

const bodyOf = (record: RecordAnswer): string =>
  JSON.stringify([record.content, record.type === 'MX' ? record.priority : undefined])
