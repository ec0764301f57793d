/** The task graph, in Postgres. States and numbers are those of the user's plan. */

export type TaskState = 'pending' | 'ready' | 'assigned' | 'in_progress' | 'blocked' | 'completed' | 'failed' | 'cancelled'

export interface NewTask {
  /** Short, unique within one submission: what `dependsOn` of its siblings names. */
  readonly name: string
  readonly description: string
  readonly agent: string
  /** 1 (least) to 10; default 5. Ages: it rises by one for each five minutes that it is ready. */
  readonly priority?: number
  /** Names of siblings in the same submission, or ids of tasks that exist. */
  readonly dependsOn?: readonly string[]
  readonly criteria?: readonly string[]
  /** Retries after the first try; default 3. */
  readonly maxRetries?: number
  /** Of one try; default 300. */
  readonly timeoutSeconds?: number
  /** The same key gives the same task again, never a second one. */
  readonly idempotencyKey?: string
}

export interface Submission {
  readonly tasks: readonly NewTask[]
  /** `person:ada@example.com`, `supervisor`. */
  readonly by: string
  /** The conversation that asked for it: where progress shows and where the results go. */
  readonly thread?: string
  /** The message whose work this came from. */
  readonly origin?: string
}

export interface Task {
  readonly id: string
  /** All tasks of one submission share it. */
  readonly graph: string
  readonly name: string
  readonly description: string
  readonly agent: string
  readonly by: string
  readonly thread: string | undefined
  readonly priority: number
  readonly state: TaskState
  /** Why it is not running: the dependency, the person, the budget, Claude; empty when nothing is in its way. */
  readonly reason: string
  readonly dependsOn: readonly string[]
  readonly criteria: readonly string[]
  readonly result: string | undefined
  readonly error: string | undefined
  readonly tries: number
  readonly maxRetries: number
  readonly timeoutSeconds: number
  /** ISO 8601. */
  readonly createdAt: string
  readonly startedAt: string | undefined
  readonly endedAt: string | undefined
  /** What it may still spend and has spent. */
  readonly spent: Spent
}

/** `microdollars`: millionths of a US dollar, after the price list of the program. */
export interface Spent {
  readonly tokens: number
  readonly microdollars: number
  readonly milliseconds: number
}

/** A claim: whoever holds the newest token of a task may finish it, until the lease runs out. */
export interface Claim {
  readonly task: Task
  readonly token: number
  /** ISO 8601; every report prolongs it. */
  readonly leaseUntil: string
  readonly inputs: readonly { readonly name: string; readonly agent: string; readonly result: string }[]
}

export type ClaimResult =
  | { readonly outcome: 'claimed'; readonly claim: Claim }
  | { readonly outcome: 'settled' }
  /** A budget is spent or the way is blocked; the reason stands in the task. */
  | { readonly outcome: 'later'; readonly reason: string }

/** What was spent since the last report. Time is booked by the runtime itself, waits apart. */
export type Booking = Partial<Pick<Spent, 'tokens' | 'microdollars'>>

export type TaskEvent = { readonly type: 'changed'; readonly task: Task }

export interface Tasks {
  /** Adds all or none. A cycle, an unknown dependency or agent throws `invalid` and names it. */
  submit(submission: Submission): Promise<readonly Task[]>
  /** The same agent may claim what it has claimed already: its process began anew, and goes on with the same try. */
  claim(id: string, agent: string): Promise<ClaimResult>
  /** The most urgent tasks that are ready for an agent, for whoever asks instead of being told. */
  claimNext(agent: string, count: number): Promise<readonly Claim[]>
  /** Prolongs the lease and books what was spent; false when the token counts no more or a budget is spent: the task says why. */
  progress(id: string, token: number, spent?: Booking): Promise<boolean>
  /** Why it waits although it is claimed (an approval, Claude); empty when it goes on. A wait takes no time from its timeout. */
  waits(id: string, token: number, reason: string): Promise<void>
  /** Gives the claim back, with the reason; the same try is announced again after `milliseconds`. False when the token counts no more. */
  giveBack(id: string, token: number, reason: string, milliseconds: number): Promise<boolean>
  complete(id: string, token: number, result: string): Promise<boolean>
  /** A try that failed; retried with backoff while there are retries, else everything downstream is cancelled. */
  fail(id: string, token: number, error: string): Promise<boolean>
  /** The task and all that depends on it. False when it had ended already. */
  cancel(id: string, by: string): Promise<boolean>
  /** A failed or cancelled task, and what was cancelled with it, begins anew. */
  retry(id: string, by: string): Promise<boolean>
  /** Gives the task to another agent, at most six times. */
  handOff(id: string, token: number, agent: string, reason: string): Promise<HandOffResult>
  /**
   * Sends a task that this one needs back with what is wrong with its result: it begins anew, with everything between the
   * two, and the caller's task waits for it again. The fourth time fails the caller's task instead.
   */
  rework(id: string, token: number, upstream: string, finding: string): Promise<ReworkResult>
  get(id: string): Promise<Task | undefined>
  list(filter?: TaskFilter): Promise<readonly Task[]>
  /** Oldest first; for a graph's view. */
  graph(id: string): Promise<readonly Task[]>
  subscribe(listener: (event: TaskEvent) => void): () => void
}

export type HandOffResult =
  | { readonly outcome: 'handed' }
  /** Refused, and why: the caller goes on with it. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** Too often already; the task has failed, and a person is told. */
  | { readonly outcome: 'ended'; readonly reason: string }
  | { readonly outcome: 'settled' }

export type ReworkResult =
  | { readonly outcome: 'reopened'; readonly round: number; readonly task: Task }
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'ended'; readonly reason: string }
  | { readonly outcome: 'settled' }

export interface TaskFilter {
  readonly agent?: string
  readonly thread?: string
  readonly states?: readonly TaskState[]
  /** Newest first; default 200. */
  readonly limit?: number
}
