import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { judgeSignature, testKeys, testRegion } from '../../../os/testing/aws-signature.ts'

export { testKeys, testRegion }

interface Stored {
  versions: { id: string; value: string }[]
  changed: number
  deleted: boolean
}

type Fault =
  | { readonly status: number; readonly type: string; readonly message: string; readonly once?: true }
  | 'silence'
  | 'garbage'

const shapes = {
  GetSecretValue: z.strictObject({ SecretId: z.string() }),
  ListSecrets: z.strictObject({
    Filters: z.array(z.strictObject({ Key: z.literal('name'), Values: z.array(z.string()) })).optional(),
    MaxResults: z.int().min(1).max(100).optional(),
    NextToken: z.string().optional(),
  }),
  PutSecretValue: z.strictObject({
    SecretId: z.string(),
    SecretString: z.string().max(65_536),
    ClientRequestToken: z.string().min(32).max(64),
  }),
  CreateSecret: z.strictObject({
    Name: z.string(),
    SecretString: z.string().max(65_536),
    ClientRequestToken: z.string().min(32).max(64),
  }),
  DeleteSecret: z.strictObject({ SecretId: z.string(), RecoveryWindowInDays: z.int().min(7).max(30) }),
  RestoreSecret: z.strictObject({ SecretId: z.string() }),
} as const

type Target = keyof typeof shapes

export type AwsServer = ReturnType<typeof startAwsServer>

/**
 * Answers like AWS Secrets Manager: JSON 1.1, each request signed with Signature Version 4 by the right keys, versions with
 * stages, pages of `pageSize`, errors as its API reference names them.
 */
export function startAwsServer(pageSize = 2) {
  const secrets = new Map<string, Stored>()
  const asked: string[] = []
  const faults = new Map<string, Fault>()
  const refuse = (status: number, type: string, message: string) => answer({ __type: type, message }, status)
  const missing = () => refuse(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
  const marked = () =>
    refuse(400, 'InvalidRequestException', "You can't perform this operation on the secret because it was marked for deletion.")
  const put = (name: string, value: string) => {
    const stored = secrets.get(name) ?? { versions: [], changed: 0, deleted: false }
    stored.versions.push({ id: randomUUID(), value })
    stored.changed = Date.now() / 1_000
    secrets.set(name, stored)
    return stored
  }

  const handlers: { readonly [Name in Target]: (body: z.output<(typeof shapes)[Name]>) => Response } = {
    GetSecretValue({ SecretId }) {
      const stored = secrets.get(SecretId)
      const current = stored?.versions.at(-1)
      if (stored === undefined || current === undefined) return missing()
      if (stored.deleted) return marked()
      return answer({
        ...arn(SecretId),
        SecretString: current.value,
        VersionId: current.id,
        VersionStages: ['AWSCURRENT'],
        CreatedDate: stored.changed,
      })
    },
    ListSecrets({ Filters, MaxResults = 100, NextToken = '0' }) {
      const prefix = Filters?.[0]?.Values[0] ?? ''
      const names = [...secrets.keys()].filter(name => name.startsWith(prefix) && secrets.get(name)?.deleted === false).sort()
      const from = Number(NextToken)
      const size = Math.min(pageSize, MaxResults)
      const page = names.slice(from, from + size).map(name => {
        const { versions = [], changed = 0 } = secrets.get(name) ?? {}
        const stages = versions.slice(-2).map(({ id }, at, all) => [id, [at === all.length - 1 ? 'AWSCURRENT' : 'AWSPREVIOUS']])
        return { ...arn(name), LastChangedDate: changed, SecretVersionsToStages: Object.fromEntries(stages) }
      })
      return answer({ SecretList: page, ...(from + size < names.length ? { NextToken: String(from + size) } : {}) })
    },
    PutSecretValue({ SecretId, SecretString }) {
      const stored = secrets.get(SecretId)
      if (stored === undefined) return missing()
      if (stored.deleted) return marked()
      put(SecretId, SecretString)
      return answer({ ...arn(SecretId), VersionId: stored.versions.at(-1)?.id, VersionStages: ['AWSCURRENT'] })
    },
    CreateSecret({ Name, SecretString }) {
      if (secrets.has(Name))
        return refuse(400, 'ResourceExistsException', 'The operation failed because the secret already exists.')
      if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(Name)) return refuse(400, 'InvalidParameterException', 'Invalid name.')
      return answer({ ...arn(Name), VersionId: put(Name, SecretString).versions.at(-1)?.id })
    },
    DeleteSecret({ SecretId }) {
      const stored = secrets.get(SecretId)
      if (stored === undefined) return missing()
      if (stored.deleted) return marked()
      stored.deleted = true
      return answer({ ...arn(SecretId), DeletionDate: Date.now() / 1_000 })
    },
    RestoreSecret({ SecretId }) {
      const stored = secrets.get(SecretId)
      if (stored === undefined) return missing()
      stored.deleted = false
      return answer(arn(SecretId))
    },
  }

  const handle = (target: Target, text: string): Response => {
    const body: unknown = JSON.parse(text)
    const call = <Name extends Target>(name: Name) => {
      const read = shapes[name].safeParse(body)
      // The schema of a name gives what its handler takes; TypeScript cannot follow the pair.
      return read.success ? handlers[name](read.data as never) : refuse(400, 'ValidationException', z.prettifyError(read.error))
    }
    return call(target)
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const text = await request.text()
      const target = (request.headers.get('x-amz-target') ?? '').replace('secretsmanager.', '')
      asked.push(target)
      const wrong = misuse(request, text)
      if (wrong !== undefined)
        return refuse(400, wrong, 'The request signature we calculated does not match the signature you provided.')
      const fault = faults.get(target) ?? faults.get('*')
      if (fault === 'silence') return new Promise<Response>(() => {})
      if (fault === 'garbage') return new Response('<html>a proxy</html>', { status: 502 })
      if (fault !== undefined) {
        if (fault.once === true) faults.delete(target)
        return refuse(fault.status, fault.type, fault.message)
      }
      return isTarget(target) ? handle(target, text) : refuse(400, 'UnknownOperationException', '')
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    settings: {
      region: testRegion,
      ...testKeys,
      sessionToken: undefined,
      prefix: 'ai-infrastructure/',
      endpoint: `http://127.0.0.1:${server.port}`,
    },
    /** Names of the operations, in the order in which they came. */
    asked,
    put,
    valueOf: (name: string) => (secrets.get(name)?.deleted === false ? secrets.get(name)?.versions.at(-1)?.value : undefined),
    /** Of one operation, or `*`; undefined ends it. */
    fault(target: string, fault: Fault | undefined) {
      if (fault === undefined) faults.delete(target)
      else faults.set(target, fault)
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

const isTarget = (name: string): name is Target => Object.hasOwn(shapes, name)

const arn = (name: string) => ({ ARN: `arn:aws:secretsmanager:${testRegion}:123456789012:secret:${name}-AbCdEf`, Name: name })

const answer = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
  })

/** What is wrong with how a request is signed or shaped; undefined when nothing is. */
function misuse({ method, url, headers }: Request, body: string): string | undefined {
  const payload = createHash('sha256').update(body).digest('hex')
  const { wrong } = judgeSignature({ method, url, headers, payload }, 'secretsmanager')
  if (wrong === 'none') return 'MissingAuthenticationTokenException'
  if (wrong === 'unknown-key') return 'UnrecognizedClientException'
  const right = method === 'POST' && new URL(url).pathname === '/' && headers.get('content-type') === 'application/x-amz-json-1.1'
  return wrong === undefined && right ? undefined : 'InvalidSignatureException'
}
