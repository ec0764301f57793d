# What the units get, in /etc/ai-infra/environment. Root's, 0600, because the Claude key is in it.

# setting NAME DEFAULT: from the environment, else from the settings, else the default.
setting() {
  local value=${!1:-}
  [ -n "$value" ] || value=$(stored_setting "$1")
  printf '%s' "${value:-$2}"
}

stored_setting() { [ ! -r "$settings" ] || sed -n "s/^$1=\"\(.*\)\"\$/\1/p" "$settings" | tail -n 1; }

# Asked for without an echo, only where a person can answer, and only once.
ask_for_key() {
  local key=''
  [ -z "${ANTHROPIC_API_KEY:-}" ] && [ -z "$(stored_setting ANTHROPIC_API_KEY)" ] && [ ! -e "$settings" ] || return 0
  { : </dev/tty; } 2>/dev/null || return 0
  printf '  Claude key (ANTHROPIC_API_KEY; empty for now is fine): ' >/dev/tty
  read -rs key </dev/tty || true
  printf '\n' >/dev/tty
  [ -z "$key" ] || export ANTHROPIC_API_KEY=$key
}

# Variables of this run's environment replace stored ones; everything else in the file stays as it is.
write_settings() {
  local name value fresh
  umask 077
  install -d -m 0755 "$(dirname "$settings")"
  [ -e "$settings" ] || printf '# Settings of AI Infrastructure; after an edit: systemctl restart ai-infra\n' >"$settings"
  fresh=$settings.new
  cp "$settings" "$fresh"
  for name in $contract; do
    value=${!name:-}
    if [ -z "$value" ] || [ "$name" = AI_INFRA_HOME ]; then continue; fi
    case $value in
      *[!A-Za-z0-9.,:/@%?\&=+_~-]*) refuse "$name has a character that a settings file cannot hold." 'Write other characters percent-encoded.' ;;
    esac
    grep -v "^$name=" "$settings" >"$fresh" || true
    printf '%s="%s"\n' "$name" "$value" >>"$fresh"
    cat "$fresh" >"$settings"
  done
  mv "$fresh" "$settings"
  chmod 0600 "$settings"
  if [ -n "$(stored_setting ANTHROPIC_API_KEY)$(stored_setting ANTHROPIC_BASE_URL)" ]; then
    note "$settings"
  else
    note "$settings (no Claude key yet: add ANTHROPIC_API_KEY=\"…\" there)"
  fi
}
