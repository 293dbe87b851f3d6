#!/usr/bin/env bash
# Installs the UI's npm packages and builds it into web/ui/dist, each only when something changed.
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$root/web/ui"
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ ! -d node_modules ] || [ "$(cat node_modules/.telehub-lock 2>/dev/null)" != "$lock" ]; then
  echo "ui: installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error
  echo "$lock" >node_modules/.telehub-lock
fi
sources=$(find src public index.html package-lock.json vite.config.ts tsconfig*.json -type f 2>/dev/null | sort | xargs sha256sum | sha256sum | cut -d' ' -f1)
if [ ! -f dist/index.html ] || [ "$(cat node_modules/.telehub-built 2>/dev/null)" != "$sources" ]; then
  echo "ui: building"
  npm run --silent build
  echo "$sources" >node_modules/.telehub-built
fi
