#!/usr/bin/env bash
# measure.sh: the figures of the live protocol (1 to 7), of accounts (8 and 9) and of the OpenID Provider
# (10), one after the other, each on a server of its own with the scripted model; `intellistack load` and
# the scripts of loadtest/accounts and loadtest/oidc are the clients. Ends with a table.
# Environment: SHORT=1 a tenth of the users in a quarter of the time; ONLY="1 3" these parts alone;
# SERVER a binary that is built already; DRIVER another one for the clients.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/databases.sh

scripts/need.sh test
build_server
driver=${DRIVER:-$server}
only=${ONLY:-1 2 3 4 5 6 7 8 9 10}
# Users are divided by one, seconds by the other.
few=1 brief=1
if [ -n "${SHORT:-}" ]; then few=10 brief=4; fi

dir=$work_dir/measure
rm -rf "$dir"
mkdir -p "$dir"
private=$(mktemp -d)
# The user that runs PostgreSQL must be able to pass through.
chmod 711 "$private"
node_two=
peers=()
stop_node_two() { [ -z "$node_two" ] || { kill "$node_two" 2>/dev/null && wait "$node_two" || true; }; }
stop_peers() {
  for peer in "${peers[@]}"; do kill "$peer" 2>/dev/null && wait "$peer" || true; done
  peers=()
}
trap 'touch "$dir/stop"; stop_server; stop_node_two; stop_peers; stop_databases; wait; rm -rf "$private"' EXIT
trap 'exit 130' INT TERM

ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
export INTELLISTACK__LOG__FILTER=warn INTELLISTACK__TUTOR__MODEL=scripted
# The learners ask more than a person does in a day.
export INTELLISTACK__LIMITS__MESSAGES_PER_DAY=1000000

# A data folder with so many accounts.
people() {
  rm -rf "$dir/data"
  "$server" --data-dir "$dir/data" user create --count "$1" --json >"$dir/accounts.jsonl"
}

serve() {
  start_server "$server" "$dir" --test-model
}

# load NAME MODE ARGUMENT…: writes NAME.json. A run that found errors does not end the others.
outcome=0
load() {
  local name=$1 mode=$2
  shift 2
  printf '\n== %s: load %s %s\n' "$name" "$mode" "$*" >&2
  "$driver" load "$mode" --url "$(ready url "$dir")" --accounts "$dir/accounts.jsonl" --json "$@" \
    >"$dir/$name.json" || outcome=1
}

wants() {
  [[ " $only " == *" $1 "* ]]
}

# 500 conversations at 20 ms a token, at three windows in which pieces are gathered.
if wants 1; then
  users=$((500 / few)) seconds=$((60 / brief))
  people $users
  for window in 0 25 60; do
    INTELLISTACK__LIVE__COALESCE_MS=$window serve
    load "1-window-$window" chat --users $users --seconds $seconds --ramp 10 \
      --question "/ck tokens 500 20" --server-pid "$server_pid"
    stop_server
  done
fi

# Memory of idle sessions, before and after an answer each.
if wants 2; then
  users=$((5000 / few))
  people $users
  serve
  load 2-idle idle --users $users --hold $((60 / brief)) --answer --question "/ck tokens 50 5" \
    --server-pid "$server_pid"
  stop_server
fi

# Readers that stop reading amid a long answer.
if wants 3; then
  users=$((50 / few)) slow=$((50 / few))
  people $((users + slow))
  serve
  load 3-slow slow --users $users --slow $slow --question "/ck tokens 500 20" \
    --before $((20 / brief)) --hold 30 --patience 300 --server-pid "$server_pid"
  stop_server
fi

# Malformed frames.
if wants 4; then
  people 5
  serve
  load 4-fuzz fuzz --users 5 --rate 300 --seconds $((60 / brief)) --question "/ck tokens 20 10" \
    --server-pid "$server_pid"
  stop_server
fi

