#!/usr/bin/env bash
# make run: from a clone to a demo in the browser. Arguments go to `serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/need.sh build
install_web
(cd web && npm run build)
cargo build --locked --profile quick
exec "$target_dir/quick/intellistack" serve --demo "$@"
