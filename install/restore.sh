# `install.sh restore`: an empty home becomes the appliance that a repository keeps.

restore_from_repository() {
  local words=()
  # Before anything is installed.
  case " $* " in *' --help '* | *' -h '*) restore_usage && return 0 ;; esac
  from_here "$@"
  # The password may come on it: no step on the way may read it.
  exec 3<&0 </dev/null
  headline 'AI Infrastructure: restore'
  prepare_system
  # shellcheck disable=SC2086
  ensure_packages $packages_needed
  if [ "$(id -u)" -eq 0 ]; then restore_as_root "${words[@]}"; else restore_as_yourself "${words[@]}"; fi
}

# Sets $words: files are named from where the caller stands, and the program runs elsewhere.
from_here() {
  local word before=''
  for word in "$@"; do
    case $before=$word in
      --identity=/* | --into=/*) ;;
      --identity=* | --into=*) word=$PWD/$word ;;
      *=--identity=/* | *=--into=/*) ;;
      *=--identity=* | *=--into=*) word=${word%%=*}=$PWD/${word#*=} ;;
    esac
    words+=("$word")
    before=$word
  done
}

restore_usage() {
  cat <<'TEXT'
Usage: ./install.sh restore --repository R [SNAPSHOT] [--into DIR]

  a folder   nothing else
  sftp:      --host-key KEY --identity FILE
  s3:        --region NAME, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment
  rest:      RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD in the environment

The password is asked for, or read from standard input.
TEXT
}

restore_as_root() {
  local release
  export AI_INFRA_HOME=${AI_INFRA_HOME:-$service_home}
  step 'User' ensure_user
  step 'Home' check_home "$AI_INFRA_HOME"
  ensure_bun "$opt/tools/bun-$bun_version"
  release=$(release_name)
  step 'Program' install_release "$release"
  export AI_INFRA_CALLED=$program/install.sh
  restore_keys="$restore_keys AI_INFRA_CALLED"
  close_scratch
  trap - EXIT INT TERM
  contract="$contract $restore_keys"
  become_service_user "$opt/releases/$release/.tools/bun-$bun_version/bun" --no-env-file --config="$opt/releases/$release/bunfig.toml" \
    "$opt/releases/$release/main.ts" backup restore "$@" <&3 3<&-
}

restore_as_yourself() {
  ensure_bun "$program/.tools/bun-$bun_version"
  step 'npm packages' install_npm_packages "$program" "$program/.tools/bun-$bun_version/bun" --production
  export AI_INFRA_CALLED=$program/install.sh
  close_scratch
  trap - EXIT INT TERM
  exec "$program/.tools/bun-$bun_version/bun" --no-env-file --config="$program/bunfig.toml" "$program/main.ts" backup restore "$@" <&3 3<&-
}

# What opens a bucket or a REST server.
restore_keys='AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN RESTIC_REST_USERNAME RESTIC_REST_PASSWORD'
