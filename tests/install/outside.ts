import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { startPebble } from '../../reconcilers/certificates/testing/pebble.ts'
import { startBind } from '../../reconcilers/dns/testing/bind.ts'
import type { Machine } from './machine.ts'
import { push } from './push.ts'
import { holds, same } from './steps.ts'

/** The server's outside: an authority and a name server beside the machine, and where its backup is. */
export interface Outside extends AsyncDisposable {
  /** Pushes a zone and two sites with certificates; `sites` are the lines of domains.yaml that are there already. */
  goPublic(machine: Machine, sites: string): Promise<string>
  checkCertificates(): Promise<string>
  backUp(machine: Machine): Promise<string>
  restore(machine: Machine): Promise<void>
}

const authorities = '/etc/ssl/certs/trial-authority.pem'
const repository = '/var/backups/ai-infra/trial'
const password = 'correct horse battery staple'
/** One proves itself over HTTP, one over DNS; both by a name that they serve. */
const names = ['shop.example.com', 'any.all.example.com']

export async function startOutside(): Promise<Outside> {
  const bind = await startBind(['example.com'])
  const pebble = await startPebble({ httpPort: 80, dnsPort: bind.port })
  /** Serial numbers of what was served first. */
  const served: string[] = []
  return {
    async goPublic(machine, sites) {
      await copyFile(pebble.authorities, join(machine.root, authorities))
      await machine.run('chmod', '0644', authorities)
      await setSecret(machine, 'DNS_KEY', bind.secret)
      const said = await push(machine, {
        'settings.yaml': `certificate_issuer: ${pebble.directory}\ncertificate_issuer_ca: ${authorities}\npublic_addresses: [127.0.0.1]\n`,
        'dns.yaml': `providers:
  home: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:DNS_KEY" }
zones:
  example.com: { provider: home }
`,
        'domains.yaml': `domains:\n${sites}  shop.example.com: { root: shop, tls: acme }\n  "*.all.example.com": { root: all, tls: acme }\n`,
      })
      await converged(machine, said)
      same(await bind.ask('shop.example.com', 'A'), ['127.0.0.1'], 'the record of shop.example.com')
      for (const name of names) served.push((await certificateOf(name, await pebble.root())).serialNumber)
      return `${said.length} lines of progress`
    },
    async checkCertificates() {
      const root = await pebble.root()
      const now = await Promise.all(names.map(async name => (await certificateOf(name, root)).serialNumber))
      same(now, served, 'serial numbers of the certificates')
      return now.join(', ')
    },
    async backUp(machine) {
      await setSecret(machine, 'BACKUP_PASSWORD', password)
      const declared = `backups:\n  nightly: { repository: ${repository}, password: "secret:BACKUP_PASSWORD" }\n`
      await converged(machine, await push(machine, { 'backups.yaml': declared }))
      const tried = await asOwner(machine, ['backup', 'verify', 'nightly'])
      const listed = await asOwner(machine, ['backup', 'list', 'nightly'])
      holds(/^[0-9a-f]{8}/m.test(listed), `no backup is listed:\n${listed}`)
      return tried.split('\n').at(-1)?.trim() ?? ''
    },
    async restore(machine) {
      const words = ['/srv/program/install.sh', 'restore', '--repository', repository]
      const { code, stdout, stderr } = await machine.ssh('root', words, { stdin: `${password}\n`, timeout: 300_000 })
      same(code, 0, `status of the restore (${stdout}${stderr})`)
    },
    async [Symbol.asyncDispose]() {
      await pebble[Symbol.asyncDispose]()
      await bind[Symbol.asyncDispose]()
    },
  }
}

async function asOwner(machine: Machine, words: readonly string[], stdin?: string): Promise<string> {
  const options = { timeout: 120_000, ...(stdin === undefined ? {} : { stdin }) }
  const { code, stdout, stderr } = await machine.ssh('ai-infra', ['ai-infra', ...words], options)
  same(code, 0, `status of ai-infra ${words.join(' ')} (${stdout}${stderr})`)
  return stdout.trim()
}

const setSecret = (machine: Machine, name: string, value: string) => asOwner(machine, ['secret', 'set', name], value)

async function converged(machine: Machine, said: readonly string[]): Promise<void> {
  const { code, stdout } = await machine.ssh('ai-infra', ['ai-infra', 'wait', '--timeout', '120'], { timeout: 150_000 })
  same(code, 0, `status of ai-infra wait, which said\n${stdout}\nafter\n${said.join('\n')}\n`)
}

/** What is served for a name, once the handshake has proven it. */
function certificateOf(servername: string, ca: string): Promise<PeerCertificate> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>()
  const socket = connectTls({ host: '127.0.0.1', port: 443, servername, ca }, () => {
    resolve(socket.getPeerCertificate())
    socket.destroy()
  })
  socket.once('error', reject)
  return promise
}
