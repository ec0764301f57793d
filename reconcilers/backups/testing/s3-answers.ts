import { createHash, randomUUID } from 'node:crypto'

/** What S3 answers with, as its API reference has it. */

const headers = () => ({ 'content-type': 'application/xml', 'x-amz-request-id': randomUUID(), server: 'AmazonS3' })

export const ended = (status: number, xml = ''): Response =>
  new Response(xml === '' ? null : `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`, { status, headers: headers() })

export const refusalXml = (status: number, code: string, message: string, more = ''): Response =>
  ended(
    status,
    `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message>${more}<RequestId>${randomUUID()}</RequestId></Error>`,
  )

export const escapeXml = (text: string): string => text.replace(/[<>&"]/g, character => `&#${character.charCodeAt(0)};`)

/** ListObjects, or ListObjectsV2 with `list-type=2`: by prefix and delimiter, a page at a time. */
export function listing(
  bucket: string,
  objects: ReadonlyMap<string, Uint8Array>,
  query: URLSearchParams,
  pageSize: number,
): string {
  const second = query.get('list-type') === '2'
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? '']
  const after = (second ? (query.get('continuation-token') ?? query.get('start-after')) : query.get('marker')) ?? ''
  const most = Math.min(pageSize, Number(query.get('max-keys') ?? 1_000))
  const entries = new Map<string, Uint8Array | undefined>()
  for (const key of [...objects.keys()].filter(each => each.startsWith(prefix)).sort()) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    if (cut < 0) entries.set(key, objects.get(key))
    else entries.set(key.slice(0, cut + delimiter.length), undefined)
  }
  const rest = [...entries].filter(([name]) => name > after)
  const page = rest.slice(0, most)
  const more = rest.length > page.length
  const last = page.at(-1)?.[0] ?? ''
  const encoded = query.get('encoding-type') === 'url'
  const name = encoded ? encodeURIComponent : escapeXml
  const contents = page.map(([key, bytes]) =>
    bytes === undefined
      ? `<CommonPrefixes><Prefix>${name(key)}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${name(key)}</Key><LastModified>2026-11-28T20:00:00.000Z</LastModified><ETag>&#34;${createHash('md5').update(bytes).digest('hex')}&#34;</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  )
  const next = !more
    ? ''
    : second
      ? `<NextContinuationToken>${escapeXml(last)}</NextContinuationToken>`
      : `<NextMarker>${name(last)}</NextMarker>`
  return [
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Name>${bucket}</Name><Prefix>${name(prefix)}</Prefix><MaxKeys>${most}</MaxKeys>`,
    encoded ? '<EncodingType>url</EncodingType>' : '',
    ...[
      second ? `<KeyCount>${page.length}</KeyCount>` : '',
      `<IsTruncated>${more}</IsTruncated>`,
      next,
      ...contents,
      '</ListBucketResult>',
    ],
  ].join('')
}
