import type { z } from 'zod'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Need } from '../../../runtime/policy/action.ts'

/** Who calls a verb: the agent whose socket it came through, and the work it came from. */
export interface Caller {
  readonly agent: string
  readonly work: string
  readonly attempt: number
  /** Id of the model's tool call. */
  readonly call: string
  readonly signal: AbortSignal
}

/** Something that an agent may ask of the server; the one place where its effect is made. */
export interface Verb<Input = unknown> {
  readonly name: string
  readonly input: z.ZodType<Input>
  /** One line for a person: `publish bakery on bakery.example.com`. */
  title(input: Input): string
  /** What is decided on and, by a person, approved: the input with what it means at this moment, like the commit. */
  shown(input: Input, caller: Caller): Promise<Readonly<Record<string, unknown>>>
  /** What it reaches for besides: each is decided like a need of any tool. */
  needs(input: Input, caller: Caller): Promise<readonly Need[]>
  /** `shown` is what was decided on. Throws an ApplianceError whose sentence the model can act on. */
  run(input: Input, caller: Caller, shown: Readonly<Record<string, unknown>>): Promise<unknown>
  /** Carried out twice it does what it does once, so that it is simply repeated when its outcome was lost. */
  readonly repeatable: boolean
}

interface Definition<Schema extends z.ZodType> {
  readonly input: Schema
  readonly title: (input: z.output<Schema>) => string
  readonly shown?: (input: z.output<Schema>, caller: Caller) => Promise<Readonly<Record<string, unknown>>>
  readonly needs?: (input: z.output<Schema>, caller: Caller) => Promise<readonly Need[]>
  readonly run: (input: z.output<Schema>, caller: Caller, shown: Readonly<Record<string, unknown>>) => Promise<unknown>
  readonly repeatable?: boolean
}

/** A verb with the types of its schema kept between its parts, and checked where they meet the wire. */
export function verb<Schema extends z.ZodType>(name: string, definition: Definition<Schema>): Verb {
  const read = (value: unknown): z.output<Schema> => {
    const result = definition.input.safeParse(value)
    if (result.success) return result.data
    const issues = result.error.issues.map(({ path, message }) => `${[name, ...path].join('.')}: ${message}`)
    throw new ApplianceError('invalid', issues.join('; '))
  }
  return {
    name,
    input: definition.input,
    repeatable: definition.repeatable ?? true,
    title: input => definition.title(read(input)),
    async shown(input, caller) {
      const parsed = read(input)
      return definition.shown?.(parsed, caller) ?? recordOf(parsed)
    },
    needs: async (input, caller) => definition.needs?.(read(input), caller) ?? [],
    run: (input, caller, shown) => definition.run(read(input), caller, shown),
  }
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : { value }
