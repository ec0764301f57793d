import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  type SecretListEntry,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { AwsSettings } from '../../os/environment.ts'
import { ApplianceError } from '../../os/errors.ts'
import { codeOf, refusalOf } from './refusal.ts'

export interface AwsListed {
  readonly id: string
  /** Another one means another value; undefined where AWS does not say. */
  readonly version: string | undefined
  /** ISO 8601. */
  readonly changedAt: string | undefined
}

export interface AwsValue {
  readonly value: string
  readonly version: string | undefined
}

/** AWS Secrets Manager, as far as it is needed. Throws ApplianceError, which says what AWS said and what to do. */
export interface AwsClient {
  /** Undefined: there is none, or it is about to be deleted. */
  get(id: string): Promise<AwsValue | undefined>
  /** Everything whose name begins like this. */
  list(prefix: string): Promise<readonly AwsListed[]>
  put(id: string, value: string): Promise<void>
  /** It can be taken back for seven days. False: there was none. */
  remove(id: string): Promise<boolean>
}

export interface Patience {
  /** Milliseconds for one question, repetitions included. */
  readonly timeout: number
  /** How often it is asked while AWS limits it, or fails. */
  readonly attempts: number
}

const usualPatience: Patience = { timeout: 8_000, attempts: 3 }
const mostPages = 100

export function createAwsClient(settings: AwsSettings, { timeout, attempts } = usualPatience): AwsClient {
  const { region, accessKeyId, secretAccessKey, sessionToken, endpoint } = settings
  const client = new SecretsManagerClient({
    region,
    maxAttempts: attempts,
    ...(endpoint === undefined ? {} : { endpoint }),
    // Without keys AWS's own ways are tried: the role of the machine.
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } }),
  })
  const ask = async <Answer>(action: string, id: string, question: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> => {
    try {
      return await question(AbortSignal.timeout(timeout))
    } catch (error) {
      if (error instanceof ApplianceError) throw error
      throw refusalOf(error, { action, id, region, timeout })
    }
  }

  const get = (id: string) =>
    ask('GetSecretValue', id, async abortSignal => {
      try {
        const found = await client.send(new GetSecretValueCommand({ SecretId: id }), { abortSignal })
        if (found.SecretString !== undefined) return { value: found.SecretString, version: found.VersionId }
      } catch (error) {
        if (isAbsent(error)) return undefined
        throw error
      }
      throw new ApplianceError('stalled', `${id} of AWS holds bytes, not text`, { hint: 'store it as SecretString' })
    })

  return {
    get,
    list: prefix =>
      ask('ListSecrets', prefix, async abortSignal => {
        const found: SecretListEntry[] = []
        let page: string | undefined
        for (let count = 0; count < mostPages; count++) {
          const query = { Filters: [{ Key: 'name' as const, Values: [prefix] }], MaxResults: 100, NextToken: page }
          const answer = await client.send(new ListSecretsCommand(query), { abortSignal })
          found.push(...(answer.SecretList ?? []))
          page = answer.NextToken
          if (page === undefined) break
        }
        return found.filter(entry => entry.Name !== undefined && entry.DeletedDate === undefined).map(listed)
      }),
    put: (id, value) =>
      ask('PutSecretValue', id, async abortSignal => {
        const write = () => client.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }), { abortSignal })
        try {
          await write()
        } catch (error) {
          if (codeOf(error) === 'ResourceNotFoundException') {
            await client.send(new CreateSecretCommand({ Name: id, SecretString: value }), { abortSignal }).catch(async cause => {
              // Somebody else has made it meanwhile.
              if (codeOf(cause) !== 'ResourceExistsException') throw cause
              await write()
            })
          } else if (isAbsent(error)) {
            await client.send(new RestoreSecretCommand({ SecretId: id }), { abortSignal })
            await write()
          } else throw error
        }
      }),
    remove: id =>
      ask('DeleteSecret', id, async abortSignal => {
        try {
          await client.send(new DeleteSecretCommand({ SecretId: id, RecoveryWindowInDays: 7 }), { abortSignal })
          return true
        } catch (error) {
          if (isAbsent(error)) return false
          throw error
        }
      }),
  }
}

/** InvalidRequestException is what AWS says of a secret that is marked for deletion. */
const isAbsent = (error: unknown): boolean => ['ResourceNotFoundException', 'InvalidRequestException'].includes(codeOf(error))

const listed = ({ Name, SecretVersionsToStages, LastChangedDate }: SecretListEntry): AwsListed => ({
  id: Name ?? '',
  version: Object.entries(SecretVersionsToStages ?? {}).find(([, stages]) => stages.includes('AWSCURRENT'))?.[0],
  changedAt: LastChangedDate?.toISOString(),
})
