#!/usr/bin/env bash
# AI Infrastructure on Debian or Ubuntu: ./install.sh --help
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./install.sh [VERB]

  run                  start everything in the foreground; Ctrl-C stops it, the next run goes on
  test                 install what tests need and run all of them
  (no verb)            install this machine as a server, or upgrade it: systemd units, ports 80 and 443
  uninstall [--purge]  remove the server install; --purge also removes its data (asks first, or give --yes)

  --repository URL     fetch the program from there first (for: curl … | bash -s -- --repository URL)
  --help               this text

Variables are listed in .env.example. Every verb may be run again at any time: it goes on where it stopped.
TEXT
}

# Where this script is a file of a checkout; empty when it comes through a pipe.
program=''
if [ -n "${BASH_SOURCE[0]:-}" ] && [ -f "${BASH_SOURCE[0]}" ]; then
  program=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
fi

load() {
  local part
  for part in say preflight packages bun user program run test; do
    # shellcheck source=/dev/null
    . "$program/install/$part.sh"
  done
}

main() {
  case ${1:-} in
    --help | -h) usage && return 0 ;;
  esac
  load
  open_scratch
  case ${1:-} in
    run) run_in_foreground ;;
    test) run_all_tests ;;
    packages) shift && step 'Debian packages' install_packages "$@" ;;
    *) usage >&2 && exit 2 ;;
  esac
}

main "$@"
