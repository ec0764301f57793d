import { z } from 'zod'

/** What one run has kept, written down before the files are read; a restore and a drill compare with it. */
export const manifestShape = z.object({
  version: z.literal(1),
  run: z.string(),
  name: z.string(),
  /** Id of the appliance. */
  appliance: z.string(),
  hostname: z.string(),
  /** ISO 8601; the moment that the database shows. */
  at: z.string(),
  what: z.array(z.string()),
  /** Undefined when the database was not wanted. */
  postgres: z
    .object({
      major: z.number(),
      /** Of the dump. */
      bytes: z.number().optional(),
      /** Rows, and a digest of them in any order, by `schema.table`. */
      tables: z.record(z.string(), z.object({ rows: z.string(), digest: z.string() })),
    })
    .optional(),
  /** Refs by the path of each bare repository in the home. */
  repositories: z.record(z.string(), z.object({ head: z.string(), refs: z.record(z.string(), z.string()) })),
  /** Variables of the environment that the appliance had; values are in no backup. */
  environment: z.array(z.string()),
})

export type Manifest = z.infer<typeof manifestShape>

export const manifestName = 'manifest.json'
export const dumpName = 'postgres.dump'
