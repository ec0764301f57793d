# The user that everything long-running belongs to, and how root becomes it.

service_user=ai-infra
service_home=/var/lib/ai-infra

# Everything that the program reads from its environment; nothing else of root's is passed on.
contract='AI_INFRA_HOME AI_INFRA_PORTAL_PORT AI_INFRA_HTTP_PORT AI_INFRA_HTTPS_PORT ANTHROPIC_API_KEY ANTHROPIC_BASE_URL
OPENAI_API_KEY OPENAI_BASE_URL DATABASE_URL REDIS_URL QDRANT_URL CLOUDFLARE_BASE_URL'
# Only where the last of these is set: an administrator's own keys of AWS are not the appliance's.
contract_aws='AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ENDPOINT_URL_SECRETS_MANAGER AWS_SECRETS_PREFIX'
[ -z "${AWS_SECRETS_PREFIX:-}" ] || contract="$contract $contract_aws"
# And all that begin like these: passwords of the databases of databases.yaml, values of secret:NAME.
contract_prefixes='AI_INFRA_DATABASE_PASSWORD_ AI_INFRA_SECRET_'

ensure_user() {
  if id "$service_user" >/dev/null 2>&1; then
    note "$service_user is there"
  else
    useradd --system --user-group --home-dir "$service_home" --no-create-home --shell /bin/bash --comment 'AI Infrastructure' "$service_user"
    # No password can match, and a key may still sign in where sshd does not use PAM.
    usermod --password '*' "$service_user"
    note "made $service_user"
  fi
  [ -d "$service_home" ] || install -d -m 0750 -o "$service_user" -g "$service_user" "$service_home"
}

# as_service_user COMMAND WORD…, with an empty environment.
as_service_user() {
  setpriv --reuid "$service_user" --regid "$service_user" --init-groups --reset-env "$@"
}

# become_service_user COMMAND WORD…: replaces this process. The variables stay in the environment and are never
# arguments, which everybody on the machine could read.
become_service_user() {
  keep_only "$contract" "$(prefixed)" 'TERM COLORTERM LANG LC_ALL LC_CTYPE TZ NO_COLOR AI_INFRA_STARTED_BY'
  export HOME=$service_home USER=$service_user LOGNAME=$service_user SHELL=/bin/bash
  cd /
  exec setpriv --reuid "$service_user" --regid "$service_user" --init-groups "$@"
}

# Names of the exported variables that begin like one of the contract.
prefixed() {
  local prefix
  for prefix in $contract_prefixes; do compgen -e "$prefix" || true; done
}

# keep_only NAMES…: unsets every other exported variable; PATH is set to the system's.
keep_only() {
  local kept name
  kept=" $(echo "$@" | tr '\n' ' ') "
  while read -r name; do
    case $kept in *" $name "*) ;; *) unset "$name" 2>/dev/null || true ;; esac
  done < <(compgen -e)
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}
