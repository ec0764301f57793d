import { expect, test } from 'bun:test'
import { canonicalHost, parseNetPattern } from './net.ts'
import { addressKind } from './net-addresses.ts'

const matches = (rule: string, host: string, port: number) =>
  parseNetPattern(rule)?.matches(canonicalHost(host) ?? '', port) ?? false

test('a host has one spelling, however it is written', () => {
  for (const written of [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '127.0.1',
    '127.0.0.1.',
    '017700000001',
  ]) {
    expect([written, canonicalHost(written)]).toEqual([written, '127.0.0.1'])
  }
  expect(canonicalHost('GitHub.COM.')).toBe('github.com')
  expect(canonicalHost('bücher.example')).toBe('xn--bcher-kva.example')
  expect(canonicalHost('ｇithub.com')).toBe('github.com')
  expect(canonicalHost('[0:0::1]')).toBe('::1')
  expect(canonicalHost('::FFFF:7f00:1')).toBe('::ffff:7f00:1')
})

test('what no URL could name is no host: NUL, blanks, paths, users, ports, zones', () => {
  for (const bad of [
    '',
    'a\0.github.com',
    'github.com\0',
    'a b',
    'a/b',
    'a@b',
    'a?b',
    'a#b',
    'a\\b',
    'github.com:443',
    'fe80::1%eth0',
    'a%2eb',
    '..',
    '.',
    '[::1',
    'x'.repeat(300),
    '999.1.1.1',
    'a\nb',
    '0x7g.1.1.1.',
  ]) {
    expect([bad, canonicalHost(bad)]).toEqual([bad, undefined])
  }
})

test('a rule means its host and port, * whole parts of a name, and nothing that only ends alike', () => {
  expect(matches('github.com:443', 'GITHUB.com.', 443)).toBe(true)
  expect(matches('github.com:443', 'github.com', 80)).toBe(false)
  expect(matches('github.com:443', 'evilgithub.com', 443)).toBe(false)
  expect(matches('github.com:443', 'github.com.evil.test', 443)).toBe(false)
  expect(matches('*.github.com:443', 'a.b.github.com', 443)).toBe(true)
  expect(matches('*.github.com:443', 'github.com', 443)).toBe(false)
  expect(matches('*.github.com:443', 'evilgithub.com', 443)).toBe(false)
  expect(matches('secretsmanager.*.amazonaws.com:443', 'secretsmanager.eu-west-1.amazonaws.com', 443)).toBe(true)
  expect(matches('secretsmanager.*.amazonaws.com:443', 'secretsmanager.evil.test.amazonaws.com', 443)).toBe(false)
  expect(matches('*:22', 'anything', 22)).toBe(true)
  expect(matches('*:*', 'anything', 1)).toBe(true)
  expect(matches('10.*:*', '10.1.2.3', 80)).toBe(true)
  expect(matches('10.*:*', '0x0a.1.2.3', 80)).toBe(true)
  expect(matches('10.*:*', '110.1.2.3', 80)).toBe(false)
  expect(matches('*.onion:*', 'x.onion', 80)).toBe(true)
  expect(matches('[::1]:80', '0:0:0:0:0:0:0:1', 80)).toBe(true)
  for (const bad of ['', ':443', 'a:b', 'a:0', 'a:99999', 'a b:1', '::1:443']) expect(parseNetPattern(bad)).toBeUndefined()
})

test('only addresses of the open internet are public, also inside IPv6 addresses that carry one of IPv4', () => {
  const kind = (address: string) => addressKind(address, ['203.0.113.9', '2001:4860::9'])
  for (const address of ['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'])
    expect([address, kind(address)]).toEqual([address, 'public'])
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '0.0.0.0',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::127.0.0.1',
  ]) {
    expect([address, kind(address)]).toEqual([address, 'loopback'])
  }
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
  ]) {
    expect([address, kind(address)]).toEqual([address, 'metadata'])
  }
  for (const address of [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    'fc00::1',
    'fd12::1',
    '::ffff:10.0.0.1',
    '2002:a00:1::',
  ]) {
    expect([address, kind(address)]).toEqual([address, 'private'])
  }
  for (const address of ['169.254.1.1', 'fe80::1']) expect([address, kind(address)]).toEqual([address, 'link-local'])
  for (const address of ['224.0.0.1', '255.255.255.255', 'ff02::1', 'nonsense', '240.0.0.1', '192.0.2.1'])
    expect([address, kind(address)]).toEqual([address, 'special'])
  expect(kind('2001:4860::9')).toBe('own')
  expect(addressKind('8.8.4.4', ['8.8.4.4'])).toBe('own')
  expect(addressKind('::ffff:8.8.4.4', ['8.8.4.4'])).toBe('own')
})
