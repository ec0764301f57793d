/** One task of the measurement, and what it needs. */
export interface Node {
  readonly name: string
  readonly needs: readonly Node[]
}

/** Five thousand tasks: half in chains of fifty, half in fans of 99 into one. */
export const chains = Array.from({ length: 50 }, (_, index) => chain(`chain${index}`, 50))
export const fans = Array.from({ length: 25 }, (_, index) => fan(`fan${index}`, 100))

function chain(name: string, length: number): Node {
  let last: Node = { name: `${name}-0`, needs: [] }
  for (let step = 1; step < length; step++) last = { name: `${name}-${step}`, needs: [last] }
  return last
}

function fan(name: string, size: number): Node {
  return { name, needs: Array.from({ length: size - 1 }, (_, index) => ({ name: `${name}-${index}`, needs: [] })) }
}

/** What a node needs before the node itself. */
export const inOrder = (node: Node): readonly Node[] => [...node.needs.flatMap(inOrder), node]

export const workers = 8
