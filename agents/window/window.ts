import type { Key } from './keys.ts'
import { textOf } from './line-editor.ts'
import { firstState, next, type WindowEvent } from './state.ts'
import type { Terminal } from './terminal.ts'
import { mostScroll, render } from './view.ts'

export interface AgentWindow {
  show(event: WindowEvent): void
  /** Gives back to the prompt what could not be sent. */
  giveBack(text: string): void
}

/** Milliseconds between two drawings at most: many pieces of an answer become one. */
const frame = 40

/** The window of one agent: draws what happens, and calls back with each line that was typed. */
export function openWindow(name: string, terminal: Terminal, typed: (line: string) => void): AgentWindow {
  let state = firstState(name)
  let waiting = false
  const draw = () => {
    waiting = false
    const { columns, rows } = terminal.size()
    state = { ...state, scroll: Math.min(state.scroll, mostScroll(state, columns, rows)) }
    terminal.draw(render(state, columns, rows))
  }
  const show = (event: WindowEvent) => {
    state = next(state, event)
    if (waiting) return
    waiting = true
    setTimeout(draw, frame)
  }
  const press = (key: Key) => {
    const line = textOf(state.line).trim()
    show({ type: 'key', key, page: Math.max(terminal.size().rows - 8, 1) })
    if (key.type !== 'command') return
    if (key.command === 'redraw') terminal.invalidate()
    if (key.command === 'send' && line !== '') typed(line)
  }
  terminal.onKey(press)
  terminal.onResize(() => {
    terminal.invalidate()
    draw()
  })
  draw()
  return {
    show,
    giveBack: text => press({ type: 'paste', text }),
  }
}
