#!/usr/bin/env bash
# Installs the system packages that TeleHub needs, says which and why, and does nothing when all are there.
#   scripts/setup.sh run     to build and run
#   scripts/setup.sh test    the same, and the real phones, carriers, browser and database that the tests use
set -euo pipefail

missing=()
reasons=()
need() { # need COMMAND PACKAGE REASON
  command -v "$1" >/dev/null 2>&1 && return
  missing+=("$2")
  reasons+=("  $2: $3")
}

need cc build-essential "C compiler and linker, for SQLite, TLS and codec libraries"
need make build-essential "make itself"
need cmake cmake "builds libopus (compressed recordings)"
if [ "${1:-run}" = test ]; then
  need sipp sip-tester "SIPp: scripted phones and carriers"
  need baresip baresip-core "baresip: a real SIP phone"
  need linphonecsh linphone-cli "linphone: a second real SIP phone"
  need chromium chromium "the browser of the end-to-end stories"
  need sox sox "makes and measures test audio"
  need python3 python3 "drives some of the phones"
  need aiosmtpd python3-aiosmtpd "a mail server we did not write, for letters with reset links"
  need opusdec opus-tools "a decoder we did not write, for compressed recordings"
  need openssl openssl "shows which certificate a TLS port presents"
  python3 -m pip --version >/dev/null 2>&1 || {
    missing+=(python3-pip)
    reasons+=("  python3-pip: installs the S3 server of the storage tests")
  }
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || {
    missing+=(postgresql)
    reasons+=("  postgresql: the store tests run on it as well as on SQLite")
  }
fi

for tool in cargo node npm; do
  command -v "$tool" >/dev/null 2>&1 || {
    echo "setup: '$tool' is missing. TeleHub expects a Rust toolchain (1.95 or newer) and Node.js (20 or newer)." >&2
    exit 2
  }
done

# The S3-compatible server of the storage tests lies in a folder of its own.
s3_server() {
  [ "$1" = test ] || return 0
  local folder="${XDG_CACHE_HOME:-$HOME/.cache}/telehub/s3-server"
  [ -d "$folder/moto" ] && return 0
  echo "setup: installing moto (an S3-compatible server for the storage tests) into $folder"
  mkdir -p "$folder.new"
  python3 -m pip install --quiet --root-user-action=ignore --target "$folder.new" --upgrade \
    'moto[s3]==5.2.5' flask flask-cors 2>&1 | { grep -v 'pip.s dependency resolver\|which is incompatible' || true; }
  rm -rf "$folder"
  mv "$folder.new" "$folder"
}

if [ ${#missing[@]} -eq 0 ]; then
  s3_server "${1:-run}"
  exit 0
fi

mapfile -t packages < <(printf '%s\n' "${missing[@]}" | sort -u)
echo "setup: installing ${packages[*]}"
printf '%s\n' "${reasons[@]}" | sort -u
sudo=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || {
    echo "setup: not root and no sudo. Install these packages, then try again: ${packages[*]}" >&2
    exit 2
  }
  sudo=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
s3_server "${1:-run}"
echo "setup: done"
