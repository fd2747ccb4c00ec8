#!/usr/bin/env bash
# make chaos: three nodes, real Redis and PostgreSQL, CHAOS_LEARNERS=200 who check every answer for
# CHAOS_SECONDS=180 while things break by the plan that CHAOS_SEED=1 makes; then the checker.
# CHAOS_KEEP=1 keeps the histories and the nodes' logs of a run in which nothing was wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

scripts/need.sh test
build_server
CHAOS_PROGRAM=$(realpath "$server") cargo test --locked --test it -- --ignored --nocapture chaos::
