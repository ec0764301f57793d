/** Below this a packet carries it anyway. */
const least = 1_024

/** A whole page as gzip, for whoever accepts it; streams and what is compressed already pass as they are. */
export async function compressed(request: Request, response: Response): Promise<Response> {
  if (!isPage(response) || !/\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')) return response
  const page = new Uint8Array(await response.arrayBuffer())
  const headers = new Headers(response.headers)
  headers.append('vary', 'accept-encoding')
  if (page.byteLength < least) return new Response(page, { status: response.status, headers })
  headers.set('content-encoding', 'gzip')
  return new Response(Bun.gzipSync(page, { level: 3 }), { status: response.status, headers })
}

const isPage = ({ headers }: Response) =>
  headers.get('content-type')?.startsWith('text/html') === true && !headers.has('content-encoding')
