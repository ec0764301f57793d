/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { readForm } from '../form.ts'
import { frameOf, themeCookie, themeOf } from '../frame.ts'
import { page, seeOther } from '../reply.ts'
import { safeReturn, urls } from '../urls.ts'
import { longestPassword, shortestPassword } from './better-auth.ts'
import type { Redeemed } from './first-admin.ts'
import { AccountPage, FirstAdminPage, type FirstAdminView, type GateFrame, SignInPage } from './pages.tsx'

const anybody = ['anonymous', 'person'] as const

export function signInRoutes(deps: PortalDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: urls.signIn.path,
      policy: anybody,
      rateLimit: { requests: 120, seconds: 60 },
      audit: false,
      handle: call => showSignIn(call, deps),
    },
    {
      method: 'POST',
      path: urls.signIn.path,
      policy: anybody,
      rateLimit: { requests: 10, seconds: 60 },
      audit: 'sign-in',
      handle: call => signIn(call, deps),
    },
    {
      method: 'POST',
      path: urls.signOut.path,
      policy: anybody,
      rateLimit: { requests: 60, seconds: 60 },
      audit: 'sign-out',
      handle: async call => seeOther(`${urls.signIn.to()}?done=signed-out`, await deps.sessions.signOut(call.request)),
    },
    {
      method: 'GET',
      path: urls.firstAdmin.path,
      policy: anybody,
      rateLimit: { requests: 60, seconds: 60 },
      audit: false,
      handle: call => showFirstAdmin(call, deps),
    },
    {
      method: 'POST',
      path: urls.firstAdmin.path,
      policy: anybody,
      rateLimit: { requests: 10, seconds: 60 },
      audit: 'first-admin',
      handle: call => becomeFirstAdmin(call, deps),
    },
    {
      method: 'GET',
      path: urls.account.path,
      policy: ['person'],
      rateLimit: { requests: 120, seconds: 60 },
      audit: false,
      handle: call => showAccount(call, deps, {}),
    },
    {
      method: 'POST',
      path: urls.account.path,
      policy: ['person'],
      rateLimit: { requests: 10, seconds: 60 },
      audit: 'change-password',
      handle: call => changePassword(call, deps),
    },
    {
      method: 'POST',
      path: urls.theme.path,
      policy: anybody,
      rateLimit: { requests: 120, seconds: 60 },
      audit: false,
      handle: call => chooseTheme(call),
    },
  ]
}

const gateFrame = (call: Call, deps: PortalDeps): GateFrame => ({
  hostname: deps.place.hostname,
  theme: themeOf(call.request),
  path: call.url.pathname,
})

async function showSignIn(call: Call, deps: PortalDeps): Promise<Response> {
  const next = safeReturn(call.url.searchParams.get('next'))
  if (call.identity.kind === 'person') return seeOther(next)
  if (await deps.firstAdmin.open()) return seeOther(urls.firstAdmin.to())
  const notice = call.url.searchParams.get('done') === 'signed-out' ? 'You are signed out.' : undefined
  return page(
    <SignInPage frame={gateFrame(call, deps)} email="" next={next} mistakes={[]} notice={notice} command={deps.place.command} />,
  )
}

async function signIn(call: Call, deps: PortalDeps): Promise<Response> {
  const form = await readForm(call.request)
  const email = form.get('email')
  const next = safeReturn(form.get('next'))
  call.claims?.(email)
  const result = await deps.sessions.signIn(email, form.raw('password'), call.request)
  if (result.outcome === 'signed-in') return seeOther(next, result.cookies)
  const mistakes = ['E-mail or password is wrong. Try again.']
  return page(
    <SignInPage frame={gateFrame(call, deps)} email={email} next={next} mistakes={mistakes} command={deps.place.command} />,
    401,
  )
}

async function showFirstAdmin(call: Call, deps: PortalDeps): Promise<Response> {
  if (!(await deps.firstAdmin.open())) return seeOther(urls.signIn.to())
  const code = call.url.searchParams.get('code') ?? ''
  return page(<FirstAdminPage frame={gateFrame(call, deps)} code={code} name="" email="" mistakes={{}} />)
}

