import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Challenges, Providers } from '../dns/provider.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { type Answers, noName, type Question } from './desk.ts'
import type { DnsPlace } from './item.ts'
import { crossOut, type Shown, shownIn, writeDown } from './ledger.ts'

export interface DnsAnswersDeps {
  readonly providers: Providers
  readonly clock: Clock
}

/** Milliseconds until every server of a zone has to answer with what was put there. */
const patience = 120_000

/** Answers in DNS, each in the zone that was declared for it. `ledger`: folder of what stands there. */
export function dnsAnswers(
  deps: DnsAnswersDeps,
  places: Readonly<Record<string, DnsPlace>>,
  ledger: string,
  { step, signal }: Pick<ApplyContext, 'step' | 'signal'>,
): Answers {
  return {
    async show(asked) {
      const shown = shownBy(places, asked)
      const challenges = challengesOf(deps.providers, shown)
      await writeDown(ledger, shown)
      await step('written down')
      await telling(shown, challenges.present(shown.zone, shown.name, shown.value, signal))
      await step('shown')
      await untilVisible(challenges, shown, deps.clock, signal)
    },
    hide: asked => takeOut(deps, ledger, shownBy(places, asked), signal),
  }
}

/** Only what belongs to this order is shown, in the zones that were declared for it. */
function shownBy(places: Readonly<Record<string, DnsPlace>>, { name, value, token }: Question): Shown {
  const place = Object.hasOwn(places, name) ? places[name] : undefined
  if (place === undefined || token !== undefined || value.includes('.')) throw noName(name)
  return { ...place, name: challengeName(name), value }
}

/** RFC 8555, 8.4. */
export const challengeName = (name: string): string => `_acme-challenge.${name}`

async function untilVisible(
  challenges: Challenges,
  { zone, name, value, provider }: Shown,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
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

/**
 * Takes every answer out that still stands in DNS, whoever left it there. With `names` only those of these names have to go:
 * another one whose server is away stays for later.
 */
export async function hideAll(
  deps: Pick<DnsAnswersDeps, 'providers'>,
  ledger: string,
  signal: AbortSignal,
  names?: readonly string[],
): Promise<void> {
  const needed = names && new Set(names.map(name => challengeName(name.replace(/^\*\./, ''))))
  for (const shown of await shownIn(ledger)) {
    try {
      await takeOut(deps, ledger, shown, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (needed === undefined || needed.has(shown.name)) throw error
    }
  }
}

async function takeOut({ providers }: Pick<DnsAnswersDeps, 'providers'>, ledger: string, shown: Shown, signal: AbortSignal) {
  await telling(shown, challengesOf(providers, shown).withdraw(shown.zone, shown.name, shown.value, signal))
  await crossOut(ledger, shown)
}

/** Says which name it was that could not be shown: others may be at servers that answer. */
async function telling({ name }: Shown, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (cause) {
    if (!(cause instanceof ApplianceError) || cause.message.includes(name)) throw cause
    const hint = cause.hint === undefined ? {} : { hint: cause.hint }
    throw new ApplianceError(cause.kind, `${name}: ${cause.message}`, { ...hint, cause })
  }
}

function challengesOf(providers: Providers, { zone, provider }: Shown): Challenges {
  const { challenges } = providers(provider)
  if (challenges !== undefined) return challenges
  throw new ApplianceError('stalled', `nothing can be shown to an authority at ${provider.name}, which has ${zone}`, {
    hint: 'write challenge: http, without a wildcard, or another provider',
  })
}
