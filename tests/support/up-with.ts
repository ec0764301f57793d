import { join } from 'node:path'
import { type ApplianceOptions, startAppliance } from '../../appliance.ts'
import type { Environment } from '../../runtime/os/environment.ts'

/** `main.ts up` with something of a test's at each journalled step; it ends at SIGINT. */
export async function upWith(environment: Environment, onStep: NonNullable<ApplianceOptions['onStep']>): Promise<void> {
  const appliance = await startAppliance({
    environment,
    program: join(import.meta.dir, '..', '..'),
    command: 'ai-infra',
    cloneCommand: `git clone ${environment.home.repository}`,
    mode: 'children',
    ending: new AbortController().signal,
    progress: line => console.log(line),
    onStep,
  })
  console.log('AI Infrastructure is up, in its test.')
  process.on('SIGINT', () => void appliance.stop())
}
