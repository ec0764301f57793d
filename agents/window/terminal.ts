import { createKeyReader, type Key } from './keys.ts'
import type { Screen } from './view.ts'

/** A window that is drawn into and typed in. */
export interface Terminal {
  size(): { readonly columns: number; readonly rows: number }
  draw(screen: Screen): void
  /** Forgets what stands there, so that the next draw writes all of it. */
  invalidate(): void
  onKey(listener: (key: Key) => void): void
  onResize(listener: () => void): void
  restore(): void
}

const enter = '\x1b[?1049h\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[?7l'
const leave = '\x1b[?7h\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?1049l\x1b[?25h'

export function openTerminal(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Terminal {
  let shown: readonly string[] = []
  const read = createKeyReader()
  input.setRawMode?.(true)
  output.write(enter)
  return {
    size: () => ({ columns: output.columns || 80, rows: output.rows || 24 }),
    draw(screen) {
      output.write(difference(shown, screen))
      shown = screen.rows
    },
    invalidate() {
      shown = []
    },
    onKey(listener) {
      input.on('data', (chunk: Buffer) => {
        for (const key of read(chunk)) listener(key)
      })
      input.resume()
    },
    onResize(listener) {
      output.on('resize', listener)
    },
    restore() {
      input.setRawMode?.(false)
      output.write(leave)
    },
  }
}

/** Only the rows that changed, written in one go with the cursor hidden, so that nothing flickers. */
export function difference(shown: readonly string[], { rows, cursor }: Screen): string {
  const clear = shown.length === rows.length ? '' : '\x1b[2J'
  const changed = rows.flatMap((row, index) =>
    clear === '' && row === shown[index] ? [] : [`\x1b[${index + 1};1H${row}\x1b[0m\x1b[K`],
  )
  return `\x1b[?25l${clear}${changed.join('')}\x1b[${cursor.row + 1};${cursor.column + 1}H\x1b[?25h`
}
