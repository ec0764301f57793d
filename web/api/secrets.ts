import { z } from 'zod'
import type { Author } from '../../desired-state/repository.ts'
import { type SecretsOverview, type SecretUses, secretsOverview } from '../../runtime/secrets/overview.ts'
import { checkSecret, largestSecret, type Secrets } from '../../runtime/secrets/secrets.ts'
import { sources } from '../../runtime/secrets/store.ts'
import { nameOf } from '../door/door.ts'
import { authorOf } from './author.ts'
import { type DocumentedRoute, people, reads, writes } from './define.ts'
import { list } from './shapes/engine.ts'

export interface SecretsApiDeps {
  readonly secrets: Pick<Secrets, 'list' | 'set' | 'remove' | 'recipient' | 'reaches' | 'allow' | 'restrict'>
  /** Commits it to secrets.age.yaml, encrypted. */
  readonly shareSecret: (name: string, value: string, author: Author) => Promise<void>
  /** Of the newest valid state. */
  readonly secretUses: () => SecretUses
}

const tag = 'secrets'
const source = z.enum(sources).describe('Where its value is taken from, nearest first')
const usedBy = list(z.string()).describe('Documents that refer to it, like "dns.yaml example.com"')

const overview = z
  .object({
    secrets: list(
      z.object({
        name: z.string(),
        source,
        changedAt: z.string().describe('ISO 8601').optional(),
        hidden: list(source).describe('Places that have the name too, and are not asked'),
        usedBy,
        allowed: list(z.string()).describe(
          'Where it may go, like "db.example.com:5432 (database)"; empty until it was sent somewhere',
        ),
        refused: list(z.string()).describe('Places that it was asked for since the start, and was not sent to'),
      }),
    ),
    missing: list(z.object({ name: z.string(), usedBy })).describe('Referred to, and nowhere'),
    problems: list(z.object({ source, message: z.string() })).describe('Places that cannot be read'),
    recipient: z.string().describe('age1…: what others encrypt for, so that this appliance can read it').optional(),
  })
  .meta({ id: 'Secrets' })

// Names are never in the path: who confuses name and value would have it in the audit.
const name = z.string().max(200).describe('Capital letters, digits and _, like DNS_KEY')

/** Secrets go in here, and never come out: no route gives a value. */
export function secretsRoutes({ secrets, secretUses, shareSecret }: SecretsApiDeps): readonly DocumentedRoute[] {
  return [
    reads({
      ...{ path: '/api/secrets', policy: people, tag, answer: overview },
      summary: 'Names of the secrets, where they are kept, what refers to them, and which are missing',
      handle: async () => onTheWire(await secretsOverview(secrets, secretUses())),
    }),
    writes({
      ...{ path: '/api/secrets', policy: people, audit: 'secret.set', tag },
      body: z.strictObject({
        name,
        value: z.string().max(largestSecret),
        shared: z.boolean().default(false).describe('As a commit to secrets.age.yaml, for several operators'),
        hosts: z
          .array(z.string().max(300))
          .min(1)
          .max(50)
          .optional()
          .describe('HOST or HOST:PORT: where it may go, and nowhere else'),
      }),
      answer: z.object({ set: z.string(), source, hiddenBy: source.optional() }),
      summary: 'Keep a value under a name; what waits for it goes on',
      async handle({ body, call }) {
        const { name, value, shared, hosts } = body
        checkSecret(name, value)
        // First: what waits for it goes on as soon as it is set.
        const undo = hosts === undefined ? undefined : await secrets.restrict(name, hosts, nameOf(call.identity), value)
        try {
          if (!shared) return { set: name, ...(await secrets.set(name, value, nameOf(call.identity))) }
          await shareSecret(name, value, authorOf(call.identity))
        } catch (error) {
          // The old value does not go where the new one was to.
          await undo?.()
          throw error
        }
        const used = (await secrets.list()).secrets.find(entry => entry.name === name)?.source
        const isHidden = used !== undefined && sources.indexOf(used) < sources.indexOf('repository')
        return { set: name, source: 'repository' as const, ...(isHidden && { hiddenBy: used }) }
      },
    }),
    writes({
      ...{ path: '/api/secrets/allow', policy: people, audit: 'secret.allowed', tag },
      body: z.strictObject({ name, host: z.string().max(300).describe('HOST or HOST:PORT') }),
      answer: z.object({ allowed: z.string(), host: z.string() }),
      summary: 'Let a secret go to one more host',
      async handle({ body, call }) {
        await secrets.allow(body.name, body.host, nameOf(call.identity))
        return { allowed: body.name, host: body.host }
      },
    }),
    writes({
      ...{ path: '/api/secrets/remove', policy: people, audit: 'secret.removed', tag },
      body: z.strictObject({ name }),
      answer: z.object({ removed: z.string() }),
      summary: 'Forget the value of a name',
      async handle({ body, call }) {
        await secrets.remove(body.name, nameOf(call.identity))
        return { removed: body.name }
      },
    }),
  ]
}

const onTheWire = ({ secrets, ...rest }: SecretsOverview) => ({
  ...rest,
  secrets: secrets.map(({ changedAt, ...entry }) => (changedAt === undefined ? entry : { ...entry, changedAt })),
})
