import { ApplianceError } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import { commandLine, isAlive, listProcesses, type ProcessFacts, sendSignal } from '../os/process.ts'

/** How others speak to the nginx that runs, whoever started it. */
export interface NginxControl {
  /** Process of the master, as soon as it takes signals. */
  pid(): number | undefined
  /** Reads the configuration again; resolves when the signal is sent. */
  reload(): Promise<void>
  /** Opens the log files again. */
  reopenLogs(): Promise<void>
  /** Ends it after the requests under way; whoever supervises it starts it again. */
  restart(): Promise<void>
}

const masterTitle = 'nginx: master process '

/** Finds nginx by the prefix in its title: its pid file holds the pid of its own namespace, which is 1. */
export function nginxControl(home: Home): NginxControl {
  let known: ProcessFacts | undefined
  const master = () => {
    if (known === undefined || !isAlive(known)) known = nginxMasters(home).find(one => titleOf(one.pid).startsWith(masterTitle))
    return known
  }
  const send = (signal: NodeJS.Signals) => {
    const target = master()
    if (target === undefined || !sendSignal(target, signal)) {
      throw new ApplianceError('waiting', 'nginx is not running', { hint: 'it is started again by itself; see: ai-infra doctor' })
    }
  }
  return {
    pid: () => master()?.pid,
    reload: async () => send('SIGHUP'),
    reopenLogs: async () => send('SIGUSR1'),
    restart: async () => send('SIGQUIT'),
  }
}

/** Masters that run on this home's prefix, also one that has just started; not the tests of a configuration. */
export function nginxMasters(home: Home): ProcessFacts[] {
  const ours = ` -p ${home.nginx}/ `
  return listProcesses().filter(one => {
    if (one.name !== 'nginx') return false
    const title = titleOf(one.pid)
    return title.includes(ours) && !title.endsWith(' -t -q ')
  })
}

const titleOf = (pid: number) => `${commandLine(pid).join(' ')} `
