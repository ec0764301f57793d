# Debian's packages: only what is missing, without starting anything and without touching what was there.

packages_needed='tmux nginx certbot restic openssh-client gpg bind9-dnsutils redis-server postgresql git bubblewrap socat ripgrep curl ca-certificates openssl util-linux procps'
packages_for_tests='pebble bind9 chromium wrk openssh-server gpg-agent debootstrap systemd-container iproute2 fonts-dejavu-core'

# Services that Debian would start and enable by itself: package=unit.
debian_units='bind9=named.service certbot=certbot.timer nginx=nginx.service redis-server=redis-server.service postgresql=postgresql.service openssh-server=ssh.service'

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Asked for all at once: dpkg-query reads its whole database at each call.
missing_packages() {
  local package installed
  # It fails where one is unknown, and still names the others.
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    case $'\n'$installed$'\n' in *$'\n'"$package installed"$'\n'*) ;; *) printf '%s\n' "$package" ;; esac
  done
}

# ensure_packages PACKAGE…: as root, or through sudo when something is missing.
ensure_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -eq 0 ]; then
    step "Debian packages" note 'all there'
  elif [ "$(id -u)" -eq 0 ]; then
    step "Debian packages" install_packages "${missing[@]}"
  else
    command -v sudo >/dev/null || refuse "Packages are missing: ${missing[*]}" "Install them as root, then run this again:
apt-get install --no-install-recommends ${missing[*]}"
    say "sudo is asked for once, to install: ${missing[*]}"
    sudo "$BASH" "$program/install.sh" packages "${missing[@]}" || exit 1
  fi
}

install_packages() {
  keep_services_down "$@"
  apt update
  apt install -y --no-install-recommends "$@"
  disable_new_services "$@"
  install -d "$opt"
  printf '%s\n' "$@" >>"$opt/packages"
  note "installed $*"
}

apt() {
  local tries=0
  until DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 3 ] || refuse "apt-get $1 failed three times." "Is the network there? See why with: apt-get $1
The last lines: $(tail -n 3 "$scratch/log" | tr '\n' ' ')"
    sleep "$tries"
  done
}

keep_services_down() {
  local names=''
  for pair in $debian_units; do
    case " $* " in *" ${pair%%=*} "*) names="$names|$(basename "${pair#*=}" .service)|${pair#*=}" ;; esac
  done
  is_installed postgresql-common || no_cluster_of_debian
  [ -n "$names" ] && [ ! -e /usr/sbin/policy-rc.d ] || return 0
  undo_later rm -f /usr/sbin/policy-rc.d
  printf '#!/bin/sh\n# Made by the installer of AI Infrastructure for the time of one apt-get.\ncase "$1" in %s) exit 101 ;; esac\nexit 0\n' "${names#|}" >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
}

no_cluster_of_debian() {
  install -d /etc/postgresql-common/createcluster.d
  printf '# AI Infrastructure makes its own private cluster.\ncreate_main_cluster = false\n' >/etc/postgresql-common/createcluster.d/ai-infra.conf
}

disable_new_services() {
  local pair
  command -v systemctl >/dev/null || return 0
  for pair in $debian_units; do
    case " $* " in *" ${pair%%=*} "*) systemctl disable "${pair#*=}" || true ;; esac
  done
  rm -f /usr/sbin/policy-rc.d
}
