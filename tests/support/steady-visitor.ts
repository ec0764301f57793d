import type { Appliance } from './appliance.ts'

/** Visits a site again and again until it is told to stop, and gives every visit that did not get its page. */
export function visitSteadily(appliance: Appliance, host: string): () => Promise<{ visits: number; failures: string[] }> {
  const failures: string[] = []
  let visits = 0
  let going = true
  const visiting = (async () => {
    while (going) {
      const answer = await appliance.visit(host).then(
        async response => `${response.status} ${await response.text()}`,
        error => String(error),
      )
      visits += 1
      if (!answer.startsWith('200 ')) failures.push(`visit ${visits}: ${answer.slice(0, 200)}`)
      await Bun.sleep(20)
    }
  })()
  return async () => {
    going = false
    await visiting
    return { visits, failures }
  }
}
