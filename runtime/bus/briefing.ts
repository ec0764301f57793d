import type { RedisAddress } from '../services/probes.ts'
import { type Declaration, promptHash, shortHash } from './declarations.ts'
import type { RedisCredential } from './inboxes.ts'
import type { Briefing, Mode } from './protocol.ts'

export interface BriefingFacts {
  readonly claude: Briefing['claude']
  readonly redis: RedisAddress
  readonly credential: RedisCredential
  readonly mode: Mode
  readonly team: Briefing['team']
}

export function briefingOf(declaration: Declaration, { claude, redis, credential, mode, team }: BriefingFacts): Briefing {
  const content = {
    ...declaration,
    promptHash: promptHash(declaration),
    mode,
    team,
    claude,
    redis: {
      socket: 'socket' in redis ? redis.socket : undefined,
      url: 'url' in redis ? withoutCredential(redis.url) : undefined,
      prefix: redis.prefix ?? '',
      ...credential,
    },
  }
  return { ...content, version: shortHash(content) }
}

/** The address of an outside Redis, without the runtime's own user and password. */
function withoutCredential(address: string): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.href
}
