import { createRepository } from '../desired-state/git/repository.ts'
import { judgePush, parseRefUpdates } from '../desired-state/push.ts'
import { readArguments } from './arguments.ts'
import { type Command, WrongUse } from './command.ts'

/** What the hook pre-receive does while no appliance runs: the same judgement, without a plan. */
export const hook: Command = {
  name: 'hook',
  usage: 'pre-receive',
  summary: 'judge a push while the appliance is not running (for the Git hook)',
  async run(args, { environment, out }) {
    const { positionals } = readArguments(args, {}, { least: 1, most: 1, missing: 'which hook: pre-receive' })
    if (positionals[0] !== 'pre-receive') throw new WrongUse(`there is no hook ${positionals[0]}`)
    const updates = parseRefUpdates(await Bun.stdin.text())
    if (updates === undefined) {
      out('this push names its refs in a way that cannot be read')
      return 1
    }
    const quarantine = process.env.GIT_QUARANTINE_PATH
    const verdict = await judgePush(createRepository(environment.home), updates, quarantine ? { path: quarantine } : undefined)
    for (const line of verdict.lines) out(line)
    if (verdict.accepted) out('valid; the appliance is not running, so there is no plan to show')
    return verdict.accepted ? 0 : 1
  },
}
