#!/usr/bin/env bash
# Runs every bench and prints one table. Figures are CPU per unit of work, median of several runs.
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$root"
scripts/setup.sh test
scripts/ui.sh
cargo bench --locked 2>&1 | grep -vE '^ *(Compiling|Finished|Running|Blocking|Fresh)|^$|running [0-9]+ test|^test result'
