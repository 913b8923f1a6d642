#!/usr/bin/env bash
# Starts what docker-compose.yml describes, with everything real, and holds it against what README.md promises: healthy
# without set-up, work from outside, scaling, killed workers and broker, a restart, confined containers, the rights of
# each user, refused passwords in production.
#
#   tests/compose/run.sh            COMPOSE=docker-compose tests/compose/run.sh for the older program
#
# Where containers can't be started it says so in one line, writes that to the file that SKIPPED names, and succeeds.
set -euo pipefail
cd "$(dirname "$0")/../.."

BIN=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug
FOLDER=$(mktemp -d)
ENV_FILE=$FOLDER/env
IMAGES="rust:1-slim-bookworm debian:bookworm-slim rabbitmq:4-management"
CONFINEMENT='{{.Name}} user={{.Config.User}} read-only={{.HostConfig.ReadonlyRootfs}} dropped={{.HostConfig.CapDrop}}'
CONFINEMENT+=' added={{.HostConfig.CapAdd}} security={{.HostConfig.SecurityOpt}} privileged={{.HostConfig.Privileged}}'
# Nothing of this shell's own set-up.
for name in ${!WARRENER_@} ${!RABBITMQ_@} WORKERS SLOTS QUEUES DEMO CPUS; do unset "$name"; done
export COMPOSE_PROJECT_NAME=warrener-test-$$

main() {
  look_around
  trap finish EXIT
  trap 'exit 130' INT TERM
  : >"$ENV_FILE"
  read -r AMQP_PORT MGMT_PORT HTTP_PORT < <(free_ports)
  export AMQP_PORT MGMT_PORT HTTP_PORT
  export WARRENER_URL=http://127.0.0.1:$HTTP_PORT
  starts
  is_confined
  works_for_clients
  scales
  survives_kills
  keeps_jobs
  keeps_roles_apart
  refuses_development_passwords
  runs_with_secrets
  say "all is well"
}

# --- what has to be there -------------------------------------------------------------------------

look_around() {
  local image
  command -v docker >/dev/null || skip "docker is not installed"
  docker info >/dev/null 2>&1 || skip "no docker engine answers (\`docker info\` fails)"
  if [ -z "${COMPOSE:-}" ]; then
    if docker compose version >/dev/null 2>&1; then COMPOSE="docker compose"; else COMPOSE=docker-compose; fi
  fi
  $COMPOSE version >/dev/null 2>&1 || skip "$COMPOSE is not installed"
  for image in $IMAGES; do
    docker image inspect "$image" >/dev/null 2>&1 || skip "the image $image is not here (\`docker pull $image\`)"
  done
  [ -x "$BIN/warrener" ] || fail "$BIN/warrener is not there: build it first, with \`cargo build --workspace --bins\`"
}

skip() {
  echo "SKIPPED compose: $*"
  if [ -n "${SKIPPED:-}" ]; then echo "compose: $*" >>"$SKIPPED"; fi
  rm -rf "$FOLDER"
  exit 0
}

free_ports() {
  python3 -c 'import socket
held = [socket.socket() for _ in range(3)]
for one in held: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))'
}

# --- what is tried --------------------------------------------------------------------------------

starts() {
  local begun
  say "building the images"
  compose build >"$FOLDER/build.log" 2>&1 || { tail -n 40 "$FOLDER/build.log"; fail "the images can't be built"; }
  docker image ls --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | grep '^warrener-'
  begun=$SECONDS
  compose up --build -d >"$FOLDER/up.log" 2>&1 || { cat "$FOLDER/up.log"; fail "it does not start"; }
  ready
  say "ready $((SECONDS - begun)) s after \`up --build -d\`"
  healthy 4
  say "all four containers healthy after $((SECONDS - begun)) s"
  compose ps
}

is_confined() {
  local id told
  say "each container: without root, without a file system to write to, without capabilities"
  for id in $(compose ps -q); do
    told=$(docker inspect -f "$CONFINEMENT" "$id")
    echo "  $told"
    [[ $told =~ user=(rabbitmq|10001:10001)\ read-only=true\ dropped=\[ALL\]\ added=\[\] ]] || fail "it is not confined"
    [[ $told = *" security=[no-new-privileges:true] privileged=false" ]] || fail "it is not confined"
    told=$(docker exec "$id" sh -c 'id -u; grep -h ^Cap /proc/1/status | grep -vc "0000000000000000$"; touch /here 2>&1; :')
    [[ $told =~ ^[1-9][0-9]*$'\n'0$'\n'.*Read-only\ file\ system ]] || fail "inside it is not confined: $told"
    [ "$(docker inspect -f '{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}} {{end}}{{end}}' "$id" |
      tr ' ' '\n' | grep -vc '^\(127.0.0.1\|\)$')" = 0 ] || fail "a port is open to others"
  done
}

