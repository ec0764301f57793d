import { expect, test } from 'bun:test'
import { weigh } from './sites.ts'
import { staticSite } from './testing/rig.ts'

const deploy = { repo: 'https://example.com/one.git', branch: 'main', directory: '.' }
const site = staticSite('a.example.com', { aliases: ['www.a.example.com'], deploy })

test('what takes names or contents away from visitors counts for the blast cap, a setting does not', () => {
  const weights = [
    weigh(site, { ...site, root: 'other' }),
    weigh(site, { ...site, aliases: [] }),
    weigh(site, { ...site, aliases: ['other.example.com'] }),
    weigh(site, { ...site, deploy: { ...deploy, repo: 'https://example.com/two.git' } }),
    weigh(site, { ...site, deploy: undefined }),
  ]
  expect(weights).toEqual(weights.map(() => 'redefine'))
  const settings = [
    weigh(site, { ...site, aliases: ['new.example.com', 'www.a.example.com'] }),
    weigh(site, { ...site, deploy: { ...deploy, branch: 'next' } }),
    weigh(site, { ...site, cacheSeconds: 7, tls: 'self-signed' }),
  ]
  expect(settings).toEqual(settings.map(() => 'adjust'))
})
