import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Which of these are there: programs, paths inside the folder, and `module:NAME` of the interpreter that is named among them. */
export function available(folder: string, wanted: readonly string[]): readonly string[] {
  const there = (name: string) => (name.includes('/') ? existsSync(join(folder, name)) : Bun.which(name) !== null)
  const modules = wanted.filter(name => name.startsWith('module:')).map(name => name.slice('module:'.length))
  const found = wanted.filter(name => !name.startsWith('module:') && there(name))
  const interpreter = found.find(name => /(^|\/)python3?$/.test(name))
  return interpreter === undefined ? found : [...found, ...modulesOf(folder, interpreter, modules)]
}

const look = 'import importlib.util, sys; print("\\n".join(m for m in sys.argv[1:] if importlib.util.find_spec(m)))'

function modulesOf(folder: string, interpreter: string, modules: readonly string[]): readonly string[] {
  // -I: what the project calls the same is not the module.
  const argv = [interpreter.includes('/') ? join(folder, interpreter) : interpreter, '-I', '-c', look, ...modules]
  const { stdout } = Bun.spawnSync(argv, { cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' })
  return stdout
    .toString()
    .split('\n')
    .filter(Boolean)
    .map(name => `module:${name}`)
}
