import { expect, test } from 'bun:test'
import { certonlyCommand, refusal } from './certbot.ts'
import { issuerFolder } from './issuer.ts'

const directory = 'https://acme.example.com/directory'
const order = {
  host: 'shop.example.com',
  names: ['shop.example.com', 'www.shop.example.com'],
  issuer: { directory, staging: undefined, authorities: undefined, email: 'ada@example.com' },
  directory,
}

test('certbot is told everything as arguments, and keeps all it has in a folder of the authority', () => {
  const folder = `/home/certbot/${issuerFolder(directory)}`
  expect(certonlyCommand(order, { folder: '/home/certbot', challenges: '/home/nginx/acme' })).toEqual([
    ...['/usr/bin/certbot', 'certonly', '--non-interactive', '--agree-tos', '--no-eff-email', '--email', 'ada@example.com'],
    ...['--server', directory],
    ...['--config-dir', `${folder}/config`, '--work-dir', `${folder}/work`, '--logs-dir', `${folder}/logs`],
    ...['--max-log-backups', '5'],
    ...['--webroot', '--webroot-path', '/home/nginx/acme', '--preferred-challenges', 'http'],
    ...['--key-type', 'ecdsa', '--elliptic-curve', 'secp256r1'],
    ...['--cert-name', 'shop.example.com', '--force-renewal', '--renew-with-new-domains'],
    ...['--domain', 'shop.example.com', '--domain', 'www.shop.example.com'],
  ])
})

test('a refusal has the words of the authority and what to do', () => {
  const printed = `Saving debug log to /x
Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: www.shop.example.com
  Type:   dns
  Detail: DNS problem: NXDOMAIN looking up A for www.shop.example.com
Hint: something long`
  const error = refusal(order, printed)
  expect(error.message).toBe(
    'acme.example.com gave no certificate: www.shop.example.com: DNS problem: NXDOMAIN looking up A for www.shop.example.com',
  )
  expect(error.hint).toBe('point the name to this server in DNS')
})

test('a problem that certbot could not show is told from its log', () => {
  const printed =
    "An unexpected error occurred:\nAttributeError: can't set attribute\nProblem: rateLimited: too many certificates already issued"
  const error = refusal(order, printed)
  expect(error.message).toBe('acme.example.com gave no certificate: rateLimited: too many certificates already issued')
  expect(error.hint).toBe('the authority has had too many requests; it is tried again later')
})
