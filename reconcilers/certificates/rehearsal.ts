import type { Attempt } from './attempts.ts'
import type { CertificateItem } from './item.ts'

/** After a try that failed the staging directory is asked first, where there is one; `attempts`: the newest first. */
export const isRehearsed = ({ issuer }: CertificateItem, attempts: readonly Attempt[]): boolean =>
  issuer.staging !== undefined && attempts[0]?.failure !== undefined

/** Directories that the next try asks. */
export function directoriesAsked(item: CertificateItem, attempts: readonly Attempt[]): readonly string[] {
  const { directory, staging } = item.issuer
  return staging !== undefined && isRehearsed(item, attempts) ? [staging, directory] : [directory]
}
