import { createHash, createHmac } from 'node:crypto'

/** Of AWS's own documentation; they open nothing but the servers of tests. */
export const testKeys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
export const testRegion = 'eu-central-1'

export interface SignedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** SHA-256 of the body in hexadecimal, or the word that stands for it. */
  readonly payload: string
}

export interface Signed {
  /** `undefined` when it is right. */
  readonly wrong: 'none' | 'unknown-key' | 'other-scope' | 'does-not-match' | undefined
  readonly signature: string
  /** Of a piece of a body that is signed piece by piece: `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`. */
  pieceSignature(before: string, piece: Uint8Array): string
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
const hmac = (secret: string | Buffer, text: string) => createHmac('sha256', secret).update(text).digest()

const shape =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** Signature Version 4 of a request, as AWS documents it, judged by the keys of the tests. */
export function judgeSignature({ method, url, headers, payload }: SignedRequest, service: string): Signed {
  const [, key, day = '', region = '', named = '', signed = '', signature = ''] =
    shape.exec(headers.get('authorization') ?? '') ?? []
  const { pathname, searchParams } = new URL(url)
  const date = headers.get('x-amz-date') ?? ''
  const scope = `${day}/${region}/${named}/aws4_request`
  const signing = [region, named, 'aws4_request'].reduce(hmac, hmac(`AWS4${testKeys.secretAccessKey}`, day))
  const sign = (lines: readonly string[]) => hmac(signing, lines.join('\n')).toString('hex')
  const values = signed.split(';').map(name => `${name}:${(headers.get(name) ?? '').trim()}\n`)
  const query = [...searchParams]
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&')
  const canonical = [method, pathname, query, values.join(''), signed, payload].join('\n')
  const right = sign(['AWS4-HMAC-SHA256', date, scope, sha256(canonical)]) === signature
  const wrong =
    signature === ''
      ? 'none'
      : key !== testKeys.accessKeyId
        ? 'unknown-key'
        : region !== testRegion || named !== service || !date.startsWith(day)
          ? 'other-scope'
          : right
            ? undefined
            : 'does-not-match'
  return {
    wrong,
    signature,
    pieceSignature: (before, piece) => sign(['AWS4-HMAC-SHA256-PAYLOAD', date, scope, before, sha256(''), sha256(piece)]),
  }
}

/** As AWS escapes, which is stricter than a URL. */
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
