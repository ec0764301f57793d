import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { linkIfAbsent, makeDirectory, readTextIfExists, statIfExists, writeFileAtomic } from '../../runtime/os/files.ts'
import { minimalEnvironment } from '../../runtime/os/spawn.ts'
import type { Unsigned } from '../repository.ts'
import type { Signer } from '../state.ts'
import type { Git, SpawnBytes } from './command.ts'

/** Commits that one push or fetch may bring while signatures are asked for: each is checked by a process of its own. */
const mostCommits = 500

/** The appliance's own key: what goes through its door is signed with it. */
export const signingKeyPath = (keys: string) => join(keys, 'commit-signing')

/** Gives the appliance a key for its commits, when it has none; the public half as a line. Callers at the same time get the same. */
export async function ensureSigningKey(keys: string, run: SpawnBytes): Promise<string> {
  const path = signingKeyPath(keys)
  const known = await readTextIfExists(`${path}.pub`)
  if (known !== undefined) return known.trim()
  await makeDirectory(keys, 0o700)
  if ((await statIfExists(path)) === undefined) await makeKey(keys, path, run)
  const line = await keygen(run, ['-y', '-f', path])
  await writeFileAtomic(`${path}.pub`, `${line}\n`)
  return line
}

async function makeKey(keys: string, path: string, run: SpawnBytes): Promise<void> {
  const folder = await mkdtemp(join(keys, '.commit-signing-'))
  try {
    await keygen(run, ['-q', '-t', 'ed25519', '-N', '', '-C', 'ai-infra', '-f', join(folder, 'key')])
    await linkIfAbsent(join(folder, 'key'), path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function keygen(run: SpawnBytes, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(['ssh-keygen', ...words])
  if (code === 0) return new TextDecoder().decode(stdout).trim()
  throw new ApplianceError('failed', `ssh-keygen made no key: ${stderr.trim()}`, { hint: 'is openssh-client installed?' })
}

/** Options of Git with which `commit-tree` signs with the appliance's key. */
export const signingOptions = (keys: string): readonly string[] => [
  ...['-c', 'gpg.format=ssh', '-c', 'gpg.ssh.program=ssh-keygen', '-c', `user.signingKey=${signingKeyPath(keys)}`],
]

/**
 * The commits between `from` and `to` that carry no signature of these people, the oldest first. Every one of them is
 * looked at, merged ones too, and all but a good signature of a declared key counts as none: an expired, a revoked or an
 * unknown key, or a kind of signature that is neither SSH's nor GPG's.
 */
export async function findUnsigned(
  git: Git,
  run: SpawnBytes,
  range: { readonly from: string; readonly to: string; readonly env: Readonly<Record<string, string>> },
  signers: readonly Signer[],
): Promise<readonly Unsigned[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ai-infra-signers-'))
  try {
    const allowed = join(folder, 'allowed')
    await writeFile(allowed, allowedSigners(signers))
    await importKeys(run, folder, signers)
    const settings = [
      ...['gpg.ssh.allowedSignersFile', allowed, 'gpg.ssh.program', 'ssh-keygen'],
      ...['gpg.program', 'gpg', 'gpg.x509.program', '/bin/false', 'gpg.minTrustLevel', 'fully', 'log.showSignature', 'false'],
    ]
    const options = settings.flatMap((name, at) => (at % 2 === 0 ? ['-c', `${name}=${settings[at + 1]}`] : []))
    const listing = [
      'log',
      '--reverse',
      `--max-count=${mostCommits + 1}`,
      '--format=%H %G? %GK',
      range.to,
      `^${range.from}`,
      '--',
    ]
    const env = { ...range.env, GNUPGHOME: folder }
    const lines = (await git.text([...options, ...listing], { env, timeout: 120_000 })).split('\n').filter(Boolean)
    if (lines.length > mostCommits) {
      throw new ApplianceError('invalid', `more than ${mostCommits} new commits at once are too many to check their signatures`, {
        hint: `push ${mostCommits} or fewer at a time`,
      })
    }
    return lines.flatMap(judged)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function judged(line: string): readonly Unsigned[] {
  const [revision = '', verdict = '', key = ''] = line.split(' ')
  if (verdict === 'G') return []
  const which = key === '' ? 'a key' : `the key ${key.slice(0, 60)}`
  return [{ revision, why: words[verdict]?.replace('KEY', which) ?? words.N ?? '' }]
}

/** By Git's letters (`%G?`). */
const words: Readonly<Record<string, string>> = {
  N: 'is not signed',
  B: 'has a signature that does not belong to it',
  U: 'is signed with KEY, which nobody of allowed_signers has',
  E: 'is signed with KEY, which nobody of allowed_signers has',
  X: 'has a signature that has expired',
  Y: 'is signed with KEY, which has expired',
  R: 'is signed with KEY, which was revoked',
}

/** One line for each key; for commits and for nothing else that SSH signs. */
export const allowedSigners = (signers: readonly Signer[]): string =>
  signers
    .flatMap(({ name, ssh }) => ssh.map(key => `${name} namespaces="git" ${key.split(' ').slice(0, 2).join(' ')}\n`))
    .join('')

/** A keyring of these keys alone, in which they are trusted, and GPG asks nobody for others. */
async function importKeys(run: SpawnBytes, folder: string, signers: readonly Signer[]): Promise<void> {
  await writeFile(join(folder, 'gpg.conf'), 'trust-model always\nno-auto-key-retrieve\nno-autostart\nno-auto-check-trustdb\n')
  const keys = signers.flatMap(({ gpg }) => gpg)
  if (keys.length === 0) return
  const { code, stderr } = await run(['gpg', '--homedir', folder, '--batch', '--quiet', '--import'], {
    stdin: `${keys.join('\n')}\n`,
    env: { ...minimalEnvironment, HOME: folder },
  })
  if (code !== 0)
    throw new ApplianceError('failed', `GPG does not understand a key of allowed_signers: ${stderr.trim().slice(0, 300)}`)
}
