/** How the checks of one kind of project are run. Commands are those of the craft; scripts of the project come first. */
export interface Checks {
  readonly kind: string
  readonly test: string | undefined
  readonly lint: string | undefined
  readonly coverage: string | undefined
  readonly dependencies: string | undefined
}

export interface ProjectFiles {
  /** Names in the folder of the project. */
  readonly names: readonly string[]
  readonly packageJson: string | undefined
}

/** What kind of project a folder holds, from the files that every one of its kind has. */
export function checksOf({ names, packageJson }: ProjectFiles): Checks {
  const has = (...wanted: string[]) => wanted.some(name => names.includes(name))
  if (packageJson !== undefined) return javascript(packageJson, has)
  if (has('pyproject.toml', 'setup.py', 'requirements.txt', 'pytest.ini', 'tox.ini')) return python
  if (has('Cargo.toml')) return rust
  if (has('go.mod')) return go
  return { kind: 'plain files', test: undefined, lint: undefined, coverage: undefined, dependencies: undefined }
}

function javascript(packageJson: string, has: (...names: string[]) => boolean): Checks {
  const scripts = scriptsOf(packageJson)
  const bun = has('bun.lock', 'bun.lockb', 'bunfig.toml') || !has('package-lock.json', 'yarn.lock', 'pnpm-lock.yaml')
  const runner = bun ? 'bun run' : 'npm run'
  const script = (...names: string[]) => {
    const name = names.find(one => scripts.has(one))
    return name === undefined ? undefined : `${runner} ${name}`
  }
  const biome = has('biome.json', 'biome.jsonc') ? 'bunx biome check .' : undefined
  return {
    kind: bun ? 'Bun' : 'npm',
    test: script('test') ?? (bun ? 'bun test' : undefined),
    lint: script('lint', 'check') ?? biome,
    coverage: script('coverage', 'test:coverage') ?? (bun ? 'bun test --coverage' : 'npm test -- --coverage'),
    dependencies: bun ? 'bun audit' : 'npm audit',
  }
}

const python: Checks = {
  kind: 'Python',
  test: 'python3 -m pytest -q',
  lint: 'python3 -m ruff check . || python3 -m flake8',
  coverage: 'python3 -m pytest -q --cov=. --cov-report=term',
  dependencies: 'python3 -m pip_audit',
}
const rust: Checks = {
  kind: 'Rust',
  test: 'cargo test',
  lint: 'cargo clippy',
  coverage: 'cargo llvm-cov',
  dependencies: 'cargo audit',
}
const go: Checks = {
  kind: 'Go',
  test: 'go test ./...',
  lint: 'go vet ./...',
  coverage: 'go test -cover ./...',
  dependencies: 'govulncheck ./...',
}

function scriptsOf(packageJson: string): ReadonlySet<string> {
  try {
    const parsed: unknown = JSON.parse(packageJson)
    if (typeof parsed !== 'object' || parsed === null || !('scripts' in parsed)) return new Set()
    const { scripts } = parsed
    return new Set(typeof scripts === 'object' && scripts !== null ? Object.keys(scripts) : [])
  } catch {
    return new Set()
  }
}
