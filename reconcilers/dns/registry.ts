import type { FoundSet } from './provider.ts'

/**
 * On servers whose records carry no comment each set of ours has a TXT record beside it that says whose it is. Its name
 * begins with a label of our own, so it stands with a CNAME too; a star becomes a word.
 */
export const registryName = ({ name, type }: Pick<FoundSet, 'name' | 'type'>): string =>
  `_ai-infra-${type.toLowerCase()}.${name.replace(/^\*\./, '_any.')}`

const pattern = /^_ai-infra-([a-z]+)\.(.+)$/

/** The set that a registry record speaks of; undefined for any other name. */
export function registered(name: string): { readonly name: string; readonly type: string } | undefined {
  const [, type, rest] = pattern.exec(name) ?? []
  if (type === undefined || rest === undefined) return undefined
  return { name: rest.replace(/^_any\./, '*.'), type: type.toUpperCase() }
}

export const registryText = (owner: string): string => `heritage=ai-infrastructure,owner=${owner}`
