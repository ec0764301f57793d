/** What Postgres can keep of a text: it refuses NUL and half a surrogate pair, in jsonb and elsewhere. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd')

/** The same value with every text in it passed through `redact`; what has no text in it is not copied deeper than needed. */
export function cleaned<Value>(value: Value, redact: (text: string) => string): Value {
  // Strings stay strings, lists lists and objects objects of the same keys.
  return cleanedUnknown(value, redact) as Value
}

function cleanedUnknown(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map(item => cleanedUnknown(item, redact))
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleanedUnknown(item, redact)]))
}
