/** @jsxImportSource hono/jsx */
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import { isTooShort, withoutEnd } from '../../../runtime/secrets/given.ts'
import { secretsOverview } from '../../../runtime/secrets/overview.ts'
import { isSecretName } from '../../../runtime/secrets/reference.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { SecretPage } from './one.tsx'
import { SecretsPage } from './page.tsx'

export function secretRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    { ...reads, path: urls.secrets.path, handle: call => list(call, deps, '', []) },
    { ...reads, path: urls.secret.path, handle: call => one(call, deps) },
    { ...writes, path: urls.secretSet.path, audit: 'secret.set', handle: call => set(call, deps) },
    { ...writes, path: urls.secretRemove.path, audit: 'secret.removed', handle: call => remove(call, deps) },
    { ...writes, path: urls.secretAllow.path, audit: 'secret.allowed', handle: call => allow(call, deps) },
  ]
}

const overviewOf = ({ secrets, secretUses }: PortalDeps) => secretsOverview(secrets, secretUses())

async function list(call: Call, deps: PortalDeps, name: string, mistakes: readonly string[]): Promise<Response> {
  const view = {
    ...{ frame: frameOf(call, deps), overview: await overviewOf(deps), command: deps.place.command },
    ...{ name, mistakes, notice: noticeOf(call), now: deps.clock.now() },
  }
  return page(<SecretsPage view={view} />, mistakes.length === 0 ? 200 : 422)
}

const one = (call: Call, deps: PortalDeps) => show(call, deps, call.params.name ?? '', [])

async function show(call: Call, deps: PortalDeps, name: string, mistakes: readonly string[]): Promise<Response> {
  const overview = await overviewOf(deps)
  const entry = overview.secrets.find(each => each.name === name)
  const usedBy = deps.secretUses().get(name) ?? []
  // What only a store that cannot be read may have is still worth a page.
  const isKnown = entry !== undefined || usedBy.length > 0
  if (!isSecretName(name) || !isKnown) return missing(call, deps, 'There is no such secret.')
  const view = { frame: frameOf(call, deps), name, entry, usedBy, mistakes, now: deps.clock.now() }
  return page(<SecretPage view={view} />, mistakes.length === 0 ? 200 : 422)
}

async function set(call: Call, deps: PortalDeps): Promise<Response> {
  const form = await readForm(call.request)
  const name = form.get('name')
  try {
    const { value } = withoutEnd(form.raw('value'))
    const { hiddenBy } = await deps.secrets.set(name, value, nameOf(call.identity))
    const done = isTooShort(value) ? 'secret-short' : 'secret-set'
    return seeOther(withNotice(urls.secrets.to(), hiddenBy === undefined ? done : 'secret-hidden'))
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    // Neither the value nor what may be one is shown again.
    return list(call, deps, isSecretName(name) ? name : '', [explain(error)])
  }
}

async function allow(call: Call, deps: PortalDeps): Promise<Response> {
  const form = await readForm(call.request)
  const name = form.get('name')
  try {
    await deps.secrets.allow(name, form.get('host'), nameOf(call.identity))
    return seeOther(withNotice(urls.secrets.to(), 'secret-allowed'))
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    return show(call, deps, name, [explain(error)])
  }
}

async function remove(call: Call, deps: PortalDeps): Promise<Response> {
  const name = (await readForm(call.request)).get('name')
  try {
    await deps.secrets.remove(name, nameOf(call.identity))
    return seeOther(withNotice(urls.secrets.to(), 'secret-removed'))
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    return list(call, deps, '', [explain(error)])
  }
}
