export interface Answers {
  readonly sent: number
  /** What went wrong, by message. Empty when every request was answered with 200. */
  readonly wrong: readonly string[]
}

/** Asks one page again and again, each time over a new connection, until told to stop; at most 6,000 times. */
export function steadyRequests(url: string, host: string): { stop(): Promise<Answers> } {
  let going = true
  const wrong: string[] = []
  const asking = (async () => {
    let sent = 0
    while (going && sent < 6_000) {
      sent++
      try {
        const headers = { host, connection: 'close' }
        const response = await fetch(url, { headers, keepalive: false, signal: AbortSignal.timeout(5_000) })
        await response.text()
        if (response.status !== 200) wrong.push(`status ${response.status}`)
      } catch (error) {
        wrong.push(String(error))
      }
      await Bun.sleep(20)
    }
    return { sent, wrong }
  })()
  return {
    stop: () => {
      going = false
      return asking
    },
  }
}
