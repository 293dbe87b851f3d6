#!/usr/bin/env bash
# Installs what is missing and runs every test. Last line: "N passed, N failed".
set -uo pipefail
source "$(dirname "$0")/env.sh"
cd "$root"
scripts/setup.sh test && scripts/ui.sh || { echo "0 passed, 1 failed"; exit 1; }

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
passed=0
failed=0

# suite NAME LOG STATUS: a suite that ends badly without counting a failure is one failure.
count() {
  local p f
  p=$(sed -nE "$2" "$log/$1" | awk '{s += $1} END {print s + 0}')
  f=$(sed -nE "$3" "$log/$1" | awk '{s += $1} END {print s + 0}')
  if [ "$4" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  echo "== $1: $p passed, $f failed"
  passed=$((passed + p))
  failed=$((failed + f))
}

# The telehub binary and the tests share one build. Doc tests are examples too. Stories mostly wait for phones:
# more of them than cores run at once.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
cargo test --locked --workspace --no-fail-fast 2>&1 | tee "$log/rust"
count rust 's/^test result: .* ([0-9]+) passed;.*/\1/p' 's/^test result: .* ([0-9]+) failed;.*/\1/p' "${PIPESTATUS[0]}"

(cd web/ui && NO_COLOR=1 npm run --silent test -- --reporter=default) 2>&1 |
  sed -u 's/\x1b\[[0-9;]*m//g' | tee "$log/ui"
count ui 's/^ *Tests .*[ |]([0-9]+) passed.*/\1/p' 's/^ *Tests .*[ |]([0-9]+) failed.*/\1/p' "${PIPESTATUS[0]}"

# The desk in Chromium, against the binary that the Rust tests have built, with real phones.
scripts/e2e.sh 2>&1 | tee "$log/e2e"
count e2e 's/^([0-9]+) passed, [0-9]+ failed$/\1/p' 's/^[0-9]+ passed, ([0-9]+) failed$/\1/p' "${PIPESTATUS[0]}"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
