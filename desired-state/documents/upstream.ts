import { z } from 'zod'
import { branchSchema } from './branch.ts'
import { parseRepo } from './deploy.ts'
import type { Parsed } from './host.ts'
import { hasNoPassword, noPassword, secretReference } from './secret-reference.ts'

const examples = 'https://github.com/me/config.git, ssh://git@host/config.git, git@host:config.git or /srv/config.git'

/** Where a test server answers; a token never leaves the machine without TLS. */
const loopback = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?\//

/** A Git repository that is fetched and pushed to, over something that proves who the other side is. */
export function parseUpstreamUrl(text: string): Parsed<string> {
  if (loopback.test(text)) return 'ok' in parseRepo(text.replace('http:', 'https:')) ? { ok: text } : wrong
  if (/^git:/i.test(text)) return { wrong: `url must not begin with git:, which proves nothing: write ${examples}` }
  if (/^http:/i.test(text))
    return {
      wrong: `url must begin with https://: without TLS anybody on the way could change what is fetched; write ${examples}`,
    }
  if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\/[\w.~/-]+$/i.test(text))
    return { wrong: `url has no https:// before it: write https://${text}` }
  const parsed = parseRepo(text)
  if ('ok' in parsed) {
    const [, repository = ''] = /^(?:https|ssh):\/\/(?:[^/@]+@)?github\.com\/([^/]+\/[^/]+)\/./i.exec(parsed.ok) ?? []
    return repository === ''
      ? parsed
      : { wrong: `url is a page of a repository, and not the repository: write https://github.com/${repository}.git` }
  }
  const passwords = 'url must not contain a user name or password: write token: secret:NAME'
  return parsed.wrong.includes('password')
    ? { wrong: passwords }
    : { wrong: parsed.wrong.replace(/^repo /, 'url ').replaceAll('site.git', 'config.git') }
}

const wrong = { wrong: `url must be an address of a Git repository: ${examples}` }

export const transportOf = (url: string): 'http' | 'ssh' | 'path' =>
  url.startsWith('/') ? 'path' : /^https?:/i.test(url) ? 'http' : 'ssh'

const hostKey = z
  .string()
  .max(2_000)
  .regex(
    /^[^\s#]\S* (?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*(?: .*)?$/,
    'known_hosts must list lines like "github.com ssh-ed25519 AAAA…", as ssh-keyscan prints them',
  )

export const upstreamSchema = z
  .strictObject({
    url: z
      .string()
      .max(500)
      .transform((text, context) => {
        const parsed = parseUpstreamUrl(text)
        if ('ok' in parsed) return parsed.ok
        context.addIssue({ code: 'custom', message: parsed.wrong })
        return z.NEVER
      })
      .describe('Git URL (https or ssh), user@host:path, or an absolute path on the server.'),
    branch: branchSchema.default('main').describe('Branch that is mirrored with main.'),
    user: z
      .string()
      .regex(/^[A-Za-z0-9._@-]{1,100}$/, 'user must be the name that the token belongs to, like x-access-token')
      .default('x-access-token')
      .describe('User name beside the token; GitHub takes any.'),
    token: secretReference('GITHUB_TOKEN').optional().describe('Token for https and for the API of GitHub: secret:NAME.'),
    key: secretReference('GITHUB_KEY').optional().describe('Private key for ssh: secret:NAME.'),
    known_hosts: z.array(hostKey).min(1).max(20).optional().describe('Host keys of the ssh server, as ssh-keyscan prints them.'),
    webhook_secret: secretReference('GITHUB_WEBHOOK').optional().describe('What webhooks are signed with: secret:NAME.'),
    poll_seconds: z.int().min(10).max(86_400).default(60).describe('Seconds between two looks, spread by a fifth.'),
    api: z
      .url({ protocol: /^https?$/, error: 'api must be the address of the API, like https://github.example.com/api/v3' })
      .refine(text => text.startsWith('https:') || loopback.test(`${text}/`), 'api must begin with https://')
      .refine(hasNoPassword, noPassword)
      .optional()
      .describe('API of a GitHub of your own; that of github.com is known.'),
    pull_requests: z
      .enum(['none', 'own', 'all'])
      .default('own')
      .describe('Pull requests that get their plan as a comment: of branches of the repository itself, or those of forks too.'),
  })
  .superRefine(({ url, token, key, known_hosts }, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    const transport = transportOf(url)
    if (transport === 'ssh' && key === undefined) say('url', 'an ssh url needs a key: write key: secret:NAME below it')
    if (transport === 'ssh' && known_hosts === undefined)
      say('url', 'an ssh url needs known_hosts: write what ssh-keyscan prints, after you have compared it')
    if (transport !== 'ssh' && key !== undefined) say('key', 'key is for ssh urls: write token: secret:NAME')
    if (transport !== 'ssh' && known_hosts !== undefined) say('known_hosts', 'known_hosts is for ssh urls: remove it')
    if (transport === 'path' && token !== undefined) say('token', 'a path needs no token: remove it')
  })

const sshKey = z
  .string()
  .max(4_000)
  .regex(
    /^(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]+=*(?: [^\r\n]*)?$/,
    'write a public key as it stands in a .pub file: ssh-ed25519 AAAA…',
  )

const gpgKey = z
  .string()
  .max(100_000)
  .regex(
    /^\s*-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]+-----END PGP PUBLIC KEY BLOCK-----\s*$/,
    'write a public key as gpg --armor --export prints it, indented below gpg: |',
  )

const oneOrMore = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.array(schema).min(1).max(20)])

export const signersSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/, 'a signer is named like ann or ann@example.com'),
    z
      .strictObject({
        ssh: oneOrMore(sshKey).optional().describe('Public SSH key, as in a .pub file.'),
        gpg: oneOrMore(gpgKey).optional().describe('Armored public GPG key.'),
      })
      .refine(({ ssh, gpg }) => ssh !== undefined || gpg !== undefined, 'a signer needs a key: ssh: or gpg:'),
  )
  .transform(entries => Object.entries(entries).map(([name, { ssh, gpg }]) => ({ name, ssh: listed(ssh), gpg: listed(gpg) })))

const listed = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value
