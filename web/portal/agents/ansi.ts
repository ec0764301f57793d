/** A stretch of a terminal's text with one look. `classes` are of the style sheet. */
export interface Stretch {
  readonly text: string
  readonly classes: string
}

interface Look {
  fg: number | undefined
  bg: number | undefined
  bold: boolean
  dim: boolean
  italic: boolean
  underline: boolean
  inverse: boolean
}

const plain: Look = { fg: undefined, bg: undefined, bold: false, dim: false, italic: false, underline: false, inverse: false }

// CSI … final byte; OSC … BEL or ST; any other escape of two bytes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const sequence = /\u001b\[([0-9;:?<=>!]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]?/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: what no page should hold
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/**
 * Text with SGR sequences as stretches of plain text. Colours become the nearest of the sixteen of the style sheet, so
 * that they are readable in light and dark; every other sequence and control character goes.
 */
export function stretches(text: string): readonly Stretch[] {
  const found: Stretch[] = []
  let look = plain
  let from = 0
  const add = (piece: string) => {
    const clean = piece.replace(unprintable, '')
    if (clean !== '') found.push({ text: clean, classes: classesOf(look) })
  }
  for (const match of text.matchAll(sequence)) {
    add(text.slice(from, match.index))
    from = match.index + match[0].length
    if (match[2] === 'm') look = applied(look, match[1] ?? '')
  }
  add(text.slice(from))
  return found
}

function applied(look: Look, parameters: string): Look {
  const next = { ...look }
  const codes = parameters.split(/[;:]/).map(code => (code === '' ? 0 : Number(code)))
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0
    if (code === 38 || code === 48) {
      const { colour, used } = extended(codes.slice(at + 1))
      at += used
      if (code === 38) next.fg = colour
      else next.bg = colour
    } else set(next, code)
  }
  return next
}

function set(look: Look, code: number): void {
  if (code === 0) Object.assign(look, plain)
  else if (code === 1) look.bold = true
  else if (code === 2) look.dim = true
  else if (code === 3) look.italic = true
  else if (code === 4) look.underline = true
  else if (code === 7) look.inverse = true
  else if (code === 22) look.bold = look.dim = false
  else if (code === 23) look.italic = false
  else if (code === 24) look.underline = false
  else if (code === 27) look.inverse = false
  else if (code >= 30 && code <= 37) look.fg = code - 30
  else if (code === 39) look.fg = undefined
  else if (code >= 40 && code <= 47) look.bg = code - 40
  else if (code === 49) look.bg = undefined
  else if (code >= 90 && code <= 97) look.fg = code - 82
  else if (code >= 100 && code <= 107) look.bg = code - 92
}

/** `5;n` or `2;r;g;b` after 38 and 48, as one of sixteen, and how many numbers that took. */
function extended(codes: readonly number[]): { colour: number | undefined; used: number } {
  if (codes[0] === 5) return { colour: ofPalette(codes[1] ?? -1), used: 2 }
  const [kind, red, green, blue] = codes
  if (kind === 2 && red !== undefined && green !== undefined && blue !== undefined) {
    return { colour: nearest(red, green, blue), used: 4 }
  }
  return { colour: undefined, used: codes.length }
}

function ofPalette(index: number): number | undefined {
  if (index >= 0 && index < 16) return index
  if (index >= 232 && index <= 255) return nearestGrey((index - 232) * 10 + 8)
  if (index < 16 || index > 255) return undefined
  const cube = (part: number) => (part === 0 ? 0 : 55 + part * 40)
  const at = index - 16
  return nearest(cube(Math.floor(at / 36)), cube(Math.floor(at / 6) % 6), cube(at % 6))
}

const nearestGrey = (light: number) => (light < 64 ? 0 : light < 150 ? 8 : light < 220 ? 7 : 15)

/** The hue by which parts are strong, bright when the strongest is. */
function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue)
  if (most - Math.min(red, green, blue) < 24) return nearestGrey(most)
  const strong = (part: number) => part > most * 0.6
  return (strong(red) ? 1 : 0) + (strong(green) ? 2 : 0) + (strong(blue) ? 4 : 0) + (most > 200 ? 8 : 0)
}

function classesOf(look: Look): string {
  const [fg, bg] = look.inverse ? [look.bg ?? 'paper', look.fg ?? 'ink'] : [look.fg, look.bg]
  return [
    fg === undefined ? '' : `f${fg}`,
    bg === undefined ? '' : `b${bg}`,
    look.bold ? 'bold' : '',
    look.dim ? 'dim' : '',
    look.italic ? 'italic' : '',
    look.underline ? 'under' : '',
  ]
    .filter(Boolean)
    .join(' ')
}
