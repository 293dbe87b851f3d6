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
# The client in the checkout is the one that comes of the document in the checkout.
client=$(mktemp)
trap 'rm -f "$client"' EXIT
(cd web/ui && npx --no-install openapi-typescript openapi.json -o "$client" >/dev/null)
diff -u web/ui/src/api/__generated__/schema.d.ts "$client" >&2 || {
  echo "lint: the client is not that of openapi.json: npm run api:generate in web/ui" >&2
  exit 1
}
# The fuzz targets stand outside the workspace, with a lockfile of their own; stable builds them without the sanitizer.
CARGO_TARGET_DIR="${FUZZ_TARGET_DIR:-$target/fuzz}" cargo check --locked --quiet --manifest-path tests/fuzz/Cargo.toml
# Licences and sources of everything linked (deny.toml).
command -v cargo-deny >/dev/null 2>&1 || {
  echo "lint: installing cargo-deny (checks licences and sources of dependencies)"
  cargo install --locked --quiet cargo-deny
}
cargo deny --locked check licenses bans sources
