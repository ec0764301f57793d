import { setDefaultTimeout } from 'bun:test'

// Real programs start slowly where several tests share two cores; a test that hangs still ends. Bun takes this over for the
// first file of a process only, so `install.sh test` says the same on the command line.
setDefaultTimeout(180_000)
