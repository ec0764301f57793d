import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../../runtime/os/testing/free-ports.ts'

/** A real ACME authority on this machine; every name of the world leads it to 127.0.0.1. */
export interface Pebble extends AsyncDisposable {
  readonly directory: string
  /** File of the authority that its HTTPS is checked against. */
  readonly authorities: string
  /** The certificate that its chains end in, PEM. */
  root(): Promise<string>
}

/** `httpPort`: where it looks for answers to HTTP-01. */
export async function startPebble(httpPort: number): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'pb-'))
  const [acme = 0, management = 0, dns = 0, dnsManagement = 0] = freePorts(4)
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
  const start = (argv: readonly string[]) =>
    Bun.spawn([...argv], { cwd: folder, env: { PEBBLE_VA_NOSLEEP: '1' }, stdin: 'ignore', stdout: log, stderr: log })
  const children = [
    start([
      ...['/usr/bin/pebble-challtestsrv', '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', ''],
      ...['-tlsalpn01', '', '-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`],
    ]),
    start(['/usr/bin/pebble', '-config', configuration, '-dnsserver', `127.0.0.1:${dns}`]),
  ]
  const tls = { ca: await Bun.file(authorities).text() }
  const directory = `https://127.0.0.1:${acme}/dir`
  const deadline = AbortSignal.timeout(20_000)
  while (
    !(await fetch(directory, { tls })
      .then(({ ok }) => ok)
      .catch(() => false))
  ) {
    if (deadline.aborted || children.some(({ exitCode }) => exitCode !== null)) throw new Error(await log.text())
    await Bun.sleep(20)
  }
  return {
    directory,
    authorities,
    root: async () => (await fetch(`https://127.0.0.1:${management}/roots/0`, { tls })).text(),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.map(({ exited }) => exited))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
