// Argon2id at OWASP's second profile: 19 MiB for a moment, so that a sign-in does not show in the idle memory.
const cost = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

export const hashPassword = (password: string): Promise<string> => Bun.password.hash(password, cost)

export async function verifyPassword({ hash, password }: { hash: string; password: string }): Promise<boolean> {
  return password.length > 0 && Bun.password.verify(password, hash)
}
