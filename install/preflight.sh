# What has to hold before anything is changed; each refusal says what to do.

supported_systems='Debian 12 or newer, Ubuntu 24.04 or newer'

check_system() {
  local ID='' VERSION_ID='' PRETTY_NAME='' os_release=${AI_INFRA_OS_RELEASE:-/etc/os-release}
  [ "$(uname -s)" = Linux ] || refuse "This is $(uname -s), and AI Infrastructure runs on Linux." "Use $supported_systems."
  # shellcheck source=/dev/null
  [ ! -r "$os_release" ] || . "$os_release"
  case $ID in
    debian) at_least "${VERSION_ID:-999}" 12 || unsupported "$PRETTY_NAME" ;;
    ubuntu) at_least "$VERSION_ID" 24.04 || unsupported "$PRETTY_NAME" ;;
    *) unsupported "${PRETTY_NAME:-an unknown system}" ;;
  esac
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) refuse "This machine is a $(uname -m)." 'AI Infrastructure runs on x86_64 and aarch64.' ;;
  esac
  note "$PRETTY_NAME, $(uname -m)"
}

unsupported() { refuse "This is $1." "AI Infrastructure needs $supported_systems."; }

at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_memory() {
  local available
  available=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  [ "$available" -ge 400 ] || refuse "Only $available MB of memory are free; the appliance needs 400 MB." 'Stop something else, or use a larger machine.'
  note "$available MB free"
}

# check_disk MEGABYTES FOLDER…: the nearest existing parent of each folder.
check_disk() {
  local needed=$1 folder free
  shift
  for folder in "$@"; do
    folder=$(nearest_existing "$folder")
    free=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$needed" ] || refuse "Only $free MB are free on the disk of $folder; $needed MB are needed." 'Make room there, or choose another AI_INFRA_HOME.'
  done
  note "$free MB free"
}

nearest_existing() {
  local folder=$1
  while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
  printf '%s' "$folder"
}

# check_ports OWN-UID NAME=PORT…: free, or held by our own user (an appliance that runs already looks after itself).
check_ports() {
  local own=$1 pair port
  shift
  for pair in "$@"; do
    port=${pair#*=}
    case $port in
      '' | *[!0-9]*) refuse "${pair%%=*} is '$port'." 'Write a port from 1 to 65535.' ;;
    esac
    ! held_by_stranger "$port" "$own" || refuse "Port $port is in use by another program." "See which with: ss -ltnp 'sport = :$port'
Stop it, or choose another port: ${pair%%=*}=… $called_as"
  done
  note "${*#*=}"
}

held_by_stranger() {
  local hex
  hex=$(printf '%04X' "$1")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port=":$hex" -v own="$2" '$4 == "0A" && substr($2, length($2) - 4) == port && $8 != own { found = 1 } END { exit !found }'
}

# check_home HOME: the user that we drop to must be able to reach and use it.
check_home() {
  local home=$1 part=''
  case $home in
    /*) ;;
    *) refuse "AI_INFRA_HOME is '$home'." 'Write an absolute path.' ;;
  esac
  local IFS=/
  for name in ${home#/}; do
    part=$part/$name
    [ -e "$part" ] || break
    as_service_user test -x "$part" || refuse "The user $service_user cannot reach $part, so it cannot use $home." "Let it pass:  chmod o+x $part
or choose another folder:  AI_INFRA_HOME=/srv/ai-infra $called_as"
  done
  [ ! -e "$home" ] || as_service_user test -w "$home" || refuse "The user $service_user cannot write to $home." "Give it the folder:  chown $service_user: $home
or choose another one:  AI_INFRA_HOME=/srv/ai-infra $called_as"
  [ -e "$home" ] || install -d -m 0750 -o "$service_user" -g "$service_user" "$home"
  note "$home"
}
