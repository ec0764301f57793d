import { ApplianceError } from '../../runtime/os/errors.ts'

/** Largest form of the portal: a message to an agent. */
const mostBytes = 256 * 1024

/** The fields of a posted form, trimmed; a field that is not there is empty. */
export interface Form {
  get(name: string): string
  /** As typed, for passwords. */
  raw(name: string): string
}

export async function readForm(request: Request): Promise<Form> {
  const type = request.headers.get('content-type') ?? ''
  if (!type.startsWith('application/x-www-form-urlencoded')) {
    throw new ApplianceError('invalid', 'this is not a form', { hint: 'send application/x-www-form-urlencoded' })
  }
  const text = await readLimited(request)
  const fields = new URLSearchParams(text)
  // Forms send CRLF for line ends.
  const raw = (name: string) => (fields.get(name) ?? '').replaceAll('\r\n', '\n')
  return { raw, get: name => raw(name).trim() }
}

async function readLimited(request: Request): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > mostBytes) throw new ApplianceError('invalid', 'this form is too large', { hint: 'send at most 256 KiB' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
