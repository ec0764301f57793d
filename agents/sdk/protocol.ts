/** What is said between an agent's process and the host of its users' tools, which runs inside the sandbox. */

export type HostRequest =
  | { readonly type: 'list'; readonly folder: string }
  | {
      readonly type: 'call'
      readonly folder: string
      readonly file: string
      readonly tool: string
      readonly input: unknown
      readonly agent: string
      /** Folder of the work. */
      readonly work: string
    }

export interface ListedTool {
  readonly file: string
  readonly name: string
  readonly description: string
  readonly requiresApproval: boolean
  /** JSON Schema of its input. */
  readonly schema: unknown
}

export type HostAnswer =
  | {
      readonly type: 'listed'
      readonly tools: readonly ListedTool[]
      /** Files that could not be loaded, and why. */
      readonly problems: readonly { readonly file: string; readonly message: string }[]
      /** To be added to the agent's own. */
      readonly prompts: readonly string[]
    }
  | { readonly type: 'done'; readonly content: string }
  | { readonly type: 'failed'; readonly message: string }
