import { answerRows } from './answer.ts'
import type { Entry } from './state.ts'
import { fit, neutralise, widthOf, wrap } from './text.ts'
import type { Course, Part } from './work.ts'

type Style = (text: string) => string
export type CourseStyles = Readonly<Record<'accent' | 'bold' | 'dim' | 'faint' | 'red' | 'green' | 'amber' | 'sand', Style>>

/** What happened in one work as rows, without the margin: words, a line for each call, and why it stands still. */
export function courseRows({ parts, waiting }: Course, state: Entry['state'], width: number, styles: CourseStyles): string[] {
  const rows = parts.flatMap(part => partRows(part, state, width, styles))
  return waiting === '' ? rows : [...rows, ...noteRows(waiting, width, '⧗', styles.amber)]
}

function partRows(part: Part, state: Entry['state'], width: number, styles: CourseStyles): string[] {
  switch (part.type) {
    case 'text': {
      const bar = state === 'failed' ? styles.red('▎') : styles.accent('▎')
      const text = neutralise(part.text.trim())
      return text === ''
        ? []
        : answerRows(text, width - 2, { strong: styles.bold, code: styles.sand }).map(row => `${bar} ${row}`)
    }
    case 'note':
      return part.failed
        ? wrap(neutralise(part.text), width - 2).map(row => `${styles.red('▎')} ${styles.red(row)}`)
        : noteRows(part.text, width, '·', styles.dim)
    case 'call':
      return callRows(part, width, styles)
  }
}

const noteRows = (text: string, width: number, sign: string, style: Style) =>
  wrap(neutralise(text).replaceAll('\n', ' '), width - 2).map((row, place) => style(`${place === 0 ? sign : ' '} ${row}`))

type Call = Extract<Part, { type: 'call' }>

/** `▸ run npm test in bakery … ok 1.2 s`, and below it what was wrong, or the last line of what still runs. */
function callRows({ tool, title, output, end }: Call, width: number, styles: CourseStyles): string[] {
  const outcome = outcomeOf(end, styles)
  const room = width - 2 - widthOf(Bun.stripANSI(outcome)) - 3
  const words = title.startsWith(tool) ? oneLine(title) : oneLine(`${tool} ${title}`)
  const first = `${styles.accent('▸')} ${fit(words, Math.max(room, 8))} ${styles.faint('…')} ${outcome}`
  const below = end === undefined ? oneLine(output) : end.outcome === 'done' ? '' : oneLine(end.summary)
  return below === '' ? [first] : [first, styles.dim(`  ${fit(below, width - 2)}`)]
}

const oneLine = (text: string) => neutralise(text).replaceAll(/\s+/g, ' ').trim()

function outcomeOf(end: Call['end'], { green, red, amber, dim }: CourseStyles): string {
  if (end === undefined) return dim('runs')
  const time = dim(` ${durationOf(end.milliseconds)}`)
  if (end.outcome === 'done') return green('ok') + time
  return (end.outcome === 'denied' ? amber('refused') : red('failed')) + time
}

/** `40 ms`, `1.2 s`, `3 min`. */
export function durationOf(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`
  return `${Math.round(milliseconds / 60_000)} min`
}
