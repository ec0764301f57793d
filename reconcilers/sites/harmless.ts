import { ApplianceError } from '../../runtime/os/errors.ts'

/**
 * The gate to nginx's grammar: every string of a site passes through one of these on its way into a file. They throw on
 * what the schema should never have let through, so that no earlier mistake becomes a directive.
 */

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/
const upstream = /^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?$/
const url = /^https?:\/\/[A-Za-z0-9._~:/?#@!&()*+,=%[\]-]+$/
const address = /^[0-9a-fA-F.:]+$/

/** A host name in lower case; the only form that may be written without quotes. */
export function hostName(value: string): string {
  if (value.length > 253 || !value.split('.').every(part => label.test(part))) refuse('a host name', value)
  return value
}

/** A host name, or one with a star for its first part, as a site and a certificate may have it. */
export function serverName(value: string): string {
  return value.startsWith('*.') ? `*.${hostName(value.slice(2))}` : hostName(value)
}

/** A site's name as the name of a folder or of a file: no label of a host has an underscore. */
export const hostFolder = (value: string): string => serverName(value).replace(/^\*/, '_')

/** The name of an upstream server; private networks have names with underscores. */
export function upstreamHost(value: string): string {
  if (value.length > 253 || !upstream.test(value)) refuse('the name of a server', value)
  return value
}

/** A path of plain names below a web root, without a leading slash. */
export function relativePath(value: string): string {
  if (value.length > 1024 || !value.split('/').every(part => segment.test(part))) refuse('a plain path', value)
  return value
}

export function fileName(value: string): string {
  if (value.length > 255 || !segment.test(value)) refuse('a file name', value)
  return value
}

/** An absolute path of this machine, in the quotes that nginx wants around it. */
export function quotedPath(value: string): string {
  if (!value.startsWith('/') || /["'\\$;{}*?[\]#]|\p{Cc}/u.test(value))
    refuse('a path without quotes, $, ;, braces or wildcards', value)
  return `"${value}"`
}

/** A URL without anything that nginx or a browser could read twice. */
export function plainUrl(value: string): string {
  if (value.length > 2048 || !url.test(value) || !URL.canParse(value)) refuse('a URL of plain characters', value)
  return value
}

/** The path of a URL: starts with a slash. */
export function urlPath(value: string): string {
  if (!/^\/[A-Za-z0-9._~/@!&()*+,=%:[\]-]*$/.test(value)) refuse('a path of plain characters', value)
  return value
}

/** An IP address as nginx wants it in `server`: IPv6 in brackets. */
export function ipAddress(value: string): string {
  if (!address.test(value)) refuse('an IP address', value)
  return value.includes(':') ? `[${value}]` : value
}

export function wholeNumber(value: number, least: number, most: number): string {
  if (!Number.isInteger(value) || value < least || value > most) refuse(`a whole number from ${least} to ${most}`, String(value))
  return String(value)
}

export function hexDigits(value: string): string {
  if (!/^[0-9a-f]+$/.test(value)) refuse('hexadecimal digits', value)
  return value
}

function refuse(wanted: string, value: string): never {
  throw new ApplianceError('invalid', `${JSON.stringify(value.slice(0, 100))} is not ${wanted}`, {
    hint: 'write it in plain letters, digits, dots and dashes',
  })
}
