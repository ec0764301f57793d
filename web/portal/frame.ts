import type { ResourceState } from '../../reconcilers/engine/status.ts'
import type { Call } from '../door/route.ts'
import type { AgentGlance, Frame } from './components/frame.ts'
import type { PortalDeps } from './deps.ts'
import { cookieValue } from './sign-in/sessions.ts'

export const themeCookie = 'ai-infra-theme'

export function themeOf(request: Request): Frame['theme'] {
  const choice = cookieValue(request.headers.get('cookie'), themeCookie)
  return choice === 'light' || choice === 'dark' ? choice : 'auto'
}

export function frameOf(call: Call, deps: PortalDeps): Frame {
  return {
    hostname: deps.place.hostname,
    person: personOf(call),
    theme: themeOf(call.request),
    path: call.request.method === 'GET' ? pathOf(call.url) : '/',
    agents: agentGlances(deps),
    pending: deps.pending.count(),
  }
}

/** Where a page is, without what it was asked to say. */
function pathOf(url: URL): string {
  const asked = new URLSearchParams(url.search)
  asked.delete('done')
  return asked.size === 0 ? url.pathname : `${url.pathname}?${asked}`
}

export const personOf = (call: Call): string => ('name' in call.identity ? call.identity.name : 'somebody')

/** Every agent in the order of its windows, with what its process does. The windows `monitor` and `logs` are none. */
export function agentGlances({ engine, agents }: Pick<PortalDeps, 'engine' | 'agents'>): readonly AgentGlance[] {
  const presence = new Map(agents.presence().map(each => [each.name, each]))
  return engine
    .status()
    .resources.filter(each => each.kind === 'agent' && presence.has(each.key))
    .map(({ key, state }) => ({ name: key, state, activity: activityWord(state, presence.get(key)?.activity) }))
}

function activityWord(state: ResourceState, activity: string | undefined): string {
  if (state === 'suspended') return 'suspended'
  return activity ?? 'offline'
}
