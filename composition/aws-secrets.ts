import type { Clock } from '../runtime/os/clock.ts'
import type { AwsSettings } from '../runtime/os/environment.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { AwsStore } from '../runtime/secrets/aws/store.ts'

/** Secrets of AWS; its client is loaded when the first of them is asked for. */
export function createAwsRoom(settings: AwsSettings | undefined, clock: Clock): AwsStore {
  let opened: AwsStore | undefined
  const open = async (): Promise<AwsStore> => {
    if (settings === undefined) {
      throw new ApplianceError('waiting', 'settings.yaml keeps secrets in AWS, and the appliance does not know where', {
        hint: "set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the appliance's environment and start it again",
      })
    }
    const [{ createAwsClient }, { createAwsStore }] = await Promise.all([
      import('../runtime/secrets/aws/client.ts'),
      import('../runtime/secrets/aws/store.ts'),
    ])
    opened ??= createAwsStore({ client: createAwsClient(settings), prefix: settings.prefix, clock })
    return opened
  }
  return {
    source: 'aws',
    get: async name => (await open()).get(name),
    list: async () => (await open()).list(),
    set: async (name, value) => (await open()).set(name, value),
    remove: async name => (await open()).remove(name),
    refresh: async () => (settings === undefined ? [] : (await open()).refresh()),
    problem: () => opened?.problem(),
    values: () => opened?.values() ?? [],
  }
}
