#!/usr/bin/env bash
# make test: every check, each a stage with its time. A failed stage does not hide the next ones.
# Logs: .dev/test/<stage>.log; the table at the end also goes to .dev/test/summary.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/lib.sh
. scripts/databases.sh

logs=$work_dir/test
rm -rf "$logs"
mkdir -p "$logs"
private=$(mktemp -d)
provider_pid=
# The user that runs PostgreSQL must be able to pass through.
chmod 711 "$private"

cleanup() {
  stop_server
  [ -z "$provider_pid" ] || kill "$provider_pid" 2>/dev/null || true
  stop_databases
  rm -rf "$private"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

failed=()
summary=()

# stage NAME COMMAND…: runs it, shows and keeps its output, notes its time and how it ended.
stage() {
  begin "$1"
  "${@:2}" </dev/null 2>&1 | tee "$logs/$1.log"
  end "$1" "${PIPESTATUS[0]}"
}

# The same for what must stay alive in this shell: a pipe would be a shell of its own.
stage_here() {
  begin "$1"
  "${@:2}" </dev/null >"$logs/$1.log" 2>&1
  local status=$?
  cat "$logs/$1.log"
  end "$1" $status
}

begin() {
  start=$SECONDS
  printf '\n== %s\n' "$1"
}

end() {
  local outcome=ok
  if [ "$2" -ne 0 ]; then
    outcome=FAILED
    failed+=("$1")
  fi
  summary+=("$(printf '%-12s %-7s %5d s' "$1" $outcome $((SECONDS - start)))")
}

databases() {
  start_postgres "$private/postgres" && start_redis "$private/redis"
}

rust_tests() {
  # A test that waits for what never comes must not take the others' results with it.
  INTELLISTACK_TEST_ALL=1 timeout --kill-after=10 45m cargo test --locked --no-fail-fast
}

web() {
  (cd web && npm run "$1")
}

# The web's live client against a real server, over a lossy road; it also kills one of its own.
live_client() {
  INTELLISTACK_READY=$private/server/ready.json \
    INTELLISTACK_BIN=$(realpath "$target_dir/debug/intellistack") web test:live
}

# Google and GitHub as a script, and the server's settings for them. It lets people into accounts of the
# same address by the peer's rule, so that the client's tests ask the same of both.
provider() {
  mkdir -p "$private/provider"
  node web/authclient/provider.mjs --ready-file "$private/provider/ready.json" </dev/null >"$private/provider/log" 2>&1 &
  provider_pid=$!
  wait_for 10 test -s "$private/provider/ready.json" || return 1
  INTELLISTACK_SOCIAL=$(ready url "$private/provider")
  export INTELLISTACK_SOCIAL
  export INTELLISTACK__SOCIAL__GOOGLE_CLIENT_ID=google-client INTELLISTACK__SOCIAL__GOOGLE_CLIENT_SECRET=google-secret
  export INTELLISTACK__SOCIAL__GITHUB_CLIENT_ID=github-client INTELLISTACK__SOCIAL__GITHUB_CLIENT_SECRET=github-secret
  export INTELLISTACK__SOCIAL__GOOGLE_ISSUER=$INTELLISTACK_SOCIAL/google
  export INTELLISTACK__SOCIAL__GITHUB_URL=$INTELLISTACK_SOCIAL/github INTELLISTACK__SOCIAL__GITHUB_API_URL=$INTELLISTACK_SOCIAL/github
  export INTELLISTACK__SOCIAL__LINK_BY_EMAIL=verified
}

# Better-Auth's own client from npm, call by call; the plugin for passkeys is beside the reference.
auth_client() {
  install_web web/authclient/reference || return 1
  INTELLISTACK_READY=$private/server/ready.json web test:auth
}

# Client libraries of OpenID Connect from npm and PyPI, and the Foundation's modules, as tests. The program
# makes their clients. Authlib's folder is made by the test itself.
oidc_client() {
  INTELLISTACK_READY=$private/server/ready.json \
    INTELLISTACK_BIN=$(realpath "$target_dir/debug/intellistack") web test:oidc
}

# The built pages in a real browser.
browser() {
  INTELLISTACK_READY=$private/server/ready.json web e2e && return
  printf '\nthe end of the server log:\n'
  tail -n 30 "$private/server/server.log"
  return 1
}

# What a failed stage said of its failures, again and without the frames of backtraces: of a long output
# not everything may be kept.
why() {
  printf '\n== why %s failed\n' "$1"
  if grep -q '^failures:$' "$logs/$1.log"; then
    sed -n '/^failures:$/,/^test result:/p' "$logs/$1.log" |
      grep -vE '^ +([0-9]+: |at )|^stack backtrace:|^note: ' | cut -c 1-600 | head -n 80
  else
    tail -n 40 "$logs/$1.log"
  fi
}

stage needs scripts/need.sh test
if [ ${#failed[@]} -eq 0 ]; then
  stage npm install_web
  stage_here databases databases
  stage format cargo fmt --check
  stage clippy cargo clippy --locked --all-targets -- -D warnings
  stage rust rust_tests
  stage web-types web typecheck
  stage web-tests web test
  stage web-build web build
  stage build cargo build --locked
  stage_here provider provider
  stage_here server start_server "$target_dir/debug/intellistack" "$private/server" --demo
  stage live-client live_client
  stage auth-client auth_client
  stage oidc-client oidc_client
  stage browser browser
  stop_server
fi

for name in "${failed[@]}"; do
  why "$name"
done
{
  printf '\n%-12s %-7s %7s\n' stage outcome time
  printf '%s\n' "${summary[@]}"
  scripts/count.sh "$logs" "${failed[@]}"
} | tee "$logs/summary"
[ ${#failed[@]} -eq 0 ]
