import { appendFileSync, renameSync, statSync } from 'node:fs'

/** Bytes after which a file makes place for the next; one older file is kept. */
const largest = 5 * 1024 * 1024

/** Appends to a file before it returns, so that the last line of a killed process is there. */
export function createRotatingFile(path: string, limit = largest): (text: string) => void {
  let size = sizeOf(path)
  return text => {
    if (size > limit) {
      renameSync(path, `${path}.1`)
      size = 0
    }
    appendFileSync(path, text, { mode: 0o640 })
    size += Buffer.byteLength(text)
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
