import { setDefaultTimeout } from 'bun:test'

// Real programs start slowly where several tests share two cores; a test that hangs still ends.
setDefaultTimeout(180_000)
