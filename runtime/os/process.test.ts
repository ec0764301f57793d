import { expect, test } from 'bun:test'
import { listeningInode, listeningSocketInode, portHolder } from './listeners.ts'
import { endProcesses, isAlive, memoryOfTree, parseStat, processFacts, processTree } from './process.ts'

test('a program name with blanks and parentheses does not confuse the reader of its facts', () => {
  const fields = ['S', 7, 42, 42, ...Array(15).fill(0), 9000, 1, 2]
  expect(parseStat(`42 (a) b (c)) ${fields.join(' ')}`)).toEqual({
    pid: 42,
    parent: 7,
    session: 42,
    start: 9000,
    name: 'a) b (c)',
  })
})

test('a zombie is not alive', () => {
  expect(parseStat(`42 (x) Z 7 42 42 ${Array(30).fill(0).join(' ')}`)).toBeUndefined()
})

test('another start makes another process of the same pid', () => {
  const me = processFacts(process.pid)
  expect(me && isAlive(me)).toBe(true)
  expect(me && isAlive({ ...me, start: me.start - 1 })).toBe(false)
})

test('a tree is found with its parents first, measured, and ended though it ignores the polite signal', async () => {
  const child = Bun.spawn(['bash', '-c', 'trap "" TERM; (trap "" TERM; echo; sleep 60) & wait'], { stdout: 'pipe' })
  await child.stdout.getReader().read()
  const tree = processTree(child.pid)
  expect(tree[0]?.pid).toBe(child.pid)
  expect(tree.length).toBeGreaterThan(1)
  expect(memoryOfTree(child.pid)).toBeGreaterThan(100_000)
  await endProcesses(processTree(child.pid), 'SIGTERM', 50)
  expect(tree.map(one => processFacts(one.pid))).toEqual(tree.map(() => undefined))
})

const header = '  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode'
const row = (address: string, state: string, inode: number) =>
  `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 999 0 ${inode} 1`

test('a port is taken by who listens on it, not by a connection from it, nor by the loopback of version 6', () => {
  const tcp = [header, row('0100007F:1F90', '01', 11), row('0100007F:1F90', '0A', 12)].join('\n')
  const loopback = `00000000000000000000000001000000`
  const tcp6 = [header, row(`${loopback}:0BB8`, '0A', 13), row(`${'0'.repeat(32)}:01BB`, '0A', 14)].join('\n')
  expect(listeningInode(8080, tcp, '')).toBe('12')
  expect(listeningInode(3000, '', tcp6)).toBeUndefined()
  expect(listeningInode(443, '', tcp6)).toBe('14')
  expect(listeningInode(80, tcp, tcp6)).toBeUndefined()
})

test('a Unix socket is taken by who listens on it, not by who is connected', () => {
  const unix = [
    'Num RefCount Protocol Flags Type St Inode Path',
    'ffff: 00000003 00000000 00000000 0001 03 21 /h/run/redis.sock',
    'ffff: 00000002 00000000 00010000 0001 01 22 /h/run/redis.sock',
  ].join('\n')
  expect(listeningSocketInode('/h/run/redis.sock', unix)).toBe('22')
  expect(listeningSocketInode('/h/run/other.sock', unix)).toBeUndefined()
})

test('we see ourselves on a port of ours', () => {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  expect(portHolder(server.port)).toMatchObject({ pid: process.pid })
  server.stop(true)
  expect(portHolder(server.port)).toBeUndefined()
})
