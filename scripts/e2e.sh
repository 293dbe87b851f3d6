#!/usr/bin/env bash
# Plays the desk's browser stories on a demo floor of the built binary: own ports, a throw-away data
# folder, ended with the run. Last line: "N passed, N failed".
#   scripts/e2e.sh [part of a story's name]
set -uo pipefail
source "$(dirname "$0")/env.sh"
cd "$root"

binary=${TELEHUB_BINARY:-$target/debug/telehub}
work=$(mktemp -d)
server=
mail=
finish() {
  [ -n "$mail" ] && kill "$mail" 2>/dev/null && wait "$mail" 2>/dev/null
  # Everything it holds is thrown away, so there is nothing to drain for.
  [ -n "$server" ] && kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
  echo "e2e: $1" >&2
  [ -f "$work/log" ] && tail -n 30 "$work/log" >&2
  echo "0 passed, 1 failed"
  exit 1
}

[ -x "$binary" ] || fail "$binary is not built: cargo build --bin telehub"
read -r http sip rtp smtp < <(node --input-type=module -e '
  import { ports } from "./web/ui/e2e/ports.mjs";
  console.log(await ports(1), await ports(1), await ports(160), await ports(1));
') || fail "no free ports"

# Letters with reset links go to a mail server we did not write, and lie in a folder.
aiosmtpd -n -l "127.0.0.1:$smtp" -c aiosmtpd.handlers.Mailbox "$work/mail" >"$work/mail.log" 2>&1 &
mail=$!

TELEHUB_MAIL_URL=smtp://127.0.0.1:$smtp TELEHUB_MAIL_FROM="TeleHub <desk@demo.local>" \
  TELEHUB_HTTP_LISTEN=127.0.0.1:$http TELEHUB_SIP_UDP=127.0.0.1:$sip TELEHUB_SIP_TCP=127.0.0.1:$sip \
  TELEHUB_RTP_LISTEN=127.0.0.1 TELEHUB_RTP_PORT_MIN=$rtp TELEHUB_RTP_PORT_MAX=$((rtp + 159)) \
  "$binary" demo --data "$work/data" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 600); do
  grep -q "^TeleHub ready: " "$work/log" && break
  kill -0 "$server" 2>/dev/null || fail "the server ended"
  sleep 0.1
done
grep -q "^TeleHub ready: " "$work/log" || fail "the server is not ready after a minute"

cd web/ui
TELEHUB_URL=http://127.0.0.1:$http TELEHUB_SIP=127.0.0.1:$sip TELEHUB_LOGINS=$work/data/logins.json TELEHUB_MAILBOX=$work/mail \
  CHROMIUM=${CHROMIUM:-$(command -v chromium)} node e2e/run.mjs "$@" || {
  status=$?
  echo "--- what the server complained of" >&2
  sed '1,/^TeleHub ready: /d' "$work/log" | grep -E "WARN|ERROR|panicked" | tail -n 20 >&2
  exit "$status"
}
