#!/usr/bin/env bash
# Everything CI refuses besides failing tests.
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$root"
scripts/setup.sh run
scripts/ui.sh
cargo fmt --all --check
cargo clippy --locked --workspace --all-targets -- -D warnings
# Module pages may point readers of the source at private items.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --locked --workspace --no-deps --quiet
(cd web/ui && npm run --silent lint)
if command -v cargo-deny >/dev/null 2>&1; then
  cargo deny check licenses bans sources
else
  echo "lint: cargo-deny is not installed ('cargo install --locked cargo-deny'); licences and sources not checked"
fi
