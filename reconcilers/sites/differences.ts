import type { FieldChange } from '../engine/reconciler.ts'
import type { SiteModel } from './model.ts'

/** What changes for the visitor, in the words of domains.yaml. */
export function differences(
  before: SiteModel | undefined,
  after: SiteModel | undefined,
  release?: { readonly before: string | undefined; readonly after: string },
): readonly FieldChange[] {
  const old = before === undefined ? new Map<string, string>() : fieldsOf(before)
  const fresh = after === undefined ? new Map<string, string>() : fieldsOf(after)
  const names = [...new Set([...old.keys(), ...fresh.keys()])]
  const fields = names.map(name => ({ name, before: old.get(name) ?? '', after: fresh.get(name) ?? '' }))
  if (release) fields.push({ name: 'commit', before: release.before ?? '', after: release.after })
  return fields.filter(field => field.before !== field.after)
}

function fieldsOf({ aliases, certificate, hsts, content }: SiteModel): Map<string, string> {
  const common: [string, string][] = [
    ['aliases', aliases.join(', ')],
    ['tls', certificate === undefined ? 'none' : 'on'],
    [
      'hsts',
      hsts === undefined ? '' : `${hsts.seconds} s${hsts.subdomains ? ', subdomains' : ''}${hsts.preload ? ', preload' : ''}`,
    ],
  ]
  switch (content.kind) {
    case 'static':
      return new Map([
        ['root', content.root],
        ['index', content.index.join(', ')],
        ['not_found', content.notFound ?? ''],
        ['cache_seconds', String(content.cacheSeconds)],
        ...common,
      ])
    case 'proxy':
      return new Map([
        ['proxy', `${content.protocol}://${content.upstream}:${content.port}${content.path}`],
        ['addresses', content.addresses.join(', ')],
        ['websocket', content.websocket ? 'yes' : 'no'],
        ['timeout', `${content.timeoutSeconds} s`],
        ['body', `${content.bodyMebibytes} MiB`],
        ...common,
      ])
    case 'redirect':
      return new Map([['redirect', content.to], ['status', String(content.status)], ...common])
    case 'portal':
      return new Map([['portal', 'yes'], ...common])
  }
}
