import { join } from 'node:path'
import { bootMachine } from './machine.ts'
import { startOutside } from './outside.ts'
import { tryServerInstall } from './scenario.ts'
import { Steps } from './steps.ts'

const needed = [80, 443]

function refuse(message: string): never {
  console.error(message)
  process.exit(1)
}

/** A port that nobody listens on now. */
function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = server
  server.stop(true)
  return port
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}

if (process.getuid?.() !== 0) refuse('tests/install boots a machine of its own, which needs root')
for (const port of needed) {
  if (!isFree(port)) refuse(`port ${port} of this machine is in use, and the trial machine needs it: stop what listens there`)
}

const steps = new Steps()
let machine: Awaited<ReturnType<typeof bootMachine>> | undefined
try {
  await steps.promise('a bare Debian 12 boots with systemd', async () => {
    machine = await bootMachine(freePort())
    const booted = machine
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void booted.stop().then(() => process.exit(1)))
  })
  if (machine !== undefined) {
    await using outside = await startOutside()
    await tryServerInstall({ machine, outside, steps, checkout: join(import.meta.dir, '../..'), portalPort: freePort() })
  }
} catch (error) {
  // A broken promise has been printed with its reason.
  if (steps.broken === 0) console.error(error)
} finally {
  if (steps.broken > 0 && process.env.AI_INFRA_KEEP_MACHINE && machine) {
    console.log(`the machine stays: ${machine.sshCommand().join(' ')} root@127.0.0.1`)
    await Bun.sleep(1_800_000)
  }
  await machine?.stop()
}
console.log(`  ${steps.kept} kept, ${steps.broken} broken`)
process.exit(steps.broken === 0 && steps.kept > 1 ? 0 : 1)
