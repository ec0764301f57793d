import { APIConnectionError, APIError, APIUserAbortError } from 'cloudflare/core/error'
import { ApplianceError } from '../../../runtime/os/errors.ts'

/** Nobody knows whether the request was obeyed: look before repeating it. */
export class Uncertain extends ApplianceError {
  constructor(message: string, cause?: unknown) {
    super('waiting', message, { hint: 'it is asked again', ...(cause !== undefined && { cause }) })
  }
}

/** What was asked for is not there. */
export class NothingThere extends ApplianceError {
  constructor(message: string) {
    super('stalled', message)
  }
}

/** Cloudflare's own words: `An identical record already exists. (81058)`. */
export const wordsOf = (error: APIError): string =>
  error.errors?.length > 0
    ? error.errors.map(({ message = 'no message', code }) => `${message}${code === undefined ? '' : ` (${code})`}`).join('; ')
    : `HTTP status ${error.status}`

/** An error of the official client in ours. `name` is the provider's in dns.yaml. */
export function readError(error: unknown, name: string, doing: string): Error {
  if (error instanceof APIUserAbortError) return error
  if (error instanceof APIConnectionError) return new Uncertain(`Cloudflare does not answer (${doing})`, error)
  if (!(error instanceof APIError)) return error instanceof Error ? error : new Error(String(error))
  const words = wordsOf(error)
  const { status } = error
  if (status === undefined || status >= 500) return new Uncertain(`Cloudflare answers ${status} (${doing})`, error)
  if (status === 401 || (status === 403 && !isAboutThePlan(words)) || isAboutTheKey(words)) {
    return new ApplianceError('stalled', `Cloudflare does not let providers.${name} do this (${doing}): ${words}`, {
      hint: 'give its token the permissions Zone Read, Zone Edit and DNS Edit for the zone, and those of the settings that are declared; see docs/going-public.md',
    })
  }
  if (status === 404) return new NothingThere(`Cloudflare has it not (${doing}): ${words}`)
  return new ApplianceError('stalled', `Cloudflare refuses it (${doing}): ${words}`)
}

const isAboutThePlan = (words: string) => /not entitled|plan|upgrade|quota|subscri|exceeded/i.test(words)

/** Invalid request headers, invalid format for Authorization, unable to authenticate, authentication error. */
const isAboutTheKey = (words: string) => /\((?:6003|6111|9103|9106|9109|10000)\)/.test(words)
