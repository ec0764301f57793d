/** @jsxImportSource hono/jsx */
/** How long ago, in one short word: `now`, `4 min`, `3 h`, `12 d`. */
export function ago(iso: string, now: Date): string {
  const then = Date.parse(iso)
  if (Number.isNaN(then)) return '–'
  const minutes = Math.floor((now.getTime() - then) / 60_000)
  if (minutes < 1) return 'now'
  if (minutes < 60) return `${minutes} min`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`
  return `${Math.floor(minutes / (24 * 60))} d`
}

/** `2026-11-22 20:16 UTC` */
export function moment(iso: string): string {
  const date = new Date(iso)
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

interface Props {
  readonly at: string
  readonly now: Date
}

export const Ago = ({ at, now }: Props) => (
  <time datetime={at} title={moment(at)}>
    {ago(at, now)}
  </time>
)

/** 12 ms, 4.2 s, 3 min. */
export function span(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`
  return `${Math.round(milliseconds / 60_000)} min`
}

export const short = (revision: string): string => revision.slice(0, 7)
