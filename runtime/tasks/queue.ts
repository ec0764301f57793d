/** What a queue goes by: the lower rank first, among equals the lower position. */
export interface Ranked {
  readonly rank: number
  readonly position: number
}

export const byUrgency = (one: Ranked, other: Ranked): number => one.rank - other.rank || one.position - other.position

/** Items in the order of their urgency. Taking from the front and adding at the end cost the same however many there are. */
export interface Queue<Item extends Ranked> {
  add(item: Item): void
  /** The item of the same rank and position. */
  remove(item: Ranked): void
  first(count: number): readonly Item[]
}

/** Places at the front that are left empty before the rest moves up. */
const mostEmpty = 1_000

export function createQueue<Item extends Ranked>(): Queue<Item> {
  let items: Item[] = []
  let front = 0
  const placeOf = (item: Ranked): number => {
    let [from, to] = [front, items.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const there = items[middle]
      if (there !== undefined && byUrgency(there, item) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
  return {
    add(item) {
      const place = placeOf(item)
      if (place === items.length) items.push(item)
      else items.splice(place, 0, item)
    },
    remove(item) {
      const place = placeOf(item)
      const there = items[place]
      if (there === undefined || byUrgency(there, item) !== 0) return
      if (place !== front) return void items.splice(place, 1)
      front += 1
      if (front < mostEmpty && front < items.length) return
      items = items.slice(front)
      front = 0
    },
    first: count => items.slice(front, front + count),
  }
}