# kill -9 every 10 s; the server comes back on the same port.
if wants 5; then
  users=$((100 / few)) seconds=$((60 / brief))
  people $users
  rm -f "$dir/ready.json"
  listen=127.0.0.1:$(free_port)
  (
    trap stop_server EXIT
    serve
    while sleep 10 && ! [ -e "$dir/stop" ]; do
      kill -9 "$server_pid"
      wait "$server_pid" 2>/dev/null || true
      serve
    done
  ) &
  wait_for 60 test -s "$dir/ready.json"
  load 5-kill chat --survive --users $users --seconds $seconds --question "/ck tokens 500 20" \
    --patience 120 --reread --history "$dir/5-kill.jsonl"
  touch "$dir/stop"
  wait
  "$driver" --data-dir "$dir/data" check-history "$dir/5-kill.jsonl" --database >&2 || outcome=1
fi

# The scaled shape: an empty PostgreSQL and a Redis of its own.
scaled() {
  start_postgres "$private/postgres"
  start_redis "$private/redis"
  # Nodes on one database share it.
  INTELLISTACK__AUTH__SECRET=$(node -p 'require("node:crypto").randomBytes(32).toString("hex")')
  export INTELLISTACK__AUTH__SECRET
  export INTELLISTACK__DATABASE__URL=$INTELLISTACK_TEST_POSTGRES INTELLISTACK__REDIS__URL=$INTELLISTACK_TEST_REDIS
  also=(--also-pid "redis=$redis_pid" --also-pid "postgres=$(head -n 1 "$private/postgres/db/postmaster.pid")")
}

# What is measured next stands alone again, or begins anew.
embedded() {
  stop_databases
  rm -rf "$private/postgres" "$private/redis"
  unset INTELLISTACK_TEST_POSTGRES INTELLISTACK_TEST_REDIS INTELLISTACK__DATABASE__URL INTELLISTACK__REDIS__URL \
    INTELLISTACK__AUTH__SECRET INTELLISTACK__SERVER__PUBLIC_URL INTELLISTACK__SERVER__ALLOWED_ORIGINS
}

# What it costs beside the embedded one: the same conversations, one after the other.
if wants 6; then
  users=$((200 / few)) seconds=$((30 / brief))
  arguments=(--users $users --seconds $seconds --ramp 5 --question "/ck tokens 500 20")
  people $users
  serve
  load 6-embedded chat "${arguments[@]}" --server-pid "$server_pid"
  stop_server
  scaled
  people $users
  serve
  load 6-scaled chat "${arguments[@]}" --server-pid "$server_pid" "${also[@]}"
  stop_server
  embedded
fi

# Two nodes, and every answer read at the other one than it is asked and written at, too.
if wants 7; then
  users=$((1000 / few)) seconds=$((60 / brief))
  scaled
  first=$(free_port) second=$(free_port)
  one=http://127.0.0.1:$first two=http://127.0.0.1:$second
  export INTELLISTACK__SERVER__PUBLIC_URL=$one INTELLISTACK__SERVER__ALLOWED_ORIGINS="[\"$one\",\"$two\"]"
  people $users
  listen=127.0.0.1:$second start_server "$server" "$dir/two" --test-model
  node_two=$server_pid
  listen=127.0.0.1:$first serve
  printf '\n== 7-two-nodes\n' >&2
  "$driver" load chat --url "$one" --url "$two" --cross --accounts "$dir/accounts.jsonl" --json \
    --users $users --seconds $seconds --ramp 10 --question "/ck tokens 100 400" --patience 300 \
    --server-pid "$server_pid" --server-pid "$node_two" "${also[@]}" >"$dir/7-two-nodes.json" || outcome=1
  stop_server
  stop_node_two
  embedded
fi

# script NAME PATH ARGUMENT…: as `load`, with a script of loadtest.
script() {
  local name=$1 path=$2
  shift 2
  printf '\n== %s: %s %s\n' "$name" "$path" "$*" >&2
  node "loadtest/$path.mjs" "$@" >"$dir/$name.json" || outcome=1
}

