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
  /** Changes a zone by hand, as somebody else would. */
  byHand(lines: string): Promise<void>
  log(): Promise<string>
}

/** It as a provider; `secret` is a key other than its own. */
export const bindProviders =
  ({ secret: own }: Pick<Bind, 'secret'>, { owner = 'me', secret = own } = {}): Providers =>
  declared => {
    if (declared.type !== 'rfc2136') throw new Error('only BIND is here')
    return createRfc2136(declared, { spawn, owner, secret: async () => secret })
  }

export async function startBind(zones: readonly string[]): Promise<Bind> {
  const folder = await mkdtemp(join(tmpdir(), 'bd-'))
  const [port = 0] = freePorts(1)
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
  await mkdir(join(folder, 'zones'))
  for (const zone of zones) {
    const text = `$TTL 300\n@ IN SOA ns1.${zone}. admin.${zone}. 1 3600 600 86400 60\n@ IN NS ns1.${zone}.\nns1 IN A 127.0.0.1\n`
    await writeFile(join(folder, 'zones', zone), text)
  }
  await writeFile(
    join(folder, 'named.conf'),
    `key ai-infra { algorithm hmac-sha256; secret "${secret}"; };
options {
  directory "${folder}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; allow-transfer { none; }; notify no;
};
controls { };
${zones.map(zone => `zone "${zone}" { type primary; file "zones/${zone}"; update-policy { grant ai-infra zonesub any; }; allow-transfer { key ai-infra; }; };`).join('\n')}
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
  const deadline = AbortSignal.timeout(20_000)
  while ((await ask(zones[0] ?? '.', 'SOA'))[0]?.includes('admin') !== true) {
    if (deadline.aborted || child.exitCode !== null) throw new Error(await log.text())
    await Bun.sleep(50)
  }
  return {
    port,
    secret,
    declared: {
      ...{ name: 'home', type: 'rfc2136', server: '127.0.0.1', port, key: 'ai-infra', algorithm: 'hmac-sha256' },
      secret: 'secret:DNS_KEY',
    },
    ask,
    async byHand(lines) {
      const input = `server 127.0.0.1 ${port}\nkey hmac-sha256:ai-infra ${secret}\n${lines}\nsend\n`
      const update = Bun.spawn(['/usr/bin/nsupdate', '-v'], { stdin: Buffer.from(input), stderr: 'pipe' })
      if ((await update.exited) !== 0) throw new Error(await new Response(update.stderr).text())
    },
    log: () => log.text(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
