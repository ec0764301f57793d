import type { Store } from '../../runtime/store/store.ts'

/** Webhooks that were heard, by their signatures: what names a delivery otherwise is not signed. */
export interface Deliveries {
  /** False: it was heard before. */
  isNew(signature: string): Promise<boolean>
}

export function createDeliveries(store: Store): Deliveries {
  return {
    async isNew(signature) {
      const rows = await store`
        INSERT INTO upstream_delivery (signature) VALUES (${signature}) ON CONFLICT DO NOTHING RETURNING signature`
      if (rows.length > 0) await store`DELETE FROM upstream_delivery WHERE at < now() - interval '30 days'`
      return rows.length > 0
    },
  }
}
