import type { Identity } from '../door/route.ts'

/** Who a commit made through the door is by. */
export function authorOf(identity: Identity): { name: string; email: string } {
  if (identity.kind === 'person') return { name: identity.name, email: identity.email }
  const name = identity.kind === 'anonymous' ? 'anonymous' : identity.name
  return { name, email: `${name}@ai-infrastructure.invalid` }
}
