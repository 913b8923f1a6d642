#!/usr/bin/env bash
# Runs the examples on this machine, with everything they need: a private RabbitMQ, the orchestrator and two workers.
#
#   examples/demo.sh                   all of them        examples/demo.sh train-model      one of them
#   KEEP=1 examples/demo.sh            leaves it running  examples/demo.sh stop             ends what was left running
#
# Installs RabbitMQ and Python from the system's packages if they are not there. Listens on the loopback address only,
# on free ports, and keeps everything (data, logs, pids) in target/demo.
set -euo pipefail
cd "$(dirname "$0")/.."

ROOT=$PWD
DEMO=$ROOT/target/demo
BIN=${CARGO_TARGET_DIR:-$ROOT/target}/release
STARTED=$SECONDS

main() {
  if [ "${1:-}" = stop ]; then stop_all; exit 0; fi
  [ $# -gt 0 ] || set -- word-count train-model serve-model
  for name in "$@"; do
    [ -f "$(job_of "$name")" ] || fail "there is no example '$name': choose from word-count, train-model, serve-model"
  done

  stop_all
  rm -rf "$DEMO"
  mkdir -p "$DEMO"
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  install_missing
  build
  start_rabbitmq
  start_orchestrator
  start_worker 1
  start_worker 2
  for name in "$@"; do run_example "$name"; done
  say_goodbye
}

# --- what has to be there -------------------------------------------------------------------------

install_missing() {
  # Not into a log: it may have to ask for a password.
  .ci/setup demo || fail "something that the demo needs could not be installed"
  rabbitmq_server >/dev/null || fail "RabbitMQ is installed, but its rabbitmq-server is in none of the usual places"
}

# The server itself: the rabbitmq-server on Debian's path is a wrapper that insists on the system's own node.
rabbitmq_server() {
  local place
  for place in /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin /opt/rabbitmq/sbin \
    /opt/homebrew/opt/rabbitmq/sbin /usr/local/opt/rabbitmq/sbin /usr/local/sbin; do
    if [ -x "$place/rabbitmq-server" ]; then echo "$place/rabbitmq-server"; return; fi
  done
  return 1
}

build() {
  if [ -x "$BIN/warrener" ] && [ -x "$BIN/orchestrator" ] && [ -x "$BIN/worker" ]; then
    say "building what has changed"
  else
    say "building; the first time this takes about nine minutes on two cores"
  fi
  start build cargo build --release --locked --bin orchestrator --bin worker --bin warrener
  local cargo=$! began=$SECONDS told=$SECONDS last crates
  while kill -0 $cargo 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r\e[K  %s' "$(tail -n 1 "$DEMO/build.log" | cut -c 1-70)"
    elif [ $((SECONDS - told)) -ge 30 ]; then
      # Nobody watches a bar: a line now and then says that it goes on.
      told=$SECONDS
      last=$(tail -n 1 "$DEMO/build.log" | tr -s ' ' | cut -c 1-60)
      crates=$(grep -c Compiling "$DEMO/build.log" || true)
      say "still building after $((SECONDS - began)) s, $crates crates so far:$last"
    fi
    sleep 0.5
  done
  if [ -t 1 ]; then printf '\r\e[K'; fi
  wait $cargo || fail "the build failed"
  rm "$DEMO/build.pid"
}

# --- what gets started ----------------------------------------------------------------------------

start_rabbitmq() {
  say "starting RabbitMQ"
  local home=$DEMO/rabbitmq
  read -r AMQP_PORT HTTP_PORT dist_port epmd_port < <(free_ports 4)
  mkdir -p "$home"
  echo '[].' >"$home/plugins"
  # An epmd of its own (Erlang's name server), so that this node and others on the machine don't meet.
  HOME=$home ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1 start epmd "$(epmd_program)" -port "$epmd_port"
  HOME=$home ERL_EPMD_PORT=$epmd_port RABBITMQ_NODENAME="warrener-demo@localhost" \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$AMQP_PORT RABBITMQ_DIST_PORT=$dist_port \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
    RABBITMQ_MNESIA_BASE=$home/data RABBITMQ_LOG_BASE=$home/log RABBITMQ_PID_FILE=$home/pid \
    RABBITMQ_ENABLED_PLUGINS_FILE=$home/plugins RABBITMQ_CONFIG_FILE=$home/rabbitmq \
    start rabbitmq "$(rabbitmq_server)"
  wait_until 60 rabbitmq "RabbitMQ" port_open "$AMQP_PORT"
  export WARRENER_AMQP__URL="amqp://guest:guest@127.0.0.1:$AMQP_PORT/%2f"
  export WARRENER_URL="http://127.0.0.1:$HTTP_PORT"
}

start_orchestrator() {
  say "starting the orchestrator and two workers"
  WARRENER_STORE__URL="sqlite://$DEMO/warrener.db" WARRENER_HTTP__LISTEN="127.0.0.1:$HTTP_PORT" \
    start orchestrator "$BIN/orchestrator"
  wait_until 30 orchestrator "the orchestrator" http_ok /readyz
}

start_worker() {
  start "worker-$1" "$BIN/worker" --config examples/worker.toml
}

run_example() {
  local job output=$DEMO/$1.json
  job=$(job_of "$1")
  printf '\n%s\n' "${BOLD}$1${PLAIN}  warrener submit $job --watch"
  "$BIN/warrener" submit "$job" --watch >"$output" || fail "the example $1 did not succeed"
  python3 examples/show.py <"$output"
  if [ "$1" = serve-model ] && python3 -c 'import pika' 2>/dev/null; then ask_over_amqp; fi
}

# The same question from a program that knows RabbitMQ and nothing of Warrener.
ask_over_amqp() {
  printf '\n%s\n' "${BOLD}serve-model over AMQP${PLAIN}  python3 examples/serve-model/client.py"
  python3 examples/serve-model/client.py >"$DEMO/client.json" || fail "the AMQP client got no good answer"
  python3 examples/show.py <"$DEMO/client.json"
}

job_of() {
  if [ -f "examples/$1/job.json" ]; then echo "examples/$1/job.json"; else echo "examples/$1/job.yaml"; fi
}

say_goodbye() {
  printf '\n%s\n' "All examples ran to their end, $((SECONDS - STARTED)) s in all. Where to look next:"
  echo "  examples/README.md     what you just saw, and how to change it"
  echo "  target/demo/*.log      what the orchestrator and the workers said"
  if [ "${KEEP:-}" = 1 ]; then
    echo "  $WARRENER_URL/  the dashboard"
    echo "  $WARRENER_URL  the HTTP API: /api/v1/jobs, /api/v1/workers, /readyz, /metrics"
    echo "  export WARRENER_URL=$WARRENER_URL WARRENER_AMQP__URL=$WARRENER_AMQP__URL"
    echo "  $BIN/warrener job list"
    echo "Everything is still running. To end it: examples/demo.sh stop"
  else
    echo "  KEEP=1 make demo       the same, left running for you to play with"
  fi
}

# --- starting and stopping ------------------------------------------------------------------------

# start NAME COMMAND...: in the background, with a log and a pid file of that name.
start() {
  local name=$1
  shift
  "$@" >"$DEMO/$name.log" 2>&1 </dev/null &
  echo $! >"$DEMO/$name.pid"
}

# stop NAME: asks the process to end, and insists after 20 seconds. If another program got the pid, it is left alone.
stop() {
  local file=$DEMO/$1.pid pid
  [ -f "$file" ] || return 0
  pid=$(cat "$file")
  if command_of "$pid" | grep -qE 'cargo|orchestrator|worker|rabbitmq|beam|epmd'; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 200); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$file"
}

command_of() {
  if [ -d /proc/self ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -p "$1" -o command=; fi 2>/dev/null
}

stop_all() {
  local name
  for name in build worker-1 worker-2 orchestrator rabbitmq epmd; do stop "$name"; done
}

finish() {
  local code=$?
  trap '' INT TERM
  if [ $code -ne 0 ] && [ $code -ne 130 ] && [ $code -ne 143 ]; then show_logs; fi
  if [ $code -ne 0 ] || [ "${KEEP:-}" != 1 ]; then stop_all; fi
  exit $code
}

show_logs() {
  local log
  for log in "$DEMO"/*.log; do
    [ -s "$log" ] || continue
    printf '\n--- the end of %s\n' "${log#"$ROOT"/}"
    tail -n 15 "$log"
  done >&2
}

# wait_until SECONDS NAME WHAT CHECK...: until the check succeeds; fails at once when the process has ended.
wait_until() {
  local deadline=$((SECONDS + $1)) name=$2 what=$3
  shift 3
  until "$@" 2>/dev/null; do
    kill -0 "$(cat "$DEMO/$name.pid")" 2>/dev/null || fail "$what ended while it was starting"
    [ $SECONDS -lt $deadline ] || fail "$what was not ready in time"
    sleep 0.2
  done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

http_ok() {
  local status
  exec 3<>"/dev/tcp/127.0.0.1/$HTTP_PORT" || return 1
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$1" >&3
  read -r _ status _ <&3 || status=
  exec 3<&-
  [ "$status" = 200 ]
}

free_ports() {
  python3 -c '
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(each.getsockname()[1] for each in sockets))' "$1"
}

epmd_program() {
  command -v epmd || compgen -G '/usr/lib/erlang/erts-*/bin/epmd' ||
    compgen -G '/opt/homebrew/opt/erlang/lib/erlang/erts-*/bin/epmd'
}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi
say() { printf '%s\n' "${BOLD}demo:${PLAIN} $*"; }
fail() { printf '%s\n' "${BOLD}demo:${PLAIN} $*" >&2; exit 1; }

main "$@"
