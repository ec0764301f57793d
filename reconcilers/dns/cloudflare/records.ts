import { z } from 'zod'
import { parseValue, type RecordType, recordTypes } from '../../../desired-state/documents/dns-values.ts'
import { type FoundSet, setKey, type ZoneContent } from '../provider.ts'
import { unquoted, writeData } from '../zone-text.ts'

const number = z.int()
/** What we read of a record; the rest is Cloudflare's own. */
export const recordShape = z.object({
  id: z.string().min(1),
  name: z.string(),
  type: z.string(),
  ttl: number,
  content: z.string().optional(),
  comment: z.string().nullish(),
  proxied: z.boolean().optional(),
  priority: number.optional(),
  data: z
    .looseObject({
      flags: number,
      tag: z.string(),
      value: z.string(),
      priority: number,
      weight: number,
      port: number,
      target: z.string(),
    })
    .partial()
    .optional(),
})

/** A record as Cloudflare has it, and its value in our form. */
export interface LiveRecord {
  readonly id: string
  readonly name: string
  readonly type: RecordType
  readonly ttl: number
  readonly value: string
  readonly proxied: boolean
  readonly comment: string
}

const known: ReadonlySet<string> = new Set(recordTypes)
const isKnown = (type: string): type is RecordType => known.has(type)

/** Records of types that can be declared. A value that has no form of ours is kept as it is, and is equal to nothing of ours. */
export function liveRecords(records: readonly z.output<typeof recordShape>[]): readonly LiveRecord[] {
  return records.flatMap(({ id, name, type, ttl, comment, proxied, ...value }) =>
    isKnown(type)
      ? [
          {
            id,
            name: name.toLowerCase(),
            type,
            ttl,
            value: readValue(type, value),
            proxied: proxied ?? false,
            comment: comment ?? '',
          },
        ]
      : [],
  )
}

type Value = Pick<z.output<typeof recordShape>, 'content' | 'priority' | 'data'>

function readValue(type: RecordType, { content = '', priority, data }: Value): string {
  const text = textOf(type, content, priority, data)
  const parsed = parseValue(type, text)
  return 'ok' in parsed ? parsed.ok : text
}

function textOf(type: RecordType, content: string, priority: number | undefined, data: Value['data']): string {
  switch (type) {
    case 'TXT':
      return content.startsWith('"') ? unquoted(content) : content
    case 'MX':
      return `${priority ?? 0} ${content}`
    case 'SRV':
      return data === undefined ? content : [data.priority ?? priority ?? 0, data.weight, data.port, data.target].join(' ')
    case 'CAA':
      return data === undefined ? content : `${data.flags} ${data.tag} "${data.value}"`
    default:
      return content
  }
}

/** The mark is the comment of a record, as the account's own dashboard shows it. */
export const markOf = (owner: string): string => `heritage=ai-infrastructure,owner=${owner}`

export function contentOf(records: readonly LiveRecord[], owner: string): ZoneContent {
  const sets = new Map<string, FoundSet>()
  const ours = new Set<string>()
  for (const [key, group] of Map.groupBy(records, setKey)) {
    const [first] = group
    if (first === undefined) continue
    const theirs = group.filter(({ comment }) => comment !== markOf(owner))
    const alike = group.every(({ ttl, proxied }) => ttl === first.ttl && proxied === first.proxied)
    if (theirs.length < group.length) ours.add(key)
    sets.set(key, {
      ...{ name: first.name, type: first.type, values: group.map(({ value }) => value).sort() },
      // Times that differ are none: the set is not as anybody declared it.
      ttl: alike ? first.ttl : 0,
      ...(first.proxied && { proxied: true as const }),
      ...(theirs.length > 0 && theirs.length < group.length && { theirs: theirs.map(({ value }) => value).sort() }),
    })
  }
  return { sets, ours }
}

/** Fields of one record, as it is sent. */
export function fieldsOf({ name, type, ttl, proxied }: FoundSet, value: string, comment: string) {
  const common = { name, ttl, comment }
  const parts = value.split(' ')
  const [first = '', second = '', third = '', fourth = ''] = parts
  switch (type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
      return { type, ...common, content: value, proxied: proxied ?? false }
    case 'NS':
      return { type, ...common, content: value }
    case 'TXT':
      return { type, ...common, content: writeData('TXT', value) }
    case 'MX':
      return { type, ...common, priority: Number(first), content: second }
    case 'SRV': {
      const [priority, weight, port] = [first, second, third].map(Number)
      return { type, ...common, data: { priority: priority ?? 0, weight: weight ?? 0, port: port ?? 0, target: fourth } }
    }
    case 'CAA':
      return {
        ...{ type, ...common },
        data: { flags: Number(first), tag: second, value: parts.slice(2).join(' ').replace(/^"|"$/g, '') },
      }
  }
}

export type RecordFields = ReturnType<typeof fieldsOf>
