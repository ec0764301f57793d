import { type ParseArgsConfig, parseArgs } from 'node:util'
import { WrongUse } from './command.ts'

/** How many words a verb takes beside its flags, and what the ones are that it cannot do without. */
type Positionals =
  | { readonly least: 0; readonly most: number }
  | { readonly least: 1; readonly most: number; readonly missing: string }

/** Parses flags and positionals strictly; `most` bounds the positionals. Anything else is wrong use. */
export function readArguments<Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
  positionals: Positionals,
) {
  const parsed = attempt(() => parseArgs({ args: [...args], options, allowPositionals: true, strict: true }))
  if (positionals.least === 1 && parsed.positionals.length === 0) throw new WrongUse(`say ${positionals.missing}`)
  if (parsed.positionals.length > positionals.most) throw new WrongUse(`${parsed.positionals[positionals.most]} is too much`)
  return parsed
}

/** `site/blog.example.com` as kind and key. */
export function readResource(text: string | undefined): { kind: string; key: string } {
  const at = text?.indexOf('/') ?? -1
  if (text === undefined || at < 1 || at === text.length - 1)
    throw new WrongUse(`${text} is not KIND/KEY, like site/blog.example.com`)
  return { kind: text.slice(0, at), key: text.slice(at + 1) }
}

function attempt<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw new WrongUse(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error))
  }
}
