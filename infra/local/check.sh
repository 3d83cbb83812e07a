#!/usr/bin/env bash
# Lint, formatting, types, import contracts, the protos and the names of tests; all of them run, then it fails if any did.
set -uo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH"
mkdir -p .cache
failed=()

run() {
    local name=$1 began=$SECONDS
    shift
    if "$@" > ".cache/check-$name.log" 2>&1; then
        echo "ok    $name ($((SECONDS - began)) s)"
    else
        echo "FAIL  $name"
        tail -n 60 ".cache/check-$name.log"
        failed+=("$name")
        return 1
    fi
}

# A run that says nothing isn't a clean one.
check_types() {
    local said
    said=$(basedpyright) && grep -qE '^0 errors' <<< "$said"
    local result=$?
    echo "$said"
    return $result
}

# Types take longest: they go beside the rest, in a process whose `failed` is lost, so its exit code counts.
run types check_types &
types=$!
run lint ruff check
run format ruff format --check
run imports lint-imports
run buf bash -c 'cd proto && buf lint && buf format --exit-code > /dev/null'
run contracts python libs/contracts/generate.py --check
run web-api python -m merkez_local npm run api -- --check
run web-types python -m merkez_local npm run typecheck
run web-lint python -m merkez_local npm run lint
# Tests that can't be read fail here, and those that can are compiled once, not by every worker for itself.
run test-names python -m pytest --quiet --collect-only
wait "$types" || failed+=(types)
[ ${#failed[@]} -eq 0 ] || { echo "check failed: ${failed[*]}" >&2; exit 1; }
