/** Values that must not leave the process in any text; one that was replaced stays secret. */
export interface KnownSecrets {
  add(...values: readonly (string | undefined)[]): void
  /** Everything to look for, the longest first. */
  forms(): readonly string[]
}

/** Characters below which a value cannot be told from ordinary words. */
export const shortestKnown = 8

export function createKnownSecrets(...values: readonly (string | undefined)[]): KnownSecrets {
  const seen = new Set<string>()
  const forms = new Set<string>()
  let sorted: readonly string[] = []
  const known: KnownSecrets = {
    add(...more) {
      const fresh = more.filter(value => value !== undefined).filter(value => value.length >= shortestKnown && !seen.has(value))
      if (fresh.length === 0) return
      for (const value of fresh) {
        seen.add(value)
        for (const form of formsOf(value)) forms.add(form)
      }
      sorted = [...forms].toSorted((a, b) => b.length - a.length)
    },
    forms: () => sorted,
  }
  known.add(...values)
  return known
}

/** A value as it is and as it looks in other encodings; each line of a long one, since logs break it there. */
function* formsOf(value: string): Generator<string> {
  const lines = value.split(/\r?\n/).filter(line => line.length >= 16)
  for (const each of new Set([value, value.trim(), ...(lines.length > 1 ? lines : [])])) {
    if (each.length < shortestKnown) continue
    yield each
    const encoded = [encodeURIComponent(each.toWellFormed()), JSON.stringify(each).slice(1, -1), htmlOf(each), formOf(each)]
    for (const other of encoded) if (other !== each) yield other
    yield Buffer.from(each).toString('hex')
    yield* base64Of(Buffer.from(each))
  }
}

const formOf = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)

const htmlOf = (text: string) =>
  text.replace(/[&<>"']/g, found => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[found] ?? '&#39;')

/** Base64 depends on what stands before: three alignments, each without the characters that its neighbours change. */
function* base64Of(bytes: Buffer): Generator<string> {
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const start = before === 0 ? 0 : before + 1
    const end = (bytes.length + before) % 3 === 0 ? text.length : text.length - 1
    const inner = text.slice(start, end)
    if (inner.length < shortestKnown) continue
    yield inner
    const url = inner.replaceAll('+', '-').replaceAll('/', '_')
    if (url !== inner) yield url
  }
}
