import { z } from 'zod'
import { type Place, placeText } from './place.ts'

export const boundShape = z.strictObject({
  host: z.string(),
  /** Absent: every port. */
  port: z.number().optional(),
  /** Absent: whatever it is used for there with TLS; `without TLS`: whatever without. */
  use: z.string().optional(),
  /** ISO 8601. */
  at: z.string(),
  /** Who allowed it; empty where it was the first use. */
  by: z.string(),
  /** Marks of the values that go there although they were another name's before: a person allowed it, or it was so before all this. */
  marks: z.array(z.string()).optional(),
})

/** One place that a secret may go to. */
export type Bound = z.infer<typeof boundShape>

/** Of what never leaves this server: a secret that was used for that only belongs nowhere else either. */
export const here: Place = { host: '', port: 0, use: 'here' }

export const plain = 'without TLS'
/** What a person writes behind a host for the way without TLS: a host alone is not that. */
export const plainSuffix = '/without-tls'
const isPlainUse = (use: string) => use.endsWith(` ${plain}`)

export const covers = ({ host, port, use }: Bound, to: Place): boolean => {
  if (host !== to.host || (port !== undefined && port !== to.port)) return false
  if (use === undefined) return !isPlainUse(to.use)
  return use === to.use || (use === plain && isPlainUse(to.use))
}

/** As `allow` takes it. */
export const wantedText = (to: Place): string => `${placeText(to)}${isPlainUse(to.use) ? plainSuffix : ''}`

export const textOf = ({ host, port, use }: Bound): string =>
  use === here.use
    ? 'this server'
    : `${port === undefined ? host : placeText({ host, port })}${use === undefined ? '' : ` (${use})`}`
