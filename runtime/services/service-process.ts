import { systemClock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import { makeDirectory } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { describeHolder, portHolder, socketHolder } from '../os/listeners.ts'
import { allGone, endProcesses, isAlive, type ProcessFacts, processFacts, processTree, sendSignal } from '../os/process.ts'
import { findRemains, findSurvivor, forgetProcess, markedEnvironment, recordProcess } from './process-record.ts'
import type { ListenAddress, Service } from './service.ts'
import { lastWords, limitServiceLog, serviceLogSize, withServiceLog } from './service-log.ts'

/** The main process of a service, started by us or by a runtime before us. */
export interface ServiceProcess {
  readonly facts: ProcessFacts
  readonly adopted: boolean
  /** Resolves when it is gone, with why, for a person. The signal ends the wait. */
  ended(signal: AbortSignal): Promise<string>
}

/**
 * Takes over what runs already, or starts it. A process of an older description is ended first, and so is whatever a
 * dead main process left behind.
 */
export async function adoptOrStart(service: Service, home: Home): Promise<ServiceProcess> {
  const survivor = await findSurvivor(service, home)
  if (survivor?.current) {
    await recordProcess(service, home, survivor.process)
    return watched(service, survivor.process)
  }
  if (survivor) await endService(service, home, survivor.process)
  await endProcesses(await findRemains(service, home), 'SIGTERM', 2_000)
  await forgetProcess(service, home)
  refuseTaken(service)
  await makeDirectory(home.run, 0o755)
  await makeDirectory(home.logs, 0o750)
  await limitServiceLog(home, service)
  await service.prepare()
  return startService(service, home)
}

/** Ends the main process as it wishes to be ended, then by force, then everything that was below it. */
export async function endService(service: Service, home: Home, main: ProcessFacts): Promise<void> {
  const below = processTree(main.pid).filter(one => one.pid !== main.pid)
  sendSignal(main, service.stopSignal)
  if (!(await allGone([main], service.stopTimeout))) await endProcesses([main], 'SIGKILL', 0)
  const remains = [...below.filter(isAlive), ...(await findRemains(service, home))]
  await endProcesses(remains, 'SIGTERM', 2_000)
  await forgetProcess(service, home)
}

async function startService(service: Service, home: Home): Promise<ServiceProcess> {
  const offset = await serviceLogSize(home, service)
  const child = withServiceLog(home, service, log => launch(service, home, log))
  const facts = processFacts(child.pid)
  const why = async () => {
    await child.exited
    const words = await lastWords(home, service, offset)
    const how = child.signalCode ? `was killed by ${child.signalCode}` : `ended with status ${child.exitCode}`
    return `${service.name} ${how}${words ? `: ${words}` : ''}`
  }
  if (facts === undefined) throw new ApplianceError('failed', await why())
  await recordProcess(service, home, facts)
  return {
    facts,
    adopted: false,
    ended: signal => Promise.race([why(), aborted(signal)]),
  }
}

/** A timer would end the wait after 24 days, and call a service that lives ended. */
const aborted = (signal: AbortSignal): Promise<string> =>
  new Promise(resolve => {
    if (signal.aborted) resolve('')
    else signal.addEventListener('abort', () => resolve(''), { once: true })
  })

/** In a session of its own, so that neither Ctrl-C nor the end of the runtime reaches it. */
function launch(service: Service, home: Home, log: number) {
  try {
    return Bun.spawn([...service.argv], {
      cwd: service.cwd,
      env: markedEnvironment(service, home),
      stdin: 'ignore',
      stdout: log,
      stderr: log,
      detached: true,
    })
  } catch (cause) {
    const program = service.argv[0]
    throw new ApplianceError('failed', `cannot start ${program}`, { hint: 'is it installed? run ./install.sh again', cause })
  }
}

/** Not our child: its end is seen by looking. */
function watched(service: Service, facts: ProcessFacts): ServiceProcess {
  return {
    facts,
    adopted: true,
    async ended(signal) {
      while (isAlive(facts) && !signal.aborted) await systemClock.sleep(500, signal)
      return `${service.name} (pid ${facts.pid}) is gone`
    },
  }
}

function refuseTaken(service: Service): void {
  for (const address of service.listens ?? []) {
    const message = takenBy(address)
    if (message === undefined) continue
    const hint = 'hint' in address && address.hint !== undefined ? address.hint : 'stop it; we try again by ourselves'
    throw new ApplianceError('failed', message, { hint })
  }
}

function takenBy(address: ListenAddress): string | undefined {
  const holder = 'port' in address ? portHolder(address.port) : socketHolder(address.socket)
  const what = 'port' in address ? `port ${address.port}` : address.socket
  return holder === undefined ? undefined : `${what} is taken by ${describeHolder(holder)}`
}
