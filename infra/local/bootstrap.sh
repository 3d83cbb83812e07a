#!/usr/bin/env bash
# Makes .venv what the lock files say: `bootstrap.sh` for running Merkez, `bootstrap.sh dev` for working on it.
# Does nothing when it already is.
set -euo pipefail
cd "$(dirname "$0")/../.."

kind=${1:-run}
locks=(requirements.lock)
[ "$kind" = dev ] && locks+=(requirements-dev.lock)
members=(libs/kernel libs/contracts libs/chassis libs/ops)
for service in services/*/pyproject.toml; do members+=("$(dirname "$service")"); done
members+=(infra/local)
[ "$kind" = dev ] && members+=(libs/testkit)

# What is compiled when it is installed, too: an editable install doesn't notice that it changed.
compiled=(services/telephony/{lanes_build,setup}.py services/telephony/src/telephony/media/*.[hc])
wanted=$({ cat "${locks[@]}" "${members[@]/%//pyproject.toml}" "${compiled[@]}" infra/local/bootstrap.sh; command -v cc gcc || true; } \
  | sha256sum | cut -d' ' -f1)
stamp=.venv/merkez-$kind.stamp
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
python=
for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
  if command -v "$candidate" >/dev/null && new_enough "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "Python 3.11 or newer is missing: install it, or name one with PYTHON=/path/to/python3 make run" >&2; exit 1; }

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  uv=.cache/uv/bin/uv
  if [ ! -x "$uv" ]; then
    echo "Installing uv"
    "$python" -m venv .cache/uv >/dev/null 2>&1 || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
    .cache/uv/bin/pip install --quiet --disable-pip-version-check uv
  fi
fi

echo "Installing Python packages into .venv"
[ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv
for lock in "${locks[@]}"; do "$uv" pip install --quiet --python .venv/bin/python --require-hashes -r "$lock"; done
# Telephony's C part is put into the source tree, and uv's cache doesn't know whether it is there.
"$uv" pip install --quiet --python .venv/bin/python --no-deps --refresh-package merkez-telephony "${members[@]/#/-e./}"
echo "$wanted" > "$stamp"
