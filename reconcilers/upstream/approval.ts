import type { UpstreamRepository } from '../../desired-state/state.ts'

type Declared = ReadonlyMap<string, UpstreamRepository>

/**
 * Why a commit needs an approval for where it takes main from: whoever may write there decides what this server is, and a
 * commit from there may not name another. Undefined when it needs none; the first upstream needs none, since whoever
 * declares it may push here. Pure.
 */
export function needsApproval(before: Declared, after: Declared): string | undefined {
  const reasons = [...after].flatMap(([key, now]) => {
    const old = before.get(key)
    if (old === undefined) return []
    const [from, to] = [placeOf(old), placeOf(now)]
    if (from !== to) return [`it takes main from another place: ${from} becomes ${to}`]
    // Whoever is let in under the same address may be somebody else.
    const known = new Set(old.known_hosts)
    const fresh = (now.known_hosts ?? []).filter(line => !known.has(line))
    return fresh.length === 0 ? [] : [`it takes main from whoever has another host key at ${to}: ${fresh.join('; ')}`]
  })
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

/** Whole: with or without `.git` at its end it may be two of somebody's repositories. */
const placeOf = ({ url, branch }: UpstreamRepository): string => `${url}${branch === 'main' ? '' : ` (${branch})`}`
