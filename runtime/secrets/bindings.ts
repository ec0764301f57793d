import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import { makeDirectory, readTextIfExists, writeFileAtomic } from '../os/files.ts'
import { oneAtATime } from '../os/one-at-a-time.ts'
import { type Place, placeText, readHost } from './place.ts'

const boundShape = z.strictObject({
  host: z.string(),
  /** Absent: every port. */
  port: z.number().optional(),
  /** Absent: whatever it is used for there with TLS; `without TLS`: whatever without. */
  use: z.string().optional(),
  /** ISO 8601. */
  at: z.string(),
  /** Who allowed it; empty where it was the first use. */
  by: z.string(),
})
const shape = z.strictObject({ version: z.literal(1), secrets: z.record(z.string(), z.array(boundShape)) })

type Bound = z.infer<typeof boundShape>
type All = z.infer<typeof shape>['secrets']

/** Where one secret may go, as a person reads it: `db.example.com:5432 (database)`. */
export interface Reach {
  readonly allowed: readonly string[]
  /** Places that it was asked for since the start and was not given to: `evil.example.com:443`. */
  readonly refused: readonly string[]
}

export interface Bindings {
  /**
   * Resolves when the secret may go there; the first place of a secret is where it belongs from then on. Throws `waiting`
   * with the command that allows it. `here` it may be used always, and that too is a first place.
   */
  check(name: string, to: Place | 'here', purpose: string): Promise<void>
  /**
   * Resolves when the secret belongs there already: nothing is bound, and no place is written down as one that it was wanted
   * at. Throws `waiting` with why not.
   */
  preview(name: string, to: Place | 'here', purpose: string): Promise<void>
  /** `HOST` or `HOST:PORT`, with `/without-tls` behind it for the way without, besides those that are allowed. Throws `invalid` for what is no host. */
  allow(name: string, host: string, by: string): Promise<void>
  /** These and no others; resolves with what takes that back, for a value that could not be set after all. */
  restrict(name: string, hosts: readonly string[], by: string): Promise<() => Promise<void>>
  /** The next place is the first one again. */
  forget(name: string): Promise<void>
  list(): Promise<ReadonlyMap<string, Reach>>
}

export interface BindingsDeps {
  readonly path: string
  readonly clock: Clock
  /**
   * Whether every place that a secret is sent to is taken as its own: as long as an appliance that never wrote this down
   * runs what it ran before.
   */
  readonly learns?: () => Promise<boolean>
  /** How a person calls the command line. */
  readonly command: string
  /** Resolves when it is written down; rejects when it cannot be, and then nothing is bound or allowed. */
  readonly record: (
    action: 'secret.bound' | 'secret.allowed' | 'secret.withheld',
    name: string,
    details: Details,
  ) => Promise<void>
}

export interface Details {
  readonly to: string
  readonly by: string
  readonly for?: string
}

const mostPlaces = 50
/** Of previews that would bring a secret elsewhere, as many make one line of the audit each. */
const mostTold = 1_000

/** Of what never leaves this server: a secret that was used for that only belongs nowhere else either. */
const here: Place = { host: '', port: 0, use: 'here' }

/**
 * Which secret belongs where: a commit names secrets and servers, and must not bring one to a server of its author's choice.
 * One file, replaced as a whole; one that cannot be read is never replaced.
 */
