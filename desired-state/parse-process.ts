import { deserialize, serialize } from 'node:v8'
import { parseTree } from './parse.ts'
import type { ApartRequest } from './parse-apart.ts'

const request: ApartRequest = deserialize(await Bun.stdin.bytes())
await Bun.write(Bun.stdout, serialize(parseTree(request.entries, request.revision)))
