import { type Document, isMap, parseDocument, Scalar } from 'yaml'
import { ApplianceError } from '../runtime/os/errors.ts'

export const secretsFile = 'secrets.age.yaml'

/** `secrets.age.yaml` with a value, added or replaced; everything else stays, comments included. */
export function setSharedSecret(text: string | undefined, name: string, armored: string): string {
  const document = open(text ?? '')
  const value = new Scalar(armored)
  value.type = 'BLOCK_LITERAL'
  if (!isMap(document.get('secrets'))) document.set('secrets', document.createNode({}))
  document.setIn(['secrets', name], value)
  return document.toString({ lineWidth: 0 })
}

/** Undefined when it has none of that name. */
export function removeSharedSecret(text: string | undefined, name: string): string | undefined {
  const document = open(text ?? '')
  return document.hasIn(['secrets', name]) && document.deleteIn(['secrets', name])
    ? document.toString({ lineWidth: 0 })
    : undefined
}

const heading = ` yaml-language-server: $schema=.schemas/secrets.age.schema.json`

function open(text: string): Document {
  const document: Document = parseDocument(text, { stringKeys: true, logLevel: 'error' })
  // The parser's words could show what stands there.
  if (document.errors.length > 0)
    throw new ApplianceError('invalid', `${secretsFile} cannot be edited while it is not YAML`, {
      hint: 'repair it with git, and push',
    })
  if (isMap(document.contents)) return document
  const comment = document.commentBefore ?? document.comment ?? heading
  document.contents = document.createNode({})
  document.comment = null
  document.commentBefore = comment
  return document
}
