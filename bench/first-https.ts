import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Pebble, startPebble } from '../reconcilers/certificates/testing/pebble.ts'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { freePorts } from '../runtime/os/testing/free-ports.ts'
import { type Clone, cloneOf } from '../tests/support/clone.ts'
import { type Figure, median } from './report.ts'
import { runningAppliance } from './running.ts'

const rounds = 5
const warmUp = 1

/** `git push` of a new site with its record and its certificate until it answers over HTTPS, against nsupdate, certbot and a reload by script. */
export async function benchFirstHttps(): Promise<Figure> {
  await using bind = await startBind(['example.com'])
  await using appliance = await runningAppliance({ env: { AI_INFRA_SECRET_DNS_KEY: bind.secret } })
  await using authority = await startPebble({ httpPort: appliance.ports.http, dnsPort: bind.port })
  const ours = await cloneOf(appliance.home.repository, join(appliance.home.root, 'bench', 'ours'))
  await using script = await startScript(join(appliance.home.root, 'bench', 'script'), bind)
  await ours.deliver({
    'settings.yaml': `certificate_issuer: ${authority.directory}\ncertificate_issuer_ca: ${authority.authorities}\npublic_addresses: [127.0.0.1]\n`,
    'dns.yaml': `providers:\n  home: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:DNS_KEY" }\nzones:\n  example.com: { provider: home }\n`,
  })
  const roots = { ours: await authority.root(), script: await script.authority.root() }
  const times = { ours: [] as number[], script: [] as number[] }
  for (let round = 0; round < rounds + warmUp; round++) {
    const hosts = Array.from({ length: round + 1 }, (_, index) => `ours${index}.example.com`)
    const lines = hosts.map((host, index) => `  ${host}: { root: ours${index}, tls: acme }\n`)
    await ours.write({ 'domains.yaml': `domains:\n${lines.join('')}` })
    await ours.commit()
    const mine = await timeToHttps(ours, appliance.ports.https, hosts.at(-1) ?? '', roots.ours)
    await appliance.converged()
    await script.clone.write({ 'domains.txt': `script${round}.example.com\n` })
    await script.clone.commit()
    const theirs = await timeToHttps(script.clone, script.https, `script${round}.example.com`, roots.script)
    if (round < warmUp) continue
    times.ours.push(mine)
    times.script.push(theirs)
  }
  const [mine, theirs] = [median(times.ours), median(times.script)]
  return {
    name: 'git push of a new site to its first HTTPS answer, record and certificate included, against nsupdate, certbot and reload by script',
    ...{ unit: '×', value: mine / theirs, bound: 1.3, better: 'lower' },
    detail: { 'ours ms': mine, 'script ms': theirs },
  }
}

/** Until a certificate of the authority answers for the host. */
async function timeToHttps(clone: Clone, port: number, host: string, ca: string): Promise<number> {
  const startedAt = performance.now()
  const pushed = clone.git('push', 'origin', 'HEAD:main')
  for (;;) {
    const init = { headers: { host, connection: 'close' }, tls: { ca, serverName: host } }
    const response = await fetch(`https://127.0.0.1:${port}/`, init).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.status === 200) break
    if (performance.now() - startedAt > 60_000) throw new Error(`${host} never answered: ${(await pushed).shown}`)
    await Bun.sleep(5)
  }
  const milliseconds = performance.now() - startedAt
  const { code, shown } = await pushed
  if (code !== 0) throw new Error(shown)
  return milliseconds
}

const postReceive = (folder: string, bind: Bind, authority: Pebble, https: number) => `#!/bin/sh
set -e
git --work-tree='${folder}/tree' checkout -q -f main
host=$(tail -n 1 '${folder}/tree/domains.txt')
/usr/bin/nsupdate -v <<END
server 127.0.0.1 ${bind.port}
key hmac-sha256:ai-infra ${bind.secret}
zone example.com
update add $host 300 A 127.0.0.1
send
END
mkdir -p "${folder}/www/$host"
echo "<h1>$host</h1>" > "${folder}/www/$host/index.html"
REQUESTS_CA_BUNDLE='${authority.authorities}' /usr/bin/certbot certonly -q --non-interactive --agree-tos --register-unsafely-without-email \\
  --server '${authority.directory}' --config-dir '${folder}/certbot/config' --work-dir '${folder}/certbot/work' --logs-dir '${folder}/certbot/logs' \\
  --webroot --webroot-path '${folder}/acme' --key-type ecdsa --cert-name "$host" -d "$host"
live=${folder}/certbot/config/live/$host
printf 'server { listen ${https} ssl http2; server_name %s; ssl_certificate %s/fullchain.pem; ssl_certificate_key %s/privkey.pem; root ${folder}/www/%s; }\\n' \\
  "$host" "$live" "$live" "$host" > "${folder}/conf.d/$host.conf"
/usr/sbin/nginx -q -t -p '${folder}' -c '${folder}/nginx.conf'
/usr/sbin/nginx -s reload -p '${folder}' -c '${folder}/nginx.conf'
`

/** What somebody would write in an evening: record, certificate, server block, test, reload. */
async function startScript(folder: string, bind: Bind) {
  await using made = new AsyncDisposableStack()
  const [http = 0, https = 0] = freePorts(2)
  const authority = made.use(await startPebble({ httpPort: http, dnsPort: bind.port }))
  const repository = join(folder, 'repository.git')
  for (const path of ['tree', 'www', 'conf.d', 'logs', 'acme', 'certbot']) await mkdir(join(folder, path), { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `  ${name}_temp_path ${folder}/${name};`)
    .join('\n')
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off;\npid ${folder}/nginx.pid;\nerror_log ${folder}/logs/error.log;\nworker_processes 2;\nevents {}\nhttp {\n${temporary}\n  access_log off;\n  server { listen ${http} default_server; root ${folder}/acme; }\n  include ${folder}/conf.d/*.conf;\n}\n`,
  )
  await Bun.spawn(['git', 'init', '-q', '--bare', '-b', 'main', repository]).exited
  await writeFile(join(repository, 'hooks', 'post-receive'), postReceive(folder, bind, authority, https))
  await chmod(join(repository, 'hooks', 'post-receive'), 0o755)
  const nginx = Bun.spawn(['/usr/sbin/nginx', '-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  made.defer(async () => {
    nginx.kill('SIGQUIT')
    await nginx.exited
  })
  const clone = await cloneOf(repository, join(folder, 'clone'))
  const everything = made.move()
  return { authority, https, clone, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}
