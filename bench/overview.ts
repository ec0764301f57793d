import { Elysia } from 'elysia'
import { type Figure, median } from './report.ts'

const seconds = 3
const connections = 16
const rounds = 3

/**
 * Requests a second of a signed-in page of ours against a bare Elysia route that renders the same markup, in turns.
 * `ours` is the address of the page, `cookie` a session's, `bare` renders what the page shows.
 */
export async function benchOverview(ours: string, cookie: string, bare: () => string): Promise<Figure> {
  const app = new Elysia().get('/', () => new Response(bare(), { headers: { 'content-type': 'text/html; charset=utf-8' } }))
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: app.fetch })
  try {
    const rates = { ours: [] as number[], bare: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      rates.bare.push(await wrk(`http://127.0.0.1:${server.port}/`))
      rates.ours.push(await wrk(ours, cookie))
    }
    const [mine, plain] = [median(rates.ours), median(rates.bare)]
    return {
      name: 'overview page, signed in, 50 resources: throughput against a bare route that renders the same',
      unit: '×',
      value: mine / plain,
      bound: 0.5,
      better: 'higher',
      detail: { 'ours/s': mine, 'bare/s': plain },
    }
  } finally {
    await server.stop(true)
  }
}

async function wrk(url: string, cookie?: string): Promise<number> {
  const headers = cookie === undefined ? [] : ['-H', `cookie: ${cookie}`]
  const child = Bun.spawn(['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, ...headers, url], { stdout: 'pipe' })
  const text = await new Response(child.stdout).text()
  if (/Non-2xx/.test(text)) throw new Error(`${url}: ${text}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number.NaN)
}
