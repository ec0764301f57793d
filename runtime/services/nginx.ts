import { chmod } from 'node:fs/promises'
import { makeDirectory, removeIfExists } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { minimalEnvironment } from '../os/spawn.ts'
import { type Confinement, nginxCommand, nginxProgram } from './nginx-command.ts'
import { nginxLayout } from './nginx-layout.ts'
import { nginxMasters } from './nginx-process.ts'
import type { Service } from './service.ts'

export interface NginxOptions {
  readonly home: Home
  readonly ports: { readonly http: number; readonly https: number }
  readonly confinement: Confinement
  /** Makes sure that `nginx/current` names a configuration that nginx can start with (`ensureConfiguration` of the sites). */
  readonly configure: () => Promise<void>
  readonly program?: string
}

/** nginx on its own prefix. It outlives the runtime and is found again by {@link nginxMasters}. */
export function nginxService({ home, ports, confinement, configure, program = nginxProgram }: NginxOptions): Service {
  return {
    name: 'nginx',
    argv: nginxCommand(home, confinement, program),
    env: { ...minimalEnvironment },
    cwd: home.root,
    listens: [
      { port: ports.http, hint: 'stop it, or set AI_INFRA_HTTP_PORT to a free port' },
      { port: ports.https, hint: 'stop it, or set AI_INFRA_HTTPS_PORT to a free port' },
    ],
    async prepare() {
      await makeNginxFolders(home)
      if (nginxMasters(home).length === 0) await removeIfExists(home.probeSocket)
      await configure()
    },
    ready: signal => nginxAnswers(home, signal),
    // bwrap passes no signal on: it ends, and whoever stops the service then ends what is below it.
    stopSignal: confinement === 'bwrap' ? 'SIGTERM' : 'SIGQUIT',
    stopTimeout: 10_000,
  }
}

/** Every folder that nginx's namespace binds, and those we write into. */
export async function makeNginxFolders(home: Home): Promise<void> {
  const { generations, sites, base, certificates, acme, removing, run } = nginxLayout(home)
  for (const path of [home.www, home.releases, home.logs, run, generations, sites, base, acme, removing, certificates]) {
    await makeDirectory(path)
  }
  await chmod(certificates, 0o700)
}

async function nginxAnswers(home: Home, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch('http://localhost/.well-known/ai-infrastructure', { unix: home.probeSocket, signal })
    await response.body?.cancel()
    return response.status === 200
  } catch {
    return false
  }
}
