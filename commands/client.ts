import { z } from 'zod'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Calls a route through the operator's socket. An appliance that does not run is an error that says so. */
export async function callAppliance(home: Home, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
  const response = await connect(home, path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: response.status, body: await response.json() }
}

/** Like {@link callAppliance}, for an answer that must be a success of a known shape. */
export async function askAppliance<T>(
  home: Home,
  method: 'GET' | 'POST',
  path: string,
  schema: z.ZodType<T>,
  body?: unknown,
): Promise<T> {
  const answer = await callAppliance(home, method, path, body)
  if (answer.status >= 400) throw refusal(answer)
  return schema.parse(answer.body)
}

export function refusal(answer: Answer): ApplianceError {
  const said = z.object({ message: z.string() }).safeParse(answer.body)
  return new ApplianceError('invalid', said.success ? said.data.message : `the appliance answered ${answer.status}`)
}

async function connect(home: Home, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`http://appliance${path}`, { ...init, unix: home.apiSocket })
  } catch (cause) {
    throw new ApplianceError('failed', `no appliance answers on ${home.apiSocket}`, {
      hint: 'start it with ./install.sh run, or set AI_INFRA_HOME to the one you mean',
      cause,
    })
  }
}
