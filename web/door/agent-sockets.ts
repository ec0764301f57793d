import { join } from 'node:path'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Door } from './door.ts'
import { type Listener, listenOnSocket } from './listen.ts'

export interface AgentSocketListeners {
  /** Serves the agent's own socket; nothing happens when it is served already. */
  open(name: string): Promise<void>
  close(name: string): Promise<void>
  stop(): Promise<void>
}

/** The door of each agent: `run/agents/<name>.sock`. Whoever comes through it is that agent, whatever it says. */
export function createAgentSockets(home: Home, door: Promise<Door>): AgentSocketListeners {
  const listeners = new Map<string, Promise<Listener>>()
  const close = async (name: string): Promise<void> => {
    const listener = listeners.get(name)
    listeners.delete(name)
    await (await listener)?.stop()
  }
  return {
    async open(name) {
      await makeDirectory(home.agentSockets, 0o700)
      const path = join(home.agentSockets, `${name}.sock`)
      const listener = listeners.get(name) ?? door.then(ready => listenOnSocket(ready, path, () => ({ kind: 'agent', name })))
      listeners.set(name, listener)
      await listener.catch(error => {
        listeners.delete(name)
        throw error
      })
    },
    close,
    async stop() {
      await Promise.all([...listeners.keys()].map(close))
    },
  }
}
