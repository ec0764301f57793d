/**
 * The nodes of one circle, in the order in which each needs the next, or undefined. Walks with a stack of its own: a
 * chain of ten thousand is ordinary here.
 */
export function findCycle(needs: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  const places = new Map<string, number>()
  for (const start of needs.keys()) {
    const path: { readonly node: string; readonly rest: Iterator<string> }[] = []
    const enter = (node: string) => {
      places.set(node, path.length)
      path.push({ node, rest: (needs.get(node) ?? []).values() })
    }
    if (!done.has(start)) enter(start)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { value, done: ended } = top.rest.next()
      if (ended === true) {
        done.add(top.node)
        places.delete(top.node)
        path.pop()
        continue
      }
      const place = places.get(value)
      if (place !== undefined) return path.slice(place).map(step => step.node)
      if (!done.has(value)) enter(value)
    }
  }
  return undefined
}
