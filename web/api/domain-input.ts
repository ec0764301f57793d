import { z } from 'zod'
import { type DomainDocument, domainSchema } from '../../desired-state/documents/domain-schema.ts'
import { parseSiteName } from '../../desired-state/documents/host.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'

/** A host name, in the form in which everything else names it. */
export const hostName = z
  .string()
  .max(300)
  .transform((text, context) => {
    const result = parseSiteName(text.trim().toLowerCase())
    if ('ok' in result) return result.ok
    context.addIssue({ code: 'custom', message: result.wrong })
    return z.NEVER
  })

/**
 * The declaration as the document takes it. Only its shape is looked at here, so that what is wrong with its values is
 * said by the repository with its line.
 */
export function documentOf(declaration: Readonly<Record<string, unknown>>): DomainDocument {
  const unknown = Object.keys(declaration).filter(name => !(name in domainSchema.shape))
  if (unknown.length > 0)
    throw new ApplianceError('invalid', `a domain has no ${unknown.join(', ')}`, {
      hint: `it has ${Object.keys(domainSchema.shape).join(', ')}`,
    })
  return declaration
}
