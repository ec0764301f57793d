import { z } from 'zod'
import type { SiteModel } from './model.ts'

const content = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('static'),
    root: z.string(),
    index: z.array(z.string()),
    notFound: z.string().optional(),
    cacheSeconds: z.number(),
  }),
  z.object({
    kind: z.literal('proxy'),
    protocol: z.enum(['http', 'https']),
    upstream: z.string(),
    port: z.number(),
    path: z.string(),
    addresses: z.array(z.string()),
    websocket: z.boolean(),
    timeoutSeconds: z.number(),
    bodyMebibytes: z.number(),
  }),
  z.object({ kind: z.literal('redirect'), to: z.string(), keepsPath: z.boolean(), status: z.number() }),
  z.object({ kind: z.literal('portal') }),
])

const hsts = z.object({ seconds: z.number(), subdomains: z.boolean(), preload: z.boolean() }).optional()

const apart = z.object({ names: z.array(z.string()), certificate: z.string(), hsts })

const model = z.object({
  ...{ host: z.string(), aliases: z.array(z.string()), certificate: z.string().optional() },
  ...{ apart: z.array(apart).optional(), hsts, content },
})

/** What a site's file says it was rendered from; undefined when it does not say, or in words of another version. */
export function storedModel(text: string): SiteModel | undefined {
  const line = text.split('\n', 2)[1]
  if (line === undefined || !line.startsWith('# {')) return undefined
  try {
    const { content, certificate, apart, hsts, ...names } = model.parse(JSON.parse(line.slice(2)))
    return {
      ...names,
      certificate,
      ...(apart === undefined ? {} : { apart: apart.map(({ hsts: own, ...each }) => ({ ...each, ...withHsts(own) })) }),
      ...withHsts(hsts),
      content: content.kind === 'static' ? { ...content, notFound: content.notFound } : content,
    }
  } catch {
    return undefined
  }
}

const withHsts = (own: z.output<typeof hsts>) => (own === undefined ? {} : { hsts: own })
