#!/usr/bin/env bash
# count.sh LOGS [FAILED STAGE…]: sums what the test runners said into one line, "N passed, N failed".
# A stage that failed without a failed test (it did not compile, say) counts as one failure.
set -uo pipefail
logs=$1
shift

# Colours off; then the first number that stands before or after a word, summed over its lines.
plain() { sed -E 's/\x1b\[[0-9;]*m//g' "$logs/$1.log" 2>/dev/null; }
sum() { awk '{ total += $1 } END { print total + 0 }'; }

cargo_count() { plain rust | grep -E '^test result:' | sed -nE "s/.* ([0-9]+) $1.*/\1/p" | sum; }
vitest_count() { plain "$2" | grep -E '^ *Tests ' | sed -nE "s/.* ([0-9]+) $1.*/\1/p" | sum; }
node_count() { plain browser | sed -nE "s/^(ℹ|#) $1 ([0-9]+)$/\2/p" | sum; }

vitest_passed=0
for stage in web-tests live-client auth-client oidc-client; do
  vitest_passed=$((vitest_passed + $(vitest_count passed "$stage")))
done
passed=$(($(cargo_count passed) + vitest_passed + $(node_count pass)))
failures=0
for stage in "$@"; do
  case $stage in
    rust) found=$(cargo_count failed) ;;
    web-tests | live-client | auth-client | oidc-client) found=$(vitest_count failed "$stage") ;;
    browser) found=$(node_count fail) ;;
    *) found=0 ;;
  esac
  failures=$((failures + (found > 0 ? found : 1)))
done
printf '%d passed, %d failed\n' "$passed" "$failures"
