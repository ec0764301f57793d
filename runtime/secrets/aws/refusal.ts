import { ApplianceError, systemCode } from '../../os/errors.ts'

/** The name under which AWS documents an error: `AccessDeniedException`. */
export const codeOf = (error: unknown): string => (error instanceof Error ? error.name : '')

export interface Question {
  readonly action: string
  /** Name or prefix that was asked for. */
  readonly id: string
  readonly region: string
  /** Milliseconds. */
  readonly timeout: number
}

const denied = ['AccessDeniedException', 'AccessDenied']
const unknownKeys = [
  ...['UnrecognizedClientException', 'InvalidSignatureException', 'InvalidClientTokenId', 'SignatureDoesNotMatch'],
  ...['ExpiredTokenException', 'ExpiredToken', 'IncompleteSignature', 'MissingAuthenticationTokenException'],
]
const tooMany = ['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'RequestLimitExceeded']

/** What AWS answered, as a person reads it; never what was sent. */
export function refusalOf(error: unknown, question: Question): ApplianceError {
  const code = codeOf(error)
  const { action, id, region, timeout } = question
  const subject = `aws/${id}`
  const waiting = (message: string, hint: string) => new ApplianceError('waiting', message, { subject, hint })
  if (denied.includes(code))
    return waiting(`AWS denies secretsmanager:${action}`, `allow it to the keys of the appliance for ${id}* in ${region}`)
  if (unknownKeys.includes(code))
    return waiting(
      `AWS does not accept the keys of the appliance (${code})`,
      'compare AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN with those of AWS, and the clock of this machine',
    )
  if (tooMany.includes(code)) return waiting('AWS limits how often it is asked (throttled)', 'it is asked again within a minute')
  if (code === 'DecryptionFailure' || code === 'EncryptionFailure')
    return waiting(`AWS cannot use the KMS key of the secret (${code})`, 'look at the key in KMS, and at who may use it')
  if (code === 'LimitExceededException')
    return new ApplianceError('invalid', 'AWS keeps no more secrets for this account', { subject, hint: 'delete some there' })
  if (code === 'InvalidParameterException')
    return new ApplianceError('invalid', 'AWS does not take this name or value', { subject, hint: 'see AWS_SECRETS_PREFIX' })
  if (code === 'AbortError' || code === 'TimeoutError')
    return waiting(
      `AWS Secrets Manager in ${region} did not answer within ${timeout / 1_000} s`,
      'it is asked again within a minute',
    )
  if (code === 'CredentialsProviderError')
    return waiting('there are no keys for AWS', 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role')
  const what = systemCode(error) ?? (code === '' ? 'an error' : code)
  return waiting(`AWS Secrets Manager in ${region} cannot be asked (${what})`, 'it is asked again within a minute')
}
