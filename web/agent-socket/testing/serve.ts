import { chmod } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import { makeDirectory, removeIfExists } from '../../../runtime/os/files.ts'
import { json } from '../../door/answer.ts'
import type { Call, Identity, Route } from '../../door/route.ts'

/** Serves routes on a Unix socket as one identity, so that tests need no whole door. Gives how to stop. */
export async function serveRoutes(socket: string, identity: Identity, routes: readonly Route[]): Promise<() => Promise<void>> {
  await makeDirectory(dirname(socket))
  await removeIfExists(socket)
  const server = Bun.serve({
    unix: socket,
    async fetch(request) {
      const url = new URL(request.url)
      for (const route of routes) {
        const params = request.method === route.method ? match(route.path, url.pathname) : undefined
        if (params === undefined) continue
        if (!route.policy.includes(identity.kind)) return new Response('refused', { status: 403 })
        return await answer(route, { request, url, params, identity, keepOpen: () => {} })
      }
      return new Response('not found', { status: 404 })
    },
  })
  await chmod(socket, 0o600)
  return () => server.stop(true)
}

async function answer(route: Route, call: Call): Promise<Response> {
  try {
    return await route.handle(call)
  } catch (error) {
    return json({ message: explain(error) }, error instanceof ApplianceError && error.kind === 'invalid' ? 422 : 500)
  }
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const names = pattern.split('/')
  const parts = path.split('/')
  if (names.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, name] of names.entries()) {
    const part = parts[index] ?? ''
    if (name.startsWith(':')) params[name.slice(1)] = part
    else if (name !== part) return undefined
  }
  return params
}
