import { createHash, randomUUID } from 'node:crypto'
import { judgeSignature, type Signed, testRegion } from '../../../runtime/os/testing/aws-signature.ts'
import { ended, escapeXml, listing, refusalXml } from './s3-answers.ts'

/** A server that speaks S3, as far as restic does, and keeps what it is given in memory. */
export interface S3Server extends AsyncDisposable {
  /** As restic names the repository `path` in the bucket. */
  address(path: string, bucket?: string): string
  /** Buckets by name, objects by key. */
  readonly buckets: Map<string, Map<string, Uint8Array>>
  /** Bytes that it takes in all; more is refused. */
  room: number
  /** So many requests are answered with SlowDown. */
  slow: number
  /** Whether the keys may make a bucket. */
  mayCreate: boolean
  /** Whether they may do anything. */
  mayUse: boolean
  /** `GET bucket delimiter list-type` and the like, in their order. */
  readonly asked: string[]
}

/**
 * Path style, Signature Version 4 for each request and each piece of a body, ListObjects in both versions by pages of
 * `pageSize`, HEAD, GET with ranges, PUT with its MD5, DELETE, the location of a bucket; errors as the API reference of S3
 * names them. Restic needs neither multipart nor the deletion of several at once for packs of its size.
 */
export function startS3Server(pageSize = 3): S3Server {
  const buckets = new Map<string, Map<string, Uint8Array>>()
  const asked: string[] = []
  const state = { room: Number.POSITIVE_INFINITY, slow: 0, mayCreate: true, mayUse: true }
  const held = () => [...buckets.values()].flatMap(objects => [...objects.values()]).reduce((sum, { length }) => sum + length, 0)

  async function handle(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const [bucket = '', ...rest] = decodeURIComponent(url.pathname).slice(1).split('/')
    const key = rest.join('/')
    asked.push(`${request.method} ${key === '' ? 'bucket' : 'object'} ${[...url.searchParams.keys()].sort().join(' ')}`.trim())
    const sent = await request.bytes()
    const payload = request.headers.get('x-amz-content-sha256') ?? ''
    const signed = judgeSignature({ method: request.method, url: request.url, headers: request.headers, payload }, 's3')
    if (signed.wrong !== undefined) return refusalXml(...wrongSignature[signed.wrong])
    const body = bodyOf(sent, payload, signed)
    if (body === undefined)
      return refusalXml(
        400,
        'XAmzContentSHA256Mismatch',
        'The provided x-amz-content-sha256 header does not match what was computed.',
      )
    if (state.slow > 0) {
      state.slow -= 1
      return refusalXml(503, 'SlowDown', 'Please reduce your request rate.')
    }
    if (!state.mayUse) return refusalXml(403, 'AccessDenied', 'Access Denied')
    const objects = buckets.get(bucket)
    if (key === '' && request.method === 'PUT') return makeBucket(bucket)
    if (objects === undefined) return refusalXml(404, 'NoSuchBucket', 'The specified bucket does not exist')
    if (key === '') return ofBucket(request.method, bucket, objects, url)
    return ofObject(request, objects, key, body)
  }

  function makeBucket(bucket: string): Response {
    if (!state.mayCreate) return refusalXml(403, 'AccessDenied', 'Access Denied')
    if (buckets.has(bucket))
      return refusalXml(
        409,
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
      )
    buckets.set(bucket, new Map())
    return ended(200)
  }

  function ofBucket(method: string, bucket: string, objects: ReadonlyMap<string, Uint8Array>, { searchParams }: URL): Response {
    if (method === 'HEAD') return ended(200)
    if (method !== 'GET') return refusalXml(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.')
    if (searchParams.has('location'))
      return ended(
        200,
        `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${escapeXml(testRegion)}</LocationConstraint>`,
      )
    return ended(200, listing(bucket, objects, searchParams, pageSize))
  }

  function ofObject(request: Request, objects: Map<string, Uint8Array>, key: string, body: Uint8Array): Response {
    const found = objects.get(key)
    switch (request.method) {
      case 'PUT': {
        const md5 = request.headers.get('content-md5')
        if (md5 !== null && createHash('md5').update(body).digest('base64') !== md5)
          return refusalXml(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.')
        if (held() + body.length > state.room) return refusalXml(507, 'QuotaExceeded', 'The quota of this bucket is exceeded.')
        objects.set(key, body)
        return new Response(null, { headers: { etag: etagOf(body) } })
      }
      case 'HEAD':
      case 'GET':
        if (found === undefined) return refusalXml(404, 'NoSuchKey', 'The specified key does not exist.')
        return given(found, request.headers.get('range'), request.method === 'HEAD')
      case 'DELETE':
        objects.delete(key)
        return ended(204)
      default:
        return refusalXml(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.')
    }
  }

  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: handle })
  return Object.assign(state, {
    ...{ buckets, asked },
    address: (path: string, bucket = 'backups') => `s3:http://127.0.0.1:${server.port}/${bucket}/${path}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  })
}

const wrongSignature: Readonly<
  Record<'none' | 'unknown-key' | 'other-scope' | 'does-not-match', readonly [number, string, string, string?]>
> = {
  none: [403, 'AccessDenied', 'Access Denied'],
  'unknown-key': [403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.'],
  'other-scope': [
    400,
    'AuthorizationHeaderMalformed',
    `The authorization header is malformed; expecting '${testRegion}'`,
    `<Region>${testRegion}</Region>`,
  ],
  'does-not-match': [
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided.',
  ],
}

const etagOf = (body: Uint8Array) => `"${createHash('md5').update(body).digest('hex')}"`

/** What was sent, when it is what was signed; as a whole, unsigned over TLS, or in pieces that are each signed. */
function bodyOf(sent: Uint8Array, payload: string, signed: Signed): Uint8Array | undefined {
  if (payload === 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD') return joined(sent, signed)
  return payload === createHash('sha256').update(sent).digest('hex') ? sent : undefined
}

/** `SIZE;chunk-signature=…`, the piece, and so on until one of size zero. */
function joined(sent: Uint8Array, { signature, pieceSignature }: Signed): Uint8Array | undefined {
  const pieces: Uint8Array[] = []
  let before = signature
  for (let at = 0; at < sent.length; ) {
    const end = Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength).indexOf('\r\n', at)
    const head = new TextDecoder().decode(sent.subarray(at, end))
    const [, size = '', own] = /^([0-9a-f]+);chunk-signature=([0-9a-f]{64})$/.exec(head) ?? []
    const length = Number.parseInt(size, 16)
    const piece = sent.subarray(end + 2, end + 2 + length)
    if (end < 0 || own === undefined || piece.length !== length || pieceSignature(before, piece) !== own) return undefined
    if (length === 0) return Buffer.concat(pieces)
    pieces.push(piece)
    before = own
    at = end + 2 + length + 2
  }
  return undefined
}

function given(found: Uint8Array, range: string | null, headOnly: boolean): Response {
  const headers = {
    etag: etagOf(found),
    'last-modified': new Date(0).toUTCString(),
    'x-amz-request-id': randomUUID(),
    'accept-ranges': 'bytes',
  }
  if (headOnly) return new Response(null, { headers: { ...headers, 'content-length': String(found.length) } })
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  if (from === undefined) return new Response(found.slice(), { headers })
  const first = Number(from)
  if (first >= found.length) return refusalXml(416, 'InvalidRange', 'The requested range is not satisfiable')
  const last = Math.min(found.length - 1, to === undefined || to === '' ? found.length - 1 : Number(to))
  return new Response(found.slice(first, last + 1), {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${first}-${last}/${found.length}` },
  })
}
