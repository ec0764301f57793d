/** What a field of a table holds. */
export type Value = string | number | boolean | null

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Value[])[]
}

/** CSV (RFC 4180, with `,` `;` or a tab between fields), a JSON list of objects, or one JSON object a line. */
export function parseTable(text: string, name: string): Table {
  if (/\.(json|jsonl|ndjson)$/i.test(name)) return ofObjects(readObjects(text))
  const lines = parseCsv(text.replace(/^\uFEFF/, ''))
  const [head, ...rows] = lines
  if (head === undefined) throw new Error(`${name} is empty`)
  const columns = head.map((column, index) => column.trim() || `column_${index + 1}`)
  const double = columns.find((column, index) => columns.indexOf(column) !== index)
  if (double !== undefined) throw new Error(`${name} has two columns called ${double}`)
  return { columns, rows: rows.map(row => columns.map((_, index) => cellOf(row[index] ?? ''))) }
}

function readObjects(text: string): unknown[] {
  const trimmed = text.trim()
  const found: unknown = trimmed.startsWith('[')
    ? JSON.parse(trimmed)
    : trimmed
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line))
  if (!Array.isArray(found)) throw new Error('the JSON is no list of objects')
  return found
}

function ofObjects(objects: readonly unknown[]): Table {
  const records = objects.map(object => {
    if (typeof object !== 'object' || object === null || Array.isArray(object)) throw new Error('the JSON is no list of objects')
    return new Map(Object.entries(object))
  })
  const columns = [...new Set(records.flatMap(record => [...record.keys()]))]
  return { columns, rows: records.map(record => columns.map(column => plain(record.get(column)))) }
}

const plain = (value: unknown): Value => {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return JSON.stringify(value)
}

/** Numbers are stored as numbers where nothing of how they are written is lost: not `007`, not `1e400`. */
function cellOf(text: string): Value {
  if (text === '') return null
  const number = /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined
  return number !== undefined && !/^-?0\d/.test(text) ? number : text
}

function parseCsv(text: string): string[][] {
  const separator = separatorOf(text)
  const rows: string[][] = []
  let row: string[] = []
  let field = ''
  let quotes = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (quotes) {
      if (character !== '"') field += character
      else if (text[at + 1] === '"') field += text[++at]
      else quotes = false
    } else if (character === '"' && field === '') quotes = true
    else if (character === separator) {
      row.push(field)
      field = ''
    } else if (character === '\n') {
      rows.push([...row, field.replace(/\r$/, '')])
      row = []
      field = ''
    } else field += character
  }
  if (quotes) throw new Error('a quoted field of the CSV does not end')
  if (field !== '' || row.length > 0) rows.push([...row, field])
  return rows.filter(fields => fields.length > 1 || fields[0] !== '')
}

/** What the first line has most of. */
function separatorOf(text: string): string {
  const first = text.slice(0, text.indexOf('\n') === -1 ? text.length : text.indexOf('\n'))
  const count = (one: string) => first.split(one).length
  return [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best))
}

export function tableText(columns: readonly string[], rows: readonly (readonly unknown[])[], format: 'csv' | 'json'): string {
  if (format === 'json') {
    const objects = rows.map(row => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])))
    return `${JSON.stringify(objects, null, 1)}\n`
  }
  return [columns, ...rows]
    .map(row => row.map(csvField).join(','))
    .join('\r\n')
    .concat('\r\n')
}

/** Text that a spreadsheet would run as a formula is made plain text. */
function csvField(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value)
  const harmless = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
