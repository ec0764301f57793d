import { authorityName } from '../certificates/issuer.ts'
import type { SiteModel, UsableCertificate } from './model.ts'

/**
 * What is said of a site that is published once more only because its names get other certificates, as when the authority's has
 * come for one that began with its own; undefined where more than that changes.
 */
export function newCertificate(
  before: SiteModel | undefined,
  after: SiteModel,
  found: UsableCertificate | undefined,
): string | undefined {
  if (before?.certificate === undefined || after.certificate === undefined || found === undefined) return undefined
  if (shown(rest(before)) !== shown(rest(after)) || shown(certificatesOf(before)) === shown(certificatesOf(after)))
    return undefined
  return `now with ${inWords(after, found)}`
}

const shown = (value: unknown) => JSON.stringify(value)
const rest = ({ host, aliases, content }: SiteModel) => ({ host, aliases, content })
const certificatesOf = ({ certificate, apart = [] }: SiteModel) => [
  certificate,
  ...apart.map(each => [each.certificate, each.names]),
]

function inWords({ host }: SiteModel, { authority, apart = [] }: UsableCertificate): string {
  const own = 'a self-signed certificate'
  const given = (directory: string | undefined) =>
    directory === undefined ? own : `the certificate of ${authorityName(directory)}`
  const others = apart.map(({ names, authority: directory }) => `${names.join(', ')} with ${given(directory)}`)
  return [`${given(authority)}${others.length === 0 ? '' : ` for ${host}`}`, ...others].join('; ')
}
