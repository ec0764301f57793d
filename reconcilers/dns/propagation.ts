import { type Clock, type Elapsed, systemElapsed } from '../../runtime/os/clock.ts'
import { type KeptZone, placeKey } from './kept-zones.ts'
import type { Correction, Provider, ZoneContent } from './provider.ts'
import {
  type Followed,
  isWaitedFor,
  noteOf,
  type Spread,
  spreadOf,
  unasked,
  waitOf,
  wantedIn,
  withAnswers,
  withLook,
  withWritten,
} from './spread.ts'

/**
 * Follows what was written until every server of its zone has it, beside everything else. A server that has not got it
 * within a minute is said and waited for no longer, also with what is written later, until it has caught up. With the
 * process all of this is forgotten: the first look at a zone asks its servers once.
 */
export interface Propagation {
  /** Corrections were sent to the server that is written to. */
  wrote(place: KeptZone, corrections: readonly Correction[]): void
  /** How far the zone is that was read just now; undefined when nothing is under way or missing. Waits for no slow server. */
  look(place: KeptZone, content: ZoneContent, provider: Provider): Promise<Spread | undefined>
  /**
   * Until what was written of these names is everywhere, or a minute has gone by since, whether or not their zones are
   * looked at; `tell` says what is waited for, if anything.
   */
  until(names: readonly string[], tell: (message: string) => void, signal: AbortSignal): Promise<void>
  /** Servers of a zone that are not waited for, for a person; undefined when there are none. */
  missing(zone: string): string | undefined
  /** Calls `wake` when there is something new to say. Gives how to end that, and all asking. */
  watch(wake: (reason: string) => void): () => void
}

/** Milliseconds that servers are given to get what was written. */
const patience = 60_000
/** Milliseconds for which a look waits for their first answers. */
const moment = 200
/** Milliseconds between two questions. */
const pauses = { first: 100, longest: 5_000 }
/** Milliseconds after which a server that is behind is asked again. */
const askAgain = 600_000

/** A wall clock that is set meanwhile makes nobody wait longer, and gives up on no server sooner. */
export function createPropagation({ sleep }: Pick<Clock, 'sleep'>, elapsed: Elapsed = systemElapsed): Propagation {
  const zones = new Map<string, Followed>()
  const asking = new Map<string, AbortController>()
  const listeners = new Set<(reason: string) => void>()

  /** Asks once. True when there is nothing more to wait for. */
  const ask = async (id: string, signal: AbortSignal): Promise<boolean> => {
    const before = zones.get(id)
    if (before === undefined) return true
    const lacking = (await before.provider.lacking?.(before.zone, before.content, wantedIn(before), signal)) ?? []
    const zone = zones.get(id)
    if (zone === undefined || zone.version !== before.version) return false
    const after = withAnswers(zone, lacking, elapsed(), elapsed() - zone.since >= patience)
    zones.set(id, after)
    if (!Bun.deepEquals(spreadOf(after), spreadOf(zone)))
      for (const listener of [...listeners]) listener(`servers of ${zone.zone} were asked`)
    return !isWaitedFor(after)
  }

  /** Asks until there is nothing more to wait for; resolves after the first answers. */
  const follow = async (id: string): Promise<void> => {
    const own = new AbortController()
    asking.set(id, own)
    const goOn = async () => {
      for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.longest)) {
        await sleep(pause, own.signal)
        if (own.signal.aborted || (await ask(id, own.signal))) return
      }
    }
    const end = () => void (asking.get(id) === own && asking.delete(id))
    try {
      if (await ask(id, own.signal)) end()
      else void goOn().then(end, end)
    } catch {
      // It was stopped; whoever looks next asks anew.
      end()
    }
  }

  return {
    wrote(place, corrections) {
      const id = idOf(place)
      const zone = zones.get(id)
      if (zone === undefined || corrections.length === 0) return
      zones.set(id, withWritten(zone, corrections, elapsed()))
      asking.get(id)?.abort()
      asking.delete(id)
    },
    async look(place, content, provider) {
      if (provider.lacking === undefined) return undefined
      const id = idOf(place)
      const zone = withLook(zones.get(id) ?? unasked(place.zone, content, provider, elapsed()), content, provider)
      zones.set(id, zone)
      const isDue = isWaitedFor(zone) || (zone.given.size > 0 && elapsed() - zone.askedAt >= askAgain)
      if (isDue && !asking.has(id)) {
        const enough = new AbortController()
        await Promise.race([follow(id), sleep(moment, enough.signal)])
        enough.abort()
      }
      return spreadOf(zones.get(id) ?? zone)
    },
    async until(names, tell, signal) {
      const waits = () => [...zones].filter(([, { pending }]) => [...pending.values()].some(({ name }) => names.includes(name)))
      const waited = waits()
      const [first] = waited
      if (first === undefined) return
      signal.throwIfAborted()
      const rest = Math.max(...waited.map(([, { since }]) => since)) + patience - elapsed()
      if (rest <= 0) return
      tell(waitOf(first[1]))
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const look = () => {
        if (waits().length === 0) resolve()
      }
      const abort = () => reject(signal.reason)
      listeners.add(look)
      signal.addEventListener('abort', abort, { once: true })
      // Nobody may look at the place again: its zone was left, or cannot be read.
      for (const [id] of waited) if (!asking.has(id)) void follow(id)
      const over = new AbortController()
      void sleep(rest, over.signal).then(resolve)
      return promise.finally(() => {
        over.abort()
        listeners.delete(look)
        signal.removeEventListener('abort', abort)
      })
    },
    missing: name => noteOf([...zones.values()].filter(({ zone }) => zone === name).flatMap(({ given }) => [...given.values()])),
    watch(wake) {
      listeners.add(wake)
      return () => {
        listeners.delete(wake)
        for (const one of asking.values()) one.abort()
        asking.clear()
      }
    },
  }
}

const idOf = ({ zone, provider }: KeptZone) => `${zone} at ${placeKey(provider)}`