works_for_clients() {
  say "three jobs from outside over AMQP, as the user client"
  echo '{"kind": "demo.echo", "input": {"hello": "world"}}' >"$FOLDER/echo.json"
  echo '{"kind": "demo.fail", "input": {"until_attempt": 2}, "retry": {"delay": 0}}' >"$FOLDER/retry.json"
  awk '/^```yaml$/ { on = 1; next } on && /^```$/ { exit } on' README.md >"$FOLDER/greet.yaml"
  as_client client submit "$FOLDER/echo.json" --via amqp --wait
  as_client client submit "$FOLDER/retry.json" --via amqp --wait
  as_client client submit "$FOLDER/greet.yaml" --via amqp --wait
}

scales() {
  say "four workers"
  compose up -d --scale worker=4 >"$FOLDER/scale.log" 2>&1 || { cat "$FOLDER/scale.log"; fail "it does not scale"; }
  healthy 6
  await "four workers are known" 30 is_worker_count 4
  warrener worker list
  sleepers 64 200
  "$BIN/warrener" submit "$FOLDER/sleepers.json" --wait >/dev/null
  "$BIN/warrener" job list --output json >"$FOLDER/jobs.json"
  answer "/api/v1/jobs/$(first_job)/tasks?items=true&limit=1000" >"$FOLDER/tasks.json"
  python3 - "$FOLDER/tasks.json" <<'END'
import collections, json, sys
items = [task for task in json.load(open(sys.argv[1]))["items"] if task["index"] is not None]
spread = collections.Counter(item["worker"] for item in items)
print("  64 items were spread as", sorted(spread.values()))
assert len(items) == 64 and len(spread) == 4, spread
END
}

survives_kills() {
  local job worker amount
  say "SIGKILL for one worker, then for the broker, in mid-run"
  sleepers 300 1500
  job=$("$BIN/warrener" submit "$FOLDER/sleepers.json")
  await "some of it is done" 60 has_done "$job" 20
  worker=$(compose ps -q worker)
  docker kill --signal SIGKILL "${worker%%$'\n'*}" >/dev/null
  echo "  killed a worker when $(done_of "$job") of 300 items were done"
  await "more of it is done" 60 has_done "$job" 100
  compose kill -s SIGKILL rabbitmq >>"$FOLDER/kill.log" 2>&1
  amount=$(done_of "$job")
  echo "  killed the broker when $amount of 300 items were done"
  [ "$amount" -lt 300 ] || fail "the job was over before the broker was killed"
  compose up -d >>"$FOLDER/kill.log" 2>&1 || { cat "$FOLDER/kill.log"; fail "it does not come back"; }
  "$BIN/warrener" watch "$job" >"$FOLDER/output.json" || fail "the job did not succeed"
  python3 -c 'import json, sys
output = json.load(open(sys.argv[1]))
assert output == list(range(300)), output
print("  all 300 outputs are there, each once and in order")' "$FOLDER/output.json"
}

keeps_jobs() {
  say "down, and up again"
  all_jobs >"$FOLDER/before"
  compose down >"$FOLDER/down.log" 2>&1 || { cat "$FOLDER/down.log"; fail "it does not go down"; }
  compose up -d >"$FOLDER/up.log" 2>&1 || { cat "$FOLDER/up.log"; fail "it does not come up again"; }
  ready
  all_jobs >"$FOLDER/after"
  diff "$FOLDER/before" "$FOLDER/after" || fail "jobs changed"
  echo "  $(wc -l <"$FOLDER/after") jobs before and after, the same"
  as_client client submit "$FOLDER/greet.yaml" --via amqp --wait >/dev/null
}

keeps_roles_apart() {
  say "each user tries what it must not do"
  await "the worker's queue is there" 30 is_worker_count 2
  WARRENER_TEST_COMPOSE=127.0.0.1:$AMQP_PORT cargo test --quiet --locked -p warrener-tests --test compose -- \
    --exact roles::everybody_may_do_what_the_role_needs_and_nothing_else --nocapture
}

