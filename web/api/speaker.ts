import type { Identity } from '../door/route.ts'

/** Who tasks and decisions of this caller are by: `person:ada@example.com`, `operator:root`. */
export const speakerOf = (identity: Identity): string => {
  switch (identity.kind) {
    case 'person':
      return `person:${identity.email}`
    case 'operator':
      return `operator:${identity.name}`
    case 'agent':
      return identity.name
    case 'anonymous':
      return 'anonymous'
  }
}

/** As a conversation names who speaks. */
export const callerName = (identity: Identity): string => ('name' in identity ? identity.name : 'somebody')
