/** The other end of a WebSocket. */
export interface Socket {
  /** False when it is gone. */
  send(text: string): boolean
  /** Bytes that were sent and not taken yet. */
  waiting(): number
  close(code: number, reason: string): void
}

/** What a route does with a WebSocket, once the handshake is over. */
export interface SocketHandlers {
  open(socket: Socket): void
  message(text: string): void
  closed(): void
}

/** Bytes of one message that comes in. */
const longestMessage = 64 * 1024
/** Bytes that may wait for a slow reader before it is let go. */
const mostWaiting = 4 * 1024 * 1024

/** How Bun serves the WebSockets of the door; the handlers came with the handshake. */
export const socketServing: Bun.WebSocketHandler<SocketHandlers> = {
  maxPayloadLength: longestMessage,
  backpressureLimit: mostWaiting,
  closeOnBackpressureLimit: true,
  idleTimeout: 60,
  sendPings: true,
  open(socket) {
    socket.data.open({
      send: text => socket.send(text) !== 0,
      waiting: () => socket.getBufferedAmount(),
      close: (code, reason) => socket.close(code, reason),
    })
  },
  message(socket, message) {
    if (typeof message === 'string') socket.data.message(message)
    else socket.close(1003, 'only text is understood')
  },
  close: socket => socket.data.closed(),
}
