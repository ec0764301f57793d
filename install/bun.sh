# Bun, in exactly the version that this program is tested with.

bun_version=1.4.5

# ensure_bun FOLDER: FOLDER/bun is that version afterwards.
ensure_bun() {
  local folder=$1 found
  if is_our_bun "$folder/bun"; then
    step "Bun $bun_version" note "$folder/bun"
  elif found=$(bun_on_machine); then
    step "Bun $bun_version" adopt_bun "$found" "$folder"
  else
    command -v npm >/dev/null || ensure_packages npm
    step "Bun $bun_version" install_bun "$folder"
  fi
}

is_our_bun() { [ -x "$1" ] && [ "$(cd / && "$1" --version 2>/dev/null)" = "$bun_version" ]; }

bun_on_machine() {
  local candidate
  for candidate in "$(command -v bun)" "$HOME/.bun/bin/bun" /usr/local/bin/bun; do
    if [ -n "$candidate" ] && is_our_bun "$candidate"; then
      readlink -f "$candidate"
      return 0
    fi
  done
  return 1
}

adopt_bun() {
  install -d "$2"
  cp -L "$1" "$2/.bun.$$"
  chmod 755 "$2/.bun.$$"
  mv -f "$2/.bun.$$" "$2/bun"
  note "from $1"
}

# Through npm with a committed lock file: its hashes say that the program is the one that was tested.
install_bun() {
  local folder=$1 build stage
  build=$(bun_build)
  stage=$(mktemp -d "$scratch/bun.XXXXXX")
  cp "$program/install/bun/$build/package.json" "$program/install/bun/$build/package-lock.json" "$stage/"
  (cd "$stage" && npm ci --ignore-scripts --no-audit --no-fund)
  is_our_bun "$stage/node_modules/@oven/bun-linux-$build/bin/bun" ||
    refuse "The Bun that npm installed does not run on this machine." "Install Bun $bun_version yourself, so that bun --version prints it, and run this again."
  adopt_bun "$stage/node_modules/@oven/bun-linux-$build/bin/bun" "$folder"
  note "the $build build, through npm"
}

bun_build() {
  case $(uname -m) in
    aarch64) echo aarch64 ;;
    *) if grep -q -w avx2 /proc/cpuinfo; then echo x64; else echo x64-baseline; fi ;;
  esac
}
