import { z } from 'zod'
import { projectPattern } from '../../../runtime/projects/names.ts'
import type { Projects } from '../../../runtime/projects/projects.ts'
import { type Verb, verb } from './verb.ts'

export interface ProjectVerbDeps {
  readonly projects: Projects
}

export const projectName = z.string().regex(projectPattern, 'a project is named with small letters, digits and "-": bakery-site')

export const projectVerbs = ({ projects }: ProjectVerbDeps): readonly Verb[] => [
  verb('project.submit', {
    input: z.strictObject({ project: projectName, bundle: z.string().min(1).max(300) }),
    title: ({ project }) => `submit ${project}`,
    run: ({ project, bundle }, { agent }) => projects.receive(project, agent, bundle),
  }),

  verb('project.list', {
    input: z.strictObject({}),
    title: () => 'list the projects',
    async run() {
      const names = await projects.names()
      return { projects: await Promise.all(names.map(async name => ({ name, ...(await projects.heads(name)) }))) }
    },
  }),
]
