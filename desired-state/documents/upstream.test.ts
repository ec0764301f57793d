import { expect, test } from 'bun:test'
import { parseTree } from '../parse.ts'
import { parseUpstreamUrl, transportOf } from './upstream.ts'

const hostKey = 'github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'

/** What a push with this settings.yaml would read. */
function said(text: string): readonly string[] {
  const result = parseTree([{ path: 'settings.yaml', mode: '100644', bytes: new TextEncoder().encode(text) }], '')
  return result.ok ? [] : result.mistakes.map(({ message }) => message)
}
const upstream = (body: string) => said(`upstream: { ${body} }\n`)

test('addresses that prove who answers are taken, and a test server on the machine itself', () => {
  for (const url of [
    'https://github.com/me/config.git',
    'ssh://git@host.example.com:2222/config.git',
    'git@github.com:me/config.git',
    '/srv/config.git',
    'http://127.0.0.1:8080/me/config.git',
  ])
    expect(parseUpstreamUrl(url)).toEqual({ ok: url })
  expect(['/srv/x.git', 'https://x/y', 'git@x:y', 'ssh://git@x/y'].map(transportOf)).toEqual(['path', 'http', 'ssh', 'ssh'])
})

test('anything else is refused with what to write instead', () => {
  const wrong = (url: string) => upstream(`url: ${JSON.stringify(url)}`)[0] ?? 'accepted'
  expect(wrong('me/config')).toContain('url must be an address that Git can fetch: https://github.com/me/config.git')
  expect(wrong('http://github.com/me/config.git')).toContain('url must begin with https://: without TLS anybody on the way')
  expect(wrong('github.com/me/config')).toBe('url has no https:// before it: write https://github.com/me/config')
  expect(wrong('https://github.com/me/config/tree/main')).toContain('is a page of a repository')
  expect(wrong('git://github.com/me/config.git')).toContain('which proves nothing')
  expect(wrong('https://me:ghp_secret@github.com/me/config.git')).toBe(
    'url must not contain a user name or password: write token: secret:NAME',
  )
  expect(wrong('ext::sh -c id')).toContain('url must not contain a space')
  expect(wrong('ext::sh')).toContain('transport program')
  expect(wrong('--upload-pack=x')).toContain('must not begin with "-"')
  expect(wrong('https://169.254.169.254/x')).toContain('link-local')
  expect(wrong('file:///srv/x.git')).toContain('write the absolute path itself')
  expect(wrong('/srv/../etc')).toContain('without "." and ".."')
})

test('what belongs to another kind of address is said where it stands', () => {
  expect(upstream('url: "git@github.com:me/x.git"')).toEqual([
    'an ssh url needs a key: write key: secret:NAME below it',
    'an ssh url needs known_hosts: write what ssh-keyscan prints, after you have compared it',
  ])
  expect(upstream(`url: "git@github.com:me/x.git", key: "secret:KEY", known_hosts: ["${hostKey}"]`)).toEqual([])
  expect(upstream('url: "https://github.com/me/x.git", key: "secret:KEY"')).toEqual([
    'key is for ssh urls: write token: secret:NAME',
  ])
  expect(upstream('url: "/srv/x.git", token: "secret:TOKEN"')).toEqual(['a path needs no token: remove it'])
  expect(upstream('url: "https://github.com/me/x.git", token: "ghp_0123456789"')[0]).toContain('never the secret itself')
  expect(upstream('url: "git@h:x", key: "secret:K", known_hosts: ["@cert-authority * ssh-rsa AAAA"]')[0]).toContain('ssh-keyscan')
})

test('keys, branches and times that are none are refused, and unknown keys get a word that is near', () => {
  expect(upstream('url: "/srv/x.git", brnch: main')).toEqual(['unknown key "brnch"; did you mean "branch"?'])
  expect(upstream('url: "/srv/x.git", branch: "-x"')).toEqual(['branch must be the name of a branch, like main or release/2'])
  expect(upstream('url: "/srv/x.git", poll_seconds: 1')).toEqual(['poll_seconds must be at least 10, and is 1'])
  expect(upstream('url: "https://github.com/me/x.git", api: "http://evil.example"')).toEqual(['api must begin with https://'])
  expect(upstream('branch: main')).toEqual(['url is missing'])
})

test('a signer is a public key, never a private one, an option or a second line', () => {
  const signer = (body: string) => said(`allowed_signers:\n  ann: ${body}\n`)
  expect(signer('{ ssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMq ann@laptop" }')).toEqual([])
  expect(signer('{ ssh: "cert-authority ssh-ed25519 AAAA" }')[0]).toContain('write a public key as it stands in a .pub file')
  expect(signer('{ ssh: "ssh-ed25519 AAAA\\neve ssh-ed25519 BBBB" }')[0]).toContain('write a public key')
  expect(signer('{ gpg: "0123ABCD" }')[0]).toContain('as gpg --armor --export prints it')
  expect(signer('{}')).toEqual(['a signer needs a key: ssh: or gpg:'])
  expect(signer('{ shh: "x" }').join(' ')).toContain('unknown key "shh"; did you mean "ssh"?')
  expect(said('allowed_signers:\n  "* ": { ssh: "ssh-ed25519 AAAA" }\n')[0]).toContain('a signer is named like ann')
})
