import { createHmac, randomBytes } from 'node:crypto'
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
const shape = z.strictObject({
  version: z.literal(1),
  secrets: z.record(z.string(), z.array(boundShape)),
  /** Marks of the values that each name was sent with, the newest last. */
  values: z.record(z.string(), z.array(z.string())).default({}),
  /** What the marks are made with. */
  salt: z.string().default(''),
})

type Bound = z.infer<typeof boundShape>
type All = z.infer<typeof shape>

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
  check(use: SecretUse): Promise<void>
  /**
   * Resolves when the secret belongs there already: nothing is bound, and no place is written down as one that it was wanted
   * at. Throws `waiting` with why not.
   */
  preview(use: SecretUse): Promise<void>
  /** `HOST` or `HOST:PORT`, with `/without-tls` behind it for the way without, besides those that are allowed. Throws `invalid` for what is no host. */
  allow(name: string, host: string, by: string): Promise<void>
  /** These and no others; resolves with what takes that back, for a value that could not be set after all. */
  restrict(name: string, hosts: readonly string[], by: string): Promise<() => Promise<void>>
  /** The next place is the first one again. */
  forget(name: string): Promise<void>
  list(): Promise<ReadonlyMap<string, Reach>>
}

export interface SecretUse {
  readonly name: string
  readonly to: Place | 'here'
  readonly purpose: string
  readonly value: string
  /**
   * Its value came with a commit: one that somebody has encrypted once can stand there under another name too, put there
   * by who cannot read it. So it goes where the name that was sent with it first belongs.
   */
  readonly isCommitted: boolean
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
/** Of one name: what was replaced long ago is worth nothing to anybody. */
const mostValues = 10
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
    return text === undefined ? { version: 1, secrets: {}, values: {}, salt: '' } : parsed(text, path)
  }
  const write = async (all: All): Promise<void> => {
    await makeDirectory(dirname(path), 0o700)
    await writeFileAtomic(path, `${JSON.stringify(all, undefined, 1)}\n`, 0o600)
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
    check: use =>
      next(async () => {
        const { name, purpose } = use
        const to = use.to === 'here' ? here : use.to
        const all = withSalt(await read())
        const own = ownEntry(all.secrets, name)
        const isLearning = own === undefined || (await learns())
        const first = isLearning && own !== undefined ? undefined : firstOwner(all, use, to)
        if (first !== undefined) throw await withhold(name, to, purpose, first)
        const isCovered = own !== undefined && (to === here || own.some(bound => covers(bound, to)))
        if (!isCovered && !isLearning) throw await withhold(name, to, purpose, own)
        if (isCovered && hasMark(all, name, markOf(all, use.value))) return
        if (!isCovered)
          await record('secret.bound', name, { to: to === here ? 'this server' : placeText(to), by: '', for: purpose })
        const bounds = [...(own ?? []), ...(isCovered ? [] : [{ ...to, at: clock.now().toISOString(), by: '' }])]
        await write(withMark({ ...all, secrets: { ...all.secrets, [name]: bounds } }, name, markOf(all, use.value)))
      }),
    preview: use =>
      next(async () => {
        const { name, purpose } = use
        const to = use.to === 'here' ? here : use.to
        const all = await read()
        const own = ownEntry(all.secrets, name)
        const first = firstOwner(all, use, to)
        if (own === undefined && first === undefined) throw neverSent(name, to)
        const isCovered = own !== undefined && (to === here || own.some(bound => covers(bound, to)))
        if (isCovered && first === undefined) return
        const mark = `${name} ${wantedText(to)} ${to.use}`
        if (told.size < mostTold && !told.has(mark)) {
          await record('secret.withheld', name, { to: wantedText(to), by: '', for: `a preview of ${purpose}` })
          told.add(mark)
        }
        throw belongsElsewhere(name, to, first ?? own ?? [])
      }),
    allow: (name, host, by) =>
      next(async () => {
        const bound = boundOf(host, by)
        const all = await read()
        const own = ownEntry(all.secrets, name) ?? []
        if (own.length >= mostPlaces)
          throw new ApplianceError('invalid', `${name} may go to ${mostPlaces} places already`, {
            hint: 'set it anew with --for and those that it needs',
          })
        await record('secret.allowed', name, { to: host, by })
        const bounds = [...own.filter(other => textOf(other) !== textOf(bound)), bound]
        await write({ ...all, secrets: { ...all.secrets, [name]: bounds } })
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
        const own = ownEntry(all.secrets, name)
        await write({ ...all, secrets: { ...all.secrets, [name]: bounds } })
        refused.delete(name)
        return () =>
          next(async () => {
            await record('secret.allowed', name, { to: (own ?? []).map(textOf).join(', '), by })
            const now = await read()
            await write({ ...now, secrets: own === undefined ? without(now.secrets, name) : { ...now.secrets, [name]: own } })
          })
      }),
    forget: name =>
      next(async () => {
        const all = await read()
        refused.delete(name)
        if (ownEntry(all.secrets, name) === undefined && ownEntry(all.values, name) === undefined) return
        await write({ ...all, secrets: without(all.secrets, name), values: without(all.values, name) })
      }),
    list: () =>
      next(async () => {
        const all = await read()
        return new Map(
          Object.entries(all.secrets).map(([name, bounds]) => [
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

/**
 * Where the name belongs that was sent with this value before, when that is not there; undefined where nothing speaks
 * against it. What a person allowed this name stands.
 */
function firstOwner(all: All, { name, value, isCommitted }: SecretUse, to: Place): readonly Bound[] | undefined {
  const mark = markOf(all, value)
  if (!isCommitted || to === here || hasMark(all, name, mark)) return undefined
  if (ownEntry(all.secrets, name)?.some(bound => bound.by !== '' && covers(bound, to))) return undefined
  const others = Object.entries(all.secrets).filter(([other]) => other !== name && hasMark(all, other, mark))
  return others.map(([, bounds]) => bounds).find(bounds => !bounds.some(bound => covers(bound, to)))
}

const withSalt = (all: All): All => (all.salt === '' ? { ...all, salt: randomBytes(16).toString('hex') } : all)

const markOf = ({ salt }: All, value: string): string => createHmac('sha256', salt).update(value).digest('hex')

const hasMark = ({ values }: All, name: string, mark: string): boolean => ownEntry(values, name)?.includes(mark) === true

const withMark = (all: All, name: string, mark: string): All => ({
  ...all,
  values: {
    ...all.values,
    [name]: [...(ownEntry(all.values, name) ?? []).filter(other => other !== mark), mark].slice(-mostValues),
  },
})

const without = <Entry>(all: Readonly<Record<string, Entry>>, name: string): Record<string, Entry> =>
  Object.fromEntries(Object.entries(all).filter(([other]) => other !== name))

const ownEntry = <Entry>(all: Readonly<Record<string, Entry>>, name: string) => (Object.hasOwn(all, name) ? all[name] : undefined)

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
    return shape.parse(JSON.parse(text))
  } catch (cause) {
    throw new ApplianceError('stalled', 'the file that says where each secret belongs cannot be read', {
      subject: path,
      hint: 'put it back from a backup; or move it away, and each belongs to where it is sent next',
      cause,
    })
  }
}
