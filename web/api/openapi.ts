import { z } from 'zod'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Role } from '../door/route.ts'
import type { DocumentedRoute } from './define.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
type JsonObject = { readonly [name: string]: Json }

/** An OpenAPI 3.1 document of these routes; schemas with an `id` become components. */
export function openApi(
  routes: readonly DocumentedRoute[],
  { version, server }: { version: string; server: string },
): JsonObject {
  const components = new Map<string, Json>()
  const paths = new Map<string, Record<string, Json>>()
  for (const route of routes) {
    const path = route.path.replace(/:([a-zA-Z]+)/g, '{$1}')
    const methods = paths.get(path) ?? {}
    methods[route.method.toLowerCase()] = operation(route, components)
    paths.set(path, methods)
  }
  const problem = { description: 'Refused; the message says why and what to do', content: jsonOf(ref('Problem')) }
  const schemas = { ...Object.fromEntries(components), Problem: schemaOf(problemShape, 'output', components) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'AI Infrastructure',
      version,
      description: 'What the portal shows, for programs. Live changes: the WebSocket at /api/ws.',
    },
    servers: [{ url: server }],
    security: [{ session: [] }],
    tags: [...new Set(routes.map(route => route.documentation.tag))].map(name => ({ name })),
    paths: Object.fromEntries(paths),
    components: {
      schemas,
      responses: { Problem: problem },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'ai-infra.session_token', description: 'Signed in to the portal' },
      },
    },
  }
}

const problemShape = z.object({ message: z.string().describe('What is wrong, and what to do') })

function operation(route: DocumentedRoute, components: Map<string, Json>): JsonObject {
  const { tag, summary, query, body, answer } = route.documentation
  const parameters = [...pathParameters(route.path), ...queryParameters(query, components)]
  return {
    operationId: operationId(route),
    tags: [tag],
    summary,
    description: `For ${callers(route)}; at most ${route.rateLimit.requests} in ${route.rateLimit.seconds} s.`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonOf(schemaOf(body, 'input', components)) } }),
    responses: {
      '200': { description: 'Done', content: jsonOf(schemaOf(answer, 'output', components)) },
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

/** `POST /api/tasks/:id/cancel` becomes `postTasksIdCancel`. */
const operationId = ({ method, path }: DocumentedRoute): string =>
  `${method.toLowerCase()}${path
    .replace('/api/', '')
    .split(/[/:._-]+/)
    .filter(Boolean)
    .map(word => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('')}`

function callers({ policy }: DocumentedRoute): string {
  return policy.map(role => roleWords[role]).join(', ')
}

const roleWords: Record<Role, string> = {
  operator: 'the command line',
  person: 'people',
  agent: 'agents',
  anonymous: 'everybody',
}

const pathParameters = (path: string): JsonObject[] =>
  [...path.matchAll(/:([a-zA-Z]+)/g)].map(([, name]) => ({
    name: name ?? '',
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))

function queryParameters(query: z.ZodType | undefined, components: Map<string, Json>): JsonObject[] {
  if (query === undefined) return []
  const schema = schemaOf(query, 'input', components)
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(isObject(schema.properties) ? schema.properties : {}).map(([name, each]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: each,
  }))
}

const jsonOf = (schema: Json): JsonObject => ({ 'application/json': { schema } })
const ref = (id: string): JsonObject => ({ $ref: `#/components/schemas/${id}` })

/** The JSON Schema of a shape; shapes with an id are put among the components and pointed to. */
function schemaOf(shape: z.ZodType, io: 'input' | 'output', components: Map<string, Json>): JsonObject {
  const made = parseJson(JSON.stringify(z.toJSONSchema(shape, { io, unrepresentable: 'any', override: tidy })))
  if (!isObject(made)) throw new ApplianceError('failed', 'a schema is no object')
  const { $schema, $defs, ...schema } = made
  for (const [id, found] of Object.entries(isObject($defs) ? $defs : {})) components.set(id, pointed(withoutId(found)))
  if (typeof schema.id !== 'string') return pointedObject(schema)
  components.set(schema.id, pointed(withoutId(schema)))
  return ref(schema.id)
}

/** What our types mean by `readonly`, and numbers that JavaScript can count to, are nothing to a reader. */
function tidy({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  delete jsonSchema.readOnly
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

const parseJson = (text: string): Json => JSON.parse(text)

function withoutId(schema: Json): Json {
  if (!isObject(schema)) return schema
  const { id, ...rest } = schema
  return rest
}

const pointedObject = (schema: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, name === '$ref' ? moved(value) : pointed(value)]))

const moved = (value: Json): Json => (typeof value === 'string' ? value.replace('#/$defs/', '#/components/schemas/') : value)

/** References lead to the components of the whole document. */
function pointed(value: Json): Json {
  if (Array.isArray(value)) return value.map(pointed)
  return isObject(value) ? pointedObject(value) : value
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
