/** @jsxImportSource hono/jsx */
import { expect, test } from 'bun:test'
import type { Clock } from '../../../runtime/os/clock.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { heldClock } from '../../../runtime/tasks/testing/room.ts'
import type { Call } from '../../door/route.ts'
import { ada, fakeSessions } from '../testing/house.ts'
import { fingerprint, idFor, liveAddress, type Region, region, updateBetween, wholeUpdate } from './regions.ts'
import { type LiveSource, liveStream } from './stream.ts'

const row = (id: string, text: string): Region => region(id, <li id={id}>{text}</li>, { within: 'list' })
const byId = (regions: readonly Region[]) => new Map(regions.map(part => [part.id, part]))

test('only what differs is sent', () => {
  const head = region('head', <h1 id="head">x</h1>)
  const update = updateBetween(byId([head, row('a', '1'), row('b', '1')]), [head, row('a', '2'), row('b', '1')])
  expect(update).toBe('<hx-partial hx-target="#a" hx-swap="outerMorph"><li id="a">2</li></hx-partial>')
})

test('a new row comes last and a row that went away stays, marked, so that nothing moves', () => {
  const update = updateBetween(byId([row('a', '1')]), [row('b', '1')])
  expect(update).toContain('hx-target="#list" hx-swap="beforeend"><li id="b">1</li>')
  expect(update).toContain('hx-target="#a .state" hx-swap="innerHTML">removed<')
})

test('a page that shows something else gets everything', () => {
  const update = wholeUpdate([row('a', '1'), row('b', '2'), region('head', <h1 id="head">x</h1>)])
  expect(update).toContain('hx-target="#list" hx-swap="innerMorph"><li id="a">1</li><li id="b">2</li>')
  expect(update).toContain('hx-target="#head" hx-swap="outerMorph"')
})

test('ids are safe in selectors, whatever they are made of', () => {
  expect(idFor('r', 'site/"><script> x.y')).toMatch(/^r-[a-z0-9]+$/)
})

interface Shown {
  text: string
}

function streamOf(shown: Shown, options: { heartbeat?: number; patience?: number; at?: string; clock?: Clock } = {}) {
  const sessions = fakeSessions()
  const gone = new AbortController()
  let changed = () => {}
  let subscribed = 0
  const source: LiveSource = {
    regions: () => [region('head', <h1 id="head">{shown.text}</h1>)],
    subscribe(listener) {
      changed = listener
      subscribed++
      return () => subscribed--
    },
  }
  let keptOpen = false
  const url = new URL(`http://localhost/live?at=${options.at ?? ''}`)
  const call: Call = {
    request: new Request(url.href, { signal: gone.signal }),
    url,
    params: {},
    identity: ada,
    keepOpen: () => {
      keptOpen = true
    },
  }
  const { clock = systemClock, heartbeat = 8_000, patience = 30_000 } = options
  const response = liveStream(call, source, { sessions, clock, log: silentLog, gather: 5, heartbeat, patience })
  const reader = response.body?.getReader()
  let text = ''
  return {
    sessions,
    gone,
    change: (to: string) => {
      shown.text = to
      changed()
    },
    subscribed: () => subscribed,
    keptOpen: () => keptOpen,
    async until(wanted: string): Promise<string> {
      while (!text.includes(wanted)) {
        const chunk = await reader?.read()
        if (chunk?.done !== false) throw new Error(`the stream ended with ${text}`)
        text += new TextDecoder().decode(chunk.value)
      }
      return text
    },
    async end(): Promise<string> {
      for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) {
        text += new TextDecoder().decode(chunk.value)
      }
      return text
    },
    stop: () => reader?.cancel(),
  }
}

test('a page that is current gets only what changes afterwards, and the connection stays open', async () => {
  const shown = { text: 'one' }
  const stream = streamOf(shown, { at: fingerprint([region('head', <h1 id="head">one</h1>)]) })
  await stream.until('retry')
  await Bun.sleep(0)
  stream.change('two')
  const text = await stream.until('two')
  expect(text).not.toContain('>one<')
  expect(stream.keptOpen()).toBe(true)
  await stream.stop()
})

test('a page that is not current is made so at once', async () => {
  const stream = streamOf({ text: 'one' }, { at: 'stale' })
  expect(await stream.until('</hx-partial>')).toContain(
    'data: <hx-partial hx-target="#head" hx-swap="outerMorph"><h1 id="head">one</h1>',
  )
  await stream.stop()
})

test('an idle stream gives a sign of life', async () => {
  const stream = streamOf({ text: 'one' }, { heartbeat: 20 })
  await stream.until(': beat\n\n: beat')
  await stream.stop()
})

test('a change goes out at once, what follows it at once as one, and a large one gives everybody a rest', async () => {
  const clock = heldClock()
  const stream = streamOf({ text: 'one' }, { clock })
  const resting = async (milliseconds: number) => {
    while (!clock.sleeps().some(each => Math.abs(each - milliseconds) < 1)) await Bun.sleep(0)
  }
  await stream.until('>one<')
  await resting(5)
  clock.pass(5)
  stream.change('two')
  await stream.until('>two<')
  await resting(5)
  stream.change('three')
  stream.change('four')
  clock.pass(5)
  expect(await stream.until('>four<')).not.toContain('three')
  await resting(5)
  clock.pass(5)
  stream.change('x'.repeat(50_000))
  await stream.until('</h1>')
  await resting(100)
  await stream.stop()
})

test('a stream ends as soon as its session does, and says so', async () => {
  const stream = streamOf({ text: 'one' })
  await stream.until('one')
  stream.sessions.end()
  const text = await stream.end()
  expect(text).toContain('You are signed out.')
  expect(text).toEndWith('event: end\ndata: signed out\n\n')
  expect(stream.subscribed()).toBe(0)
})

test('whoever leaves is forgotten', async () => {
  const stream = streamOf({ text: 'one' })
  await stream.until('one')
  stream.gone.abort()
  await stream.end()
  expect(stream.subscribed()).toBe(0)
})

test('a client that does not read is given a bounded amount, then up', async () => {
  const stream = streamOf({ text: 'x'.repeat(50_000) }, { patience: 50 })
  const deadline = Date.now() + 5_000
  for (let turn = 0; stream.subscribed() > 0 && Date.now() < deadline; turn++) {
    stream.change(`${turn}${'x'.repeat(50_000)}`)
    await Bun.sleep(2)
  }
  expect(stream.subscribed()).toBe(0)
  expect((await stream.end()).length).toBeLessThan(200_000)
})

test('the address of a stream names what the page shows', () => {
  const one = [row('a', '1')]
  expect(liveAddress('/live', one)).not.toBe(liveAddress('/live', [row('a', '2')]))
})
