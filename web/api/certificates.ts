import { z } from 'zod'
import { parseSiteName } from '../../desired-state/documents/host.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { nameOf } from '../door/door.ts'
import type { PortalDeps } from '../portal/deps.ts'
import { type DocumentedRoute, people, reads, writes } from './define.ts'
import { list, resourceState } from './shapes/engine.ts'

/** Reasons of RFC 5280, 5.3.1, that a person may give. */
const reasons = ['unspecified', 'keycompromise', 'affiliationchanged', 'superseded', 'cessationofoperation'] as const

export type CertificateAction =
  | { readonly type: 'renew' }
  | { readonly type: 'revoke'; readonly reason: (typeof reasons)[number] }

/** What people want done with certificates; the reconciler does it, and forgets it when it is done. */
export interface CertificateRequests {
  /** By host. */
  open(): Promise<ReadonlyMap<string, { readonly action: CertificateAction; readonly by: string; readonly at: Date }>>
  /** Throws `invalid` where an authority has given none, or the host is not declared. */
  ask(host: string, action: CertificateAction, by: string): Promise<void>
}

export type CertificatesApiDeps = Pick<PortalDeps, 'engine' | 'certificates' | 'certificateRequests'>

const tag = 'domains'

const certificate = z
  .object({
    host: z.string(),
    state: resourceState,
    message: z.string(),
    issuer: z.string().optional(),
    ends: z.string().optional().describe('ISO 8601; missing while nobody but this server vouches for it'),
    asked: z
      .object({ action: z.enum(['renew', 'revoke']), reason: z.enum(reasons).optional(), by: z.string(), at: z.string() })
      .optional()
      .describe('What a person wants done, until it is done'),
  })
  .meta({ id: 'Certificate' })

const asked = z.object({ host: z.string(), asked: z.enum(['renew', 'revoke']) })

/** Certificates of authorities. What is asked for is done by the engine, step by step in its journal. */
export function certificatesRoutes(deps: CertificatesApiDeps): readonly DocumentedRoute[] {
  const { certificateRequests } = deps
  return [
    reads({
      ...{ path: '/api/certificates', policy: people, tag, answer: list(certificate) },
      summary: 'Certificates of authorities, and what was asked for them',
      handle: () => listed(deps),
    }),
    writes({
      ...{ path: '/api/certificates/:host/renew', policy: people, audit: 'certificate.renewal-asked', tag, answer: asked },
      summary: 'Have a certificate renewed now, with a new key',
      async handle({ param, call }) {
        const host = hostOf(param('host'))
        await certificateRequests.ask(host, { type: 'renew' }, nameOf(call.identity))
        return { host, asked: 'renew' as const }
      },
    }),
    writes({
      ...{ path: '/api/certificates/:host/revoke', policy: people, audit: 'certificate.revocation-asked', tag, answer: asked },
      body: z.strictObject({
        reason: z.enum(reasons).default('unspecified'),
        confirm: z.string().describe('The host once more: a revocation is not taken back'),
      }),
      summary: 'Have a certificate revoked, and another one obtained with a new key',
      async handle({ param, body: { reason, confirm }, call }) {
        const host = hostOf(param('host'))
        if (confirm !== host) {
          throw new ApplianceError('invalid', `a revocation is not taken back: confirm it with the name ${host}`)
        }
        await certificateRequests.ask(host, { type: 'revoke', reason }, nameOf(call.identity))
        return { host, asked: 'revoke' as const }
      },
    }),
  ]
}

function hostOf(text: string): string {
  const parsed = parseSiteName(text.toLowerCase())
  if ('ok' in parsed) return parsed.ok
  throw new ApplianceError('invalid', parsed.wrong)
}

async function listed({ engine, certificates, certificateRequests }: CertificatesApiDeps) {
  const [served, open] = await Promise.all([certificates(), certificateRequests.open()])
  const kept = engine.status().resources.filter(({ kind }) => kind === 'certificate')
  return kept.map(({ key, state, message }) => {
    const facts = served.get(key)
    const request = open.get(key)
    return {
      ...{ host: key, state, message },
      ...(facts === undefined || facts.self_signed ? {} : { issuer: facts.issuer, ends: facts.ends }),
      ...(request === undefined ? {} : { asked: shownRequest(request) }),
    }
  })
}

const shownRequest = ({ action, by, at }: { readonly action: CertificateAction; readonly by: string; readonly at: Date }) => ({
  ...{ action: action.type, by, at: at.toISOString() },
  ...(action.type === 'revoke' ? { reason: action.reason } : {}),
})
