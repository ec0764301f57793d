import { join } from 'node:path'

/** Every path below AI_INFRA_HOME. The names that users and other programs rely on are in README's outside contract. */
export interface Home {
  readonly root: string
  /** Bare Git repository that users push to. */
  readonly repository: string
  /** Web roots: `www/<root>`, a folder, or a link to `releases/<root>/<release>`. */
  readonly www: string
  readonly releases: string
  readonly archive: string
  /** `workspaces/<agent>`: all that an agent may write. */
  readonly workspaces: string
  /** `projects/<name>.git`: bare repositories of what agents build. */
  readonly projects: string
  readonly memory: string
  readonly audit: string
  readonly backups: string
  readonly logs: string
  /** Secrets of the appliance itself; 0700, never visible to an agent. */
  readonly keys: string
  /** Secrets that were set here, encrypted for the key in `keys`. */
  readonly secrets: string
  /** Says where each secret belongs. */
  readonly secretPlaces: string
  readonly run: string
  readonly apiSocket: string
  readonly tmuxSocket: string
  /** One API socket for each agent: `run/agents/<name>.sock`. */
  readonly agentSockets: string
  readonly redisSocket: string
  /** Folder of Postgres's socket. */
  readonly postgresSockets: string
  readonly postgresData: string
  readonly redisData: string
  /** Prefix of nginx: `current` is a link to one folder of `generations/`. */
  readonly nginx: string
  /** Unix socket on which every host of nginx listens for our own probes. */
  readonly probeSocket: string
}

/** The longest path of a Unix socket that Linux accepts, without the closing zero (sockaddr_un). */
export const longestSocketPath = 107

export function homeAt(root: string): Home {
  const at = (...parts: string[]) => join(root, ...parts)
  return {
    root,
    repository: at('desired-state.git'),
    www: at('www'),
    releases: at('releases'),
    archive: at('archive'),
    workspaces: at('workspaces'),
    projects: at('projects'),
    memory: at('memory'),
    audit: at('audit'),
    backups: at('backups'),
    logs: at('logs'),
    keys: at('keys'),
    secrets: at('secrets.age'),
    secretPlaces: at('secrets', 'places.json'),
    run: at('run'),
    apiSocket: at('run', 'api.sock'),
    tmuxSocket: at('run', 'tmux.sock'),
    agentSockets: at('run', 'agents'),
    redisSocket: at('run', 'redis.sock'),
    postgresSockets: at('run', 'postgres'),
    postgresData: at('postgres'),
    redisData: at('redis'),
    nginx: at('nginx'),
    probeSocket: at('run', 'nginx', 'probe.sock'),
  }
}
