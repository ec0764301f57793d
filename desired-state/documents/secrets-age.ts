import { z } from 'zod'
import type { Mistake, SharedSecrets } from '../state.ts'
import type { Source } from '../yaml.ts'
import { check, isMap, reportOn } from './check.ts'

const namePattern = /^[A-Z][A-Z0-9_]{0,99}$/
const begin = '-----BEGIN AGE ENCRYPTED FILE-----'
const end = '-----END AGE ENCRYPTED FILE-----'

const recipient = z
  .string({ error: 'write a public key of age, which begins with age1' })
  .regex(
    /^age1[0-9a-z]{10,3000}$/,
    'write a public key of age, which begins with age1; that of the appliance is printed by: secret recipient',
  )

/** A value as `age --armor` prints it. What is wrong with it is said without it: it may be the secret itself. */
const notArmored =
  'this is nothing that age has encrypted: write what age --armor prints, below "|", or use: ai-infra secret set NAME --shared; what stood here counts as known, so take another one'
const armored = z.string({ error: notArmored }).max(200_000).refine(isArmored, { error: notArmored })

/** `secrets.age.yaml`: secrets of several operators, each encrypted for all of them and for the appliance. */
export const secretsAgeSchema = z.strictObject({
  recipients: z
    .record(z.string().max(100), recipient)
    .default({})
    .describe('Public keys that values are encrypted for, by a name of your own: those of the operators. Default: none.'),
  secrets: z
    .record(z.string().meta({ pattern: namePattern.source }), armored)
    .default({})
    .describe('Values by name, as age --armor prints them; secret:DNS_KEY in a document means the one called DNS_KEY.'),
})

const mostSecrets = 1_000

export const noSharedSecrets: SharedSecrets = { recipients: new Map(), values: new Map() }

export function parseSecretsAge(source: Source): { shared: SharedSecrets; mistakes: readonly Mistake[] } {
  const report = reportOn(source)
  const document = check(secretsAgeSchema, withoutEmpty(source.value ?? {}), [], report)
  if (document === undefined) return { shared: noSharedSecrets, mistakes: report.mistakes }
  const names = Object.keys(document.secrets)
  for (const name of names.filter(each => !namePattern.test(each)))
    report.say(['secrets', name], 'this cannot name a secret: write capital letters, digits and _, like DNS_KEY', 'key')
  if (names.length > mostSecrets)
    report.say(['secrets'], `there are ${names.length} secrets, and there may be ${mostSecrets}: remove some`, 'key')
  const shared = {
    recipients: new Map(Object.entries(document.recipients)),
    values: new Map(Object.entries(document.secrets)),
  }
  return { shared, mistakes: report.mistakes }
}

function isArmored(text: string): boolean {
  const lines = text.trim().split(/\r?\n/)
  if (lines[0] !== begin || lines.at(-1) !== end) return false
  const body = lines.slice(1, -1).join('')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return false
  return Buffer.from(body, 'base64').toString('latin1', 0, 22) === 'age-encryption.org/v1\n'
}

const withoutEmpty = (value: unknown): unknown =>
  isMap(value) ? Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null)) : value
