import type { Block } from '../../../runtime/bus/work.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { readForm } from '../form.ts'
import { enclosed } from './attachments.ts'

/** The characters that one message may have. */
export const longestMessage = 50_000

/** What somebody wants to say, and what stands in the way of saying it. */
export interface Draft {
  readonly text: string
  readonly attachments: readonly Block[]
  readonly mistakes: readonly string[]
}

export async function readDraft(request: Request): Promise<Draft> {
  const type = request.headers.get('content-type') ?? ''
  if (!type.startsWith('multipart/form-data')) {
    const text = (await readForm(request)).get('text')
    return { text, attachments: [], mistakes: mistakesOf(text, false) }
  }
  const form = await request.formData().catch(cause => {
    throw new ApplianceError('invalid', 'this form does not end as it began', { hint: 'send it again', cause })
  })
  const said = form.get('text')
  const text = (typeof said === 'string' ? said : '').replaceAll('\r\n', '\n').trim()
  // A browser sends one file without a name when none was chosen; Bun gives it no name at all, whatever its type says.
  const files = form.getAll('files').flatMap(each => (typeof each === 'string' || (!each.name && each.size === 0) ? [] : each))
  const { blocks, mistakes } = enclosed(
    await Promise.all(files.map(async file => ({ name: file.name, bytes: await file.bytes() }))),
  )
  return { text, attachments: blocks, mistakes: [...mistakesOf(text, files.length > 0), ...mistakes] }
}

function mistakesOf(text: string, hasFiles: boolean): readonly string[] {
  if (text === '' && !hasFiles) return ['Write something first.']
  return text.length > longestMessage ? [`A message has at most 50,000 characters; this one has ${text.length}.`] : []
}
