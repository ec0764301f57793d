import { z } from 'zod'
import { setDomain } from '../../../desired-state/edit-domains.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { noProject, type Projects } from '../../../runtime/projects/projects.ts'
import { documentOf, hostName } from '../../api/domain-input.ts'
import { type ChangeDeps, changeDocument, lookAgain } from './change.ts'
import { currentEntry, domainsFile, entryOf } from './domains.ts'
import { projectName } from './projects.ts'
import { type Verb, verb } from './verb.ts'

export interface DeployVerbDeps extends ChangeDeps {
  readonly projects: Projects
}

const branch = 'live'

const input = z.strictObject({
  project: projectName,
  domain: hostName,
  directory: z.string().max(200).optional(),
  tls: z.enum(['none', 'self-signed', 'acme']).optional(),
})
type Input = z.output<typeof input>

/**
 * Publishes what is on main of a project: its branch `live` moves there, and the domain is declared to follow it. What is
 * approved names the commit, so that another commit needs another approval.
 */
export const deployVerbs = (deps: DeployVerbDeps): readonly Verb[] => [
  verb('deploy.publish', {
    input,
    title: ({ project, domain }) => `publish ${project} on ${domain}`,
    async shown(wanted) {
      const commit = (await deps.projects.heads(wanted.project))?.main
      if (commit === undefined) throw noProject(wanted.project)
      return { ...wanted, commit, before: (await currentEntry(deps, wanted.domain)) ?? 'not there' }
    },
    async run(wanted, caller, { commit }) {
      if (typeof commit !== 'string') throw noProject(wanted.project)
      refuseOtherKind(wanted.domain, await currentEntry(deps, wanted.domain))
      const moves = (await deps.projects.heads(wanted.project))?.live !== commit
      await deps.projects.publish(wanted.project, commit)
      const resource = { kind: 'site', key: wanted.domain }
      const outcome = await changeDocument(
        deps,
        {
          path: domainsFile,
          message: `Publish ${wanted.project} on ${wanted.domain}`,
          resource,
          edit: text => setDomain(text, wanted.domain, declarationOf(deps, wanted, entryOf(text, wanted.domain))),
        },
        caller,
      )
      const looked = outcome.unchanged && moves
      const after = looked ? await lookAgain(deps.engine, resource, `${wanted.project} was published`, caller.signal) : outcome
      return { project: wanted.project, domain: wanted.domain, commit, ...after }
    },
  }),
]

function declarationOf({ projects }: DeployVerbDeps, wanted: Input, before: Readonly<Record<string, unknown>> = {}) {
  const { project, directory, tls } = wanted
  return documentOf({
    ...before,
    root: before.root ?? project,
    ...(tls === undefined ? {} : { tls }),
    deploy: { repo: projects.repository(project), branch, ...(directory === undefined ? {} : { directory }) },
  })
}

function refuseOtherKind(domain: string, entry: Readonly<Record<string, unknown>> | undefined): void {
  const kind = ['proxy', 'redirect', 'portal'].find(name => entry?.[name] !== undefined)
  if (kind === undefined) return
  throw new ApplianceError('invalid', `${domain} is a ${kind} and serves no files`, {
    hint: 'publish on another domain, or remove this one first',
  })
}
