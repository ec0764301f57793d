import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import { makeDirectory, readTextIfExists, writeFileAtomic } from '../os/files.ts'
import { oneAtATime } from '../os/one-at-a-time.ts'
import { type Bound, boundShape, covers, here, plain, plainSuffix, textOf, wantedText } from './bound.ts'
import { forgotten, hasMark, type Marks, markOf, marksShape, ownersBefore, withMark } from './marks.ts'
import { type Place, placeText, readHost } from './place.ts'

const shape = z.strictObject({
  version: z.literal(1),
  secrets: z.record(z.string(), z.array(boundShape)),
  /** Which values each name was sent with. */
  marks: marksShape.default({}),
  /** As it was written before the names of a value had an order. */
  values: z.record(z.string(), z.array(z.string())).optional(),
  /** What the marks are made with. */
  salt: z.string().default(''),
})

type All = Omit<z.infer<typeof shape>, 'values'>

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
  /**
   * `HOST` or `HOST:PORT`, with `/without-tls` behind it for the way without, besides those that are allowed. `value`: what
   * the name has now; where that was refused there because it was another name's before, it is let go too. Throws `invalid`
   * for what is no host.
   */
  allow(name: string, host: string, by: string, value: string | undefined): Promise<void>
  /**
   * These and no others, for the value that is about to be set; resolves with what takes the hosts back, for a value that
   * could not be set after all.
   */
  restrict(name: string, hosts: readonly string[], by: string, value: string): Promise<() => Promise<void>>
  /** The value is about to be committed, encrypted, for this name: copies of it go nowhere else, also before it is used. */
  claim(name: string, value: string): Promise<void>
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
/** Of previews that would bring a secret elsewhere, as many make one line of the audit each. */
const mostTold = 1_000

/**
 * Which secret belongs where: a commit names secrets and servers, and must not bring one to a server of its author's choice.
 * One file, replaced as a whole; one that cannot be read is never replaced.
 */
