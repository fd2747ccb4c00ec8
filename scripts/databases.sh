# shellcheck shell=bash
# Private PostgreSQL and Redis servers for tests, on free ports, gone with their folder.
# Source after lib.sh.

# pg DIR COMMAND…: a program of PostgreSQL's. It refuses to run as root, so root lends it to the user that its Debian
# package makes; it may not read the folder that it is called from, so it is called from the data's.
pg() {
  local dir=$1 bin as=()
  shift
  bin=$(dirname "$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)")
  [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups)
  (cd "$dir" && "${as[@]}" "$bin/$1" "${@:2}")
}

# start_postgres DIR [OPTIONS]: exports INTELLISTACK_TEST_POSTGRES. It trades the safety of its data for speed; OPTIONS
# come behind those.
start_postgres() {
  local dir=$1 port
  port=$(free_port)
  mkdir -p "$dir"
  [ "$(id -u)" -ne 0 ] || chown postgres "$dir"
  postgres_dir=$dir
  {
    pg "$dir" initdb -D "$dir/db" -U postgres -A trust -E UTF8 --locale=C --no-sync &&
      pg "$dir" pg_ctl -D "$dir/db" -l "$dir/log" -w start -o \
        "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=400 \
         -c fsync=off -c full_page_writes=off -c synchronous_commit=off ${2:-}"
  } >"$dir.out" 2>&1 </dev/null || {
    cat "$dir.out" >&2
    return 1
  }
  export INTELLISTACK_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
}

# restart_postgres DIR: as after a crash.
restart_postgres() {
  pg "$1" pg_ctl -D "$1/db" -l "$1/log" -m immediate -w restart >/dev/null </dev/null
}

stop_postgres() {
  pg "$1" pg_ctl -D "$1/db" -m immediate stop >/dev/null 2>&1
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
  if [ -n "${postgres_dir:-}" ]; then
    stop_postgres "$postgres_dir" || true
    postgres_dir=
  fi
  if [ -n "${redis_pid:-}" ]; then
    kill "$redis_pid" 2>/dev/null || true
    wait "$redis_pid" 2>/dev/null || true
    redis_pid=
  fi
}
