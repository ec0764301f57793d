import { expect, test } from 'bun:test'
import { compressed } from './compress.ts'

const asking = (encoding?: string) =>
  new Request('http://127.0.0.1/', { headers: encoding === undefined ? {} : { 'accept-encoding': encoding } })
const html = { 'content-type': 'text/html; charset=utf-8', 'set-cookie': 'a=1' }
const text = '<p>one</p>'.repeat(1_000)

test('a page is small on the wire for a browser that takes gzip, and complete', async () => {
  const answer = await compressed(asking('gzip, br'), new Response(text, { status: 422, headers: html }))
  expect(answer.status).toBe(422)
  expect(answer.headers.get('content-encoding')).toBe('gzip')
  expect(answer.headers.get('vary')).toBe('accept-encoding')
  expect(answer.headers.getSetCookie()).toEqual(['a=1'])
  const bytes = new Uint8Array(await answer.arrayBuffer())
  expect(bytes.byteLength).toBeLessThan(text.length / 10)
  expect(new TextDecoder().decode(Bun.gunzipSync(bytes))).toBe(text)
})

test('whoever does not take gzip gets the page as it is', async () => {
  const answer = await compressed(asking(), new Response(text, { headers: html }))
  expect(answer.headers.has('content-encoding')).toBe(false)
  expect(await answer.text()).toBe(text)
})

test('a stream of events and a compressed asset are passed on untouched', async () => {
  const stream = new Response('data: 1\n\n', { headers: { 'content-type': 'text/event-stream' } })
  const asset = new Response(text, { headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' } })
  expect(await compressed(asking('gzip'), stream)).toBe(stream)
  expect(await compressed(asking('gzip'), asset)).toBe(asset)
})
