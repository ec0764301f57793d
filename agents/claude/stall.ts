export interface StallWatch {
  /** Fetches, and aborts when no byte comes for too long; a ping of the service counts. */
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>
  readonly signal: AbortSignal
  /** After how many seconds of silence. */
  readonly seconds: number
  stalled(): boolean
  stop(): void
}

/** Cuts a connection that stays open and says nothing. */
export function watchStalls(milliseconds: number, outer: AbortSignal): StallWatch {
  const silence = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), milliseconds)
  }
  const signal = AbortSignal.any([outer, silence.signal])
  return {
    signal,
    seconds: Math.round(milliseconds / 1_000),
    async fetch(url, init) {
      heard()
      const response = await fetch(url, init)
      heard()
      if (response.body === null) return response
      const listener = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          heard()
          controller.enqueue(chunk)
        },
      })
      return new Response(response.body.pipeThrough(listener), response)
    },
    stalled: () => silence.signal.aborted,
    stop: () => clearTimeout(timer),
  }
}
