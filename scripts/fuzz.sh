#!/usr/bin/env bash
# Builds every fuzz target and runs each for FUZZ_SECONDS (60), or the targets named. Works on the stable toolchain: the
# sanitizer needs one unstable flag, which RUSTC_BOOTSTRAP opens.
set -euo pipefail
source "$(dirname "$0")/env.sh"
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked cargo-fuzz
cd "$root/tests/fuzz"
export RUSTC_BOOTSTRAP=1
# The sanitizer's builds share nothing with the product's.
export CARGO_TARGET_DIR="${FUZZ_TARGET_DIR:-$root/tests/fuzz/target}"
data="$root/tests/data"

seeds() {
  case $1 in
    message) echo "$data/rfc4475 $data/rfc5118" ;;
    stream) echo "$data/seeds/stream $data/rfc4475" ;;
    sdp) echo "$data/sdp" ;;
    *) echo "$data/seeds/$1" ;;
  esac
}

failed=()
# One build, and a target that does not build fails the run.
cargo fuzz build --fuzz-dir .
for t in ${*:-$(cargo fuzz list --fuzz-dir .)}; do
  echo "== $t"
  mkdir -p "corpus/$t"
  # What is found new goes to the first folder; the others are only read.
  if ! cargo fuzz run --fuzz-dir . "$t" "corpus/$t" $(seeds "$t") -- -max_total_time="${FUZZ_SECONDS:-60}" \
    -rss_limit_mb=2048 -malloc_limit_mb=64 -timeout=1 >"corpus/$t.log" 2>&1; then
    failed+=("$t")
    grep -vE '^#|^INFO' "corpus/$t.log" | tail -n 30
  fi
  tail -n 1 "corpus/$t.log"
done
if ((${#failed[@]})); then
  echo "findings in: ${failed[*]}; the inputs lie below tests/fuzz/artifacts" >&2
  exit 1
fi
