# `install.sh`: this machine as a server, or its upgrade.

units=/etc/systemd/system
settings=/etc/ai-infra/environment

install_server() {
  local release
  headline 'AI Infrastructure: server install'
  [ "$(id -u)" -eq 0 ] || refuse 'The server install needs root.' "Run: sudo $0    (or try it without: $0 run)"
  prepare_system
  step 'systemd' check_systemd
  step 'Disk' check_disk 1500 "$opt" "$service_home"
  # shellcheck disable=SC2086
  ensure_packages $packages_needed
  step 'User' ensure_user
  step 'Home' check_home "$service_home"
  step 'Ports' check_server_ports
  ensure_bun "$opt/tools/bun-$bun_version"
  ask_for_key
  step 'Settings' write_settings
  release=$(release_name)
  step 'Program' install_release "$release"
  step 'Sandboxes' allow_sandboxes as_service_user
  step 'Sign-in' prepare_sign_in
  step 'Units' install_units "$opt/releases/$release"
  step 'Switch' switch_to "$release"
  step 'Services' start_services
  step 'Converged' wait_until_converged
  step 'Older releases' remove_old_releases
  final_screen
}

check_systemd() {
  [ -d /run/systemd/system ] || refuse 'systemd is not running here.' "The server install needs it. Without it: $program/install.sh run"
  [ -z "${AI_INFRA_HOME:-}" ] || [ "$AI_INFRA_HOME" = "$service_home" ] ||
    refuse "AI_INFRA_HOME is $AI_INFRA_HOME." "An installed server keeps its data in $service_home: mount another disk there instead, and unset AI_INFRA_HOME."
  note "$(systemctl --version | head -n 1)"
}

