import { expect, test } from 'bun:test'
import { homeAt } from '../../runtime/os/home.ts'
import { directories } from '../certificates/issuer.ts'
import { modelOf, type UsableCertificate } from './model.ts'
import type { ObservedSite } from './observation.ts'
import { planSites } from './plan.ts'
import { renderSite } from './render-site.ts'
import { staticSite } from './testing/rig.ts'
import { renderContext } from './world.ts'

const context = renderContext({ home: homeAt('/srv/ai-infra'), ports: { http: 8080, https: 8443, portal: 3000 }, ipv6: true })
const render = (model: Parameters<typeof renderSite>[0]) => renderSite(model, context)
const own: UsableCertificate = { id: '0123456789abcdef', issued: false }
const issued: UsableCertificate = { id: 'fedcba9876543210', issued: true, authority: directories.letsencrypt }
const hsts = { seconds: 60, subdomains: false, preload: false }
const shop = staticSite('shop.example.com', {
  tls: 'acme',
  aliases: ['www.shop.example.com'],
  hsts,
})

/** What is said of the site once it was published for `before` and is looked at with `certificate`. */
function said(before: UsableCertificate, certificate: UsableCertificate, domain = shop, published = shop) {
  const { file, text, fingerprint } = render(modelOf(published, { certificate: before, addresses: [] }))
  const site: ObservedSite = {
    ...{ file: { name: file, state: 'intact', text }, serving: fingerprint, webRoot: 'present', certificate },
    ...{ upstream: undefined, release: undefined, removing: undefined },
  }
  const observed = { down: undefined, damage: undefined, sites: new Map([[domain.host, site]]) }
  return planSites(new Map([[domain.host, domain]]), observed, render).changes.map(({ summary }) => summary)
}

test('a site that is published again only for its certificate says whose it has now', () => {
  expect(said(own, issued)).toEqual(["now with the certificate of Let's Encrypt"])
  expect(said(own, { ...issued, authority: 'https://ca.example.com:14000/dir' })).toEqual([
    'now with the certificate of ca.example.com',
  ])
  expect(said(issued, own)).toEqual(['now with a self-signed certificate'])
  const apart = [{ id: own.id, issued: false, names: ['www.shop.example.com'] }]
  expect(said(own, { ...issued, apart })).toEqual([
    "now with the certificate of Let's Encrypt for shop.example.com; www.shop.example.com with a self-signed certificate",
  ])
  expect(said(issued, issued)).toEqual([])
})

test('a site of which more changes says what it does', () => {
  expect(said(own, issued, { ...shop, root: 'other' })).toEqual(['serve www/other'])
  expect(said(own, issued, shop, { ...shop, aliases: [] })).toEqual(['serve www/shop'])
  expect(said(own, issued, shop, { ...shop, tls: 'none' })).toEqual(['serve www/shop'])
  expect(said(issued, issued, { ...shop, hsts: { ...hsts, seconds: 7 } })).toEqual(['serve www/shop'])
})
