# `ssh ai-infra@server`: keys, and shells in which `tmux attach` finds our server.

mark_start='# ai-infra: kept by install.sh'
mark_end='# ai-infra: end'

prepare_sign_in() {
  local keys
  shell_settings | write_block .bashrc
  # shellcheck disable=SC2016
  printf '[ -z "$BASH_VERSION" ] || . "$HOME/.bashrc"\n' | write_block .profile
  as_service_user bash -c 'cd && mkdir -p run && mkdir -p -m 700 "run/tmux-$(id -u)" && ln -sfn ../tmux.sock "run/tmux-$(id -u)/default" && mkdir -p -m 700 .ssh'
  keys=$(invokers_keys)
  if [ -n "$keys" ]; then
    printf '%s\n' "$keys" | write_block .ssh/authorized_keys
    note "SSH keys of ${SUDO_USER:-root} copied: $(printf '%s\n' "$keys" | wc -l)"
  else
    note "no SSH keys of ${SUDO_USER:-root} to copy; add yours to $service_home/.ssh/authorized_keys"
  fi
}

# bash reads .bashrc also for `ssh host COMMAND`.
shell_settings() {
  printf 'export TMUX_TMPDIR=%s/run AI_INFRA_HOME=%s\n' "$service_home" "$service_home"
}

# Whole keys without options: a forced command or a restriction was meant for another account.
invokers_keys() {
  local home
  home=$(getent passwd "${SUDO_USER:-root}" | cut -d: -f 6)
  grep -h -E '^(ssh-|ecdsa-|sk-)' "$home/.ssh/authorized_keys" 2>/dev/null || true
}

# The block goes first: Debian's .bashrc ends early for shells that are not interactive. The service user writes it, so
# that a link in its home leads root nowhere.
write_block() {
  as_service_user bash -c '
    set -euo pipefail
    umask 077
    cd
    new=$(mktemp "$1.XXXXXX")
    { printf "%s\n" "$2"; cat; printf "%s\n" "$3"; sed "/^$2\$/,/^$3\$/d" "$1" 2>/dev/null || true; } >"$new"
    mv "$new" "$1"
  ' - "$1" "$mark_start" "$mark_end"
}

remove_block() {
  as_service_user bash -c 'cd && [ ! -f "$1" ] || sed -i "/^$2\$/,/^$3\$/d" "$1"' - "$1" "$mark_start" "$mark_end"
}
