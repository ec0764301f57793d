import type { Key } from './keys.ts'
import { textOf } from './line-editor.ts'
import { firstState, next, type WindowEvent } from './state.ts'
import type { Terminal } from './terminal.ts'
import { mostScroll, rememberRows, render } from './view.ts'

export interface AgentWindow {
  show(event: WindowEvent): void
  /** Gives back to the prompt what could not be sent. */
  giveBack(text: string): void
}

/** Milliseconds between two drawings at most: many pieces of an answer become one. */
const frame = 40
/** A long answer takes long to draw; so many times longer it is left alone, for the agent to do its work. */
const pausePerDrawing = 10

/** The window of one agent: draws what happens, and calls back with each line that was typed. */
export function openWindow(name: string, terminal: Terminal, typed: (line: string) => void): AgentWindow {
  let state = firstState(name)
  let waiting = false
  let pause = frame
  const rowsOf = rememberRows()
  const draw = () => {
    waiting = false
    const startedAt = performance.now()
    const { columns, rows } = terminal.size()
    state = { ...state, scroll: Math.min(state.scroll, mostScroll(state, columns, rows, rowsOf)) }
    terminal.draw(render(state, columns, rows, rowsOf))
    pause = Math.max(frame, (performance.now() - startedAt) * pausePerDrawing)
  }
  const show = (event: WindowEvent) => {
    state = next(state, event)
    if (waiting) return
    waiting = true
    setTimeout(draw, pause)
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
