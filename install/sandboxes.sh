# Ubuntu from 24.04 on forbids user namespaces, which bubblewrap needs, to every program without a profile.

apparmor_profile=/etc/apparmor.d/ai-infra-bwrap

allow_sandboxes() {
  if as_service_user bwrap --unshare-user --ro-bind / / true; then
    note 'bubblewrap works'
    return 0
  fi
  if [ "$(sysctl -n kernel.apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ] && command -v apparmor_parser; then
    install -m 0644 "$program/systemd/apparmor.d/ai-infra-bwrap" "$apparmor_profile"
    apparmor_parser --replace "$apparmor_profile"
    note "allowed bubblewrap by $apparmor_profile"
  fi
  as_service_user bwrap --unshare-user --ro-bind / / true ||
    refuse "bubblewrap cannot make a sandbox for $service_user." 'User namespaces are forbidden on this machine. See: sysctl kernel.unprivileged_userns_clone user.max_user_namespaces'
}
