import { z } from 'zod'
import { failed, shown, tool } from './define.ts'
import { change } from './server.ts'
import type { Tool } from './tool.ts'

const name = z.string().min(1).max(254).describe('Whole name: www.example.com; * as its first part is allowed.')
const type = z.enum(['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'SRV', 'TXT'])
const zone = z.string().min(1).max(254).describe('Zone of dns.yaml: example.com.')

/** Records and Cloudflare's cache, for whoever keeps the server. */
export const dnsTools: readonly Tool[] = [
  tool({
    name: 'dns_set',
    description:
      'Sets all records of one name and type, as a commit on dns.yaml; records of sites are made by themselves. A person has to approve it. Answers with what the server made of it.',
    input: z.strictObject({
      ...{
        name,
        type,
        values: z.array(z.string().max(4_000)).min(1).max(100).describe('Like "203.0.113.9", "10 mail.example.com".'),
      },
      ttl: z.int().min(1).max(604_800).optional().describe('Seconds; default: the zone’s.'),
      proxied: z.boolean().optional().describe('Through Cloudflare, where the zone is there.'),
    }),
    title: input => `set ${input.type} of ${input.name}`,
    execute: (input, context) => change(context, 'dns.set', input),
  }),
  tool({
    name: 'dns_remove',
    description: 'Takes the records of one name and type out of dns.yaml. A person has to approve it.',
    input: z.strictObject({ name, type }),
    title: input => `remove ${input.type} of ${input.name}`,
    async execute(input, context) {
      const result = await context.verb('dns.remove', input)
      if (typeof result === 'object' && result !== null && 'unchanged' in result && result.unchanged === true)
        return failed(`${input.name} has no ${input.type} in dns.yaml; dns_status shows what it has`)
      return { content: shown(result) }
    },
  }),
  tool({
    name: 'dns_purge',
    description: 'Has Cloudflare forget what it keeps of a zone, or of some addresses. A person has to approve it.',
    input: z.strictObject({ zone, files: z.array(z.url()).max(300).optional().describe('Default: everything.') }),
    title: input => `purge ${input.zone}`,
    execute: async (input, context) => ({ content: shown(await context.verb('dns.purge', input)) }),
  }),
  tool({
    name: 'dns_status',
    description: 'Shows the zones that are kept from here, or the records of one, and how each stands.',
    input: z.strictObject({ zone: zone.optional() }),
    title: input => `look at ${input.zone ?? 'the zones'}`,
    execute: async (input, context) => ({ content: shown(await context.verb('status.dns', input)) }),
  }),
  tool({
    name: 'traffic',
    description: 'Shows requests, bytes, visitors and threats of a zone at Cloudflare, day by day.',
    input: z.strictObject({ zone, days: z.int().min(1).max(31).optional() }),
    title: input => `look at the traffic of ${input.zone}`,
    execute: async (input, context) => ({ content: shown(await context.verb('status.traffic', input)) }),
  }),
]
