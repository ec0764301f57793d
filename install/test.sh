# `install.sh test`: what tests need, then all of them as an unprivileged user.

passed=0 failed=0 skipped=0 failures=''

run_all_tests() {
  headline 'AI Infrastructure: tests'
  prepare_system
  step 'Disk' check_disk 3000 "${TMPDIR:-/tmp}" "$program"
  # shellcheck disable=SC2086
  ensure_packages $packages_needed $packages_for_tests
  prepare_test_copy
  check 'types' "$bun" --bun node_modules/typescript/bin/tsc --noEmit
  check 'lint and format' "$bun" --bun node_modules/@biomejs/biome/bin/biome check --diagnostic-level=warn .
  run_bun_tests
  run_install_test
  headline 'All together'
  printf '%d passed, %d failed, %d skipped\n%s' "$passed" "$failed" "$skipped" "$failures"
  [ "$failed" -eq 0 ]
}

# Sets $copy, where the tests run, and $bun. Root's checkout may be unreadable to others, so root makes a copy.
prepare_test_copy() {
  if [ "$(id -u)" -ne 0 ]; then
    copy=$program bun=$program/.tools/bun-$bun_version/bun
    ensure_bun "${bun%/bun}"
  else
    step 'User' ensure_user
    ensure_bun "$opt/tools/bun-$bun_version"
    copy=$(mktemp -d "${TMPDIR:-/tmp}/ai-infra-test.XXXXXX")
    bun=$opt/tools/bun-$bun_version/bun
    undo_later rm -rf "$copy"
    step 'Copy for the tests' copy_for_tests
  fi
  step 'npm packages' install_npm_packages "$copy" "$bun"
}

copy_for_tests() {
  umask 022
  copy_program "$copy" --cached --others --exclude-standard
  install -d -o "$service_user" -g "$service_user" "$copy/.home"
  chgrp "$service_user" "$copy"
  chmod 0750 "$copy"
  note "$copy"
}

# In $copy, unprivileged, without any variable that could lead a test to a real server or key.
in_copy() (
  cd "$copy"
  keep_only 'LANG TERM CI TMPDIR HOME USER LOGNAME'
  export PATH=${bun%/bun}:$PATH LANG=${LANG:-C.UTF-8}
  if [ "$(id -u)" -ne 0 ]; then exec "$@"; fi
  export HOME=$copy/.home USER=$service_user LOGNAME=$service_user SHELL=/bin/bash
  exec setpriv --reuid "$service_user" --regid "$service_user" --init-groups "$@"
)

# check NAME COMMAND WORD…: counts as one test.
check() {
  local name=$1 started=$EPOCHREALTIME
  shift
  if in_copy "$@" >"$scratch/check" 2>&1 </dev/null; then
    passed=$((passed + 1))
    printf '  %s✓%s %-34s %8s\n' "$green" "$plain" "$name" "$(seconds_since "$started")"
  else
    failed_at "$name"
    printf '  %s✗%s %s\n' "$red" "$plain" "$name"
    sed 's/^/    /' "$scratch/check"
  fi
}

# Both cores; the recorded times let the slowest files start first.
run_bun_tests() {
  local status counts
  headline 'bun test'
  set +e
  in_copy "$bun" --no-env-file --config=bunfig.toml test --timeout=180000 --parallel="$(nproc)" --timings=tests/timings.json 2>&1 </dev/null | tee "$scratch/bun-test"
  status=${PIPESTATUS[0]}
  set -e
  counts=$(sed 's/\x1b\[[0-9;]*m//g' "$scratch/bun-test")
  passed=$((passed + $(last_count pass "$counts")))
  failed=$((failed + $(last_count fail "$counts")))
  skipped=$((skipped + $(last_count skip "$counts")))
  failures+=$(printf '%s\n' "$counts" | sed -n 's/^(fail) /  failed: /p' | sort -u | head -n 40 && echo .)
  failures=${failures%.}
  # A crash, or an error outside of any test, is a failure although nothing counted it.
  if [ "$status" -ne 0 ] && [ "$(last_count fail "$counts")" -eq 0 ]; then failed_at 'bun test, which ended without a result'; fi
}

# What failed is said once more at the end, where one looks first.
failed_at() {
  failed=$((failed + 1))
  failures+="  failed: $1"$'\n'
}

last_count() { printf '%s\n' "$2" | sed -n "s/^ *\([0-9][0-9]*\) $1\$/\1/p" | tail -n 1 | grep . || echo 0; }

# The server install in a machine of its own, when something that it depends on has changed since it last passed.
run_install_test() {
  [ -x "$program/tests/install/run" ] || return 0
  headline 'tests/install'
  if "$program/tests/install/fingerprint" --check; then
    say 'nothing that it depends on has changed since it last passed'
  elif [ "$(id -u)" -ne 0 ]; then
    say 'needs root: run it with sudo tests/install/run'
    skipped=$((skipped + 1))
  elif PATH=${bun%/bun}:$PATH "$program/tests/install/run"; then
    passed=$((passed + 1))
  else
    failed_at tests/install
  fi
}
