import { type Mistake, printable } from './state.ts'
import { isDocument, type TreeEntry } from './tree.ts'

/** What is wrong with the names of documents: each has to be told from the others on every machine, and by eye. */
export function nameMistakes(entries: readonly TreeEntry[]): Mistake[] {
  const mistake = (file: string, message: string): Mistake => ({ file, line: 1, column: 1, message })
  const known = new Map<string, string>()
  return entries.flatMap(({ path }) => {
    if (!isDocument(path)) return []
    if (printable(path) !== path)
      return [mistake(path, 'this name holds a character that cannot be seen, or that turns the text around it: rename the file')]
    const folded = path.normalize('NFC').toLowerCase()
    const other = known.get(folded)
    known.set(folded, path)
    if (other === undefined) return []
    return [mistake(path, `a Mac or Windows takes this for the same file as ${other}: rename one of them`)]
  })
}
