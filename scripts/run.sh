#!/usr/bin/env bash
# Installs what is missing, builds, and starts the demo floor in the foreground.
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$root"
scripts/setup.sh run
scripts/ui.sh
cargo build --locked --bin telehub
exec "$target/debug/telehub" demo "$@"