export function createBindings({ path, clock, command, record, learns = async () => false }: BindingsDeps): Bindings {
  const next = oneAtATime()
  const refused = new Map<string, Map<string, Place>>()
  const told = new Set<string>()
  const read = async (): Promise<All> => {
    const text = await readTextIfExists(path)
    return text === undefined ? {} : parsed(text, path)
  }
  const write = async (all: All): Promise<void> => {
    await makeDirectory(dirname(path), 0o700)
    await writeFileAtomic(path, `${JSON.stringify({ version: 1, secrets: all }, undefined, 1)}\n`, 0o600)
  }
  const boundOf = (text: string, by: string): Bound => {
    const isPlain = text.endsWith(plainSuffix)
    const found = readHost(isPlain ? text.slice(0, -plainSuffix.length) : text)
    if (found === undefined)
      throw new ApplianceError('invalid', 'this is no host', { hint: 'write it like db.example.com, or db.example.com:5432' })
    const { host, port } = found
    return { host, ...(port !== undefined && { port }), ...(isPlain && { use: plain }), at: clock.now().toISOString(), by }
  }
  const withhold = async (name: string, to: Place, purpose: string, own: readonly Bound[]): Promise<ApplianceError> => {
    const there = wantedText(to)
    const known = refused.get(name) ?? new Map<string, Place>()
    if (!known.has(there)) await record('secret.withheld', name, { to: there, by: '', for: purpose })
    refused.set(name, known.set(there, to))
    return belongsElsewhere(name, to, own)
  }
  const belongsElsewhere = (name: string, to: Place, own: readonly Bound[]) =>
    new ApplianceError(
      'waiting',
      `the secret ${name} belongs to ${own.map(textOf).join(', ')}, and is not sent to ${placeText(to)} (${to.use})`,
      {
        hint: `if you want that: ${command} secret allow ${name} ${wantedText(to)}`,
      },
    )

  return {
    check: (name, asked, purpose) =>
      next(async () => {
        const to = asked === 'here' ? here : asked
        const all = await read()
        const own = ownEntry(all, name)
        if (own?.some(bound => covers(bound, to)) || (own !== undefined && to === here)) return
        if (own !== undefined && !(await learns())) throw await withhold(name, to, purpose, own)
        await record('secret.bound', name, { to: to === here ? 'this server' : placeText(to), by: '', for: purpose })
        await write({ ...all, [name]: [...(own ?? []), { ...to, at: clock.now().toISOString(), by: '' }] })
      }),
    preview: (name, asked, purpose) =>
      next(async () => {
        const to = asked === 'here' ? here : asked
        const own = ownEntry(await read(), name)
        if (own === undefined) throw neverSent(name, to)
        if (to === here || own.some(bound => covers(bound, to))) return
        const mark = `${name} ${wantedText(to)} ${to.use}`
        if (told.size < mostTold && !told.has(mark)) {
          await record('secret.withheld', name, { to: wantedText(to), by: '', for: `a preview of ${purpose}` })
          told.add(mark)
        }
        throw belongsElsewhere(name, to, own)
      }),
    allow: (name, host, by) =>
      next(async () => {
        const bound = boundOf(host, by)
        const all = await read()
        const own = ownEntry(all, name) ?? []
        if (own.length >= mostPlaces)
          throw new ApplianceError('invalid', `${name} may go to ${mostPlaces} places already`, {
            hint: 'set it anew with --for and those that it needs',
          })
        await record('secret.allowed', name, { to: host, by })
        await write({ ...all, [name]: [...own.filter(other => textOf(other) !== textOf(bound)), bound] })
        refused.get(name)?.forEach((to, there, known) => {
          if (covers(bound, to)) known.delete(there)
        })
      }),
    restrict: (name, hosts, by) =>
      next(async () => {
        const bounds = hosts.map(host => boundOf(host, by))
        if (bounds.length > mostPlaces) throw new ApplianceError('invalid', `a secret goes to ${mostPlaces} places at most`)
        await record('secret.allowed', name, { to: hosts.join(', '), by })
        const all = await read()
        const own = ownEntry(all, name)
        await write({ ...all, [name]: bounds })
        refused.delete(name)
        return () =>
          next(async () => {
            await record('secret.allowed', name, { to: (own ?? []).map(textOf).join(', '), by })
            const now = await read()
            await write(own === undefined ? without(now, name) : { ...now, [name]: own })
          })
      }),
    forget: name =>
      next(async () => {
        const all = await read()
        refused.delete(name)
        if (ownEntry(all, name) !== undefined) await write(without(all, name))
      }),
    list: () =>
      next(async () => {
        const all = await read()
        return new Map(
          Object.entries(all).map(([name, bounds]) => [
            name,
            { allowed: bounds.map(textOf), refused: [...(refused.get(name)?.keys() ?? [])].toSorted() },
          ]),
        )
      }),
  }
}

/** What only a preview wants: it is sent there once that is main, and belongs there then. */
const neverSent = (name: string, to: Place) =>
  new ApplianceError(
    'waiting',
    to === here
      ? `not looked at before this is main, because the secret ${name} was never used`
      : `not looked at before this is main, because the secret ${name} was never sent to ${placeText(to)} (${to.use})`,
  )

const without = (all: All, name: string): All => Object.fromEntries(Object.entries(all).filter(([other]) => other !== name))

const ownEntry = (all: All, name: string) => (Object.hasOwn(all, name) ? all[name] : undefined)

const plain = 'without TLS'
/** What a person writes behind a host for the way without TLS: a host alone is not that. */
const plainSuffix = '/without-tls'
const isPlainUse = (use: string) => use.endsWith(` ${plain}`)

const covers = ({ host, port, use }: Bound, to: Place): boolean => {
  if (host !== to.host || (port !== undefined && port !== to.port)) return false
  if (use === undefined) return !isPlainUse(to.use)
  return use === to.use || (use === plain && isPlainUse(to.use))
}

/** As `allow` takes it. */
const wantedText = (to: Place): string => `${placeText(to)}${isPlainUse(to.use) ? plainSuffix : ''}`

const textOf = ({ host, port, use }: Bound): string =>
  use === here.use
    ? 'this server'
    : `${port === undefined ? host : placeText({ host, port })}${use === undefined ? '' : ` (${use})`}`

function parsed(text: string, path: string): All {
  try {
    return shape.parse(JSON.parse(text)).secrets
  } catch (cause) {
    throw new ApplianceError('stalled', 'the file that says where each secret belongs cannot be read', {
      subject: path,
      hint: 'put it back from a backup; or move it away, and each belongs to where it is sent next',
      cause,
    })
  }
}
