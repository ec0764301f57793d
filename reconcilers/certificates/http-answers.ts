import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { ApplyContext } from '../engine/reconciler.ts'
import { type Answers, noName } from './desk.ts'

export interface HttpAnswersDeps {
  readonly clock: Clock
  /** Where this server's own HTTP answers. */
  readonly httpPort: number
}

/** Milliseconds in which a site that is there has to answer with what was put below it. */
const patience = 10_000
/** How we call ourselves when we look whether an answer is there. */
export const ownAgent = 'ai-infra'

/** RFC 8555, 8.3: below the web root `challenges`. */
const pathOf = (token: string) => `/.well-known/acme-challenge/${token}`
const mark = '.http'

/** Answers in a file that all sites serve. `ledger`: folder with an empty file for each that is there. */
export function httpAnswers(
  deps: HttpAnswersDeps,
  names: readonly string[],
  places: { readonly challenges: string; readonly ledger: string },
  { step, signal }: Pick<ApplyContext, 'step' | 'signal'>,
): Answers {
  const { challenges, ledger } = places
  const tokenOf = ({ name, value, token }: Parameters<Answers['show']>[0]): string => {
    if (!names.includes(name) || token === undefined || !value.startsWith(`${token}.`)) throw noName(name)
    return token
  }
  return {
    async show(asked) {
      const token = tokenOf(asked)
      await makeDirectory(ledger, 0o700)
      await writeFile(join(ledger, `${token}${mark}`), '')
      await makeDirectory(join(challenges, pathOf('')))
      await writeFile(join(challenges, pathOf(token)), asked.value)
      await step('shown')
      await untilServed(deps, asked.name, pathOf(token), asked.value, signal)
    },
    hide: asked => takeAway(places, tokenOf(asked)),
  }
}

/** An authority that does not find it counts that against the name: it is not asked to look before we have found it. */
async function untilServed({ httpPort, clock }: HttpAnswersDeps, name: string, path: string, value: string, signal: AbortSignal) {
  // A wall clock that is set meanwhile would end it at once, or not for hours.
  const until = performance.now() + patience
  for (;;) {
    const found = await answerOf(httpPort, name, path, signal)
    if (found === value) return
    signal.throwIfAborted()
    if (performance.now() > until) {
      throw new ApplianceError('failed', `nginx does not give what an authority would look for at http://${name}${path}`, {
        hint: `see site/${name} of the verb status`,
      })
    }
    await clock.sleep(50, signal)
  }
}

async function answerOf(port: number, host: string, path: string, signal: AbortSignal): Promise<string | undefined> {
  const headers = { host, connection: 'close', 'user-agent': ownAgent }
  const stops = AbortSignal.any([signal, AbortSignal.timeout(5_000)])
  // Past the proxy that the environment may name: it is this server that is asked.
  const options = { headers, redirect: 'manual', signal: stops, proxy: false } as const
  const response = await fetch(`http://127.0.0.1:${port}${path}`, options).catch(() => undefined)
  if (response?.status === 200) return response.text().catch(() => undefined)
  await response?.body?.cancel()
  return undefined
}

async function takeAway(
  { challenges, ledger }: { readonly challenges: string; readonly ledger: string },
  token: string,
): Promise<void> {
  await rm(join(challenges, pathOf(token)), { force: true })
  await rm(join(ledger, `${token}${mark}`), { force: true })
}

/** Takes the files away that a death left. */
export async function takeAllAway(challenges: string, ledger: string): Promise<void> {
  for (const token of await tokensIn(ledger)) await takeAway({ challenges, ledger }, token)
}

async function tokensIn(ledger: string): Promise<readonly string[]> {
  try {
    return (await readdir(ledger)).filter(name => name.endsWith(mark)).map(name => name.slice(0, -mark.length))
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}
