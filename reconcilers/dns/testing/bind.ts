import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rfc2136Provider } from '../../../desired-state/state.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { freePorts } from '../../../runtime/os/testing/free-ports.ts'
import type { Providers } from '../provider.ts'
import { createRfc2136 } from '../rfc2136.ts'

/** A real BIND on 127.0.0.1 that answers for zones and takes dynamic updates with a TSIG key. */
export interface Bind extends AsyncDisposable {
  readonly port: number
  /** As dns.yaml declares it; `secret` names DNS_KEY. */
  readonly declared: Rfc2136Provider
  /** The TSIG key, base64. */
  readonly secret: string
  /** What the server answers; one line for each record. */
  ask(name: string, type: string): Promise<readonly string[]>
  /** All of a zone, a line for each record. */
  transfer(zone: string): Promise<string>
  /** Changes a zone by hand, as somebody else would. */
  byHand(lines: string): Promise<void>
  log(): Promise<string>
}

/** It as a provider; `secret` is a key other than its own. */
export const bindProviders =
  ({ secret: own }: Pick<Bind, 'secret'>, { owner = 'me', secret = own, spawn: run = spawn } = {}): Providers =>
  declared => {
    if (declared.type !== 'rfc2136') throw new Error('only BIND is here')
    return createRfc2136(declared, { spawn: run, owner, secret: async () => secret })
  }

/** A primary of these zones; with `secondaries` each zone names servers at these addresses as well, as ns2, ns3 and on. */
export async function startBind(zones: readonly string[], secondaries: readonly string[] = []): Promise<Bind> {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
  const others = secondaries.map((address, index) => `@ IN NS ns${index + 2}\nns${index + 2} IN A ${address}\n`).join('')
  const named = await startNamed(secret, zones, async (folder, zone) => {
    const text = `$TTL 300\n@ IN SOA ns1.${zone}. admin.${zone}. 1 3600 600 86400 60\n@ IN NS ns1.${zone}.\nns1 IN A 127.0.0.1\n`
    await writeFile(join(folder, 'zones', zone), text + others)
    return 'type primary; update-policy { grant ai-infra zonesub any; }; allow-transfer { key ai-infra; };'
  })
  const { port } = named
  return {
    ...named,
    secret,
    declared: {
      ...{ name: 'home', type: 'rfc2136', server: '127.0.0.1', port, key: 'ai-infra', algorithm: 'hmac-sha256' },
      secret: 'secret:DNS_KEY',
    },
    async transfer(zone) {
      const question = `@127.0.0.1 -p ${port} -y hmac-sha256:ai-infra:${secret} +tcp +noall +answer ${zone}. AXFR\n`
      return (await spawn(['/usr/bin/dig', '-f', '/dev/stdin'], { stdin: question })).stdout
    },
    async byHand(lines) {
      const input = `server 127.0.0.1 ${port}\nkey hmac-sha256:ai-infra ${secret}\n${lines}\nsend\n`
      const update = Bun.spawn(['/usr/bin/nsupdate', '-v'], { stdin: Buffer.from(input), stderr: 'pipe' })
      if ((await update.exited) !== 0) throw new Error(await new Response(update.stderr).text())
    },
  }
}

/** A real BIND that transfers zones from another one, once at its start and then whenever it is told to. */
export interface Secondary extends AsyncDisposable {
  readonly port: number
  ask(name: string, type: string): Promise<readonly string[]>
  /** Has it transfer the zone, as a primary does that notifies. */
  notify(zone: string): Promise<void>
}

export async function startSecondary({ port: from, secret }: Bind, zones: readonly string[]): Promise<Secondary> {
  const named = await startNamed(
    secret,
    zones,
    async () => `type secondary; primaries { 127.0.0.1 port ${from} key ai-infra; }; allow-notify { 127.0.0.1; };`,
  )
  return {
    ...named,
    async notify(zone) {
      const notify = Bun.spawn([
        '/usr/bin/dig',
        '@127.0.0.1',
        '-p',
        String(named.port),
        '+opcode=notify',
        '+norecurse',
        zone,
        'SOA',
      ])
      await notify.exited
    },
  }
}

/** Programs of BIND ask servers at port 53 of other addresses; here these answer at ports of their own. */
export const reaching =
  (ports: ReadonlyMap<string, number>): typeof spawn =>
  (argv, options) => {
    const port = ports.get(argv[1]?.replace('@', '') ?? '')
    return spawn(port === undefined ? argv : [argv[0] ?? '', '@127.0.0.1', '-p', String(port), ...argv.slice(4)], options)
  }

async function startNamed(
  secret: string,
  zones: readonly string[],
  /** What it is to the zone, in its own words. */
  roleOf: (folder: string, zone: string) => Promise<string>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'bd-'))
  const [port = 0] = freePorts(1)
  await mkdir(join(folder, 'zones'))
  const declared = zones.map(async zone => `zone "${zone}" { file "zones/${zone}"; ${await roleOf(folder, zone)} };`)
  await writeFile(
    join(folder, 'named.conf'),
    `key ai-infra { algorithm hmac-sha256; secret "${secret}"; };
options {
  directory "${folder}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; allow-transfer { none; }; notify no; min-refresh-time 300;
};
controls { };
${(await Promise.all(declared)).join('\n')}
`,
  )
  const log = Bun.file(join(folder, 'log'))
  const child = Bun.spawn(['/usr/sbin/named', '-g', '-n', '1', '-c', join(folder, 'named.conf')], {
    cwd: folder,
    stdin: 'ignore',
    stdout: log,
    stderr: log,
  })
  const ask = async (name: string, type: string) => {
    const asked = Bun.spawn(['/usr/bin/dig', '@127.0.0.1', '-p', String(port), '+short', '+tries=1', '+time=5', name, type])
    const [text] = await Promise.all([new Response(asked.stdout).text(), asked.exited])
    return text.split('\n').filter(line => line !== '')
  }
  const deadline = AbortSignal.timeout(60_000)
  for (const zone of zones)
    while ((await ask(zone, 'SOA'))[0]?.includes('admin') !== true) {
      if (deadline.aborted || child.exitCode !== null) throw new Error(await log.text())
      await Bun.sleep(20)
    }
  return {
    port,
    ask,
    log: () => log.text(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
