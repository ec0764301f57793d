#!/usr/bin/env bash
# AI Infrastructure on Debian or Ubuntu: ./install.sh --help
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./install.sh [VERB]

  run                  start everything in the foreground; Ctrl-C stops it, the next run goes on
  test                 install what tests need and run all of them
  restore WORDS        make an empty home the appliance that a backup keeps: --repository R [SNAPSHOT] [--into DIR]
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
  for part in say preflight packages bun user program run restore test settings sign-in sandboxes server uninstall; do
    # shellcheck source=/dev/null
    . "$program/install/$part.sh"
  done
}

# Without a checkout: fetch one, and go on with its own installer.
fetch_and_continue() {
  local repository=$1 checkout status=0
  shift
  if [ "${1:-}" = run ] || [ "${1:-}" = test ] || [ "${1:-}" = restore ]; then
    echo "Clone the program first: git clone $repository ai-infrastructure && cd ai-infrastructure && ./install.sh $1" >&2
    return 2
  fi
  [ "$(id -u)" -eq 0 ] || { echo 'The server install needs root: put sudo before bash.' >&2 && return 1; }
  if ! command -v git >/dev/null; then
    echo '  git is missing: installing it'
    apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends git ca-certificates >/dev/null 2>&1
  fi
  checkout=$(mktemp -d "${TMPDIR:-/tmp}/ai-infra-checkout.XXXXXX")
  git clone --quiet --depth 1 "$repository" "$checkout" </dev/null || { rm -rf "$checkout" && return 1; }
  bash "$checkout/install.sh" "$@" || status=$?
  rm -rf "$checkout"
  return "$status"
}

takes_nothing() {
  [ "$#" -gt 1 ] || return 0
  printf 'install.sh: "%s" takes nothing more, and there is "%s"\n\n' "$1" "$2" >&2
  usage >&2
  exit 2
}

main() {
  local repository=${AI_INFRA_REPOSITORY:-}
  if [ "${1:-}" = --repository ]; then
    repository=${2:?--repository needs a URL}
    shift 2
  elif [ -n "$program" ]; then
    repository=''
  fi
  case ${1:-} in
    --help | -h) usage && return 0 ;;
  esac
  if [ -n "$repository" ]; then
    fetch_and_continue "$repository" "$@"
    return
  elif [ -z "$program" ]; then
    echo 'Say where the program is: curl … | bash -s -- --repository URL' >&2
    return 2
  fi
  called_as="$0${1:+ $*}"
  load
  open_scratch
  case ${1:-} in
    '') install_server ;;
    run) takes_nothing "$@" && run_in_foreground ;;
    test) takes_nothing "$@" && run_all_tests ;;
    restore) shift && restore_from_repository "$@" ;;
    uninstall) shift && uninstall "$@" ;;
    sandboxes) step 'Sandboxes' allow_sandboxes as_invoker ;;
    packages) shift && step 'Debian packages' install_packages "$@" ;;
    *)
      printf 'install.sh: there is no verb "%s"\n\n' "$1" >&2
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
