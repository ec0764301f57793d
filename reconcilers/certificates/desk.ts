import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Challenges, Providers } from '../dns/provider.ts'
import type { Step } from '../engine/reconciler.ts'
import type { DnsPlace } from './item.ts'
import { crossOut, type Shown, shownIn, writeDown } from './ledger.ts'

export interface DeskDeps {
  readonly providers: Providers
  readonly clock: Clock
}

export interface DeskOptions {
  readonly socket: string
  /** Folder of what stands in DNS. */
  readonly ledger: string
  /** Where the answer for each name goes, by the name without a star. */
  readonly places: Readonly<Record<string, DnsPlace>>
  readonly step: Step
  readonly signal: AbortSignal
}

/** Where one certbot, and nobody else, has its answers put into DNS and taken out again. */
export interface Desk extends AsyncDisposable {
  /** Aborts, with the reason, when an answer could not be shown: certbot itself would go on and have the authority look in vain. */
  readonly failed: AbortSignal
}

/** Milliseconds until every server of a zone has to answer with what was put there. */
const patience = 120_000

const question = z.strictObject({ name: z.string().max(253), value: z.string().regex(/^[A-Za-z0-9_-]{43}$/) })

export async function openDesk(deps: DeskDeps, options: DeskOptions): Promise<Desk> {
  const { socket } = options
  await makeDirectory(dirname(socket), 0o700)
  // One of a run that was killed is in the way.
  await rm(socket, { force: true })
  const failing = new AbortController()
  const server = Bun.serve({
    unix: socket,
    async fetch(request, serving) {
      // A zone's other servers may be slow to follow.
      serving.timeout(request, 0)
      try {
        const shown = shownBy(options, Object.fromEntries(new URLSearchParams(await request.text())))
        const path = new URL(request.url).pathname
        if (path === '/show') await show(deps, options, shown)
        else if (path === '/hide') await hide(deps, options, shown)
        else return new Response('there is no such question\n', { status: 404 })
        return new Response()
      } catch (error) {
        failing.abort(error)
        return new Response(`${explain(error)}\n`, { status: 500 })
      }
    },
  })
  return {
    failed: failing.signal,
    async [Symbol.asyncDispose]() {
      await server.stop(true)
      await rm(socket, { force: true })
    },
  }
}

/** Only what belongs to this order is shown, in the zones that were declared for it. */
function shownBy({ places }: DeskOptions, asked: unknown): Shown {
  const { name, value } = question.parse(asked)
  const place = Object.hasOwn(places, name) ? places[name] : undefined
  if (place === undefined) throw new ApplianceError('failed', `${JSON.stringify(name)} is no name of this certificate`)
  return { ...place, name: challengeName(name), value }
}

/** RFC 8555, 8.4. */
export const challengeName = (name: string): string => `_acme-challenge.${name}`

async function show({ providers, clock }: DeskDeps, { ledger, step, signal }: DeskOptions, shown: Shown): Promise<void> {
  const { zone, name, value, provider } = shown
  const challenges = challengesOf(providers, shown)
  await writeDown(ledger, shown)
  await step('written down')
  await challenges.present(zone, name, value, signal)
  await step('shown')
  const until = clock.now().getTime() + patience
  for (let pause = 50; !(await challenges.isVisible(zone, name, value, signal)); pause = Math.min(pause * 2, 2_000)) {
    signal.throwIfAborted()
    if (clock.now().getTime() > until) {
      throw new ApplianceError('failed', `not every server of ${zone} answers with the new value of ${name}`, {
        hint: `compare its servers with providers.${provider.name} of dns.yaml; a CNAME at that name is in the way, too`,
      })
    }
    await clock.sleep(pause, signal)
  }
}

async function hide(deps: DeskDeps, { ledger, step, signal }: DeskOptions, shown: Shown): Promise<void> {
  await takeOut(deps, ledger, shown, signal)
  await step('hidden')
}

/** Takes every answer out that still stands in DNS, whoever left it there. */
export async function hideAll(deps: DeskDeps, ledger: string, signal: AbortSignal): Promise<void> {
  for (const shown of await shownIn(ledger)) await takeOut(deps, ledger, shown, signal)
}

async function takeOut({ providers }: DeskDeps, ledger: string, shown: Shown, signal: AbortSignal): Promise<void> {
  await challengesOf(providers, shown).withdraw(shown.zone, shown.name, shown.value, signal)
  await crossOut(ledger, shown)
}

function challengesOf(providers: Providers, { zone, provider }: Shown): Challenges {
  const { challenges } = providers(provider)
  if (challenges !== undefined) return challenges
  throw new ApplianceError('stalled', `nothing can be shown to an authority at ${provider.name}, which has ${zone}`, {
    hint: 'write challenge: http, without a wildcard, or another provider',
  })
}
