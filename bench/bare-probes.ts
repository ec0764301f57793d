/** Requests in one connection. */
const atOnce = 250

/** One request a host over nginx's Unix socket, pipelined, and nothing done with the answers but counting them. */
export async function bareProbes(socket: string, hosts: readonly string[]): Promise<void> {
  const chunks = Array.from({ length: Math.ceil(hosts.length / atOnce) }, (_, at) => hosts.slice(at * atOnce, (at + 1) * atOnce))
  await Promise.all(chunks.map(chunk => probeAll(socket, chunk)))
}

const mark = 'HTTP/1.1 200 '

async function probeAll(socket: string, hosts: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const requests = hosts.map(host => `GET /.well-known/ai-infrastructure HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join('')
  let rest = Buffer.from(requests)
  let answered = 0
  let tail = ''
  const connection = await Bun.connect({
    unix: socket,
    socket: {
      open(opened) {
        rest = rest.subarray(opened.write(rest))
      },
      drain(opened) {
        rest = rest.subarray(opened.write(rest))
      },
      data(_, chunk) {
        const text = tail + chunk.toString('latin1')
        answered += text.split(mark).length - 1
        tail = text.slice(1 - mark.length)
        if (answered === hosts.length) resolve()
      },
      close: () => reject(new Error(`${answered} of ${hosts.length} hosts answered`)),
      error: (_, error) => reject(error),
    },
  })
  await promise
  connection.end()
}
