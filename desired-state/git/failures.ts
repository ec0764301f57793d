import { ApplianceError } from '../../runtime/os/errors.ts'
import { printable } from '../state.ts'
import type { Remote } from './remote.ts'

/** `stalled`: nothing of it is fetched until it is less. */
export const tooLarge = (words: string): ApplianceError =>
  new ApplianceError('stalled', words, {
    hint: 'take the large file, or the very many, out of its history; nothing of it was kept here',
  })

/** What is wrong with what was sent, and not with the way; undefined where it is something else. */
export function contentFailure(stderr: string): ApplianceError | undefined {
  if (cutOff.test(stderr)) return undefined
  if (/out of memory|index-pack died of signal/i.test(stderr)) return tooLarge('what is new there takes too much memory')
  if (!/fsck error|index-pack failed|invalid index-pack output|did not send all necessary objects/.test(stderr)) return undefined
  return new ApplianceError('invalid', `Git does not take what is new there: ${wordsOf(stderr)}`, {
    hint: 'take it out of its history; nothing of it was kept here',
  })
}

/** What came was less than what is there. */
const cutOff = /early EOF|unexpected disconnect|RPC failed|hung up|Connection (?:reset|closed)/i

/** Git's own words, without what says nothing, and what to do about the usual ones. */
export function gitFailure(stderr: string, remote: Pick<Remote, 'transport' | 'env'>): ApplianceError {
  const hint = hints.find(([pattern]) => pattern.test(stderr))?.[1]
  const words = wordsOf(stderr)
  const said = accessOf(remote) === 'token' ? words.replace('asks who we are', 'does not take the token') : words
  return new ApplianceError('failed', said, hint === undefined ? {} : { hint: hint(accessOf(remote)) })
}

function wordsOf(stderr: string): string {
  const lines = stderr
    .replaceAll('\0', '')
    .split('\n')
    .map(line => line.replace(/^(?:fatal|error|remote|ssh): /, '').trim())
    .filter(line => line !== '' && !boilerplate.test(line))
    .map(line => line.replace(/^could not read (?:Username|Password) for '([^']*)': .*/, '$1 asks who we are'))
  return printable(lines.join('; ') || 'Git said nothing').slice(0, 500)
}

const boilerplate = new RegExp(
  `^(?:${[
    'Please make sure you have the correct access rights',
    String.raw`and the repository exists\.`,
    String.raw`Could not read from remote repository\.`,
    'To .+',
    'hint: .*',
    'fsck error in packed object',
    'index-pack failed',
    'fetch-pack: invalid index-pack output',
    'failed to push some refs to .*',
    'unable to read askpass response from .*',
  ].join('|')})$`,
)

/** Who we are there. */
type Access = 'key' | 'token' | 'no token' | 'path'

const accessOf = ({ transport, env }: Pick<Remote, 'transport' | 'env'>): Access =>
  transport === 'ssh' ? 'key' : transport === 'path' ? 'path' : env.GIT_CONFIG_COUNT === undefined ? 'no token' : 'token'

const mayNot: Record<Access, string> = {
  key: 'look at the key: may it read and write there?',
  token: 'look at the token: may it read and write there?',
  'no token': 'write token: secret:NAME beside url, and give its value to secret set NAME',
  path: 'let the user of the appliance read and write there',
}

const notThere: Record<Access, string> = {
  key: 'look at url, and whether the key may see it',
  token: 'look at url, and whether the token may see it',
  'no token': 'look at url; a private repository needs token: secret:NAME beside it',
  path: 'look at url; git init --bare makes an empty repository there',
}

const hints: readonly (readonly [RegExp, (access: Access) => string])[] = [
  [
    /Load key .*(?:libcrypto|invalid format)/,
    () => 'that is no private key: give secret set the whole file, with its first and last line',
  ],
  [/protected branch|hook declined/i, () => 'the branch is protected there: allow what we push with, or mirror another branch'],
  [
    /Authentication failed|returned error: 40[13]|Permission denied|could not read (?:Username|Password)|unable to create temporary|insufficient permission/i,
    access => mayNot[access],
  ],
  [
    /Host key verification failed/,
    () => 'the server has another host key than known_hosts says: find out why before you change it',
  ],
  [/returned error: 404|not found|does not appear to be a git repository/i, access => notThere[access]],
  [/possible repository corruption on the remote side/, () => 'the repository there is damaged: run git fsck in it'],
  [/redirect|returned error: 30\d/i, () => 'it has moved: write its new address into url'],
]
