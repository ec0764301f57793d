import { createHmac, timingSafeEqual } from 'node:crypto'

/** Seconds that a signed timestamp may be off. */
const longestDelay = 300

/** What a request says to prove that it comes from who knows the secret. */
export interface Proof {
  /** What was signed. */
  readonly text: Uint8Array
  /** HMAC-SHA-256 in hexadecimal, in lower case. */
  readonly signature: string
}

/**
 * The proof of a webhook: `X-Hub-Signature-256: sha256=HEX` over the body, as GitHub, Gitea and Forgejo send it, or
 * `X-AI-Infra-Signature: t=SECONDS,v1=HEX` over `SECONDS.` and the body, for scripts. Undefined when there is none, or its
 * time is not now.
 */
export function proofOf(headers: Headers, body: Uint8Array, now: Date): Proof | undefined {
  const [, github] = /^sha256=([0-9a-f]{64})$/i.exec(headers.get('x-hub-signature-256') ?? '') ?? []
  if (github !== undefined) return { text: body, signature: github.toLowerCase() }
  const [, seconds = '', own] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/i.exec(headers.get('x-ai-infra-signature') ?? '') ?? []
  if (own === undefined || Math.abs(now.getTime() / 1_000 - Number(seconds)) > longestDelay) return undefined
  return { text: Buffer.concat([Buffer.from(`${seconds}.`), body]), signature: own.toLowerCase() }
}

/** Takes the same time whatever is wrong. */
export function isProven({ text, signature }: Proof, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(text).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}
