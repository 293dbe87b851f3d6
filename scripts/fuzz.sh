#!/usr/bin/env bash
# Builds every fuzz target and runs each for FUZZ_SECONDS (60). Works on the stable toolchain.
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$root/tests/fuzz"
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked cargo-fuzz
export RUSTC_BOOTSTRAP=1
unset CARGO_TARGET_DIR
for t in $(cargo fuzz list --fuzz-dir .); do
  echo "== $t"
  cargo fuzz run --fuzz-dir . "$t" -- -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=1 -print_final_stats=0 2>&1 | tail -n 2
done
