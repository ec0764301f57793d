import type { Store } from '../../runtime/store/store.ts'

/** Reasons that a person may give (RFC 5280, 5.3.1), in certbot's words. */
export const revocationReasons = [
  ...(['unspecified', 'keycompromise', 'affiliationchanged', 'superseded', 'cessationofoperation'] as const),
] as const
export type RevocationReason = (typeof revocationReasons)[number]

/** What a person wants done with a certificate. It is kept until it is done, whatever dies meanwhile. */
export interface CertificateRequest {
  readonly host: string
  readonly action: { readonly type: 'renew' } | { readonly type: 'revoke'; readonly reason: RevocationReason }
  /** Id of the certificate that it is about: one that is no longer in use is not renewed once more. */
  readonly certificate: string
  readonly by: string
  readonly at: Date
}

export interface Requests {
  /** By host. */
  open(): Promise<ReadonlyMap<string, CertificateRequest>>
  /** A newer one of the same host takes its place, but none that of a revocation: a newer revocation gives it its reason. */
  ask(request: CertificateRequest): Promise<void>
  /** It is done. One that was asked for meanwhile stays. */
  close(request: Pick<CertificateRequest, 'host' | 'certificate'>, action: CertificateRequest['action']['type']): Promise<void>
  /** The revocation is done, and this older certificate serves meanwhile: the one that was to take its place is asked for. */
  renewInstead(revocation: Pick<CertificateRequest, 'host' | 'certificate'>, certificate: string): Promise<void>
}

interface Row {
  readonly host: string
  readonly action: 'renew' | 'revoke'
  readonly reason: RevocationReason | null
  readonly certificate: string
  readonly by: string
  readonly at: Date
}

export function createRequests(store: Store): Requests {
  return {
    async open() {
      const rows = await store<Row[]>`
        SELECT host, action, reason, certificate, asked_by AS by, asked_at AS at FROM certificate_request`
      return new Map(rows.map(({ action, reason, ...row }) => [row.host, { ...row, action: actionOf(action, reason) }]))
    },
    async ask({ host, action, certificate, by, at }) {
      const reason = action.type === 'revoke' ? action.reason : null
      await store`
        INSERT INTO certificate_request (host, action, reason, certificate, asked_by, asked_at)
        VALUES (${host}, ${action.type}, ${reason}, ${certificate}, ${by}, ${at})
        ON CONFLICT (host) DO UPDATE SET
          action = excluded.action, reason = excluded.reason,
          certificate = CASE WHEN certificate_request.action = 'revoke' THEN certificate_request.certificate ELSE excluded.certificate END,
          asked_by = CASE WHEN certificate_request.action = 'revoke' THEN certificate_request.asked_by ELSE excluded.asked_by END,
          asked_at = CASE WHEN certificate_request.action = 'revoke' THEN certificate_request.asked_at ELSE excluded.asked_at END
        WHERE excluded.action = 'revoke' OR certificate_request.action = 'renew'`
    },
    async close({ host, certificate }, action) {
      await store`DELETE FROM certificate_request WHERE host = ${host} AND certificate = ${certificate} AND action = ${action}`
    },
    async renewInstead(revocation, certificate) {
      await store`
        UPDATE certificate_request SET action = 'renew', reason = NULL, certificate = ${certificate}
        WHERE host = ${revocation.host} AND certificate = ${revocation.certificate} AND action = 'revoke'`
    },
  }
}

const actionOf = (action: Row['action'], reason: RevocationReason | null): CertificateRequest['action'] =>
  action === 'renew' ? { type: action } : { type: action, reason: reason ?? 'unspecified' }
