import { ApplianceError } from '../runtime/os/errors.ts'
import { type GivenSecret, withoutEnd } from '../runtime/secrets/given.ts'
import { largestSecret } from '../runtime/secrets/secrets.ts'

/** The value from standard input: piped, or typed by a person, without an echo. */
export async function readSecret(name: string): Promise<GivenSecret> {
  if (process.stdin.isTTY) {
    process.stderr.write(`Value of ${name} (it is not shown; Enter ends it): `)
    const value = await typed()
    process.stderr.write('\n')
    return { value, note: undefined }
  }
  return withoutEnd(textOf(await bytesOf(Bun.stdin.stream())))
}

/** No more than there can be of a secret: what never ends would fill the memory of the machine. */
async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of stream) {
    pieces.push(piece)
    length += piece.byteLength
    if (length > largestSecret + 2)
      throw new ApplianceError('invalid', `the value is longer than ${largestSecret} bytes`, {
        hint: 'keep such a thing in a file',
      })
  }
  return Buffer.concat(pieces)
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ApplianceError('invalid', 'the value is no UTF-8 text', { hint: 'encode it, for example with base64' })
  }
}

/** Characters until Enter, with the echo of the terminal off. */
function typed(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let value = ''
  const end = (act: () => void) => {
    process.stdin.setRawMode(false)
    process.stdin.pause()
    process.stdin.off('data', take)
    act()
  }
  const take = (chunk: string) => {
    for (const character of chunk) {
      if (character === '\r' || character === '\n' || character === '\u0004') return end(() => resolve(value))
      if (character === '\u0003') return end(() => reject(new ApplianceError('invalid', 'nothing was set')))
      value = character === '\u007f' || character === '\b' ? value.slice(0, -1) : value + character
    }
  }
  process.stdin.setEncoding('utf8')
  process.stdin.setRawMode(true)
  process.stdin.on('data', take)
  process.stdin.resume()
  return promise
}
