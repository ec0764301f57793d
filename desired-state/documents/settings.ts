import { z } from 'zod'
import type { Mistake, Settings } from '../state.ts'
import type { Source } from '../yaml.ts'
import { check, reportOn } from './check.ts'
import { cronSchema } from './cron.ts'
import { hasNoPassword, noPassword, secretReference } from './secret-reference.ts'
import { signersSchema, upstreamSchema } from './upstream.ts'

export const tlsSchema = z.enum(['none', 'self-signed', 'acme'])

export const modelSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:@/-]{0,99}$/, 'a model is named like claude-sonnet-5-5: letters, digits and . _ : @ / -')

/** `settings.yaml`. An absent file, and an absent key, mean the defaults. */
export const settingsSchema = z.strictObject({
  tls: tlsSchema.default('none').describe('TLS of each domain that does not say its own.'),
  agent_model: modelSchema.default('claude-sonnet-5-5').describe('Claude model of each agent that does not name its own.'),
  agent_max_tokens: z.int().min(256).max(100_000).default(4096).describe('Longest answer of an agent, in tokens.'),
  session_timeout_minutes: z.int().min(5).max(480).default(60).describe('Minutes until an idle session of the portal ends.'),
  search_provider: z
    .union([
      z.literal('none'),
      z
        .url({
          protocol: /^https?$/,
          error: 'search_provider must be none, or the address of a search like https://search.example.com',
        })
        .refine(hasNoPassword, noPassword),
    ])
    .default('none')
    .describe(
      'Where agents search the web: none, or the address of a SearXNG (or what answers like it) whose host network.yaml allows.',
    ),
  certificate_issuer: z
    .union([
      z.enum(['letsencrypt', 'letsencrypt-staging']),
      z
        .url({
          protocol: /^https$/,
          error: 'certificate_issuer must be letsencrypt, letsencrypt-staging, or the https address of an ACME directory',
        })
        .refine(hasNoPassword, noPassword),
    ])
    .default('letsencrypt')
    .describe(
      'Who signs the certificates of domains with tls: acme: letsencrypt, letsencrypt-staging, or the URL of an ACME directory.',
    ),
  certificate_issuer_ca: z
    .union([
      z.literal(''),
      z
        .string()
        .max(500)
        .regex(
          /^\/[A-Za-z0-9._/-]+$/,
          'certificate_issuer_ca must be the absolute path of a file on the server, like /etc/ssl/our-ca.pem',
        ),
    ])
    .default('')
    .describe("File on the server with the authority that the directory's own HTTPS is checked against. Default: the system's."),
  certificate_email: z
    .union([z.literal(''), z.email('certificate_email must be an address like you@example.com')])
    .default('')
    .describe('Address that the issuer may write to, for example before a certificate ends. Default: none.'),
  public_addresses: z
    .array(z.union([z.ipv4(), z.ipv6()], { error: 'public_addresses must list addresses, like [203.0.113.10, "2001:db8::10"]' }))
    .max(16)
    .default([])
    .describe('Addresses that the records of sites lead to. Default: those of this machine that the internet can reach.'),
  auto_backup_enabled: z.boolean().default(true).describe('Whether backups of backups.yaml are made by themselves.'),
  backup_schedule: cronSchema
    .default('0 2 * * *')
    .describe('When backups are made that do not say it themselves, as cron has it, in the time of the server.'),
  backup_retention_days: z.int().min(1).max(365).default(30).describe('Days for which one backup of each day is kept.'),
  backup_to_github: z.boolean().default(true).describe('Whether the git targets of backups.yaml are pushed.'),
  secret_store: z
    .enum(['age', 'aws'])
    .default('age')
    .describe(
      'Where secret set keeps values: age (a file of the server, encrypted), or aws (AWS Secrets Manager, which secrets are read from as well then; AWS_REGION and keys in the environment of the appliance). Default: age.',
    ),
  claude: z
    .strictObject({ key: secretReference('ANTHROPIC_API_KEY').describe('Key of the API: secret:ANTHROPIC_API_KEY.') })
    .optional()
    .describe('What agents ask Claude with. ANTHROPIC_API_KEY in the environment of the appliance comes first.'),
  upstream: upstreamSchema
    .optional()
    .describe('Git repository elsewhere, like one on GitHub, that main is mirrored with, both ways.'),
  allowed_signers: signersSchema
    .default([])
    .describe('Who may sign commits, by name. With anybody here, main takes no commit without a signature of one of them.'),
  look_interval_seconds: z.int().min(5).max(3600).default(30).describe('Seconds between two looks for drift.'),
})

export const defaultSettings: Settings = settingsSchema.parse({})

export function parseSettings(source: Source): { settings: Settings; mistakes: readonly Mistake[] } {
  const report = reportOn(source)
  const settings = check(settingsSchema, source.value ?? {}, [], report)
  // With a mistake here, `acme` keeps the domains from being blamed for a tls that is not theirs.
  return { settings: settings ?? { ...defaultSettings, tls: 'acme' }, mistakes: report.mistakes }
}
