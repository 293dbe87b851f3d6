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
# Licences and sources of everything linked (deny.toml).
command -v cargo-deny >/dev/null 2>&1 || {
  echo "lint: installing cargo-deny (checks licences and sources of dependencies)"
  cargo install --locked --quiet cargo-deny
}
cargo deny --locked check licenses bans sources
