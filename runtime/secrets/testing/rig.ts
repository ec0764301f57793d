import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEvent } from '../../audit/event.ts'
import { systemClock } from '../../os/clock.ts'
import { createKnownSecrets } from '../../telemetry/known-secrets.ts'
import { createRedactor } from '../../telemetry/redact.ts'
import { createAccessAudit } from '../access.ts'
import { createBindings } from '../bindings.ts'
import { createEnvironmentStore } from '../environment-store.ts'
import { createHomeStore } from '../home-store.ts'
import { createSecrets } from '../secrets.ts'
import type { SecretStore } from '../store.ts'

/** Secrets in a folder of their own, which goes with the rig. */
export async function secretsRig(environment: Readonly<Record<string, string>> = {}, more: readonly SecretStore[] = []) {
  const root = await mkdtemp(join(tmpdir(), 'ai-'))
  const keys = join(root, 'keys')
  await mkdir(keys, { mode: 0o700 })
  const path = join(root, 'secrets.age')
  const audited: AuditEvent[] = []
  const changes: string[] = []
  const known = createKnownSecrets()
  const open = ({ learns = async () => false } = {}) => {
    const home = createHomeStore({ path, keys, clock: systemClock })
    const stores = [createEnvironmentStore(new Map(Object.entries(environment))), home, ...more]
    const bindings = createBindings({
      ...{ path: join(root, 'secrets', 'places.json'), clock: systemClock, command: 'ai-infra', learns },
      record: async (action, name, { to, by }) => void changes.push(`${action} ${name} to ${to}${by && ` by ${by}`}`),
    })
    const secrets = createSecrets({
      bindings,
      ...{ stores: async () => stores, writable: async () => home, known, command: 'ai-infra' },
      recipient: async () => (await home.key()).recipient,
      recordChange: async (action, name, by) => void changes.push(`${action} ${name} by ${by}`),
      accessed: createAccessAudit(async event => void audited.push(event), systemClock),
    })
    return { home, secrets }
  }
  return {
    ...{ root, keys, path, audited, changes, open, ...open() },
    redact: createRedactor(known),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}
