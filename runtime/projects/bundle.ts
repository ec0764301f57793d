import { ApplianceError } from '../os/errors.ts'

/** What the first lines of a Git bundle say. */
export interface BundleHeader {
  /** The commit that is delivered. */
  readonly tip: string
  /** Bytes before the pack begins. */
  readonly length: number
}

const longestHeader = 64 * 1024

/**
 * Reads the header of a bundle (gitformat-bundle(5), version 2). The one commit that counts is `refs/heads/main` or, where
 * that is absent, `HEAD`; every other name in it is ignored.
 */
export function parseBundleHeader(bytes: Uint8Array): BundleHeader {
  const head = Buffer.from(bytes.subarray(0, longestHeader)).toString('latin1')
  const end = head.indexOf('\n\n')
  if (!head.startsWith('# v2 git bundle\n') || end === -1) throw notABundle('it does not begin like one')
  const names = new Map<string, string>()
  for (const line of head.slice(0, end).split('\n').slice(1)) {
    if (/^-[0-9a-f]{40}( |$)/.test(line)) continue
    const [, commit, name] = /^([0-9a-f]{40}) (\S+)$/.exec(line) ?? []
    if (commit === undefined || name === undefined) throw notABundle('a line of its header cannot be read')
    names.set(name, commit)
  }
  const tip = names.get('refs/heads/main') ?? names.get('HEAD')
  if (tip === undefined) throw notABundle('it has neither a branch main nor HEAD')
  return { tip, length: end + 2 }
}

const notABundle = (why: string) =>
  new ApplianceError('invalid', `that is no Git bundle that can be taken in: ${why}`, {
    hint: 'make it with project_submit, or with: git bundle create FILE HEAD',
  })
