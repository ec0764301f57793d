# Ubuntu from 24.04 on forbids user namespaces, which bubblewrap needs, to every program without a profile.

apparmor_profile=/etc/apparmor.d/ai-infra-bwrap

# allow_sandboxes PROBE: PROBE runs a command as the user who will need sandboxes.
allow_sandboxes() {
  if sandbox_works "$1"; then
    note 'bubblewrap works'
    return 0
  fi
  if [ "$(sysctl -n kernel.apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ] && command -v apparmor_parser; then
    install -m 0644 "$program/systemd/apparmor.d/ai-infra-bwrap" "$apparmor_profile"
    apparmor_parser --replace "$apparmor_profile"
    note "allowed bubblewrap by $apparmor_profile"
  fi
  sandbox_works "$1" || refuse 'bubblewrap cannot make a sandbox.' 'User namespaces are forbidden on this machine. See: sysctl kernel.unprivileged_userns_clone user.max_user_namespaces'
}

sandbox_works() { "$1" bwrap --unshare-user --ro-bind / / true; }

# The same for a normal user, who asks sudo for it only when it is needed.
ensure_sandboxes() {
  if bwrap --unshare-user --ro-bind / / true 2>/dev/null; then
    step 'Sandboxes' note 'bubblewrap works'
    return 0
  fi
  command -v sudo >/dev/null || refuse 'bubblewrap cannot make a sandbox on this machine.' "Let root allow it:  $program/install.sh sandboxes"
  say 'sudo is asked for once, to let bubblewrap make sandboxes'
  sudo "$BASH" "$program/install.sh" sandboxes || exit 1
}

as_invoker() { setpriv --reuid "${SUDO_UID:-65534}" --regid "${SUDO_GID:-65534}" --clear-groups "$@"; }
