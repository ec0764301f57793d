/** Where a secret goes, and as what. */
export interface Place {
  /** Name or address, without brackets, in lower case. */
  readonly host: string
  readonly port: number
  /** The same words each time: `dns`, `database without TLS`. */
  readonly use: string
}

const ports: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80, 'ssh:': 22 }

/** That of an address like `https://api.example.com/v1`; what goes there unencrypted is another use. */
export function placeOfUrl(address: string, use: string): Place {
  const url = new URL(address)
  const port = url.port === '' ? (ports[url.protocol] ?? 0) : Number(url.port)
  return place(url.hostname, port, url.protocol === 'http:' ? `${use} without TLS` : use)
}

export const place = (host: string, port: number, use: string): Place => ({
  host: host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, ''),
  port,
  use,
})

/** `db.example.com:5432`, `[2001:db8::1]:5432`. */
export const placeText = ({ host, port }: Pick<Place, 'host' | 'port'>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/** What a person writes: a host with every port, or `host:port`. Undefined for anything else. */
export function readHost(text: string): { readonly host: string; readonly port: number | undefined } | undefined {
  const [, bracketed, name, digits] =
    /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = (bracketed ?? name)?.toLowerCase().replace(/\.$/, '')
  const port = digits === undefined ? undefined : Number(digits)
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) return undefined
  return { host, port }
}
