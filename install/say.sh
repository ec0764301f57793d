# What a person sees: one line a step, with its time; details only when something went wrong.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' faint=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m' live=yes
else
  bold='' faint='' red='' green='' plain='' live=''
fi

scratch=''

open_scratch() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/ai-infra-install.XXXXXX")
  trap close_scratch EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

close_scratch() {
  local status=$?
  undo_all
  if [ ! -e "$scratch/keep" ]; then rm -rf "$scratch"; fi
  return "$status"
}

# Commands to run when this process ends, however it ends: undo_later COMMAND WORD…
undo_later() { printf '%q ' "$@" >>"$scratch/undo" && echo >>"$scratch/undo"; }

undo_all() {
  [ -s "$scratch/undo" ] || return 0
  # shellcheck source=/dev/null
  . "$scratch/undo" >/dev/null 2>&1 || true
  rm -f "$scratch/undo"
}

headline() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

say() { printf '  %s\n' "$*"; }

# note WORD…: what the line of the current step says at its end.
note() { printf '%s' "$*" >"$scratch/note"; }

# refuse WHAT WHAT-TO-DO: ends the run. Inside a step the step's line comes first.
refuse() {
  printf '%s\n%s\n' "$1" "$2" >"$scratch/refusal"
  [ -n "${in_step:-}" ] || print_refusal
  exit 1
}

print_refusal() {
  {
    printf '%s%s%s\n' "$red" "$(sed -n 1p "$scratch/refusal")" "$plain"
    sed -n '2,$s/^/  /p' "$scratch/refusal"
  } >&2
}

seconds_since() {
  local now=${EPOCHREALTIME//[.,]/} start=${1//[.,]/}
  local tenths=$(((now - start) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# step LABEL COMMAND WORD…: runs it in a subshell with `set -e`, its output in the log.
step() {
  local label=$1 started=$EPOCHREALTIME status
  shift
  : >"$scratch/note"
  [ -z "$live" ] || printf '  %s…%s %s' "$faint" "$plain" "$label"
  set +e
  (
    set -e
    in_step=yes
    "$@"
  ) >>"$scratch/log" 2>&1 </dev/null
  status=$?
  set -e
  [ -z "$live" ] || printf '\r\e[K'
  if [ "$status" -eq 0 ]; then
    printf '  %s✓%s %-34s %s%8s%s  %s\n' "$green" "$plain" "$label" "$faint" "$(seconds_since "$started")" "$plain" "$(cat "$scratch/note")"
    return 0
  fi
  printf '  %s✗%s %-34s %s%8s%s\n' "$red" "$plain" "$label" "$faint" "$(seconds_since "$started")" "$plain"
  if [ -s "$scratch/refusal" ]; then
    print_refusal
  else
    : >"$scratch/keep"
    {
      printf '\n%s failed. The last lines of its log:\n\n' "$label"
      tail -n 20 "$scratch/log" | sed 's/^/    /'
      printf '\n  The whole log: %s\n  Running the same command again goes on where this stopped.\n' "$scratch/log"
    } >&2
  fi
  exit 1
}
