#!/usr/bin/env bash
# Tests and the demo drive a real Chromium. Uses the machine's own, or installs Debian's when it may.
set -euo pipefail
for name in ${MERKEZ_CHROMIUM:-} chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium from Debian's packages"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
  echo "Chromium is missing: install it (Debian: apt-get install chromium), or name one with MERKEZ_CHROMIUM=/path/to/chromium" >&2
  exit 1
fi
