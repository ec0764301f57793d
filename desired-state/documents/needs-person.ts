import type { Edits } from '../repository.ts'

/** Documents that agents change by their verbs, under the rules for those verbs. */
const open = ['domains.yaml', 'dns.yaml']

/**
 * The files of a change that only a person may make: who the agents are, what they are told, what they may do, and whatever
 * becomes a command. An agent's commit with one of them waits for approval, whatever its verbs allow.
 */
export const needsPerson = (edits: Edits): readonly string[] => [...edits.keys()].filter(path => !open.includes(path)).sort()
