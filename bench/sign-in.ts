import type { Appliance } from '../tests/support/appliance.ts'

export interface Visitor {
  readonly cookie: string
  /** A page of the portal, as a browser that accepts gzip asks for it. */
  visit(path: string): Promise<Response>
}

export const admin = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery' }

/** Becomes the first administrator with the code on the appliance's screen. */
export async function signIn(appliance: Appliance): Promise<Visitor> {
  const origin = `http://127.0.0.1:${appliance.ports.portal}`
  const code = /First admin\s+(\S+)/.exec(appliance.printed())?.[1] ?? ''
  const answer = await fetch(`${origin}/first-admin`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin },
    body: new URLSearchParams({ code, ...admin }),
  })
  const cookie = answer.headers
    .getSetCookie()
    .map(line => line.split(';', 1)[0] ?? '')
    .join('; ')
  if (answer.status !== 303 || cookie === '') throw new Error(`not signed in: ${answer.status} ${await answer.text()}`)
  return {
    cookie,
    async visit(path) {
      const response = await fetch(`${origin}${path}`, { headers: { cookie, 'accept-encoding': 'gzip' }, decompress: false })
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
      return response
    },
  }
}
