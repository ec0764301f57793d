import { type Appliance, createAppliance, type StartOptions } from '../tests/support/appliance.ts'

/** A whole appliance in a temporary home, started and converged to the starter state. */
export async function runningAppliance(options?: StartOptions): Promise<Appliance> {
  const appliance = await createAppliance()
  try {
    await appliance.start(options)
    await appliance.converged()
    return appliance
  } catch (error) {
    await appliance[Symbol.asyncDispose]()
    throw error
  }
}

/** `domains.yaml` with this many static sites: `site0.example.com`, … */
export const staticSites = (count: number, name = 'site'): string =>
  `domains:\n${Array.from({ length: count }, (_, number) => `  ${name}${number}.example.com: { root: ${name}${number} }\n`).join('')}`
