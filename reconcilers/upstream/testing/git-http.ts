import { minimalEnvironment } from '../../../runtime/os/spawn.ts'

/**
 * Git's own server for HTTP over one bare repository, which answers below `/me/config.git`; whoever does not bring the user
 * and token gets 401.
 */
export function gitOverHttp(repository: string, credentials: string): (request: Request) => Promise<Response> {
  const expected = `Basic ${Buffer.from(credentials).toString('base64')}`
  return async request => {
    if (request.headers.get('authorization') !== expected) {
      return new Response('Unauthorized', { status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } })
    }
    const url = new URL(request.url)
    const child = Bun.spawn(['git', '-c', 'http.receivepack=true', 'http-backend'], {
      stdin: new Uint8Array(await request.arrayBuffer()),
      stdout: 'pipe',
      stderr: 'ignore',
      env: {
        ...minimalEnvironment,
        ...{
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_HTTP_EXPORT_ALL: '1',
          HOME: '/nonexistent',
          REMOTE_USER: 'me',
          REMOTE_ADDR: '127.0.0.1',
        },
        GIT_PROJECT_ROOT: repository,
        PATH_INFO: url.pathname.slice('/me/config.git'.length),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers.get('content-type') ?? '',
        ...(request.headers.get('content-encoding') === 'gzip' && { HTTP_CONTENT_ENCODING: 'gzip' }),
        ...(request.headers.has('git-protocol') && { GIT_PROTOCOL: request.headers.get('git-protocol') ?? '' }),
      },
    })
    const output = Buffer.from(await new Response(child.stdout).arrayBuffer())
    const end = output.indexOf('\r\n\r\n')
    const headers = new Headers()
    let status = 200
    for (const line of output.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/)
      if (name === 'Status') status = Number.parseInt(value, 10)
      else headers.set(name, value)
    }
    return new Response(output.subarray(end + 4), { status, headers })
  }
}
