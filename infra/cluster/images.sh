#!/usr/bin/env bash
# Images for the nodes, as archives in .cache/cluster/images with the id each was made of beside it: the services' by
# `make images`, NATS' and the pause that holds a pod together from what is here already. TAG says the services' version.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=$1
home=$PWD/.cache/cluster/images
mkdir -p "$home"

MERKEZ_LOCAL_BASE=1 MERKEZ_TAG=$tag bash infra/docker/images.sh

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp .venv/bin/nats-server "$context/"
cp .cache/cluster/bin/pause "$context/"
buildah bud --isolation chroot --layers -t merkez-nats:local -f - "$context" >/dev/null <<'DOCKERFILE'
FROM localhost/merkez-base:bookworm
COPY nats-server /usr/local/bin/nats-server
USER 10001:10001
ENTRYPOINT ["nats-server"]
DOCKERFILE
buildah bud --isolation chroot --layers -t merkez-pause:local -f - "$context" >/dev/null <<'DOCKERFILE'
FROM scratch
COPY pause /pause
USER 65535:65535
ENTRYPOINT ["/pause"]
DOCKERFILE

mapfile -t services < <(for each in services/*/pyproject.toml; do basename "$(dirname "$each")"; done; echo migrate)
for image in "${services[@]/%/:$tag}" nats:local pause:local; do
  name=merkez-${image%:*}
  id=$(buildah inspect --type image --format '{{.FromImageID}}' "localhost/merkez-$image")
  [ "$(cat "$home/$name.id" 2>/dev/null || true)" = "$id $tag" ] && continue
  rm -f "$home/$name.tar"
  buildah push --quiet "localhost/merkez-$image" "docker-archive:$home/$name.tar:merkez-$image"
  echo "$id $tag" > "$home/$name.id"
done