# The ports that the units will use: the defaults of a server, what is in the settings, what the environment says now.
check_server_ports() {
  local name pairs=()
  for name in AI_INFRA_HTTP_PORT=80 AI_INFRA_HTTPS_PORT=443 AI_INFRA_PORTAL_PORT=3000; do
    pairs+=("${name%%=*}=$(setting "${name%%=*}" "${name#*=}")")
  done
  check_ports "$(id -u "$service_user")" "${pairs[@]}"
}

install_units() {
  local source=$1/systemd file changed=()
  install -D -m 0644 "$source/sysusers.d/ai-infra.conf" /etc/sysusers.d/ai-infra.conf
  install -D -m 0644 "$source/tmpfiles.d/ai-infra.conf" /etc/tmpfiles.d/ai-infra.conf
  systemd-sysusers /etc/sysusers.d/ai-infra.conf
  systemd-tmpfiles --create /etc/tmpfiles.d/ai-infra.conf
  for file in "$source"/system/*; do
    cmp -s "$file" "$units/$(basename "$file")" && continue
    install -m 0644 "$file" "$units/$(basename "$file")"
    changed+=("$(basename "$file")")
  done
  for file in "$units"/ai-infra*; do
    [ ! -f "$file" ] || [ -e "$source/system/$(basename "$file")" ] || remove_unit "$(basename "$file")"
  done
  # Kept until they are restarted, also if this run ends before.
  [ "${#changed[@]}" -eq 0 ] || printf '%s\n' "${changed[@]}" >>"$opt/units-changed"
  systemctl daemon-reload
  systemctl enable ai-infra.target ai-infra.service ai-infra-postgres.service ai-infra-redis.service ai-infra-nginx.service ai-infra-tmux.service
  note "${#changed[@]} changed"
}

remove_unit() {
  systemctl disable --now "$1" || true
  rm -f "$units/$1"
}

switch_to() {
  local before
  before=$(readlink "$opt/current" || echo none)
  ln -sfn "releases/$1" "$opt/.current"
  mv -T "$opt/.current" "$opt/current"
  install -d /usr/local/bin
  ln -sfn "$opt/current/bin/ai-infra" /usr/local/bin/ai-infra
  note "$(basename "$before") → $1"
}

# The runtime is restarted when its program changed; what serves requests or holds agents only when it must be.
start_services() {
  local service restarted=''
  for service in postgres redis tmux nginx; do
    if systemctl is-active --quiet "ai-infra-$service" && has_changed "$service"; then
      systemctl restart "ai-infra-$service"
      restarted="$restarted $service"
    fi
  done
  if [ "$(readlink -f "$opt/current")" != "$(cat "$opt/running" 2>/dev/null)" ] || has_changed ''; then
    systemctl restart ai-infra.service
    restarted="$restarted runtime"
  fi
  systemctl start ai-infra.target
  for service in postgres redis tmux nginx; do describe "$service" >"$opt/described-$service"; done
  readlink -f "$opt/current" >"$opt/running"
  rm -f "$opt/units-changed"
  note "restarted:${restarted:- nothing}"
}

# has_changed SERVICE: its unit, or the command line that its unit runs. An empty name is the runtime's unit.
has_changed() {
  grep -q -x "ai-infra${1:+-$1}.service" "$opt/units-changed" 2>/dev/null && return 0
  [ -n "$1" ] && [ -e "$opt/described-$1" ] && [ "$(describe "$1")" != "$(cat "$opt/described-$1")" ]
}

# What the unit of a service would run, in the environment that its unit has.
describe() (
  set -a
  AI_INFRA_HTTP_PORT=80 AI_INFRA_HTTPS_PORT=443
  # shellcheck source=/dev/null
  . "$settings"
  AI_INFRA_HOME=$service_home
  become_service_user "$opt/current/bin/ai-infra" service "$1" --describe
)

wait_until_converged() {
  local deadline=$((SECONDS + 90)) service
  until "$opt/current/bin/ai-infra" wait --timeout 10; do
    [ "$SECONDS" -lt "$deadline" ] || not_converged 'it did not converge within 90 s'
    sleep 0.2
  done
  for service in postgres redis tmux nginx; do
    systemctl is-active --quiet "ai-infra-$service" || not_converged "ai-infra-$service does not run"
  done
  note "$("$opt/current/bin/ai-infra" status | head -n 1)"
}

not_converged() {
  refuse "The server is installed, but $1." "See how each part stands:  ai-infra status; ai-infra doctor
and what they say:  journalctl -u 'ai-infra*' -n 50"
}

# The newest three stay, and every one that a process still runs from.
remove_old_releases() {
  local release kept=0 removed=0
  while read -r release; do
    kept=$((kept + 1))
    [ "$kept" -gt 3 ] || continue
    [ "$release" != "$(readlink -f "$opt/current")" ] || continue
    ! grep -q -s -z -F "$release/" /proc/[0-9]*/cmdline || continue
    rm -rf "$release"
    removed=$((removed + 1))
  done < <(find "$opt/releases" -mindepth 1 -maxdepth 1 -type d -not -name '.*' -printf '%T@ %p\n' | sort -rn | cut -d ' ' -f 2-)
  note "$removed removed"
}

# Empty once there is an administrator. The runtime writes it last, so it may take a moment.
first_admin_code() {
  local tries=0 file=$service_home/keys/first-admin-code
  until as_service_user test -e "$file" || [ "$tries" -ge 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  as_service_user cat "$file" 2>/dev/null || true
}

final_screen() {
  local port host code
  port=$(setting AI_INFRA_PORTAL_PORT 3000)
  host=$(hostname -f 2>/dev/null || hostname)
  headline 'Installed'
  say "Portal       http://127.0.0.1:$port — from your machine: ssh -L $port:127.0.0.1:$port $service_user@$host"
  code=$(first_admin_code)
  [ -z "$code" ] || say "First admin  $code    (one-time code: the portal asks for it)"
  say "Attach       ssh -t $service_user@$host tmux attach -t ai-infrastructure"
  say "Status       ai-infra status"
  say "Settings     $settings, then: systemctl restart ai-infra"
  say 'Then clone what the server is to be, edit domains.yaml, and git push:'
  printf '\ngit clone %s@%s:desired-state.git\n\n' "$service_user" "$host"
}
