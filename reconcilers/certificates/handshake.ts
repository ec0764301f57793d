import { connect } from 'node:tls'

/** The certificate that a server at this port of this machine gives for a name: DER; undefined when there is none. */
export function presented(host: string, port: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>()
  // It is compared with ours, byte for byte; who signed it does not matter here.
  const socket = connect({ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false })
  const end = (certificate: Uint8Array | undefined) => {
    socket.destroy()
    resolve(certificate)
  }
  socket.once('secureConnect', () => end(socket.getPeerCertificate().raw))
  socket.once('error', () => end(undefined))
  socket.setTimeout(5_000, () => end(undefined))
  signal.addEventListener('abort', () => end(undefined), { once: true })
  return promise
}
