import { expect, test } from 'bun:test'
import { userName } from './user.ts'

const accounts = 'root:x:0:0:root:/root:/bin/bash\nai-infra:x:998:998::/var/lib/ai-infra:/bin/bash\n'

test('the user is named as the system names it, whatever the environment says', () => {
  expect(userName(998, accounts)).toBe('ai-infra')
  expect(userName(1234, accounts)).toBe('1234')
})
