#!/bin/sh
# Starts RabbitMQ in its container. In production it refuses the development passwords: their hashes, and no others,
# are made with a salt of four zero bytes, which "AAAAA" is the beginning of.
set -eu

definitions=${1:-/etc/warrener/definitions.json}
if [ "${WARRENER_ENV:-}" = production ] && grep -q '"password_hash": "AAAAA' "$definitions"; then
  echo "error: the users of the broker have their development passwords, and WARRENER_ENV is production" >&2
  echo "  help: run \`make secrets\` and start again; or unset WARRENER_ENV if this is no production system" >&2
  exit 1
fi
exec rabbitmq-server
