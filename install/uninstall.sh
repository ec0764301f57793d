# `install.sh uninstall`: the program goes, the data stays unless --purge says otherwise.

uninstall() {
  local purge='' yes='' word
  for word in "$@"; do
    case $word in
      --purge) purge=yes ;;
      --yes) yes=yes ;;
      *) usage >&2 && exit 2 ;;
    esac
  done
  [ "$(id -u)" -eq 0 ] || refuse 'Removing the server install needs root.' "Run: sudo $0 uninstall"
  [ -z "$purge" ] || [ -n "$yes" ] || confirm_purge
  headline 'AI Infrastructure: uninstall'
  local packages=''
  [ ! -r "$opt/packages" ] || packages=$(sort -u "$opt/packages" | tr '\n' ' ')
  step 'Units' remove_units
  step 'Sign-in' remove_sign_in
  step 'Program' remove_program
  if [ -n "$purge" ]; then step 'Data' remove_data; fi
  say ''
  [ -n "$purge" ] || say "Kept: the data in $service_home, the settings in $settings, the user $service_user. (uninstall --purge removes them.)"
  [ -z "$packages" ] || say "Kept: Debian's packages that were installed for it: $packages"
}

confirm_purge() {
  local answer=''
  { : </dev/tty; } 2>/dev/null || refuse "--purge removes everything in $service_home for good." 'Nobody can be asked here: add --yes.'
  printf 'This removes %s for good: sites, memory, databases, the repository. Type “remove” to go on: ' "$service_home" >/dev/tty
  read -r answer </dev/tty || true
  [ "$answer" = remove ] || refuse 'Nothing was removed.' 'The answer was not “remove”.'
}

remove_units() {
  local file count=0
  systemctl disable --now ai-infra.target ai-infra.service || true
  for file in "$units"/ai-infra*.service "$units"/ai-infra.target "$units"/ai-infra.slice; do
    [ -e "$file" ] || continue
    remove_unit "$(basename "$file")"
    count=$((count + 1))
  done
  rm -f /etc/sysusers.d/ai-infra.conf /etc/tmpfiles.d/ai-infra.conf
  systemctl daemon-reload
  systemctl reset-failed 'ai-infra*' || true
  note "$count removed"
}

remove_sign_in() {
  local file
  id "$service_user" || return 0
  for file in .bashrc .profile .ssh/authorized_keys; do remove_block "$file"; done
  note "the copied SSH keys no longer open $service_user"
}

remove_program() {
  if [ -e "$apparmor_profile" ]; then
    apparmor_parser --remove "$apparmor_profile" || true
    rm -f "$apparmor_profile"
  fi
  rm -rf /usr/local/bin/ai-infra "$opt" /var/cache/ai-infra
  note "$opt, /usr/local/bin/ai-infra"
}

remove_data() {
  local busy
  busy=$(ps -o pid=,args= -u "$service_user" || true)
  [ -z "$busy" ] || refuse "Processes of $service_user still run, so its data stays." "End them and run this again:
$busy"
  rm -rf "$service_home" "$(dirname "$settings")"
  userdel "$service_user"
  note "$service_home, $settings, the user $service_user"
}
