# shellcheck shell=bash
# Private PostgreSQL and Redis servers for tests, on free ports, gone with their folder.
# Source after lib.sh.

# start_postgres DIR: exports INTELLISTACK_TEST_POSTGRES. PostgreSQL refuses to run as root, so root lends it to the
# user that its Debian package makes.
start_postgres() {
  local dir=$1 bin port
  bin=$(dirname "$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)")
  port=$(free_port)
  as_postgres=()
  mkdir -p "$dir"
  if [ "$(id -u)" -eq 0 ]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres "$dir"
  fi
  postgres_stop=("$bin/pg_ctl" -D "$dir/db" -m immediate stop)
  # It may not read the folder that it is called from, so it is called from its own.
  (
    cd "$dir"
    "${as_postgres[@]}" "$bin/initdb" -D "$dir/db" -U postgres -A trust -E UTF8 --locale=C --no-sync
    "${as_postgres[@]}" "$bin/pg_ctl" -D "$dir/db" -l "$dir/log" -w start -o \
      "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=400 \
       -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
  ) >"$dir.out" 2>&1 </dev/null || {
    cat "$dir.out" >&2
    return 1
  }
  export INTELLISTACK_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
}

# start_redis DIR: exports INTELLISTACK_TEST_REDIS.
start_redis() {
  local dir=$1 port
  port=$(free_port)
  mkdir -p "$dir"
  redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save "" --appendonly no \
    >"$dir/log" 2>&1 </dev/null &
  redis_pid=$!
  wait_for 10 redis-cli -p "$port" ping || {
    cat "$dir/log" >&2
    return 1
  }
  export INTELLISTACK_TEST_REDIS="redis://127.0.0.1:$port"
}

stop_databases() {
  if [ -n "${postgres_stop:-}" ]; then
    (cd / && "${as_postgres[@]}" "${postgres_stop[@]}") >/dev/null 2>&1 || true
  fi
  if [ -n "${redis_pid:-}" ]; then
    kill "$redis_pid" 2>/dev/null || true
    wait "$redis_pid" 2>/dev/null || true
  fi
}
