import { ApplianceError } from '../../runtime/os/errors.ts'

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const longest = 365 * 86_400_000

/** Milliseconds of a duration like `30m`, `2h`, `7d`; at most a year. */
export function parseDuration(text: string): number {
  const match = /^([1-9][0-9]{0,5})([smhdw])$/.exec(text)
  const milliseconds = Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN)
  if (milliseconds <= longest) return milliseconds
  throw new ApplianceError('invalid', `${JSON.stringify(text)} is not a duration`, {
    hint: 'write a number and s, m, h, d or w, like 2h; at most a year',
  })
}
