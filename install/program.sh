# The program's files: in the checkout for a normal user, a root-owned copy below /opt/ai-infra for root.

opt=/opt/ai-infra

# The files of the checkout that belong to it, NUL-separated. Root may look at somebody else's checkout, whose
# configuration is not to run anything.
program_files() {
  cd "$program" || return
  if [ -e .git ]; then
    git -c safe.directory="$program" -c core.fsmonitor=false ls-files -z "$@"
  else
    find . -type f -not -path '*/node_modules/*' -not -path './.tools/*' -printf '%P\0'
  fi | sort -zu | while IFS= read -r -d '' file; do
    if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
  done
}

program_version() { sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$program/package.json" | head -n 1; }

# VERSION-HASH, the hash over names, modes and contents of all files and the version of Bun.
release_name() {
  local hash
  hash=$(cd "$program" && {
    program_files | xargs -0 sha256sum
    program_files | xargs -0 stat -c '%A %n'
    echo "$bun_version"
  } | sha256sum | cut -c1-12)
  printf '%s-%s' "$(program_version)" "$hash"
}

# copy_program FOLDER [ls-files option…]
copy_program() {
  local folder=$1
  shift
  (cd "$program" && program_files "$@" | tar --create --no-recursion --null --files-from=-) |
    tar --extract --directory "$folder" --no-same-owner --no-same-permissions
}

# install_npm_packages FOLDER BUN [--production]
install_npm_packages() {
  local folder=$1 bun=$2 stamp mode=${3:-all}
  stamp=$(sha256sum "$folder/bun.lock" "$folder/package.json" | sha256sum | cut -c1-16)
  if [ -e "$folder/node_modules/.complete-$stamp-$mode" ] || [ -e "$folder/node_modules/.complete-$stamp-all" ]; then
    note 'all there'
    return 0
  fi
  (cd "$folder" && "$bun" install --frozen-lockfile --ignore-scripts --no-progress ${3:+"$3"}) ||
    refuse 'The npm packages could not be installed.' "Is the network there? The last lines: $(tail -n 3 "$scratch/log" | tr '\n' ' ')"
  rm -f "$folder"/node_modules/.complete-*
  : >"$folder/node_modules/.complete-$stamp-$mode"
  note "$(find "$folder/node_modules" -name package.json -path '*node_modules/*' -prune -printf . | wc -c) packages"
}

# install_release NAME: stages a copy beside the releases and renames it when it is complete.
install_release() {
  local name=$1 stage
  if [ -d "$opt/releases/$name" ]; then
    note "$name is there"
    return 0
  fi
  umask 022
  install -d "$opt" "$opt/releases" /var/cache/ai-infra
  stage=$(mktemp -d "$opt/releases/.stage.XXXXXX")
  undo_later rm -rf "$stage"
  copy_program "$stage"
  export BUN_INSTALL_CACHE_DIR=/var/cache/ai-infra/bun
  install_npm_packages "$stage" "$opt/tools/bun-$bun_version/bun" --production
  install -d "$stage/.tools/bun-$bun_version"
  ln "$opt/tools/bun-$bun_version/bun" "$stage/.tools/bun-$bun_version/bun"
  chmod -R u=rwX,go=rX "$stage"
  mv -T "$stage" "$opt/releases/$name"
  note "$opt/releases/$name"
}
