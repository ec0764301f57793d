import type { Source } from '../../../runtime/secrets/store.ts'

/** Where a secret is, as a person says it. */
export const places: Readonly<Record<Source, string>> = {
  environment: 'the environment',
  home: 'this server, encrypted',
  repository: 'secrets.age.yaml',
  aws: 'AWS Secrets Manager',
}

/** Why a secret of this place cannot be removed here. */
export const elsewhere: Readonly<Partial<Record<Source, string>>> = {
  environment: 'It is in the environment of the appliance: change it there, and start the appliance again.',
  repository: 'It is in secrets.age.yaml: remove it there with a commit. One that is set here hides it.',
}
