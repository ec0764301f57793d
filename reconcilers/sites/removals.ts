import { join } from 'node:path'
import { z } from 'zod'
import { readTextIfExists, removeIfExists, writeFileAtomic } from '../../runtime/os/files.ts'
import { parseJson } from '../../runtime/os/json.ts'
import type { NginxLayout } from '../../runtime/services/nginx-layout.ts'
import { namesIn } from './generation.ts'
import { shortened } from './model.ts'

/**
 * A removal takes a site out of nginx first and archives its files then. This note of it survives a crash between the
 * two; it goes when all is archived.
 */
export interface Removal {
  readonly root: string | undefined
}

const note = z.object({ host: z.string(), root: z.string().optional() })

const pathOf = (layout: NginxLayout, host: string) => join(layout.removing, `${shortened(host)}.json`)

export async function beginRemoval(layout: NginxLayout, host: string, { root }: Removal): Promise<void> {
  await writeFileAtomic(pathOf(layout, host), JSON.stringify({ host, root }))
}

export const endRemoval = (layout: NginxLayout, host: string) => removeIfExists(pathOf(layout, host))

/** A note that cannot be read says nothing: the site's files stay where they are. */
export async function readRemovals(layout: NginxLayout): Promise<ReadonlyMap<string, Removal>> {
  const found = new Map<string, Removal>()
  for (const name of await namesIn(layout.removing)) {
    if (!name.endsWith('.json')) continue
    const text = await readTextIfExists(join(layout.removing, name))
    const parsed = note.safeParse(parseJson(text ?? ''))
    if (parsed.success) found.set(parsed.data.host, { root: parsed.data.root })
  }
  return found
}
