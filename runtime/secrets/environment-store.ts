import type { SecretStore } from './store.ts'

/** Name of the variable that `secret:NAME` is read from first. */
export const secretVariable = (name: string) => `AI_INFRA_SECRET_${name}`

/** What the operator's environment said when the appliance started. */
export function createEnvironmentStore(values: ReadonlyMap<string, string>): SecretStore {
  return {
    source: 'environment',
    get: async name => values.get(name),
    list: async () => [...values.keys()].map(name => ({ name, changedAt: undefined })),
  }
}
