import type { Worktree } from './worktree.ts'

/**
 * What the program inside the sandbox is asked, as JSON on its stdin, and what it answers on its stdout. It imports nothing
 * but what comes with Bun, so that the sandbox has to show it this folder only.
 */
export type Operation =
  | ({ readonly op: 'worktree' } & Worktree)
  | { readonly op: 'read'; readonly path: string; readonly from: number; readonly lines: number }
  /** A part of a file that is no text, in base64. */
  | { readonly op: 'bytes'; readonly path: string; readonly offset: number; readonly length: number }
  | { readonly op: 'list'; readonly path: string; readonly depth: number }
  | {
      readonly op: 'search'
      readonly path: string
      readonly pattern: string
      readonly glob: string | undefined
      readonly ignoreCase: boolean
      readonly most: number
    }
  | { readonly op: 'edit'; readonly path: string; readonly old: string; readonly new: string; readonly all: boolean }
  | { readonly op: 'write'; readonly path: string; readonly content: string }
  | { readonly op: 'text' | 'secrets' | 'html' | 'delete'; readonly path: string }
  | { readonly op: 'available'; readonly path: string; readonly wanted: readonly string[] }
  | { readonly op: 'digests'; readonly paths: readonly string[] }
  | {
      readonly op: 'sql'
      /** Of the SQLite database. */
      readonly path: string
      readonly statement: string
      readonly values: readonly (string | number | boolean | null)[]
      readonly most: number
    }
  | { readonly op: 'import'; readonly path: string; readonly source: string; readonly table: string }
  | {
      readonly op: 'export'
      readonly path: string
      readonly query: string
      readonly target: string
      readonly format: 'csv' | 'json'
    }
  | { readonly op: 'describe'; readonly path: string; readonly table: string | undefined; readonly source: string | undefined }

export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string }

export interface ReadAnswer {
  readonly kind: 'text' | 'image' | 'binary'
  /** Numbered lines of a text. */
  readonly text: string
  readonly from: number
  readonly to: number
  readonly total: number
  readonly size: number
  readonly mediaType: string
}

export interface ListAnswer {
  readonly entries: readonly {
    readonly path: string
    readonly type: 'file' | 'folder' | 'link' | 'other'
    readonly size: number
  }[]
  readonly more: boolean
}

export interface SearchAnswer {
  readonly hits: readonly { readonly path: string; readonly line: number; readonly text: string }[]
  readonly more: boolean
}
