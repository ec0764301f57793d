import { ApplianceError } from '../os/errors.ts'

/**
 * Reads the fields of what came over a wire. Small on purpose: it runs in every agent's process, where a schema library
 * would cost more memory than the agent itself.
 */
export interface Fields {
  text(name: string): string
  optionalText(name: string): string | undefined
  integer(name: string): number
  number(name: string): number
  boolean(name: string): boolean
  oneOf<const Words extends readonly string[]>(name: string, words: Words): Words[number]
  object(name: string): Fields
  optionalObject(name: string): Fields | undefined
  list<T>(name: string, read: (fields: Fields) => T): readonly T[]
  texts(name: string): readonly string[]
  /** Where it stands in what came, for a message. */
  readonly path: string
  /** The object itself, for what is passed on unread. */
  readonly raw: Readonly<Record<string, unknown>>
}

export function readFields(value: unknown, path = 'body'): Fields {
  if (!isRecord(value)) throw wrong(path, 'an object')
  const at = (name: string) => `${path}.${name}`
  const text = (name: string) => {
    const found = value[name]
    if (typeof found !== 'string') throw wrong(at(name), 'a text')
    return found
  }
  return {
    raw: value,
    path,
    text,
    optionalText: name => (value[name] === undefined || value[name] === null ? undefined : text(name)),
    integer(name) {
      const found = value[name]
      if (typeof found !== 'number' || !Number.isSafeInteger(found)) throw wrong(at(name), 'a whole number')
      return found
    },
    number(name) {
      const found = value[name]
      if (typeof found !== 'number' || !Number.isFinite(found)) throw wrong(at(name), 'a number')
      return found
    },
    boolean(name) {
      const found = value[name]
      if (typeof found !== 'boolean') throw wrong(at(name), 'true or false')
      return found
    },
    oneOf(name, words) {
      const found = words.find(word => word === value[name])
      if (found === undefined) throw wrong(at(name), `one of ${words.join(', ')}`)
      return found
    },
    object: name => readFields(value[name], at(name)),
    optionalObject: name => (value[name] === undefined || value[name] === null ? undefined : readFields(value[name], at(name))),
    list(name, read) {
      const found = value[name]
      if (!Array.isArray(found)) throw wrong(at(name), 'a list')
      return found.map((item, index) => read(readFields(item, `${at(name)}[${index}]`)))
    },
    texts(name) {
      const found = value[name]
      if (!Array.isArray(found) || !found.every(item => typeof item === 'string')) throw wrong(at(name), 'a list of texts')
      return found
    },
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const wrong = (path: string, expected: string) => new ApplianceError('invalid', `${path} must be ${expected}`)
