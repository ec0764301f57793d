/** `secret:GITHUB_PAT` is `ai-infrastructure/github-pat` in AWS, as the plan names it. */
export const awsNameOf = (name: string, prefix: string): string => `${prefix}${name.toLowerCase().replaceAll('_', '-')}`

/** Undefined: what no name of ours leads to. */
export function nameOfAws(id: string, prefix: string): string | undefined {
  const rest = id.startsWith(prefix) ? id.slice(prefix.length) : ''
  return /^[a-z][a-z0-9-]{0,99}$/.test(rest) ? rest.toUpperCase().replaceAll('-', '_') : undefined
}
