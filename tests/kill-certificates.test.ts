import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Pebble, startPebble } from '../reconcilers/certificates/testing/pebble.ts'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { commandLine, listProcesses, processFacts } from '../runtime/os/process.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { until } from './support/until.ts'

setDefaultTimeout(300_000)

let appliance: Appliance
let bind: Bind
let pebble: Pebble

beforeAll(async () => {
  appliance = await createAppliance()
  bind = await startBind(['example.com'])
  pebble = await startPebble({ httpPort: appliance.ports.http, dnsPort: bind.port })
}, 60_000)
afterAll(async () => {
  await appliance?.[Symbol.asyncDispose]()
  await pebble?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
})

const entry = join(import.meta.dir, 'support', 'up-killed-at.ts')
const at = (name: string) => join(appliance.home.root, name)
/** How the next life is started, which ends at the first step of that name. */
async function toDieAt(fatal: string) {
  await rm(at('steps'), { force: true })
  await writeFile(at('armed'), fatal)
  return { entry, env: { AI_INFRA_SECRET_DNS_KEY: bind.secret, KILL_KINDS: 'certificate' } }
}

async function diesAt(step: string): Promise<void> {
  await until(`it dies at ${step}`, () => processFacts(appliance.pid()) === undefined, 60_000).catch(async cause => {
    throw new Error(`it came as far as:\n${await readFile(at('steps'), 'utf8')}`, { cause })
  })
  await appliance.ended()
}

const folder = () => join(appliance.home.nginx, 'certificates', 'shop.example.com')
/** Those that the authority gave, and whether it has revoked them. */
async function given(): Promise<readonly { readonly id: string; readonly revoked: boolean }[]> {
  const ids = (await readdir(folder())).filter(id => /^[0-9a-f]{16}$/.test(id)).sort()
  const all = await Promise.all(
    ids.map(async id => {
      if (!(await Bun.file(join(folder(), id, 'issuer')).exists())) return []
      return [{ id, revoked: await pebble.isRevoked(await readFile(join(folder(), id, 'certificate.pem'), 'utf8')) }]
    }),
  )
  return all.flat()
}

async function expectNothingLeft(): Promise<void> {
  const answer = await fetch(`https://127.0.0.1:${appliance.ports.https}/`, {
    ...{ headers: { host: 'shop.example.com' }, tls: { ca: await pebble.root(), serverName: 'shop.example.com' } },
  })
  expect(answer.status).toBe(200)
  expect(await readdir(join(appliance.home.nginx, 'acme', '.well-known', 'acme-challenge'))).toEqual([])
  expect(await readdir(join(appliance.home.run, 'acme'))).toEqual([])
  expect(
    listProcesses().filter(({ pid }) => commandLine(pid).some(word => word.startsWith(`${appliance.home.root}/certbot`))),
  ).toEqual([])
}

test('kill -9 of the whole runtime while a certificate is obtained over HTTP, and while it is revoked, loses and doubles nothing', async () => {
  await appliance.start(await toDieAt('shown'))
  const clone = await appliance.clone()
  const pushed = await clone.deliver({
    'settings.yaml': `certificate_issuer: ${pebble.directory}\ncertificate_issuer_ca: ${pebble.authorities}\npublic_addresses: [127.0.0.1]\n`,
    'dns.yaml': `providers:\n  home: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:DNS_KEY" }\nzones:\n  example.com: { provider: home }\n`,
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop, tls: acme }\n',
  })
  await diesAt('shown')
  // It may be dead before it shows that it is up.
  appliance.launch(await toDieAt('kept'))
  await diesAt('kept')
  // What was kept is taken up, so that the first `kept` of this life is that of the one in its place.
  await appliance.start(await toDieAt('kept'))
  await appliance.converged(pushed.revision)
  const [first, ...others] = await given()
  expect([first?.revoked, others]).toEqual([false, []])
  await expectNothingLeft()

  const asked = appliance.command('certificate', 'revoke', 'shop.example.com', '--reason', 'superseded', '--yes')
  await diesAt('kept')
  expect((await given()).map(({ revoked }) => revoked)).toEqual([false, false])
  appliance.launch(await toDieAt('revoked'))
  await diesAt('revoked')
  await appliance.start(await toDieAt('nowhere'))
  await asked
  await until('the revocation is done', async () => {
    const { out } = await appliance.command('certificate', 'list', '--json')
    return !out.includes('"asked"')
  })
  await appliance.converged()
  const after = await given()
  expect(after.map(({ id, revoked }) => [id === first?.id, revoked]).sort()).toEqual([
    [false, false],
    [true, true],
  ])
  await expectNothingLeft()
})
