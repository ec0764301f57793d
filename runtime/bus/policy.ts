import type { AgentPolicy, Rules } from '../../desired-state/state.ts'
import { type Fields, readFields } from './parse.ts'

/** The policy as it came over a wire or out of a table, in the order of its fields that its hash is made of. */
export function readPolicy(fields: Fields): AgentPolicy {
  const rules = (name: string) => readRules(fields.object(name))
  const limits = fields.object('limits')
  const budgets = fields.object('budgets')
  return {
    read: rules('read'),
    write: rules('write'),
    net: rules('net'),
    run: rules('run'),
    env: rules('env'),
    sql: rules('sql'),
    verb: rules('verb'),
    limits: {
      max_file_size_mb: limits.number('max_file_size_mb'),
      max_execution_time_seconds: limits.number('max_execution_time_seconds'),
      max_download_size_mb: limits.number('max_download_size_mb'),
      max_memory_mb: limits.number('max_memory_mb'),
      max_connections: limits.number('max_connections'),
      rate_limit_requests_per_minute: limits.number('rate_limit_requests_per_minute'),
    },
    budgets: {
      task_tokens: budgets.number('task_tokens'),
      task_usd: budgets.number('task_usd'),
      task_minutes: budgets.number('task_minutes'),
      day_tokens: budgets.number('day_tokens'),
      day_usd: budgets.number('day_usd'),
    },
  }
}

export const parsePolicy = (value: unknown): AgentPolicy => readPolicy(readFields(value, 'policy'))

const readRules = (fields: Fields): Rules => ({
  allow: fields.texts('allow'),
  deny: fields.texts('deny'),
  ask: fields.texts('ask'),
  ...(fields.raw.always === undefined ? {} : { always: fields.texts('always') }),
})
