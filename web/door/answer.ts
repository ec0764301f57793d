import { z } from 'zod'
import { printableLines } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'

/** JSON on one line, never cached. */
export const json = (value: unknown, status = 200): Response =>
  new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })

export const text = (value: string, status = 200): Response =>
  new Response(value, { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } })

/** The JSON body, parsed by a schema; anything else is refused with every mistake. */
export async function readJson<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const body: unknown = await request.json().catch(() => {
    throw new ApplianceError('invalid', 'the body is no JSON: send an object, {} where there is nothing to say')
  })
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw new ApplianceError('invalid', mistakesIn(result.error))
}

/** Every mistake as a sentence, on a line of its own, behind the field that it is about. */
export function mistakesIn({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => (path.length === 0 ? message : `${z.core.toDotPath(path)}: ${message}`)).join('\n')
}

/** A stream of text lines for a terminal, in which nothing moves its cursor; `produce` ends it by returning, and is told by the signal when the reader went away. */
export function streamLines(produce: (write: (line: string) => void, signal: AbortSignal) => Promise<void>): Response {
  const gone = new AbortController()
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (line: string) => {
        if (!gone.signal.aborted) controller.enqueue(encoder.encode(`${printableLines(line)}\n`))
      }
      produce(write, gone.signal)
        .catch(error => write(`error: ${error instanceof Error ? error.message : String(error)}`))
        .finally(() => {
          if (!gone.signal.aborted) controller.close()
        })
    },
    cancel() {
      gone.abort(new Error('the reader went away'))
    },
  })
  return new Response(body, {
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
