#!/usr/bin/env bash
# Tests talk to peers that others wrote: sipp, baresip, Kamailio, coturn, rtpengine, a PostgreSQL with TLS; and they compile the C
# part of telephony. Uses the machine's own, or installs Debian's when it may: the programs only, their services are neither started now nor at the next boot.
set -euo pipefail
export PATH="$PATH:/usr/sbin"
declare -A package_of=(
  [sipp]=sip-tester [baresip]=baresip-core [kamailio]=kamailio [turnserver]=coturn [rtpengine]=rtpengine-daemon
)
services=(kamailio coturn rtpengine-daemon)

missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
# Debian keeps Kamailio's TLS in a package of its own.
if ! compgen -G "/usr/lib/*/kamailio/modules/tls.so" >/dev/null && ! compgen -G "/usr/local/lib*/kamailio/modules/tls.so" >/dev/null; then
  missing+=(kamailio-tls-modules)
fi
# The embedded PostgreSQL is built without TLS.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Voice peers for the tests are missing: install them (Debian: apt-get install --no-install-recommends ${missing[*]})" >&2
  exit 1
fi

echo "Installing voice peers for the tests from Debian's packages: ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  # 101 forbids the packages' scripts to start anything (invoke-rc.d(8)).
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi
settings=/etc/postgresql-common/createcluster.conf
if [ ! -e $settings ]; then  # tests make folders of their own: the package needs none
  mkdir -p "${settings%/*}"
  echo "create_main_cluster = false" > $settings
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
if command -v systemctl >/dev/null; then
  for service in "${services[@]}"; do
    [[ " ${missing[*]} " == *" $service "* ]] && systemctl --quiet disable "$service" 2>/dev/null || true
  done
fi
