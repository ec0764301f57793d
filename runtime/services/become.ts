import { ApplianceError } from '../os/errors.ts'
import type { Service } from './service.ts'

/**
 * Replaces this process by the service, for a systemd unit: its main process is then the service itself, which takes the
 * unit's signals and costs no second process. Never returns. The service must have been prepared.
 */
export function becomeService(service: Service): never {
  const [program] = service.argv
  if (program === undefined || process.execve === undefined) {
    throw new ApplianceError('failed', `cannot become ${service.name}`, { subject: `service/${service.name}` })
  }
  process.chdir(service.cwd)
  return process.execve(program, service.argv, service.env)
}
