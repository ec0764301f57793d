import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { ApplianceError } from './errors.ts'
import { type Home, homeAt, longestSocketPath } from './home.ts'

/** What the operator's environment says; the names are fixed and listed in `.env.example`. */
export interface Environment {
  readonly home: Home
  readonly portalPort: number
  readonly httpPort: number
  readonly httpsPort: number
  readonly anthropicApiKey: string | undefined
  readonly anthropicBaseUrl: string | undefined
  /** Where Cloudflare's API is; undefined for its own place. */
  readonly cloudflareBaseUrl: string | undefined
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  /** Passwords of the databases of databases.yaml, by name. */
  readonly databasePasswords: ReadonlyMap<string, string>
  /** Values of `secret:NAME`, by name. */
  readonly secrets: ReadonlyMap<string, string>
  /** Undefined without AWS_REGION. */
  readonly aws: AwsSettings | undefined
}

/** How AWS Secrets Manager is reached; asked only where settings.yaml says so. */
export interface AwsSettings {
  readonly region: string
  /** Without keys the role of the machine is taken. */
  readonly accessKeyId: string | undefined
  readonly secretAccessKey: string | undefined
  readonly sessionToken: string | undefined
  /** What the names of all secrets begin with. */
  readonly prefix: string
  /** Another server that speaks the same protocol. */
  readonly endpoint: string | undefined
}

type Variables = Readonly<Record<string, string | undefined>>

export function readEnvironment(variables: Variables, uid = process.getuid?.() ?? 0): Environment {
  const mistakes: string[] = []
  const port = (name: string, fallback: number) => {
    const text = variables[name]
    if (text === undefined || text === '') return fallback
    const number = Number(text)
    if (Number.isInteger(number) && number >= 1 && number <= 65_535) return number
    mistakes.push(`${name} is ${JSON.stringify(text)}: write a port from 1 to 65535`)
    return fallback
  }
  const url = (name: string) => {
    const text = variables[name]
    if (text === undefined || text === '') return undefined
    if (URL.canParse(text)) return text
    mistakes.push(`${name} is not a URL`)
    return undefined
  }
  const root = variables.AI_INFRA_HOME || defaultHome(variables, uid)
  if (!isAbsolute(root)) mistakes.push(`AI_INFRA_HOME is ${JSON.stringify(root)}: write an absolute path`)
  const home = homeAt(root)
  const longest = join(home.agentSockets, `${'a'.repeat(32)}.sock`)
  if (longest.length > longestSocketPath) {
    const most = longestSocketPath - (longest.length - root.length)
    mistakes.push(`AI_INFRA_HOME has ${root.length} characters, and Unix sockets below it allow ${most}: choose a shorter path`)
  }
  const environment: Environment = {
    home,
    portalPort: port('AI_INFRA_PORTAL_PORT', 3000),
    httpPort: port('AI_INFRA_HTTP_PORT', 8080),
    httpsPort: port('AI_INFRA_HTTPS_PORT', 8443),
    anthropicApiKey: variables.ANTHROPIC_API_KEY || undefined,
    anthropicBaseUrl: url('ANTHROPIC_BASE_URL'),
    cloudflareBaseUrl: url('CLOUDFLARE_BASE_URL'),
    databaseUrl: url('DATABASE_URL'),
    redisUrl: url('REDIS_URL'),
    databasePasswords: passwordsOf(variables),
    secrets: secretsOf(variables),
    aws: awsOf(variables, url('AWS_ENDPOINT_URL_SECRETS_MANAGER'), mistakes),
  }
  if (mistakes.length > 0) throw new ApplianceError('invalid', mistakes.join('; '), { subject: 'environment' })
  return environment
}

const passwordPrefix = 'AI_INFRA_DATABASE_PASSWORD_'

/** `AI_INFRA_DATABASE_PASSWORD_SHOP_EU` is that of `shop-eu`. */
export const passwordVariable = (database: string) => `${passwordPrefix}${database.toUpperCase().replaceAll('-', '_')}`

const passwordsOf = (variables: Variables): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith(passwordPrefix) && value !== undefined && value !== ''
        ? [[name.slice(passwordPrefix.length).toLowerCase().replaceAll('_', '-'), value] as const]
        : [],
    ),
  )

const secretPrefix = 'AI_INFRA_SECRET_'

/** `AI_INFRA_SECRET_DNS_KEY` is what `secret:DNS_KEY` stands for. */
const secretsOf = (variables: Variables): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith(secretPrefix) && value ? [[name.slice(secretPrefix.length), value] as const] : [],
    ),
  )

function awsOf(variables: Variables, endpoint: string | undefined, mistakes: string[]): AwsSettings | undefined {
  const { AWS_REGION: region, AWS_SECRETS_PREFIX: prefix = 'ai-infrastructure/' } = variables
  const accessKeyId = variables.AWS_ACCESS_KEY_ID || undefined
  const secretAccessKey = variables.AWS_SECRET_ACCESS_KEY || undefined
  if (!/^[A-Za-z0-9/_+=.@-]{0,300}$/.test(prefix))
    mistakes.push('AWS_SECRETS_PREFIX has a character that names of AWS Secrets Manager cannot have')
  if (!region) return undefined
  if (!/^[a-z0-9-]{3,40}$/.test(region)) mistakes.push(`AWS_REGION is ${JSON.stringify(region)}: write one like eu-central-1`)
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    mistakes.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or none')
  return { region, accessKeyId, secretAccessKey, sessionToken: variables.AWS_SESSION_TOKEN || undefined, prefix, endpoint }
}

function defaultHome(variables: Variables, uid: number): string {
  if (uid === 0) return '/var/lib/ai-infra'
  return join(variables.XDG_STATE_HOME || join(variables.HOME || homedir(), '.local', 'state'), 'ai-infra')
}