refuses_development_passwords() {
  local service
  say "development passwords in production"
  compose down --volumes >>"$FOLDER/down.log" 2>&1
  for service in rabbitmq orchestrator worker; do
    if WARRENER_ENV=production compose run --rm --no-deps -T "$service" >"$FOLDER/refused" 2>&1 </dev/null; then
      fail "$service starts"
    fi
    grep -h 'development password' "$FOLDER/refused" || { cat "$FOLDER/refused"; fail "$service says something else"; }
    grep -q 'make secrets' "$FOLDER/refused" || fail "$service does not say how to go on"
  done
}

runs_with_secrets() {
  say "with the passwords of \`make secrets\`, in production"
  shared/deploy/secrets.sh "$ENV_FILE" "$FOLDER/secrets/definitions.json"
  WARRENER_ENV=production compose up -d >"$FOLDER/up.log" 2>&1 || { cat "$FOLDER/up.log"; fail "it does not start"; }
  ready
  as_client "$(sed -n 's/^RABBITMQ_CLIENT_PASSWORD=//p' "$ENV_FILE")" submit "$FOLDER/echo.json" --via amqp --wait
  if as_client client submit "$FOLDER/echo.json" --via amqp >"$FOLDER/refused" 2>&1; then
    fail "the development password still opens the broker"
  fi
}

# --- how ------------------------------------------------------------------------------------------

compose() { $COMPOSE --env-file "$ENV_FILE" "$@"; }

as_client() {
  local password=$1
  shift
  WARRENER_AMQP__URL="amqp://client:$password@127.0.0.1:$AMQP_PORT/%2f" "$BIN/warrener" "$@"
}

# warrener as README.md says it can be called without a tool chain.
warrener() { compose exec -T orchestrator warrener "$@"; }

# A job of $1 items that take $2 ms each and return their numbers.
sleepers() {
  python3 -c 'import json, sys
count, ms = map(int, sys.argv[1:])
task = {"for_each": list(range(count)), "kind": "demo.sleep", "input": {"ms": ms, "output": "${{ item }}"}}
print(json.dumps({"tasks": {"sleep": task}, "output": "${{ tasks.sleep.output }}"}))' "$1" "$2" >"$FOLDER/sleepers.json"
}

answer() { python3 -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())' "$WARRENER_URL$1"; }

first_job() { python3 -c 'import json, sys
jobs = json.load(open(sys.argv[1]))
print((jobs["items"] if isinstance(jobs, dict) else jobs)[0]["id"])' "$FOLDER/jobs.json"; }

all_jobs() {
  answer "/api/v1/jobs?limit=1000" | python3 -c 'import json, sys
for job in json.load(sys.stdin)["items"]: print(job["id"], job["state"], json.dumps(job["output"])[:60])'
}

done_of() {
  answer "/api/v1/tasks/$1/sleep" | python3 -c 'import json, sys
print(json.load(sys.stdin)["items"].get("succeeded", 0))'
}

has_done() { [ "$(done_of "$1")" -ge "$2" ]; }

is_worker_count() {
  [ "$(answer /api/v1/workers | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["items"]))')" = "$1" ]
}

ready() { await "the orchestrator is ready" 120 answer /readyz >/dev/null; }

healthy() { await "$1 containers are healthy" 120 is_healthy_count "$1"; }

is_healthy_count() {
  [ "$(compose ps -q | xargs docker inspect -f '{{.State.Health.Status}}' | grep -c '^healthy$')" = "$1" ]
}

# await WHAT SECONDS COMMAND: asks again and again until it succeeds.
await() {
  local what=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" 2>/dev/null; do
    [ $SECONDS -lt $until ] || fail "$what: not in time"
    sleep 0.2
  done
}

say() { echo "compose: $* [$SECONDS s]"; }

fail() {
  echo "compose: FAILED: $*" >&2
  compose logs --tail 40 >&2 2>/dev/null || true
  exit 1
}

finish() {
  local status=$?
  compose down --volumes --timeout 5 >"$FOLDER/down.log" 2>&1 || cat "$FOLDER/down.log" >&2
  rm -rf "$FOLDER"
  exit $status
}

main "$@"
