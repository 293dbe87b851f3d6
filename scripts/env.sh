# Sourced by the other scripts. One target directory outside the checkout is reused where it exists,
# so that a fresh clone on a machine that built TeleHub before compiles only what changed.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared_target="${XDG_CACHE_HOME:-$HOME/.cache}/telehub/target"
if [ -z "${CARGO_TARGET_DIR:-}" ] && [ -d "$shared_target" ]; then
  export CARGO_TARGET_DIR="$shared_target"
fi
target="${CARGO_TARGET_DIR:-$root/target}"
