/** Where a rule of network.yaml leads: `api.github.com:443`, `*.github.com:443`, `*:22`, `[2001:db8::1]:443`. */
export interface NetPattern {
  readonly text: string
  readonly host: string
  /** Undefined: every port. */
  readonly port: number | undefined
  /** Without `*`: this one host is meant by name. */
  readonly exact: boolean
  matches(host: string, port: number): boolean
}

/** Undefined for what is no pattern; such a rule matches nothing. */
export function parseNetPattern(text: string): NetPattern | undefined {
  const split = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\*|\d{1,5}))?$/.exec(text.trim())
  const [written, portText] = [split?.[1], split?.[2]]
  if (written === undefined) return undefined
  const port = portText === undefined || portText === '*' ? undefined : Number(portText)
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined
  const exact = !written.includes('*')
  const host = exact ? canonicalHost(written) : written.toLowerCase().replace(/\.$/, '')
  if (host === undefined || !/^[a-z0-9._*:-]+$/.test(host)) return undefined
  const names = exact ? undefined : wildcard(host)
  const matches: NetPattern['matches'] = (other, otherPort) =>
    (port === undefined || port === otherPort) && (names === undefined ? other === host : names.test(other))
  return { text, host, port, exact, matches }
}

/** `*` at an end stands for any number of labels, between two dots for one. */
function wildcard(host: string): RegExp {
  const source = host
    .split('*')
    .map(part => part.replace(/[.:-]/g, '\\$&'))
    .map((part, index, parts) =>
      index === 0
        ? part
        : `${index === 1 && parts[0] === '' ? '.*' : index === parts.length - 1 && part === '' ? '.*' : '[^.]*'}${part}`,
    )
    .join('')
  return new RegExp(`^${source}$`)
}

/**
 * The one spelling of a host: lower case, punycode, no dot at the end, and an address however it is written (`2130706433`,
 * `0x7f.1`, `[::ffff:127.0.0.1]`) as the address it is. Undefined for what no URL could name.
 */
export function canonicalHost(host: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL in a name is what must not pass
  if (host === '' || host.length > 255 || /[\u0000-\u0020\u007f/?#@\\%]/.test(host)) return undefined
  const written = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  try {
    const { hostname, port } = new URL(`http://${written}`)
    if (port !== '' || hostname === '') return undefined
    const bare = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
    return bare === '' || bare.startsWith('.') || bare.includes('..') || bare.endsWith('.') ? undefined : bare
  } catch {
    return undefined
  }
}
