# shellcheck shell=bash
# Shared by the scripts of `make`. Source it from the top of the repository.

# Where cargo puts what it builds. (Used by those who source this.)
# shellcheck disable=SC2034
target_dir=${CARGO_TARGET_DIR:-target}
# Kept by the scripts of `make`: logs of the last test run, private data of a load test.
# shellcheck disable=SC2034
work_dir=.dev

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# node_modules of web, or of the folder given, as its package-lock.json has it.
install_web() {
  local in=${1:-web}
  if [ ! -f "$in/node_modules/.package-lock.json" ] ||
    [ "$in/package-lock.json" -nt "$in/node_modules/.package-lock.json" ]; then
    (cd "$in" && npm ci --no-fund --no-audit) || return 1
    touch "$in/node_modules/.package-lock.json"
  fi
}

# Sets server: the binary SERVER if one is given, else it is built here with the pages inside.
build_server() {
  if [ -n "${SERVER:-}" ]; then
    server=$SERVER
    return
  fi
  install_web
  (cd web && npm run build >/dev/null)
  cargo build --locked --profile quick
  # shellcheck disable=SC2034
  server=$target_dir/quick/intellistack
}

# ready FIELD DIR: of the file that start_server waits for.
ready() {
  node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))[process.argv[2]]' \
    "$2/ready.json" "$1"
}

free_port() {
  node -e 'const s = require("node:net").createServer();
    s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });'
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local tries=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}

# start_server BINARY DIR ARGUMENT…: serves with DIR as its private data folder, on a free port or
# at $listen. Sets server_pid; the address and the accounts stand in DIR/ready.json.
start_server() {
  local binary=$1 dir=$2
  shift 2
  mkdir -p "$dir"
  rm -f "$dir/ready.json"
  "$binary" --data-dir "$dir/data" serve --listen "${listen:-127.0.0.1:0}" --ready-file "$dir/ready.json" "$@" \
    </dev/null >"$dir/server.log" 2>&1 &
  server_pid=$!
  # It is there, or it has ended: both end the waiting.
  wait_for 60 server_is_ready_or_gone "$dir" || true
  if ! [ -s "$dir/ready.json" ]; then
    stop_server
    tail -n 20 "$dir/server.log" >&2
    printf 'the server did not get ready; its log is above\n' >&2
    return 1
  fi
}

server_is_ready_or_gone() {
  [ -s "$1/ready.json" ] || ! kill -0 "$server_pid" 2>/dev/null
}

# Asks the server to drain, and ends it if it takes too long.
stop_server() {
  [ -n "${server_pid:-}" ] || return 0
  kill "$server_pid" 2>/dev/null || true
  wait_for 30 is_gone "$server_pid" || kill -9 "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

is_gone() {
  ! kill -0 "$1" 2>/dev/null
}
