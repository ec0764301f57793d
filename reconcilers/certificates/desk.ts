import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Step } from '../engine/reconciler.ts'

/** What an authority wants to see: for a name, without a star, a value; over HTTP in a file called after its token. */
const question = z.strictObject({
  name: z.string().max(253),
  value: z.string().regex(/^(?:[A-Za-z0-9_-]{22,128}\.)?[A-Za-z0-9_-]{43}$/),
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{22,128}$/)
    .optional(),
})
export type Question = z.infer<typeof question>

/** Where answers are put. Both refuse what belongs to no name of the order. */
export interface Answers {
  /** Puts it where the authority looks, and resolves when it is seen there. */
  show(asked: Question): Promise<void>
  hide(asked: Question): Promise<void>
}

export interface DeskOptions {
  readonly socket: string
  readonly answers: Answers
  /** Resolves when the authority may look; no answer is shown before. */
  readonly ready: () => Promise<void>
  readonly step: Step
}

/** Where one certbot, and nobody else, has its answers shown and hidden again. */
export interface Desk extends AsyncDisposable {
  /** Resolves when certbot has an order of the authority, and with it an account. */
  readonly ordered: Promise<void>
  /** Aborts, with the reason, when an answer could not be shown: certbot itself would go on and have the authority look in vain. */
  readonly failed: AbortSignal
}

export async function openDesk({ socket, answers, ready, step }: DeskOptions): Promise<Desk> {
  await makeDirectory(dirname(socket), 0o700)
  // One of a run that was killed is in the way.
  await rm(socket, { force: true })
  const failing = new AbortController()
  const ordered = Promise.withResolvers<void>()
  const begin = once(async () => {
    ordered.resolve()
    await step('ordered')
    await ready()
  })
  const server = Bun.serve({
    unix: socket,
    async fetch(request, serving) {
      // The site may still be on its way, and a zone's other servers slow to follow.
      serving.timeout(request, 0)
      try {
        const asked = question.parse(Object.fromEntries(new URLSearchParams(await request.text())))
        const path = new URL(request.url).pathname
        if (path === '/show') {
          await begin()
          await answers.show(asked)
        } else if (path === '/hide') {
          await answers.hide(asked)
          await step('hidden')
        } else return new Response('there is no such question\n', { status: 404 })
        return new Response()
      } catch (error) {
        failing.abort(error)
        return new Response(`${explain(error)}\n`, { status: 500 })
      }
    },
  })
  return {
    ...{ ordered: ordered.promise, failed: failing.signal },
    async [Symbol.asyncDispose]() {
      await server.stop(true)
      await rm(socket, { force: true })
    },
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}

export const noName = (name: string): ApplianceError =>
  new ApplianceError('failed', `${JSON.stringify(name)} is no name of this certificate`)
