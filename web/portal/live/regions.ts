import { type Markup, render } from '../reply.ts'

/**
 * A part of a page that a stream may send again: one element with an id. Parts with `within` are rows of that element;
 * a new one is put at its end, where it moves nothing that somebody reads.
 */
export interface Region {
  readonly id: string
  readonly html: string
  readonly within?: string
  /**
   * Default: what is there is changed piece by piece, so that focus and scroll stay. `replaced`: all that is inside is
   * new, for text whose pieces would else push each other about.
   */
  readonly inside?: 'replaced'
  /** A row that leaves no trace when it goes, instead of staying there marked as removed. */
  readonly vanishes?: true
  /** All that it shows: while `frame` stays as it was, only those of its rows are sent that changed. */
  readonly rows?: { readonly frame: string; readonly regions: readonly Region[] }
}

export const region = (id: string, markup: Markup, how: Omit<Region, 'id' | 'html'> = {}): Region => ({
  id,
  html: render(markup),
  ...how,
})

/** An id for anything that has a name, safe in HTML and in a CSS selector. */
export const idFor = (prefix: string, name: string): string => `${prefix}-${Bun.hash(name).toString(36)}`

/** Says whether a page shows just this. */
export const fingerprint = (regions: readonly Region[]): string =>
  Bun.hash(regions.map(part => `${part.id}\n${part.html}`).join('\n')).toString(36)

/** The address of a page's stream, with what the page shows already. */
export const liveAddress = (path: string, regions: readonly Region[], more: Readonly<Record<string, string>> = {}): string =>
  `${path}?${new URLSearchParams({ at: fingerprint(regions), ...more })}`

export const htmlOf = (regions: readonly Region[], id: string): string => regions.find(part => part.id === id)?.html ?? ''

export const rowsOf = (regions: readonly Region[], within: string): string =>
  regions
    .filter(part => part.within === within)
    .map(part => part.html)
    .join('')

const update = ({ id, html, inside }: Region): string =>
  inside === 'replaced' ? partial(`#${id}`, 'innerHTML strip:true', html) : partial(`#${id}`, 'outerMorph', html)

const partial = (target: string, swap: string, html: string) =>
  `<hx-partial hx-target="${target}" hx-swap="${swap}">${html}</hx-partial>`

/** Everything anew, for a page that shows something else. */
export function wholeUpdate(regions: readonly Region[]): string {
  const containers = new Set(regions.flatMap(part => part.within ?? []))
  return [
    ...[...containers].map(id => partial(`#${id}`, 'innerMorph', rowsOf(regions, id))),
    ...regions.filter(part => part.within === undefined).map(update),
  ].join('')
}

/** What makes a page that shows `before` show `after`; empty when nothing differs. Rows that went away stay, marked. */
export function updateBetween(before: ReadonlyMap<string, Region>, after: readonly Region[]): string {
  const now = new Set(after.map(part => part.id))
  const changed = after.flatMap(part => {
    const old = before.get(part.id)
    if (old === undefined && part.within !== undefined) return partial(`#${part.within}`, 'beforeend', part.html)
    if (old === part) return []
    if (part.rows !== undefined && part.rows.frame === old?.rows?.frame)
      return updateBetween(new Map(old.rows.regions.map(row => [row.id, row])), part.rows.regions)
    return old?.html === part.html ? [] : update(part)
  })
  const gone = [...before.values()].filter(part => part.within !== undefined && !now.has(part.id))
  return [...changed, ...gone.map(farewell)].join('')
}

const farewell = ({ id, vanishes }: Region): string =>
  vanishes === true ? partial(`#${id}`, 'delete', '') : partial(`#${id} .state`, 'innerHTML', 'removed')
