import type { Socket } from 'bun'
import { probePath } from './render-site.ts'

/** Requests in one connection; nginx answers them in order. */
const atOnce = 250

export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Asks nginx over its Unix socket which file each host runs with. A host that is absent from the result did not answer;
 * undefined means that nothing listens at all.
 */
export async function probeHosts(
  socket: string,
  hosts: readonly string[],
  timeout = 10_000,
): Promise<ReadonlyMap<string, string> | undefined> {
  const chunks: (readonly string[])[] = []
  for (let at = 0; at < Math.max(hosts.length, 1); at += atOnce) chunks.push(hosts.slice(at, at + atOnce))
  const found = new Map<string, string>()
  const replies = await Promise.all(chunks.map(chunk => exchange(socket, chunk.map(probeRequest), timeout)))
  for (const [number, answers] of replies.entries()) {
    if (answers === undefined) return undefined
    for (const [at, host] of (chunks[number] ?? []).entries()) {
      const answer = answers[at]
      if (answer?.status === 200) found.set(host, answer.body)
    }
  }
  return found
}

const probeRequest = (host: string) => `GET ${probePath} HTTP/1.1\r\nHost: ${host}\r\n\r\n`

/** Status of a host's front page, or undefined when there is no answer in time. */
export async function frontPageStatus(socket: string, host: string, timeout = 5_000): Promise<number | undefined> {
  const request = `HEAD / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ai-infrastructure\r\nConnection: close\r\n\r\n`
  return (await exchange(socket, [request], timeout, false))?.[0]?.status
}

/** Sends requests over one connection and reads the answers in order; fewer when it closes or the time is up. */
function exchange(
  path: string,
  requests: readonly string[],
  timeout: number,
  bodies = true,
): Promise<readonly Answer[] | undefined> {
  const { promise, resolve } = Promise.withResolvers<readonly Answer[] | undefined>()
  const answers: Answer[] = []
  let rest = Buffer.from(requests.join(''), 'latin1')
  let received = ''
  let connection: Socket | undefined
  const finish = (result: readonly Answer[] | undefined) => {
    clearTimeout(timer)
    connection?.end()
    resolve(result)
  }
  const timer = setTimeout(() => finish(answers), timeout)
  const flush = (socket: Socket) => {
    if (rest.length > 0) rest = rest.subarray(Math.max(0, socket.write(rest)))
  }
  Bun.connect({
    unix: path,
    socket: {
      open(socket) {
        connection = socket
        if (requests.length === 0) finish(answers)
        else flush(socket)
      },
      drain: flush,
      data(_, chunk) {
        received = takeAnswers(received + chunk.toString('latin1'), answers, bodies)
        if (answers.length >= requests.length) finish(answers)
      },
      close: () => finish(answers),
      error: () => finish(answers),
      connectError: () => finish(undefined),
    },
  }).catch(() => finish(undefined))
  return promise
}

/** Moves complete answers from the text to the list and gives what is left of the text. */
export function takeAnswers(text: string, answers: Answer[], bodies: boolean): string {
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end < 0) return text.slice(at)
    const head = text.slice(at, end)
    const length = bodies ? Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0) : 0
    const next = end + 4 + length
    if (text.length < next) return text.slice(at)
    answers.push({ status: Number(head.slice(9, 12)), body: text.slice(end + 4, next) })
    at = next
  }
}
