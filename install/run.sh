# `install.sh run`: everything in the foreground; Ctrl-C stops all of it.

run_in_foreground() {
  headline 'AI Infrastructure'
  prepare_system
  if [ "$(id -u)" -eq 0 ]; then run_as_root; else run_as_yourself; fi
}

prepare_system() {
  step 'System' check_system
  step 'Memory' check_memory
}

foreground_ports() {
  printf '%s\n' "AI_INFRA_PORTAL_PORT=${AI_INFRA_PORTAL_PORT:-3000}" "AI_INFRA_HTTP_PORT=${AI_INFRA_HTTP_PORT:-8080}" "AI_INFRA_HTTPS_PORT=${AI_INFRA_HTTPS_PORT:-8443}"
}

run_as_root() {
  local release ports
  mapfile -t ports < <(foreground_ports)
  export AI_INFRA_HOME=${AI_INFRA_HOME:-$service_home}
  step 'Disk' check_disk "$(megabytes_for "$AI_INFRA_HOME")" "$opt" "$AI_INFRA_HOME"
  # shellcheck disable=SC2086
  ensure_packages $packages_needed
  step 'User' ensure_user
  step 'Home' check_home "$AI_INFRA_HOME"
  step 'Ports' check_ports "$(id -u "$service_user")" "${ports[@]}"
  ensure_bun "$opt/tools/bun-$bun_version"
  release=$(release_name)
  step 'Program' install_release "$release"
  step 'Sandboxes' allow_sandboxes as_service_user
  export AI_INFRA_STARTED_BY=${SUDO_USER:-root}
  start become_service_user "$opt/releases/$release"
}

run_as_yourself() {
  local ports
  mapfile -t ports < <(foreground_ports)
  step 'Disk' check_disk "$(megabytes_for "${AI_INFRA_HOME:-$HOME/.local/state/ai-infra}")" "$program" "${AI_INFRA_HOME:-$HOME}"
  # shellcheck disable=SC2086
  ensure_packages $packages_needed
  step 'Ports' check_ports "$(id -u)" "${ports[@]}"
  ensure_bun "$program/.tools/bun-$bun_version"
  ensure_sandboxes
  step 'npm packages' install_npm_packages "$program" "$program/.tools/bun-$bun_version/bun" --production
  export PATH=$PATH:/usr/sbin:/sbin
  start exec "$program"
}

# megabytes_for HOME: what a first start needs, or much less where an appliance is already.
megabytes_for() {
  if [ -d "$1/desired-state.git" ]; then echo 200; else echo 1500; fi
}

# start HOW FOLDER: becomes the program; Bun reads neither a .env nor a bunfig.toml of where it was started.
start() {
  local how=$1 folder=$2
  close_scratch
  trap - EXIT INT TERM
  ulimit -c 0 # secrets are in its memory
  "$how" "$folder/.tools/bun-$bun_version/bun" --no-env-file --config="$folder/bunfig.toml" "$folder/main.ts" up
}
