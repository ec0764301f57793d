/**
 * What the filter of the sandbox's own library leaves open and no command needs: keys that belong to a user or session
 * instead of a process (agents could speak to each other through them), and doors into the kernel that were holes before.
 */
const refused = {
  x64: { add_key: 248, request_key: 249, keyctl: 250, perf_event_open: 298, bpf: 321, userfaultfd: 323 },
  arm64: { add_key: 217, request_key: 218, keyctl: 219, perf_event_open: 241, bpf: 280, userfaultfd: 282 },
} as const

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h. */
const architectures = { x64: 0xc000003e, arm64: 0xc00000b7 } as const

/** Opcodes of linux/bpf_common.h, results of linux/seccomp.h. */
const load = 0x20
const jumpIfEqual = 0x15
const give = 0x06
const allow = 0x7fff0000
const refuse = 0x00050001
const kill = 0x80000000

/** Where they stand in `struct seccomp_data`. */
const number = 0
const architecture = 4

const nameOf = (arch: string) => (arch === 'arm64' ? 'arm64' : 'x64')

/** For the proof that the filter is there. */
export const keyctlNumber = (arch: string = process.arch): number => refused[nameOf(arch)].keyctl

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

/**
 * The filter as bubblewrap's `--seccomp` reads it: eight bytes for each instruction, of the kernel's classic BPF. These calls
 * give EPERM; one of another architecture, whose numbers mean something else, ends the program.
 */
export function systemCallFilter(arch: string = process.arch): Uint8Array {
  const name = nameOf(arch)
  const numbers = Object.values(refused[name])
  const tests = numbers.map((one, index): Instruction => [jumpIfEqual, numbers.length - index, 0, one])
  const program: readonly Instruction[] = [
    [load, 0, 0, architecture],
    [jumpIfEqual, 1, 0, architectures[name]],
    [give, 0, 0, kill],
    [load, 0, 0, number],
    ...tests,
    [give, 0, 0, allow],
    [give, 0, 0, refuse],
  ]
  const bytes = new DataView(new ArrayBuffer(program.length * 8))
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.setUint16(index * 8, code, true)
    bytes.setUint8(index * 8 + 2, ifTrue)
    bytes.setUint8(index * 8 + 3, ifFalse)
    bytes.setUint32(index * 8 + 4, value, true)
  }
  return new Uint8Array(bytes.buffer)
}

/** The bytes as the words of bash's own printf, for a descriptor that no file stands behind. */
export const asEscapes = (bytes: Uint8Array): string =>
  [...bytes].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