const control = /\p{Cc}/u

const newAdmin = z.object({
  code: z.string().min(1, 'Write the code that the terminal shows.'),
  name: z
    .string()
    .min(1, 'Write your name.')
    .max(80, 'Use at most 80 characters.')
    .refine(name => !control.test(name) && !/[<>]/.test(name), 'Leave out < and >: Git writes the name before the address.'),
  email: z.email('Write an e-mail address, like ada@example.com.').max(254, 'Use at most 254 characters.'),
  password: z
    .string()
    .min(shortestPassword, `Use at least ${shortestPassword} characters.`)
    .max(longestPassword, `Use at most ${longestPassword} characters.`),
})

async function becomeFirstAdmin(call: Call, deps: PortalDeps): Promise<Response> {
  const form = await readForm(call.request)
  const typed = { code: form.get('code'), name: form.get('name'), email: form.get('email'), password: form.raw('password') }
  const again = (mistakes: FirstAdminView['mistakes'], status: number) =>
    page(<FirstAdminPage frame={gateFrame(call, deps)} {...typed} mistakes={mistakes} />, status)
  const parsed = newAdmin.safeParse(typed)
  if (!parsed.success) return again(z.flattenError(parsed.error).fieldErrors, 422)
  const redeemed = await deps.firstAdmin.redeem(parsed.data)
  if (redeemed.outcome === 'closed') return seeOther(urls.signIn.to())
  if (redeemed.outcome !== 'created') return again(whyNot(redeemed), redeemed.outcome === 'locked' ? 429 : 422)
  call.claims?.(parsed.data.email)
  const result = await deps.sessions.signIn(parsed.data.email, parsed.data.password, call.request)
  return seeOther(urls.overview.to(), result.outcome === 'signed-in' ? result.cookies : [])
}

function whyNot(redeemed: Exclude<Redeemed, { outcome: 'created' | 'closed' }>): FirstAdminView['mistakes'] {
  if (redeemed.outcome === 'locked') {
    const minutes = redeemed.minutes === 1 ? 'a minute' : `${redeemed.minutes} minutes`
    return { form: [`Too many wrong codes. Wait ${minutes}, or start the appliance again for a new code.`] }
  }
  return { code: [`That is not the code. The terminal shows a new one at each start. ${redeemed.triesLeft} tries left.`] }
}

function showAccount(call: Call, deps: PortalDeps, mistakes: { current?: string[]; next?: string[] }): Response {
  if (call.identity.kind !== 'person') return seeOther(urls.signIn.to())
  const notice =
    call.url.searchParams.get('done') === 'password' ? 'The password is changed; other sessions have ended.' : undefined
  const wrong = Object.keys(mistakes).length > 0
  return page(
    <AccountPage frame={frameOf(call, deps)} email={call.identity.email} mistakes={mistakes} notice={notice} />,
    wrong ? 422 : 200,
  )
}

async function changePassword(call: Call, deps: PortalDeps): Promise<Response> {
  const form = await readForm(call.request)
  const next = form.raw('next')
  if (next.length < shortestPassword || next.length > longestPassword) {
    return showAccount(call, deps, { next: [`Use ${shortestPassword} to ${longestPassword} characters.`] })
  }
  const result = await deps.sessions.changePassword(form.raw('current'), next, call.request)
  if (result.outcome === 'wrong-password') return showAccount(call, deps, { current: ['This is not your password. Try again.'] })
  return seeOther(`${urls.account.to()}?done=password`, result.cookies)
}

async function chooseTheme(call: Call): Promise<Response> {
  const form = await readForm(call.request)
  const theme = form.get('theme')
  const kept = theme === 'light' || theme === 'dark'
  const cookie = `${themeCookie}=${kept ? theme : ''}; Path=/; Max-Age=${kept ? 31_536_000 : 0}; SameSite=Lax; HttpOnly`
  return seeOther(safeReturn(form.get('back')), [cookie])
}
