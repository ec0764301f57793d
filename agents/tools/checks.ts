/** One way to make a check: what it needs to be there, and its command. */
export interface Way {
  /** Programs, paths inside the folder, or `module:NAME` for a module of Python; all of them. */
  readonly needs: readonly string[]
  readonly command: string
}

/** How the checks of one kind of project are made: the first way whose needs are met. The project's own scripts come first. */
export interface Checks {
  readonly kind: string
  readonly test: readonly Way[]
  readonly lint: readonly Way[]
  readonly coverage: readonly Way[]
  readonly dependencies: readonly Way[]
  /** How to get what is missing. */
  readonly advice: string
}

export interface ProjectFiles {
  /** Names in the folder of the project. */
  readonly names: readonly string[]
  readonly packageJson: string | undefined
  readonly makefile: string | undefined
}

type Has = (...names: readonly string[]) => boolean

/** Look at every kind of project. */
const scanners: readonly Way[] = [
  { needs: ['osv-scanner'], command: 'osv-scanner scan source --recursive .' },
  { needs: ['trivy'], command: 'trivy filesystem --exit-code 1 .' },
]

/** What kind of project a folder holds, from the files that every one of its kind has. */
export function checksOf({ names, packageJson, makefile }: ProjectFiles): Checks {
  const has: Has = (...wanted) => wanted.some(name => names.includes(name))
  const found = craftOf(packageJson, has)
  const target = (...wanted: readonly string[]) =>
    wanted.filter(name => new RegExp(`^${name}:`, 'm').test(makefile ?? '')).map(name => way(`make ${name}`, 'make'))
  return {
    ...found,
    test: [...found.test, ...target('test', 'check')],
    lint: [...found.lint, ...target('lint')],
    coverage: [...found.coverage, ...target('coverage')],
    dependencies: [...found.dependencies, ...scanners],
  }
}

function craftOf(packageJson: string | undefined, has: Has): Checks {
  if (packageJson !== undefined) return javascript(packageJson, has)
  if (has('pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt', 'pytest.ini', 'tox.ini', 'Pipfile')) return python(has)
  if (has('Cargo.toml')) return rust
  if (has('go.mod')) return go
  return { kind: 'plain files', test: [], lint: [], coverage: [], dependencies: [], advice: '' }
}

const way = (command: string, ...needs: readonly string[]): Way => ({ command, needs })

function javascript(packageJson: string, has: Has): Checks {
  const { scripts, dependencies } = readPackage(packageJson)
  const manager = managerOf(has)
  const bin = (name: string, words = '') => {
    const path = `node_modules/.bin/${name}`
    return way(words === '' ? path : `${path} ${words}`, path)
  }
  const script = (...names: readonly string[]) =>
    names.filter(name => scripts.has(name)).map(name => way(`${manager} run ${name}`, manager))
  const test = scripts.get('test') ?? ''
  const bun = manager === 'bun'
  return {
    kind: bun ? 'Bun' : manager,
    test: [...script('test'), ...(bun ? [way('bun test', 'bun')] : [])],
    lint: [
      ...script('lint', 'check'),
      ...(has('biome.json', 'biome.jsonc') ? [bin('biome', 'check .')] : []),
      bin('eslint', '.'),
      ...(has('tsconfig.json') ? [bin('tsc', '--noEmit')] : []),
    ],
    coverage: [
      ...script('coverage', 'test:coverage'),
      ...(test.includes('vitest') ? [bin('vitest', 'run --coverage')] : []),
      ...(test.includes('jest') ? [bin('jest', '--coverage')] : []),
      ...(test.includes('node --test') ? [way('node --test --experimental-test-coverage', 'node')] : []),
      ...(scripts.has('test') && !test.includes('bun test') ? [bin('c8', `${manager} run test`)] : []),
      ...(bun && (test === '' || test.includes('bun test')) ? [way('bun test --coverage', 'bun')] : []),
    ],
    dependencies: [way(`${manager} audit`, manager)],
    advice: dependencies && !has('node_modules') ? `its packages are not installed yet: run ${manager} install first` : '',
  }
}

function managerOf(has: Has): 'bun' | 'npm' | 'yarn' | 'pnpm' {
  if (has('bun.lock', 'bun.lockb', 'bunfig.toml')) return 'bun'
  if (has('pnpm-lock.yaml')) return 'pnpm'
  if (has('yarn.lock')) return 'yarn'
  return has('package-lock.json') ? 'npm' : 'bun'
}

function python(has: Has): Checks {
  const own = has('.venv')
  const interpreter = own ? '.venv/bin/python' : 'python3'
  const module = (name: string, words: string) => way(`${interpreter} -m ${name} ${words}`.trim(), interpreter, `module:${name}`)
  return {
    kind: 'Python',
    test: [module('pytest', '-q'), module('unittest', '')],
    lint: [module('ruff', 'check .'), module('flake8', ''), module('pylint', '--recursive=y .')],
    coverage: [
      way(`${interpreter} -m pytest -q --cov=. --cov-report=term`, ...[interpreter, 'module:pytest', 'module:pytest_cov']),
      way(
        `${interpreter} -m coverage run --source=. -m unittest && ${interpreter} -m coverage report`,
        ...[interpreter, 'module:coverage'],
      ),
    ],
    dependencies: [module('pip_audit', has('requirements.txt') ? '-r requirements.txt' : '')],
    advice: own
      ? 'put it into the .venv: .venv/bin/pip install pytest pytest-cov ruff pip-audit'
      : 'make a .venv for it: python3 -m venv .venv && .venv/bin/pip install pytest pytest-cov ruff pip-audit',
  }
}

const rust: Checks = {
  kind: 'Rust',
  test: [way('cargo test', 'cargo')],
  lint: [way('cargo clippy -- -D warnings', 'cargo', 'cargo-clippy'), way('cargo check', 'cargo')],
  coverage: [way('cargo llvm-cov', 'cargo', 'cargo-llvm-cov')],
  dependencies: [way('cargo audit', 'cargo', 'cargo-audit')],
  advice: '',
}
const go: Checks = {
  kind: 'Go',
  test: [way('go test ./...', 'go')],
  lint: [way('golangci-lint run', 'golangci-lint'), way('go vet ./...', 'go')],
  coverage: [way('go test -cover ./...', 'go')],
  dependencies: [way('govulncheck ./...', 'govulncheck')],
  advice: '',
}

function readPackage(packageJson: string): { scripts: ReadonlyMap<string, string>; dependencies: boolean } {
  const { scripts, dependencies, devDependencies } = recordOf(parsed(packageJson))
  const named = Object.entries(recordOf(scripts)).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return {
    // What `npm init` writes is no test.
    scripts: new Map(named.filter(([, command]) => !command.includes('no test specified'))),
    dependencies: [dependencies, devDependencies].some(one => Object.keys(recordOf(one)).length > 0),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}

/** Some runners call it a success when there was nothing to run. */
export const ranNothing = (output: string): boolean =>
  /^Ran 0 tests in /m.test(output) ||
  /^[#ℹ] tests 0$/m.test(output) ||
  (/\[no test files\]/.test(output) && !/^(ok|FAIL)\b/m.test(output))
