#!/usr/bin/env bash
# Prints the table of benches/README.md anew: the real release binary under load on loopback.
#   scripts/bench.sh          a few minutes once built
#   scripts/bench.sh quick    a trial with small loads
# Single pieces have benches of their own, for instance 'cargo bench -p media --bench rtp_forward'.
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$root"
scripts/setup.sh test
scripts/ui.sh
cargo bench --locked --quiet --bench switch_load -- "$@"
