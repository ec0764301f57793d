import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { freePorts } from '../../../runtime/os/testing/free-ports.ts'
import { startUnbelieving } from './unbelieving.ts'

/** A real ACME authority on this machine. */
export interface Pebble extends AsyncDisposable {
  readonly directory: string
  /** File of the authority that its HTTPS is checked against. */
  readonly authorities: string
  /** What its HTTPS shows, PEM. */
  readonly own: { readonly cert: string; readonly key: string }
  /** The certificate that its chains end in, PEM. */
  root(): Promise<string>
  /** What it says of one of its certificates, PEM. */
  isRevoked(certificate: string): Promise<boolean>
}

/** `httpPort`: where it looks for answers to HTTP-01. `dnsPort`: the DNS server that it asks, on 127.0.0.1. */
export async function startPebble({
  httpPort,
  dnsPort,
  believes = false,
}: {
  readonly httpPort: number
  readonly dnsPort: number
  /** A name that it has looked at once is not looked at again, as real authorities do it; default: it looks each time. */
  readonly believes?: boolean
}): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'pb-'))
  const [acme = 0, management = 0] = freePorts(2)
  const authorities = join(folder, 'authorities.pem')
  const key = join(folder, 'key.pem')
  const own = Bun.spawnSync([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', authorities],
  ])
  if (own.exitCode !== 0) throw new Error(own.stderr.toString())
  const configuration = join(folder, 'pebble.json')
  const pebble = {
    ...{ listenAddress: `127.0.0.1:${acme}`, managementListenAddress: `127.0.0.1:${management}` },
    ...{ certificate: authorities, privateKey: key, httpPort, tlsPort: 1, ocspResponderURL: '' },
    externalAccountBindingRequired: false,
  }
  await writeFile(configuration, JSON.stringify({ pebble }))
  const log = Bun.file(join(folder, 'log'))
  const child = Bun.spawn(['/usr/bin/pebble', '-config', configuration, '-dnsserver', `127.0.0.1:${dnsPort}`], {
    ...{ cwd: folder, env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: believes ? '100' : '0' } },
    ...{ stdin: 'ignore', stdout: log, stderr: log },
  })
  const tls = { ca: await Bun.file(authorities).text() }
  const inner = `https://127.0.0.1:${acme}/dir`
  const deadline = AbortSignal.timeout(60_000)
  while (
    !(await fetch(inner, { tls })
      .then(({ ok }) => ok)
      .catch(() => false))
  ) {
    if (deadline.aborted || child.exitCode !== null) throw new Error(await log.text())
    await Bun.sleep(20)
  }
  const shown = { cert: tls.ca, key: await Bun.file(key).text() }
  const unbelieving = believes ? undefined : startUnbelieving(acme, shown)
  return {
    directory: unbelieving?.directory ?? inner,
    authorities,
    own: shown,
    root: async () => (await fetch(`https://127.0.0.1:${management}/roots/0`, { tls })).text(),
    async isRevoked(certificate) {
      const { serialNumber } = new X509Certificate(certificate)
      const asked = await fetch(`https://127.0.0.1:${management}/cert-status-by-serial/${serialNumber}`, { tls })
      return z.object({ Status: z.string() }).parse(await asked.json()).Status === 'Revoked'
    },
    async [Symbol.asyncDispose]() {
      await unbelieving?.stop()
      child.kill('SIGKILL')
      await child.exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
