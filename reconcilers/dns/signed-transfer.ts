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
  /** Of the message that ended the transfer, or of the last that came through before that. */
  isSigned(): boolean
}

/** Takes one connection: whoever else is on this machine finds the door closed. */
export async function openPassage({ server, port }: { readonly server: string; readonly port: number }): Promise<Passage> {
  const sockets = new Set<Socket>()
  let isSigned = false
  let isTaken = false
  const own = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const door = createServer(client => {
    if (isTaken) return void client.destroy()
    isTaken = true
    door.close()
    const there = own(connect({ host: server, port }))
    own(client).on('close', () => there.destroy())
    there.on('close', () => client.destroy())
    let soas = 0
    let isOver = false
    const seen = eachMessage((message, framed) => {
      if (isOver) return
      const read = readMessage(message)
      isSigned = read?.isSigned ?? false
      soas += read?.soas ?? 0
      // dig reads no further than the second SOA record, so that what comes after it has no say either.
      isOver = read === undefined || soas >= 2
      if (!client.write(framed)) there.pause()
      if (isOver) client.end()
    })
    there.on('data', seen).on('end', () => client.end())
    client.on('drain', () => there.resume()).pipe(there)
  })
  const closed = new Promise<void>(resolve => door.once('close', () => resolve()))
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const address = door.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    isSigned: () => isSigned,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (!isTaken) door.close()
      await closed
    },
  }
}

/** Messages over TCP have their length before them, in two bytes (RFC 1035, 4.2.2). */
function eachMessage(take: (message: Buffer, framed: Buffer) => void): (piece: Buffer) => void {
  let rest = Buffer.alloc(0)
  return piece => {
    rest = Buffer.concat([rest, piece])
    let at = 0
    while (rest.length >= at + 2 && rest.length >= at + 2 + rest.readUInt16BE(at)) {
      const end = at + 2 + rest.readUInt16BE(at)
      take(rest.subarray(at + 2, end), rest.subarray(at, end))
      at = end
    }
    rest = rest.subarray(at)
  }
}

const types = { soa: 6, tsig: 250 }

/** Whether the last record of a message is a TSIG record, which dig then checks. What cannot be read is not signed. */
export const endsSigned = (message: Buffer): boolean => readMessage(message)?.isSigned ?? false

/** Undefined when it cannot be read. */
function readMessage(message: Buffer): { readonly isSigned: boolean; readonly soas: number } | undefined {
  try {
    const [questions = 0, answers = 0, authorities = 0, additional = 0] = [4, 6, 8, 10].map(at => message.readUInt16BE(at))
    let at = 12
    for (let left = questions; left > 0; left--) at = nameEnd(message, at) + 4
    let type = 0
    let soas = 0
    for (let left = answers + authorities + additional; left > 0; left--) {
      const fields = nameEnd(message, at)
      type = message.readUInt16BE(fields)
      if (type === types.soa) soas++
      at = fields + 10 + message.readUInt16BE(fields + 8)
    }
    return { isSigned: additional > 0 && type === types.tsig && at === message.length, soas }
  } catch (error) {
    if (error instanceof RangeError) return undefined
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
