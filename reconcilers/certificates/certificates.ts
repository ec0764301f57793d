import { join } from 'node:path'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import type { Reconciler } from '../engine/reconciler.ts'
import { type ApplyDeps, applyCertificate } from './apply.ts'
import { type CertbotDeps, createCertbot } from './certbot.ts'
import { type CertificateItem, certificatesOf } from './item.ts'
import { type ObserveDeps, type ObservedCertificates, observeCertificates } from './observe.ts'
import { type CertificateAction, planCertificates } from './plan.ts'
import { createCertificates } from './stored.ts'

export type CertificatesDependencies = Omit<ApplyDeps, 'places' | 'certificates' | 'certbot'> &
  Pick<ObserveDeps, 'spawn' | 'renewals' | 'fetch' | 'random'> &
  Pick<CertbotDeps, 'httpPort'>

/** Keeps a certificate of an authority for each domain with `tls: acme`; the key is the domain's host name. */
export function createCertificatesReconciler(
  dependencies: CertificatesDependencies,
): Reconciler<CertificateItem, ObservedCertificates, CertificateAction> {
  const { home, spawn, clock } = dependencies
  const layout = nginxLayout(home)
  const places = { folder: join(home.root, 'certbot'), challenges: layout.acme, sockets: join(home.run, 'acme') }
  const certificates = createCertificates(layout, spawn, () => clock.now())
  const deps = { ...dependencies, places, certificates, certbot: createCertbot({ ...dependencies, places }) }
  return {
    kind: 'certificate',
    after: ['site', 'site-record'],
    follows: 'site',
    ahead: true,
    select: certificatesOf,
    observe: (desired, signal) => observeCertificates(deps, desired, signal),
    plan: planCertificates,
    apply: ({ key, action }, context) => applyCertificate(deps, key, action, context),
  }
}
