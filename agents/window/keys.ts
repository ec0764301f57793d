export type Key =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'paste'; readonly text: string }
  | { readonly type: 'command'; readonly command: KeyCommand }

export type KeyCommand =
  | 'send'
  | 'newline'
  | 'left'
  | 'right'
  | 'word-left'
  | 'word-right'
  | 'home'
  | 'end'
  | 'up'
  | 'down'
  | 'backspace'
  | 'delete'
  | 'delete-word'
  | 'delete-to-start'
  | 'delete-to-end'
  | 'clear'
  | 'redraw'
  | 'page-up'
  | 'page-down'
  | 'scroll-up'
  | 'scroll-down'

const controls: Readonly<Record<string, KeyCommand>> = {
  '\r': 'send',
  '\n': 'newline',
  '\x01': 'home',
  '\x02': 'left',
  '\x03': 'clear',
  '\x04': 'delete',
  '\x05': 'end',
  '\x06': 'right',
  '\x08': 'backspace',
  '\x0b': 'delete-to-end',
  '\x0c': 'redraw',
  '\x0e': 'down',
  '\x10': 'up',
  '\x15': 'delete-to-start',
  '\x17': 'delete-word',
  '\x7f': 'backspace',
}

const sequences: Readonly<Record<string, KeyCommand>> = {
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  '[H': 'home',
  '[F': 'end',
  OA: 'up',
  OB: 'down',
  OC: 'right',
  OD: 'left',
  OH: 'home',
  OF: 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[3~': 'delete',
  '[5~': 'page-up',
  '[6~': 'page-down',
  '[1;5C': 'word-right',
  '[1;5D': 'word-left',
  '[1;3C': 'word-right',
  '[1;3D': 'word-left',
  f: 'word-right',
  b: 'word-left',
  '\r': 'newline',
  '\x7f': 'delete-word',
}

const pasteStart = '\x1b[200~'
const pasteEnd = '\x1b[201~'

/** Reads what a terminal sends, which may be cut anywhere between two chunks. */
export function createKeyReader(): (chunk: Uint8Array) => Key[] {
  const decoder = new TextDecoder()
  let rest = ''
  return chunk => {
    rest += decoder.decode(chunk, { stream: true })
    const keys: Key[] = []
    for (;;) {
      const step = readKey(rest)
      if (step === undefined) return keys
      rest = rest.slice(step.length)
      if (step.key !== undefined) keys.push(step.key)
    }
  }
}

interface KeyStep {
  readonly length: number
  /** Undefined for a sequence that means nothing here. */
  readonly key: Key | undefined
}

function readKey(text: string): KeyStep | undefined {
  if (text === '') return undefined
  if (text.startsWith(pasteStart)) return readPaste(text)
  if (text.startsWith('\x1b')) return readSequence(text)
  const control = controls[text.charAt(0)]
  if (control !== undefined) return { length: 1, key: { type: 'command', command: control } }
  const plain = /^\P{Cc}+/u.exec(text)?.[0]
  return plain === undefined ? { length: 1, key: undefined } : { length: plain.length, key: { type: 'text', text: plain } }
}

function readPaste(text: string): KeyStep | undefined {
  const end = text.indexOf(pasteEnd)
  if (end === -1) return undefined
  return { length: end + pasteEnd.length, key: { type: 'paste', text: text.slice(pasteStart.length, end) } }
}

function readSequence(text: string): KeyStep | undefined {
  const after = text.slice(1)
  const mouse = /^\[<(\d+);\d+;\d+[Mm]/.exec(after)
  if (mouse) return { length: 1 + mouse[0].length, key: wheel(mouse[1]) }
  const whole = /^(?:\[[\d;<?]*[A-Za-z~]|O[A-Z]|[^[O])/.exec(after)?.[0]
  if (whole === undefined) return undefined
  const command = sequences[whole]
  return { length: 1 + whole.length, key: command && { type: 'command', command } }
}

function wheel(button: string | undefined): Key | undefined {
  if (button === '64') return { type: 'command', command: 'scroll-up' }
  if (button === '65') return { type: 'command', command: 'scroll-down' }
  return undefined
}
