#!/usr/bin/env bash
# Gives each user of the broker a random password: secrets.sh ENV_FILE DEFINITIONS
# ENV_FILE, which compose reads, gets the passwords and is for its owner's eyes only; its other lines stay.
# DEFINITIONS, which the broker reads as another user, gets their salted hashes: nothing leads back from those, since
# the passwords are random.
set -euo pipefail

main() {
  [ $# = 2 ] || give_up "usage: secrets.sh ENV_FILE DEFINITIONS"
  local env_file=$1 definitions=$2 role password lines='' text
  umask 077
  mkdir -p "$(dirname "$definitions")"
  text=$(<"$(dirname "$0")/definitions.json")
  for role in orchestrator worker client rpc monitor; do
    password=$(od -An -tx1 -N24 /dev/urandom | tr -d ' \n')
    lines+="RABBITMQ_$(tr '[:lower:]' '[:upper:]' <<<"$role")_PASSWORD=$password"$'\n'
    text=$(with_hash "$role" "$(hash "$password")" <<<"$text")
  done
  lines+="RABBITMQ_DEFINITIONS=$(reference "$definitions")"$'\n'
  if [ -e "$env_file" ]; then
    lines+=$(grep -vE '^RABBITMQ_([A-Z]+_PASSWORD|DEFINITIONS)=' "$env_file" || true)$'\n'
  fi
  printf '%s\n' "$text" >"$definitions.new"
  printf '%s' "$lines" | sed '/^$/d' >"$env_file.new"
  chmod 644 "$definitions.new"
  mv "$definitions.new" "$definitions"
  mv "$env_file.new" "$env_file"
  echo "new passwords are in $env_file; \`docker compose up -d --force-recreate\` puts them to use" >&2
}

# Compose takes a path without a leading "/" or "./" for the name of a volume.
reference() {
  case $1 in /* | ./*) printf '%s' "$1" ;; *) printf './%s' "$1" ;; esac
}

# The definitions of standard input with this hash for this user.
with_hash() {
  grep -q "\"name\": \"$1\", \"password_hash\": " "$(dirname "$0")/definitions.json" ||
    give_up "definitions.json has no user $1 any more"
  sed "s|\(\"name\": \"$1\", \"password_hash\": \"\)[^\"]*|\1$2|"
}

# As RabbitMQ keeps it: four bytes of salt, then SHA-256 of salt and password, in base64.
hash() {
  local salt
  salt=$(od -An -tx1 -N4 /dev/urandom | tr -d ' \n')
  bytes "$salt$({ bytes "$salt"; printf '%s' "$1"; } | sha256)" | base64 | tr -d '\n'
}

bytes() { printf '%b' "$(sed 's/../\\x&/g' <<<"$1")"; }

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-64
}

give_up() {
  echo "secrets: $*" >&2
  exit 1
}

main "$@"
