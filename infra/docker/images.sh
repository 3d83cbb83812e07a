#!/usr/bin/env bash
# Builds images: `images.sh` all of them, `images.sh telephony gateway` these. Docker where its daemon runs, else podman or
# buildah; where those may not make namespaces, buildah in a chroot. Where the bases' registry can't be reached they
# are made of Debian's packages (mmdebstrap, as root), which MERKEZ_LOCAL_BASE=1 asks for in any case.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t all < <(for each in services/*/pyproject.toml; do basename "$(dirname "$each")"; done; echo migrate; echo kamailio)
[ $# -gt 0 ] && wanted=("$@") || wanted=("${all[@]}")
tag=${MERKEZ_TAG:-$(sed -n 's/^appVersion: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' charts/merkez/Chart.yaml)}
cache=$PWD/.cache/images
mkdir -p "$cache"

for each in "${wanted[@]}"; do
  [[ " ${all[*]} " == *" $each "* ]] || { echo "There is no image of $each; there are: ${all[*]}" >&2; exit 2; }
done

if docker info >/dev/null 2>&1; then build=(docker build)
elif command -v buildah >/dev/null; then build=(buildah bud --isolation "${BUILDAH_ISOLATION:-chroot}" --layers)
elif command -v podman >/dev/null; then build=(podman build --layers)
else echo "Nothing to build images with: install Docker, podman or buildah (Debian: apt-get install buildah mmdebstrap)" >&2; exit 1
fi

# What this machine's package clients are told is the build's too, and stays out of the image.
told() {
  { pip config list 2>/dev/null || true; } | grep -oE "(file://)?/[^' ]+" | sed 's#^file://##'
  printf '%s\n' /etc/pip.conf /root/.config/pip /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates
}
given=()
if [ "${build[0]}" != docker ]; then
  while read -r path; do
    [ -e "$path" ] && given+=(--volume "$path:$path:ro")
  done < <(told | sed 's#/simple/*$##' | sort -u)
  echo "cafile=/etc/ssl/certs/ca-certificates.crt" > "$cache/npmrc"
  given+=(--volume "$cache/npmrc:/root/.npmrc:ro")
fi

local_base() {
  command -v mmdebstrap >/dev/null || { echo "No registry, and no mmdebstrap to do without: apt-get install mmdebstrap" >&2; exit 1; }
  if [ ! -s "$cache/base.tar" ]; then
    echo "Making a base of Debian's packages (minutes; kept in .cache/images)"
    mapfile -t sources < <(ls /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null)
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$cache/base.tar.new" "${sources[@]}"
    mv "$cache/base.tar.new" "$cache/base.tar"
  fi
  base=localhost/merkez-base:bookworm node_base=localhost/merkez-base:bookworm-node
  "${build[@]}" --build-arg NODE_WHEEL= --target python -f infra/docker/Base.dockerfile -t "$base" "$cache" >/dev/null
  if [[ " ${wanted[*]} " == *" gateway "* ]]; then
    wheel=$(sed -n 's/^NODE_WHEEL = "\(.*\)"$/\1/p' infra/local/src/merkez_local/web_build.py)
    "${build[@]}" "${given[@]}" --target node --build-arg "NODE_WHEEL=$wheel" -f infra/docker/Base.dockerfile -t "$node_base" "$cache" >/dev/null
  fi
}

reachable() {
  case ${build[0]} in
    docker) docker image inspect python:3.11-slim-bookworm >/dev/null 2>&1 || timeout 20 docker pull --quiet python:3.11-slim-bookworm >/dev/null 2>&1;;
    *) timeout 20 "${build[0]}" pull --quiet docker.io/library/python:3.11-slim-bookworm >/dev/null 2>&1;;
  esac
}

base=docker.io/library/python:3.11-slim-bookworm node_base=docker.io/library/node:22-bookworm-slim
if [ "${MERKEZ_LOCAL_BASE:-}" = 1 ] || ! reachable; then local_base; fi

for each in "${wanted[@]}"; do
  what=(-f infra/docker/Dockerfile --target service --build-arg "BASE=$base" --build-arg "NODE_BASE=$node_base"
    --build-arg "SERVICE=$each" --build-arg "VERSION=$tag")
  case $each in
    gateway) what[3]=gateway;;
    kamailio) what=(-f infra/kamailio/Dockerfile --build-arg "BASE=${base/python:3.11-slim-bookworm/debian:bookworm-slim}");;
  esac
  "${build[@]}" "${given[@]}" "${what[@]}" \
    -t "merkez-$each:$tag" . > "$cache/$each.log" 2>&1 || { tail -n 40 "$cache/$each.log" >&2; echo "merkez-$each could not be built; all of it: .cache/images/$each.log" >&2; exit 1; }
  echo "merkez-$each:$tag"
done
