import { statSync } from 'node:fs'
import { ApplianceError, systemCode } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import { childrenOf, commandLine, isAlive, listProcesses, type ProcessFacts, sendSignal } from '../os/process.ts'

/** How others speak to the nginx that runs, whoever started it. */
export interface NginxControl {
  /** Process of the master, as soon as it takes signals. */
  pid(): number | undefined
  /** Makes it read the configuration again; resolves when the signal is sent. */
  reload(): Promise<Reload>
  /** Opens the log files again. */
  reopenLogs(): Promise<void>
  /** False when its namespace holds an earlier folder of this name, which was deleted since: only a restart helps. */
  sees(folder: string): boolean
  /** Ends it after the requests under way; whoever supervises it starts it again. */
  restart(): Promise<void>
}

export interface Reload {
  /** Whether the workers of before take no connections any more, so that every request meets the new configuration. */
  settled(): boolean
}

const masterTitle = 'nginx: master process '
const workerTitle = 'nginx: worker process '

/** Finds nginx by the prefix in its title: its pid file holds the pid of its own namespace, which is 1. */
export function nginxControl(home: Home): NginxControl {
  let known: ProcessFacts | undefined
  const master = () => {
    if (known === undefined || !isAlive(known)) known = nginxMasters(home).find(one => titleOf(one.pid).startsWith(masterTitle))
    return known
  }
  const send = (signal: NodeJS.Signals): ProcessFacts => {
    const target = master()
    if (target !== undefined && sendSignal(target, signal)) return target
    throw new ApplianceError('waiting', 'nginx is not running', {
      hint: 'it is started again by itself; the verb doctor shows the services',
    })
  }
  return {
    pid: () => master()?.pid,
    async reload() {
      const before = await someWorkers(master)
      send('SIGHUP')
      return { settled: () => before.every(one => !isAlive(one) || titleOf(one.pid) !== workerTitle) }
    },
    async reopenLogs() {
      send('SIGUSR1')
    },
    async restart() {
      send('SIGQUIT')
    },
    sees: folder => sameFolder(master(), folder),
  }
}

/** A master that has just started has its workers in a moment. */
async function someWorkers(master: () => ProcessFacts | undefined): Promise<readonly ProcessFacts[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const workers = workersOf(master())
    if (workers.length > 0) return workers
    await Bun.sleep(10)
  }
  return []
}

const workersOf = (master: ProcessFacts | undefined) =>
  master === undefined ? [] : childrenOf(master.pid).filter(one => titleOf(one.pid) === workerTitle)

function sameFolder(master: ProcessFacts | undefined, folder: string): boolean {
  if (master === undefined) return true
  try {
    const ours = statSync(folder, { throwIfNoEntry: false })
    return statSync(`/proc/${master.pid}/root${folder}`, { throwIfNoEntry: false })?.ino === ours?.ino
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EACCES' || code === 'EPERM' || code === 'ESRCH') return true
    throw error
  }
}

/** Masters that run on this home's prefix, also one that has just started; not the tests of a configuration. */
export function nginxMasters(home: Home): ProcessFacts[] {
  const ours = ` -p ${home.nginx}/ `
  const found = listProcesses().filter(one => {
    if (one.name !== 'nginx') return false
    const title = titleOf(one.pid)
    return title.includes(ours) && !title.endsWith(' -t -q ')
  })
  // A worker has the title of its master until it gives itself its own.
  return found.filter(one => !found.some(other => other.pid === one.parent))
}

const titleOf = (pid: number) => `${commandLine(pid).join(' ')} `
