#!/usr/bin/env bash
# make bench: prints the figures that the documents claim, on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/need.sh build
cargo build --locked --profile quick
"$target_dir/quick/intellistack" eval speed --chunks 100000
