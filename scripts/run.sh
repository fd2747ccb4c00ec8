#!/usr/bin/env bash
# make run: from a clone to a demo in the browser. Arguments go to `serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/need.sh build
install_web
# Pages that are built anew are embedded anew, for which the server is compiled: minutes.
built=$work_dir/web-built
newer() { find web \( -name node_modules -o -name dist \) -prune -o -type f -newer "$built" -print -quit; }
if [ ! -f "$built" ] || [ ! -f web/dist/index.html ] || [ -n "$(newer)" ]; then
  (cd web && npm run build)
  mkdir -p "$work_dir"
  touch "$built"
fi
cargo build --locked --profile quick
exec "$target_dir/quick/intellistack" serve --demo "$@"
