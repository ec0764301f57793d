import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/**
 * dig checks the signatures that the messages of a transfer carry, each over all since the one before (RFC 8945, 5.3.1). It
 * does not ask for one at the end, so that whoever stands between could add what he likes there, unsigned. Through this it
 * reaches the server, and is known whether the last message had one.
 */
export interface Passage extends AsyncDisposable {
  /** On 127.0.0.1, where the server answers. */
  readonly port: number
  /** Of the last message that came through. */
  isSigned(): boolean
}

export async function openPassage({ server, port }: { readonly server: string; readonly port: number }): Promise<Passage> {
  const sockets = new Set<Socket>()
  let isSigned = false
  const own = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const door = createServer(client => {
    const there = own(connect({ host: server, port }))
    own(client).on('close', () => there.destroy())
    there.on('close', () => client.destroy())
    const seen = eachMessage(message => {
      isSigned = endsSigned(message)
    })
    // It is looked at before it is passed on: when dig has ended, the last message was seen.
    there.on('data', seen).pipe(client)
    client.pipe(there)
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const address = door.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    isSigned: () => isSigned,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => door.close(resolve))
    },
  }
}

/** Messages over TCP have their length before them, in two bytes (RFC 1035, 4.2.2). */
function eachMessage(take: (message: Buffer) => void): (piece: Buffer) => void {
  let rest = Buffer.alloc(0)
  return piece => {
    rest = Buffer.concat([rest, piece])
    let at = 0
    while (rest.length >= at + 2 && rest.length >= at + 2 + rest.readUInt16BE(at)) {
      const end = at + 2 + rest.readUInt16BE(at)
      take(rest.subarray(at + 2, end))
      at = end
    }
    rest = rest.subarray(at)
  }
}

const tsig = 250

/** Whether the last record of a message is a TSIG record, which dig then checks. What cannot be read is not signed. */
export function endsSigned(message: Buffer): boolean {
  try {
    const [questions = 0, answers = 0, authorities = 0, additional = 0] = [4, 6, 8, 10].map(at => message.readUInt16BE(at))
    let at = 12
    for (let left = questions; left > 0; left--) at = nameEnd(message, at) + 4
    let type = 0
    for (let left = answers + authorities + additional; left > 0; left--) {
      const fields = nameEnd(message, at)
      type = message.readUInt16BE(fields)
      at = fields + 10 + message.readUInt16BE(fields + 8)
    }
    return additional > 0 && type === tsig && at === message.length
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** A name ends with an empty label, or with a pointer to where it goes on (RFC 1035, 4.1.4). */
function nameEnd(message: Buffer, start: number): number {
  let at = start
  for (;;) {
    const length = message.readUInt8(at)
    if (length >= 0xc0) return at + 2
    at += length + 1
    if (length === 0) return at
  }
}