export function createBindings({ path, clock, command, record, learns = async () => false }: BindingsDeps): Bindings {
  const next = oneAtATime()
  const refused = new Map<string, Map<string, Refusal>>()
  const told = new Set<string>()
  const read = async (): Promise<All> => {
    const text = await readTextIfExists(path)
    return text === undefined ? { version: 1, secrets: {}, marks: {}, salt: '' } : parsed(text, path)
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
  const withhold = async (
    { name, purpose }: SecretUse,
    { to, mark }: Refusal,
    own: readonly Bound[],
  ): Promise<ApplianceError> => {
    const there = wantedText(to)
    const known = refused.get(name) ?? new Map<string, Refusal>()
    if (!known.has(there)) await record('secret.withheld', name, { to: there, by: '', for: purpose })
    refused.set(name, known.set(there, { to, mark }))
    return belongsElsewhere(name, to, own)
  }
  const belongsElsewhere = (name: string, to: Place, own: readonly Bound[]) =>
    new ApplianceError(
      'waiting',
      `the secret ${name} belongs to ${own.map(textOf).join(', ') || 'no place yet under another name'}, and is not sent to ${placeText(to)} (${to.use})`,
      {
        hint: `if you want that: ${command} secret allow ${name} ${wantedText(to)}`,
      },
    )

  return {
    check: use =>
      next(async () => {
        const { name, purpose, isCommitted } = use
        const to = use.to === 'here' ? here : use.to
        const all = withSalt(await read())
        const mark = markOf(all.salt, use.value)
        const own = ownEntry(all.secrets, name)
        const isNew = await learns()
        const isLearning = own === undefined || isNew
        const first = isNew ? undefined : firstOwner(all, use, to)
        if (first !== undefined) throw await withhold(use, { to, mark }, first)
        const isCovered = own !== undefined && (to === here || own.some(bound => covers(bound, to)))
        if (!isCovered && !isLearning) throw await withhold(use, { to, mark: undefined }, own)
        if (isCovered && hasMark(all.marks, name, mark, isCommitted)) return
        if (!isCovered)
          await record('secret.bound', name, { to: to === here ? 'this server' : placeText(to), by: '', for: purpose })
        const bounds = [
          ...(own ?? []),
          ...(isCovered ? [] : [{ ...to, at: clock.now().toISOString(), by: '', ...(isNew && { marks: [mark] }) }]),
        ]
        const marks = withMark(all.marks, name, mark, isCommitted)
        await write({ ...all, secrets: { ...all.secrets, [name]: bounds }, marks })
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
        const what = `${name} ${wantedText(to)} ${to.use}`
        if (told.size < mostTold && !told.has(what)) {
          await record('secret.withheld', name, { to: wantedText(to), by: '', for: `a preview of ${purpose}` })
          told.add(what)
        }
        throw belongsElsewhere(name, to, first ?? own ?? [])
      }),
    allow: (name, host, by, value) =>
      next(async () => {
        const bound = boundOf(host, by)
        const all = await read()
        const own = ownEntry(all.secrets, name) ?? []
        if (own.length >= mostPlaces)
          throw new ApplianceError('invalid', `${name} may go to ${mostPlaces} places already`, {
            hint: 'set it anew with --for and those that it needs',
          })
        await record('secret.allowed', name, { to: host, by })
        const wanted = [...(refused.get(name) ?? [])].filter(([, { to }]) => covers(bound, to))
        const now = value === undefined ? undefined : markOf(all.salt, value)
        const before = own.find(other => textOf(other) === textOf(bound))
        const marks = [
          ...new Set([
            ...(before?.marks ?? []),
            ...wanted.flatMap(([, { mark }]) => (mark === undefined || mark !== now ? [] : [mark])),
          ]),
        ]
        const bounds = [...own.filter(other => other !== before), { ...bound, ...(marks.length > 0 && { marks }) }]
        await write({ ...all, secrets: { ...all.secrets, [name]: bounds } })
        for (const [there] of wanted) refused.get(name)?.delete(there)
      }),
    restrict: (name, hosts, by, value) =>
      next(async () => {
        const all = withSalt(await read())
        const mark = markOf(all.salt, value)
        const bounds = hosts.map(host => ({ ...boundOf(host, by), marks: [mark] }))
        if (bounds.length > mostPlaces) throw new ApplianceError('invalid', `a secret goes to ${mostPlaces} places at most`)
        await record('secret.allowed', name, { to: hosts.join(', '), by })
        const own = ownEntry(all.secrets, name)
        const marks = withMark(all.marks, name, mark, false)
        await write({ ...all, secrets: { ...all.secrets, [name]: bounds }, marks })
        refused.delete(name)
        return () =>
          next(async () => {
            await record('secret.allowed', name, { to: (own ?? []).map(textOf).join(', '), by })
            const now = await read()
            await write({ ...now, secrets: own === undefined ? without(now.secrets, name) : { ...now.secrets, [name]: own } })
          })
      }),
    claim: (name, value) =>
      next(async () => {
        const all = withSalt(await read())
        await write({ ...all, marks: withMark(all.marks, name, markOf(all.salt, value), true) })
      }),
    forget: name =>
      next(async () => {
        const all = await read()
        refused.delete(name)
        const marks = forgotten(all.marks, name, ownEntry(all.secrets, name) ?? [])
        await write({ ...all, secrets: without(all.secrets, name), marks })
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
      ? `looked at once this is main; before that nothing uses the secret ${name}, which main does not use yet`
      : `looked at once this is main; before that nothing is sent to ${placeText(to)} (${to.use}) with the secret ${name}, which main does not send there yet`,
  )

/** A place that a secret was wanted at. `mark`: of its value, where that was another name's before. */
interface Refusal {
  readonly to: Place
  readonly mark: string | undefined
}

/**
 * Where the name belongs that had this value before, when that is not there; undefined where nothing speaks against it.
 * Not counted: that this name was sent with it since, or may go there with another value.
 */
function firstOwner(all: All, { name, value, isCommitted }: SecretUse, to: Place): readonly Bound[] | undefined {
  if (!isCommitted || to === here) return undefined
  const mark = markOf(all.salt, value)
  if (ownEntry(all.secrets, name)?.some(bound => bound.marks?.includes(mark) === true && covers(bound, to))) return undefined
  // What a person says of a name after it was forgotten counts for its own old value.
  const isSaid = ownEntry(all.secrets, name)?.some(bound => bound.by !== '' && covers(bound, to)) === true
  return ownersBefore(all.marks, name, mark)
    .filter(owner => owner.name !== name || !isSaid)
    .map(owner => owner.former ?? ownEntry(all.secrets, owner.name) ?? [])
    .find(bounds => !bounds.some(bound => covers(bound, to)))
}

const withSalt = (all: All): All => (all.salt === '' ? { ...all, salt: randomBytes(16).toString('hex') } : all)

const without = <Entry>(all: Readonly<Record<string, Entry>>, name: string): Record<string, Entry> =>
  Object.fromEntries(Object.entries(all).filter(([other]) => other !== name))

const ownEntry = <Entry>(all: Readonly<Record<string, Entry>>, name: string) => (Object.hasOwn(all, name) ? all[name] : undefined)

const inOrder = (values: Readonly<Record<string, readonly string[]>>): Marks =>
  Object.entries(values)
    .flatMap(([name, marks]) => marks.map(mark => ({ name, mark })))
    .reduce<Marks>((all, { name, mark }) => withMark(all, name, mark, true), {})

function parsed(text: string, path: string): All {
  try {
    const { values, ...all } = shape.parse(JSON.parse(text))
    return values === undefined ? all : { ...all, marks: { ...inOrder(values), ...all.marks } }
  } catch (cause) {
    throw new ApplianceError('stalled', 'the file that says where each secret belongs cannot be read', {
      subject: path,
      hint: 'put it back from a backup; or move it away, and each belongs to where it is sent next',
      cause,
    })
  }
}
