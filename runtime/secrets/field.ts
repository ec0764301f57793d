import { ApplianceError } from '../os/errors.ts'

/** One field of a secret that is a JSON object, like `ai-infrastructure/postgres`. Errors never show what it holds. */
export function fieldOf(value: string, name: string, field: string): string {
  const object = objectIn(value)
  if (object === undefined) {
    throw new ApplianceError('stalled', `the secret ${name} is no JSON object, so it has no field ${field}`, {
      hint: `set it as {"${field}": …}, or write secret:${name}`,
    })
  }
  const found = Object.hasOwn(object, field) ? object[field] : undefined
  if (typeof found === 'string') return found
  if (typeof found === 'number' || typeof found === 'boolean') return String(found)
  throw new ApplianceError('waiting', `the secret ${name} has no field ${field}`, { hint: 'set it anew with that field' })
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