# start_peer NAME ARGUMENT…: npm's better-auth on a database of its own beside ours, with 32 accounts.
start_peer() {
  local name=$1 in=web/authclient/reference
  shift
  NODE_ENV=production DATABASE_URL=${INTELLISTACK_TEST_POSTGRES%/postgres*}/$name \
    node "$in/server.mjs" --ready-file "$dir/$name.json.ready" --accounts 32 "$@" </dev/null >"$dir/$name.log" 2>&1 &
  peers+=($!)
  wait_for 120 test -s "$dir/$name.json.ready" || die "$name did not get ready: $dir/$name.log"
}

# target NAME URL PID ACCOUNTS
target() {
  targets+=(--target "$1=$2,$3,$4")
}

# get-session per second of processor time, beside npm's better-auth, both on PostgreSQL, in turns.
# The peer signs an access token at each get-session when its jwt plugin is set up as ours works;
# it is measured without that, too.
if wants 8; then
  install_web
  install_web web/authclient/reference
  start_postgres "$private/postgres"
  people 32
  serve
  embedded_pid=$server_pid
  targets=()
  url=$(ready url "$dir")
  INTELLISTACK__DATABASE__URL=$INTELLISTACK_TEST_POSTGRES "$server" --data-dir "$dir/scaled/data" \
    user create --count 32 --json >"$dir/scaled.jsonl"
  INTELLISTACK__DATABASE__URL=$INTELLISTACK_TEST_POSTGRES start_server "$server" "$dir/scaled" --test-model
  node_two=$server_pid server_pid=$embedded_pid
  start_peer peer
  start_peer peer_unsigned --no-jwt-header
  target postgres "$(ready url "$dir/scaled")" "$node_two" "$dir/scaled.jsonl"
  target embedded "$url" "$embedded_pid" "$dir/accounts.jsonl"
  for n in 0 1; do
    name=(peer peer_unsigned)
    file=$dir/${name[n]}.json.ready
    target "${name[n]}" "$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1])).url' "$file")" "${peers[n]}" "$file"
  done
  script 8-get-session accounts/get-session --seconds $((24 / brief)) --expect 'peer>=20' "${targets[@]}" \
    --postgres "$(head -n 1 "$private/postgres/db/postmaster.pid")"
  stop_server
  stop_node_two
  stop_peers
  node_two=
  embedded
fi

# Whether the time of a refusal tells who has an account; then 500 sign-ins at once.
if wants 9; then
  people 501
  INTELLISTACK__LIMITS__SIGN_IN_FAILURES_PER_MINUTE=1000000 serve
  script 9-sign-in-storm accounts/sign-in-storm --url "$(ready url "$dir")" --accounts "$dir/accounts.jsonl" \
    --users $((500 / few)) --server-pid "$server_pid"
  script 9-sign-in-timing accounts/sign-in-timing --url "$(ready url "$dir")" --accounts "$dir/accounts.jsonl"
  stop_server
fi

# What the OpenID Provider does per second of processor time, beside npm's oidc-provider, which keeps all
# of it in memory, in turns; and what RSA itself costs here.
if wants 10; then
  install_web web/oidcclient/reference
  people 8
  INTELLISTACK__OIDC__REGISTRATION=open serve
  peer=$dir/oidc-peer.json.ready
  NODE_ENV=production node web/oidcclient/reference/server.mjs --ready-file "$peer" </dev/null >"$dir/oidc-peer.log" 2>&1 &
  peers+=($!)
  wait_for 60 test -s "$peer" || die "oidc-provider did not get ready: $dir/oidc-peer.log"
  targets=()
  target embedded "$(ready url "$dir")" "$server_pid" "$dir/accounts.jsonl"
  target oidc_provider "$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1])).url' "$peer")" "${peers[-1]}" "$peer"
  script 10-provider oidc/provider --seconds $((8 / brief)) "${targets[@]}"
  stop_server
  stop_peers
fi

printf '\n'
node scripts/measure-table.mjs "$dir"
exit $outcome
