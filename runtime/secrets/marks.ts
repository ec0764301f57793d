import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Bound } from './bound.ts'
import { boundShape } from './bound.ts'

const ownerShape = z.strictObject({
  name: z.string(),
  /** It stood encrypted in a commit: whoever has the commits has that for ever. */
  isCommitted: z.boolean(),
  /** Where the name belonged when it was forgotten. Its value still goes nowhere else when a commit has it. */
  former: z.array(boundShape).optional(),
})

/** By the mark of a value, the names that had it, the first one first. */
export const marksShape = z.record(z.string(), z.array(ownerShape))

export type Marks = z.infer<typeof marksShape>
type Owner = z.infer<typeof ownerShape>

/** Of one name, of values that no commit had: those only people and AWS make, so nobody else can drive others out. */
const mostUncommitted = 1_000

/** What tells one value from another and says nothing of it. An end of line more is the same value. */
export const markOf = (salt: string, value: string): string => createHmac('sha256', salt).update(value.trimEnd()).digest('hex')

const ownersOf = (marks: Marks, mark: string): readonly Owner[] => (Object.hasOwn(marks, mark) ? (marks[mark] ?? []) : [])

const isNow = (name: string) => (owner: Owner) => owner.name === name && owner.former === undefined

export const hasMark = (marks: Marks, name: string, mark: string, isCommitted: boolean): boolean =>
  ownersOf(marks, mark).some(owner => isNow(name)(owner) && (owner.isCommitted || !isCommitted))

/** Behind those that have it already. */
export function withMark(marks: Marks, name: string, mark: string, isCommitted: boolean): Marks {
  const owners = ownersOf(marks, mark)
  const more = owners.some(isNow(name))
    ? owners.map(owner => (isNow(name)(owner) ? { ...owner, isCommitted: owner.isCommitted || isCommitted } : owner))
    : [...owners, { name, isCommitted }]
  return withoutOldest({ ...marks, [mark]: more }, name)
}

/** As if the name never had it. */
export const withoutMark = (marks: Marks, name: string, mark: string): Marks =>
  kept(marks, (owner, of) => of !== mark || !isNow(name)(owner))

/** Those that had it before this name; all of them when it never had it. */
export function ownersBefore(marks: Marks, name: string, mark: string): readonly Owner[] {
  const owners = ownersOf(marks, mark)
  const own = owners.findIndex(isNow(name))
  return own < 0 ? owners : owners.slice(0, own)
}

/** The name is forgotten, its values are not: the place of each stays what it was. */
export const forgotten = (marks: Marks, name: string, bounds: readonly Bound[]): Marks =>
  Object.fromEntries(
    Object.entries(marks).map(([mark, owners]) => [
      mark,
      owners.map(owner => (isNow(name)(owner) ? { ...owner, former: [...bounds] } : owner)),
    ]),
  )

function withoutOldest(marks: Marks, name: string): Marks {
  const own = Object.entries(marks).filter(([, owners]) => owners.some(owner => owner.name === name && !owner.isCommitted))
  const old = new Set(own.slice(0, -mostUncommitted).map(([mark]) => mark))
  return old.size === 0 ? marks : kept(marks, (owner, mark) => !old.has(mark) || owner.name !== name || owner.isCommitted)
}

const kept = (marks: Marks, isKept: (owner: Owner, mark: string) => boolean): Marks =>
  Object.fromEntries(
    Object.entries(marks)
      .map(([mark, owners]) => [mark, owners.filter(owner => isKept(owner, mark))] as const)
      .filter(([, owners]) => owners.length > 0),
  )
