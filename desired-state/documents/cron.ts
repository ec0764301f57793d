import { Cron } from 'croner'
import { z } from 'zod'

/** Five fields, as cron has them; in the time of the server. */
export const cronSchema = z
  .string()
  .max(100)
  .refine(isCron, { error: 'a schedule has five fields, like "0 2 * * *" (minute, hour, day, month, weekday)' })

function isCron(text: string): boolean {
  if (text.trim().split(/\s+/).length !== 5) return false
  try {
    return new Cron(text, { paused: true }).nextRun() !== null
  } catch {
    return false
  }
}
