import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../runtime/os/testing/free-ports.ts'
import { type Clone, cloneOf } from '../tests/support/clone.ts'
import { type Figure, median } from './report.ts'
import { runningAppliance, staticSites } from './running.ts'

const rounds = 15
const warmUp = 3

/** `git push` of one new static site until nginx answers 200 for it, against a hand-written post-receive script. */
export async function benchPush(): Promise<Figure> {
  await using appliance = await runningAppliance()
  const ours = await cloneOf(appliance.home.repository, join(appliance.home.root, 'bench', 'ours'))
  await using script = await startScript(join(appliance.home.root, 'bench', 'script'))
  const times = { ours: [] as number[], script: [] as number[] }
  for (let round = 0; round < rounds + warmUp; round++) {
    const host = `push${round}.example.com`
    const hosts = Array.from({ length: round + 1 }, (_, index) => `push${index}.example.com`)
    await ours.write({ 'domains.yaml': staticSites(round + 1, 'push') })
    await ours.commit()
    const mine = await timeToFirst200(ours, appliance.ports.http, host)
    await script.clone.write({ 'domains.txt': `${hosts.join('\n')}\n` })
    await script.clone.commit()
    const theirs = await timeToFirst200(script.clone, script.port, host)
    if (round < warmUp) continue
    times.ours.push(mine)
    times.script.push(theirs)
  }
  const [mine, theirs] = [median(times.ours), median(times.script)]
  return {
    name: 'git push of a new site to its first 200, against a hand-written post-receive script',
    unit: '×',
    value: mine / theirs,
    bound: 1.5,
    better: 'lower',
    detail: { 'ours ms': mine, 'script ms': theirs },
  }
}

async function timeToFirst200(clone: Clone, port: number, host: string): Promise<number> {
  const startedAt = performance.now()
  const pushed = clone.git('push', 'origin', 'HEAD:main')
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { host, connection: 'close' } }).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.status === 200) break
    if (performance.now() - startedAt > 20_000) throw new Error(`${host} never answered: ${(await pushed).shown}`)
    await Bun.sleep(1)
  }
  const milliseconds = performance.now() - startedAt
  const { code, shown } = await pushed
  if (code !== 0) throw new Error(shown)
  return milliseconds
}

const postReceive = (folder: string) => `#!/bin/sh
set -e
git --work-tree='${folder}/tree' checkout -q -f main
host=$(tail -n 1 '${folder}/tree/domains.txt')
mkdir -p "${folder}/www/$host"
echo "<h1>$host</h1>" > "${folder}/www/$host/index.html"
printf 'server { listen %s; server_name %s; root ${folder}/www/%s; }\\n' "$(cat '${folder}/port')" "$host" "$host" > "${folder}/conf.d/$host.conf"
/usr/sbin/nginx -q -t -p '${folder}' -c '${folder}/nginx.conf'
/usr/sbin/nginx -s reload -p '${folder}' -c '${folder}/nginx.conf'
`

/** What somebody would write in an evening: check out, write the server block, test, reload. */
async function startScript(folder: string) {
  const [port = 0] = freePorts(1)
  const repository = join(folder, 'repository.git')
  for (const path of ['tree', 'www', 'conf.d', 'logs']) await mkdir(join(folder, path), { recursive: true })
  await writeFile(join(folder, 'port'), String(port))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `  ${name}_temp_path ${folder}/${name};`)
    .join('\n')
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off;\npid ${folder}/nginx.pid;\nerror_log ${folder}/logs/error.log;\nworker_processes 2;\nevents {}\nhttp {\n${temporary}\n  access_log off;\n  server { listen ${port} default_server; return 404; }\n  include ${folder}/conf.d/*.conf;\n}\n`,
  )
  await Bun.spawn(['git', 'init', '-q', '--bare', '-b', 'main', repository]).exited
  await writeFile(join(repository, 'hooks', 'post-receive'), postReceive(folder))
  await chmod(join(repository, 'hooks', 'post-receive'), 0o755)
  const nginx = Bun.spawn(['/usr/sbin/nginx', '-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  return {
    port,
    clone: await cloneOf(repository, join(folder, 'clone')),
    async [Symbol.asyncDispose]() {
      nginx.kill('SIGQUIT')
      await nginx.exited
    },
  }
}
