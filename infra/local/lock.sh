#!/usr/bin/env bash
# Resolves the workspace anew and writes the two lock files: versions and hashes, and no index's address.
set -euo pipefail
cd "$(dirname "$0")/../.."
uv lock --quiet "$@"
export_lock() { uv export --quiet --frozen --no-header --no-annotate --no-emit-workspace --format requirements.txt "$@"; }
export_lock --no-default-groups > requirements.lock
export_lock --all-packages --all-groups > requirements-dev.lock
