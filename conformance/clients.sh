#!/usr/bin/env bash
# clients.sh COMMAND…: makes the clients of each plan by `COMMAND… client create --json -`, and writes what
# the suite wants to .dev/conformance/PLAN.json, and the plans with their variants to .dev/conformance/plans.
#
#   conformance/clients.sh docker compose -f docker/compose.embedded.yml exec -T tutor intellistack
#
# Environment: EMAIL and PASSWORD of an account with a confirmed address (needed); BASE, our public URL;
# SUITE, the suite's; PLANS, some of them alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

[ $# -gt 0 ] || die "how is intellistack called? See the head of $0"
[ -n "${EMAIL:-}" ] && [ -n "${PASSWORD:-}" ] || die "EMAIL and PASSWORD must name an account that can sign in"
export EMAIL PASSWORD
export BASE=${BASE:-https://op.intellistack.test} SUITE=${SUITE:-https://localhost.emobix.co.uk:8443}

out=$work_dir/conformance
mkdir -p "$out"
# Secrets and keys of the clients stand in there.
chmod 700 "$out"
: >"$out/plans"
for PLAN in ${PLANS:-basic config rp-logout backchannel fapi2}; do
  export PLAN
  plan=$(node conformance/configure.mjs "$@" 2>&1 >"$out/$PLAN.json") || die "$plan"
  printf '%s %s\n' "$plan" "$PLAN.json" >>"$out/plans"
  printf '%s: %s\n' "$out/$PLAN.json" "$plan"
done
