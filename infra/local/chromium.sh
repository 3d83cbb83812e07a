#!/usr/bin/env bash
# Tests and the demo drive a real Chromium. Uses the machine's own, best without its windows, or installs Debian's when it
# may.
set -euo pipefail
for name in ${MERKEZ_CHROMIUM:-} chromium-headless-shell; do
  command -v "$name" >/dev/null && exit 0
done
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium from Debian's packages"
  if apt-get update -qq && install chromium-headless-shell fonts-dejavu-core; then exit 0; fi
fi
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
echo "Chromium is missing: install it (Debian: apt-get install chromium-headless-shell), or name one with MERKEZ_CHROMIUM=/path/to/chromium" >&2
exit 1
