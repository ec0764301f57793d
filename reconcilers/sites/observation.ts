import type { ArchivedRoot } from './archived-roots.ts'
import type { UsableCertificate } from './model.ts'
import type { UpstreamFacts } from './upstreams.ts'

export interface ObservedSites {
  /** Why nginx serves nothing, for a person; undefined while it answers. */
  readonly down: string | undefined
  /** What somebody changed around the sites: nginx.conf, the list of sites, the link to it. */
  readonly damage: string | undefined
  /** By host: every site that is declared, served, or on its way out. */
  readonly sites: ReadonlyMap<string, ObservedSite>
}

export interface ObservedSite {
  /** The file that nginx is told to read; undefined when the site is not in its list. */
  readonly file: { readonly name: string; readonly state: 'absent' | 'intact' | 'edited'; readonly text: string } | undefined
  /** Fingerprint of the file that the running nginx has for this host. */
  readonly serving: string | undefined
  readonly webRoot: 'present' | 'absent'
  /** Its files of before it was removed. */
  readonly archived?: ArchivedRoot
  readonly upstream: UpstreamFacts | undefined
  /** A certificate that can be used as it is. */
  readonly certificate: UsableCertificate | undefined
  readonly release: ReleaseFacts | undefined
  /** Its removal was begun; the web root to archive, if any. */
  readonly removing: { readonly root: string | undefined } | undefined
}

/** How the files of a site with `deploy` stand against its repository. */
export interface ReleaseFacts {
  /** Commit that is served. */
  readonly live: string | undefined
  /** Head of the branch, when the last question was answered. */
  readonly head: string | undefined
  /** Why the repository did not answer. */
  readonly away: string | undefined
  /** What is live was switched to, but its front page was never looked at: something died in between. */
  readonly unchecked: boolean
  /** The commit that was tried and taken back, and why. */
  readonly refused: { readonly commit: string; readonly message: string } | undefined
}
