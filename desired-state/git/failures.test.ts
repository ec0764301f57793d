import { expect, test } from 'bun:test'
import { explain } from '../../runtime/os/errors.ts'
import { contentFailure, gitFailure } from './failures.ts'

const token = { transport: 'http', env: { GIT_CONFIG_COUNT: '1' } } as const
const nobody = { transport: 'http', env: {} } as const
const path = { transport: 'path', env: {} } as const
const ssh = { transport: 'ssh', env: {} } as const
const asked = `fatal: unable to read askpass response from '/bin/false'
fatal: could not read Username for 'https://github.com': terminal prompts disabled
`

test('what Git says of an upstream that does not let us in is said with what to do, for each way there', () => {
  const said = [
    gitFailure(asked, token),
    gitFailure(asked, nobody),
    gitFailure(
      "fatal: '/srv/x.git' does not appear to be a git repository\nfatal: Could not read from remote repository.\n",
      path,
    ),
    gitFailure('Load key "/home/run/key": error in libcrypto\nme@x: Permission denied (publickey).\n', ssh),
    gitFailure('me@x: Permission denied (publickey).\n', ssh),
    gitFailure(
      "remote unpack failed: unable to create temporary object directory\nerror: failed to push some refs to '/x'\n",
      path,
    ),
    gitFailure('remote: error: GH006: Protected branch update failed for refs/heads/main.\n', token),
  ]
  expect(said.map(explain)).toEqual([
    'https://github.com does not take the token (look at the token: may it read and write there?)',
    'https://github.com asks who we are (write token: secret:NAME beside url, and give its value to secret set NAME)',
    "'/srv/x.git' does not appear to be a git repository (look at url; git init --bare makes an empty repository there)",
    expect.stringContaining('(that is no private key: give secret set the whole file, with its first and last line)'),
    'me@x: Permission denied (publickey). (look at the key: may it read and write there?)',
    'remote unpack failed: unable to create temporary object directory (let the user of the appliance read and write there)',
    expect.stringContaining('(the branch is protected there: allow what we push with, or mirror another branch)'),
  ])
})

test('what is wrong with the objects is told from a connection that ended early', () => {
  const refused = "error: object 8f: hasDotgit: contains '.git'\nfatal: fsck error in packed object\nfatal: index-pack failed\n"
  expect(contentFailure(refused)).toMatchObject({
    kind: 'invalid',
    message: "Git does not take what is new there: object 8f: hasDotgit: contains '.git'",
  })
  expect(contentFailure('fatal: Out of memory, malloc failed\nfatal: index-pack failed\n')).toMatchObject({ kind: 'stalled' })
  expect(contentFailure('fatal: early EOF\nfatal: index-pack failed\n')).toBeUndefined()
  expect(contentFailure('error: RPC failed; curl 56\nfatal: fetch-pack: invalid index-pack output\n')).toBeUndefined()
})
