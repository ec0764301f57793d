import { expect, test } from 'bun:test'
import { certificateLines } from './certificate.ts'

test('a certificate is one line, and what is to be said of it stands below', () => {
  expect(
    certificateLines([
      { host: 'shop.example.com', state: 'ready', message: 'ends in 88 days', issuer: 'CN=E7', ends: '2027-02-24T12:00:00Z' },
      { host: '*.example.com', state: 'waiting', message: '' },
      {
        ...{ host: 'a.example.com', state: 'reconciling', message: 'renew it', issuer: 'CN=E7', ends: '2027-01-01T00:00:00Z' },
        asked: { action: 'renew', by: 'ada', at: '2026-11-28T12:00:00Z' },
      },
    ]),
  ).toEqual([
    'HOST              STATE                     ENDS         ISSUER',
    'shop.example.com  ready                     2027-02-24   CN=E7',
    '*.example.com     waiting                   self-signed',
    'a.example.com     reconciling, renew asked  2027-01-01   CN=E7',
    '  shop.example.com: ends in 88 days',
    '  a.example.com: renew it',
  ])
})
