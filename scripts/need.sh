#!/usr/bin/env bash
# need.sh build|test|load: says what is missing for it; as root on Debian installs what apt has.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

purpose=${1:?build, test or load}
by_hand=()
packages=()

has() { command -v "$1" >/dev/null 2>&1; }

has cargo || by_hand+=("Rust 1.95 or newer (https://rustup.rs)")
if has node; then
  node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    by_hand+=("Node.js 20.19 or newer (https://nodejs.org); this is $(node --version)")
else
  by_hand+=("Node.js 20.19 or newer with npm (https://nodejs.org)")
fi
has cc || packages+=(build-essential)
if [ "$purpose" = test ]; then
  has redis-server || packages+=(redis-server)
  has chromium || packages+=(chromium)
  has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
fi
if [ "$purpose" = load ] || [ "$purpose" = test ]; then
  if ! has python3 || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    packages+=(python3-venv)
  fi
fi

if [ ${#by_hand[@]} -gt 0 ]; then
  die "missing: $(printf '%s; ' "${by_hand[@]}")install it and try again"
fi
[ ${#packages[@]} -gt 0 ] || exit 0
if ! has apt-get; then
  die "missing: ${packages[*]} (names of Debian's packages): install them and try again"
fi
if [ "$(id -u)" -ne 0 ]; then
  die "missing: run \`sudo apt-get install ${packages[*]}\` and try again"
fi
printf 'installing %s\n' "${packages[*]}"
# RUNLEVEL=1 keeps the packages from starting servers of their own: the tests start private ones.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get update -qq </dev/null
apt-get install -qq -y --no-install-recommends "${packages[@]}" </dev/null >/dev/null
