import { expect, test } from 'bun:test'
import { certonlyCommand, type Order } from './certbot.ts'
import { issuerFolder } from './issuer.ts'
import { refusal } from './refusal.ts'

const now = new Date('2026-11-28T12:00:00Z')
const directory = 'https://acme.example.com/directory'
const order: Omit<Order, 'ready'> = {
  host: 'shop.example.com',
  names: ['shop.example.com', 'www.shop.example.com'],
  issuer: { directory, staging: undefined, authorities: undefined, email: 'ada@example.com' },
  directory,
  proof: { type: 'http' },
}
const places = { folder: '/home/certbot', challenges: '/home/nginx/acme', sockets: '/home/run/acme' }
const folder = `/home/certbot/${issuerFolder(directory)}/hosts/shop.example.com`

test('certbot is told everything as arguments, and keeps all it has in a folder of the authority and the host', () => {
  expect(certonlyCommand(order, places)).toEqual([
    ...['/usr/bin/certbot', 'certonly', '--non-interactive', '--agree-tos', '--no-eff-email', '--email', 'ada@example.com'],
    ...['--server', directory],
    ...['--config-dir', `${folder}/config`, '--work-dir', `${folder}/work`, '--logs-dir', `${folder}/logs`],
    ...['--max-log-backups', '5'],
    ...['--manual', '--manual-auth-hook', 'show-challenge', '--manual-cleanup-hook', 'hide-challenge'],
    ...['--preferred-challenges', 'http'],
    ...['--csr', `${folder}/order/request.pem`, '--cert-path', `${folder}/order/certificate.pem`],
    ...['--chain-path', `${folder}/order/chain.pem`, '--fullchain-path', `${folder}/order/fullchain.pem`],
  ])
})

test('its hooks, which it runs with a shell, are words that nothing of an order is in', () => {
  const odd = { ...order, host: '*.example.com', proof: { type: 'dns' as const, places: {} } }
  const argv = certonlyCommand(odd, { ...places, folder: "/home/$(id) '/certbot" })
  const hooks = argv.slice(argv.indexOf('--manual'), argv.indexOf('--csr'))
  expect(hooks).toEqual([
    ...['--manual', '--manual-auth-hook', 'show-challenge', '--manual-cleanup-hook', 'hide-challenge'],
    ...['--preferred-challenges', 'dns'],
  ])
})

test('a refusal has the words of the authority and what to do', () => {
  const printed = `Saving debug log to /x
Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: www.shop.example.com
  Type:   dns
  Detail: DNS problem: NXDOMAIN looking up A for www.shop.example.com
Hint: something long`
  const error = refusal(order, printed, now)
  expect(error.message).toBe(
    'acme.example.com gave no certificate: www.shop.example.com: DNS problem: NXDOMAIN looking up A for www.shop.example.com',
  )
  expect(error.hint).toBe('point the name to this server in DNS')
})

test('a problem that certbot could not show is told from its log', () => {
  const printed =
    "An unexpected error occurred:\nAttributeError: can't set attribute\nProblem: rateLimited: too many certificates already issued"
  const error = refusal(order, printed, now)
  expect(error.message).toBe('acme.example.com gave no certificate: rateLimited: too many certificates already issued')
  expect(error.hint).toBe('the authority has had too many requests')
})

test('the time at which an authority takes the next question is told in seconds, as a date, or in words', () => {
  const at = (words: string) => refusal(order, words, now).notBefore?.toISOString()
  expect(at('Problem: rateLimited: too many\nRetry-After: 3600')).toBe('2026-11-28T13:00:00.000Z')
  expect(at('Retry-After: Sat, 28 Nov 2026 14:30:00 GMT')).toBe('2026-11-28T14:30:00.000Z')
  expect(at('Problem: rateLimited: too many certificates, retry after 2026-11-28 15:00:00 UTC: see https://…')).toBe(
    '2026-11-28T15:00:00.000Z',
  )
  expect(at('Retry-After: 99999999')).toBe('2026-12-05T12:00:00.000Z')
  for (const nothing of ['Retry-After: soon', 'Retry-After: 0', 'Detail: no', '']) expect(at(nothing)).toBeUndefined()
})
